/* A Redis: which of its nodes to talk to, and when to try again.
 *
 * Happy path: each of the two sides (commands, the channel) looks its node up (seek), asks a
 * sentinel for the master where there are sentinels (on_master), has the name resolved
 * (on_resolved) and opens a link; the link is up and stays.
 *
 * Failure modes: whatever fails on the way, and the end of a link, is one wait and the next attempt
 * at the next address or node (retry). READONLY, MOVED, LOADING in an answer: the side drops its
 * link and seeks again, at the node that MOVED named. */

#include "io/redis.h"

#include "base/arena.h"
#include "redis_link.h"
#include "wire/crypto.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_SIZE    300
#define HOST_MAX_SIZE    256
#define PING_MS          10000 /* to a silent channel */
#define SENTINEL_WORDS_N 3

/* One of the two connections. */
struct side {
    struct redis *redis;
    bool listens;
    bool up;
    struct redis_link *link; /* to the server, or to a sentinel while `asking` */
    bool asking;
    uv_timer_t timer; /* until the next attempt; while up, of the channel: until a ping */
    uv_getaddrinfo_t lookup;
    bool looking;
    struct addrinfo *found, *next; /* addresses of `node`, and the next to try */
    size_t node_index;             /* of the options' nodes, the next to try */
    char host[HOST_MAX_SIZE];      /* the node that is tried */
    int port;
    bool moved;        /* MOVED named it */
    unsigned failures; /* in a row; links that lived shortly are some, too */
    int64_t up_since;  /* ms */
};

struct redis {
    struct turn *turn;
    struct arena arena; /* the options' strings */
    struct redis_options options;
    const struct redis_events *events;
    void *ctx;
    struct redis_tls_context *tls;
    struct side sides[2]; /* commands, channel */
    unsigned handles;     /* timers and look-ups that are not over */
    bool closed;
    char name[NAME_MAX_SIZE];
};

static void seek(struct side *s);

/* ---- replies ------------------------------------------------------------------------------- */

enum redis_kind redis_kind(const struct redisReply *reply)
{
    switch (reply->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS: return REDIS_STRING;
    case REDIS_REPLY_INTEGER: return REDIS_INTEGER;
    case REDIS_REPLY_ARRAY: return REDIS_ARRAY;
    case REDIS_REPLY_ERROR: return REDIS_ERROR;
    default: return REDIS_NIL;
    }
}

struct slice redis_text(const struct redisReply *reply)
{
    enum redis_kind kind = redis_kind(reply);
    bool has = kind == REDIS_STRING || kind == REDIS_ERROR;
    return has ? slice_make(reply->str, reply->len) : slice_make(NULL, 0);
}

int64_t redis_integer(const struct redisReply *reply)
{
    return redis_kind(reply) == REDIS_INTEGER ? reply->integer : 0;
}

size_t redis_count(const struct redisReply *reply)
{
    return redis_kind(reply) == REDIS_ARRAY ? (size_t)reply->elements : 0;
}

const struct redisReply *redis_element(const struct redisReply *reply, size_t i)
{
    return reply->element[i];
}

/* ---- trying again -------------------------------------------------------------------------- */

/* At once after the first loss, as most are a restart or a failover. */
static uint64_t wait_ms(const struct side *s)
{
    unsigned doublings = s->failures < 8 ? s->failures : 8;
    uint64_t ms = (uint64_t)REDIS_WAIT_MIN_MS << doublings, chance;
    if (s->failures <= 1)
        return 0;
    ms = ms < REDIS_WAIT_MAX_MS ? ms : REDIS_WAIT_MAX_MS;
    random_bytes(&chance, sizeof(chance));
    return ms / 2 + chance % (ms / 2);
}

static void on_wait_over(uv_timer_t *timer)
{
    seek(timer->data);
}

static void forget_addresses(struct side *s)
{
    if (s->found)
        uv_freeaddrinfo(s->found);
    s->found = s->next = NULL;
}

static void retry(struct side *s, const char *why)
{
    char text[NAME_MAX_SIZE + HOST_MAX_SIZE];
    struct redis *r = s->redis;
    bool more = s->next != NULL;
    if (s->up && turn_now(r->turn) - s->up_since > REDIS_WAIT_MAX_MS)
        s->failures = 0;
    s->up = false;
    s->link = NULL;
    if (!more) {
        s->failures++;
        s->asking = s->moved = false;
        forget_addresses(s);
    }
    uv_timer_start(&s->timer, on_wait_over, more ? 0 : wait_ms(s), 0);
    snprintf(text, sizeof(text), "%s", why);
    if (!s->listens && !more)
        r->events->changed(r->ctx, false, text);
}

/* ---- links --------------------------------------------------------------------------------- */

static void on_ping_time(uv_timer_t *timer)
{
    struct side *s = timer->data;
    if (s->up)
        redis_link_send(s->link, &SLICE("PING"), 1, NULL, NULL);
}

static void on_up(void *ctx)
{
    struct side *s = ctx;
    struct redis *r = s->redis;
    s->up = true;
    s->up_since = turn_now(r->turn);
    forget_addresses(s);
    if (s->listens)
        uv_timer_start(&s->timer, on_ping_time, PING_MS, PING_MS);
    else
        r->events->changed(r->ctx, true, NULL);
}

static void on_down(void *ctx, const char *why)
{
    retry(ctx, why);
}

static void on_heard(void *ctx, struct slice message)
{
    struct side *s = ctx;
    s->redis->events->heard(s->redis->ctx, message);
}

static void drop_link(struct side *s, const char *why)
{
    struct redis_link *link = s->link;
    s->link = NULL;
    redis_link_close(link);
    retry(s, why);
}

static bool split_host(struct slice text, char host[HOST_MAX_SIZE], int *port)
{
    ptrdiff_t colon = -1;
    int64_t number;
    for (size_t i = 0; i < text.n; i++)
        colon = text.p[i] == ':' ? (ptrdiff_t)i : colon;
    if (colon < 0 || colon >= HOST_MAX_SIZE ||
        !slice_to_i64(slice_skip(text, (size_t)colon + 1), &number) || number < 1 || number > 65535)
        return false;
    memcpy(host, text.p, (size_t)colon);
    host[colon] = 0;
    *port = (int)number;
    return true;
}

/* "MOVED 3999 127.0.0.1:6381"; no host means the one that said it. */
static void note_moved(struct side *s, struct slice error)
{
    char host[HOST_MAX_SIZE];
    int port;
    slice_split(&error, ' ');
    slice_split(&error, ' ');
    if (!split_host(error, host, &port))
        return;
    if (host[0])
        memcpy(s->host, host, sizeof(host));
    s->port = port;
    s->moved = true;
}

static void on_refused(void *ctx, struct slice error)
{
    static const struct slice leaving[] = {
        {"READONLY", 8}, {"MOVED", 5}, {"LOADING", 7}, {"MASTERDOWN", 10}};
    struct side *s = ctx;
    char why[HOST_MAX_SIZE];
    for (size_t i = 0; i < sizeof(leaving) / sizeof(*leaving); i++)
        if (slice_starts(error, leaving[i])) {
            snprintf(why, sizeof(why), "%.*s", SLICE_ARG(error));
            drop_link(s, why);
            if (i == 1)
                note_moved(s, error);
            return;
        }
}

static const struct redis_link_events link_events = {
    .up = on_up, .down = on_down, .heard = on_heard, .refused = on_refused};

static void open_link(struct side *s, const struct sockaddr *address)
{
    const struct redis *r = s->redis;
    const struct redis_options *o = &r->options;
    struct redis_link_options options = {
        .address = address,
        .path = o->path,
        .tls = r->tls,
        .host = s->host,
        .username = o->username,
        .password = o->password,
        .db = o->db,
        .channel = s->listens ? o->channel : NULL,
        .connect_ms = o->connect_ms,
        .command_ms = o->command_ms,
    };
    s->link = redis_link_open(r->turn, &options, &link_events, s);
}

/* ---- sentinels ----------------------------------------------------------------------------- */

static void look_up(struct side *s, bool asking);

static bool take_master(struct side *s, const struct redisReply *reply)
{
    int64_t port;
    struct slice host;
    if (redis_count(reply) != 2)
        return false;
    host = redis_text(redis_element(reply, 0));
    if (!host.n || host.n >= HOST_MAX_SIZE ||
        !slice_to_i64(redis_text(redis_element(reply, 1)), &port) || port < 1 || port > 65535)
        return false;
    memcpy(s->host, host.p, host.n);
    s->host[host.n] = 0;
    s->port = (int)port;
    return true;
}

static void on_master(void *user, const struct redisReply *reply)
{
    struct side *s = user;
    char why[HOST_MAX_SIZE];
    if (!reply)
        return;
    struct redis_link *link = s->link;
    s->link = NULL;
    forget_addresses(s);
    redis_link_close(link);
    if (take_master(s, reply)) {
        s->asking = false;
        look_up(s, false);
        return;
    }
    snprintf(why, sizeof(why), "the sentinel at %s:%d knows no master %s", s->host, s->port,
             s->redis->options.service);
    retry(s, why);
}

static void on_sentinel_up(void *ctx)
{
    struct side *s = ctx;
    const struct slice words[SENTINEL_WORDS_N] = {
        SLICE("SENTINEL"), SLICE("get-master-addr-by-name"), slice_of(s->redis->options.service)};
    redis_link_send(s->link, words, SENTINEL_WORDS_N, on_master, s);
}

static void on_sentinel_refused(void *ctx, struct slice error)
{
}

static const struct redis_link_events sentinel_events = {
    .up = on_sentinel_up, .down = on_down, .heard = on_heard, .refused = on_sentinel_refused};

static void ask_sentinel(struct side *s, const struct sockaddr *address)
{
    const struct redis *r = s->redis;
    const struct redis_options *o = &r->options;
    struct redis_link_options options = {
        .address = address,
        .tls = r->tls,
        .host = s->host,
        .username = o->sentinel_username,
        .password = o->sentinel_password,
        .connect_ms = o->connect_ms,
        .command_ms = o->connect_ms,
    };
    s->link = redis_link_open(r->turn, &options, &sentinel_events, s);
}

/* ---- finding a node ------------------------------------------------------------------------ */

static void open_next(struct side *s)
{
    const struct addrinfo *a = s->next;
    s->next = a->ai_next;
    if (s->asking)
        ask_sentinel(s, a->ai_addr);
    else
        open_link(s, a->ai_addr);
}

static void release(struct redis *r)
{
    if (--r->handles)
        return;
    redis_tls_context_free(r->tls);
    arena_fini(&r->arena);
    free(r);
}

static void on_resolved(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct side *s = lookup->data;
    char why[NAME_MAX_SIZE];
    s->looking = false;
    if (s->redis->closed) {
        uv_freeaddrinfo(found);
        release(s->redis);
        return;
    }
    s->redis->handles--;
    s->found = s->next = status < 0 ? NULL : found;
    if (s->found) {
        open_next(s);
        return;
    }
    snprintf(why, sizeof(why), "%s: %s", s->host, uv_strerror(status < 0 ? status : UV_EAI_NONAME));
    retry(s, why);
}

static void look_up(struct side *s, bool asking)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char port[SLICE_DIGITS + 1];
    s->asking = asking;
    s->looking = true;
    s->redis->handles++;
    s->lookup.data = s;
    snprintf(port, sizeof(port), "%d", s->port);
    int status =
        uv_getaddrinfo(s->redis->turn->loop, &s->lookup, on_resolved, s->host, port, &hints);
    if (status < 0)
        on_resolved(&s->lookup, status, NULL);
}

static void seek(struct side *s)
{
    const struct redis_options *o = &s->redis->options;
    if (s->next) {
        open_next(s);
    } else if (o->path) {
        open_link(s, NULL);
    } else if (s->moved) {
        look_up(s, false);
    } else {
        const struct redis_node *node = &o->nodes[s->node_index++ % o->node_count];
        snprintf(s->host, sizeof(s->host), "%s", node->host);
        s->port = node->port;
        look_up(s, o->service != NULL);
    }
}

/* ---- the whole ----------------------------------------------------------------------------- */

static const char *keep(struct redis *r, const char *text)
{
    return text ? arena_strdup(&r->arena, slice_of(text)) : NULL;
}

static void keep_options(struct redis *r, const struct redis_options *o)
{
    const char **const strings[] = {
        &r->options.path,        &r->options.service,           &r->options.username,
        &r->options.password,    &r->options.sentinel_username, &r->options.sentinel_password,
        &r->options.tls_ca_file, &r->options.tls_certificate,   &r->options.tls_key,
        &r->options.channel};
    struct redis_node *nodes = arena_zalloc(&r->arena, o->node_count * sizeof(*nodes) + 1);
    r->options = *o;
    for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
        *strings[i] = keep(r, *strings[i]);
    for (size_t i = 0; i < o->node_count; i++)
        nodes[i] = (struct redis_node){keep(r, o->nodes[i].host), o->nodes[i].port};
    r->options.nodes = nodes;
}

static void name_it(struct redis *r)
{
    const struct redis_options *o = &r->options;
    if (o->path)
        snprintf(r->name, sizeof(r->name), "%s", o->path);
    else if (o->service)
        snprintf(r->name, sizeof(r->name), "%s (by the sentinels at %s:%d …)", o->service,
                 o->nodes[0].host, o->nodes[0].port);
    else
        snprintf(r->name, sizeof(r->name), "%s:%d%s", o->nodes[0].host, o->nodes[0].port,
                 o->node_count > 1 ? " …" : "");
}

static void start_side(struct redis *r, struct side *s, bool listens)
{
    s->redis = r;
    s->listens = listens;
    uv_timer_init(r->turn->loop, &s->timer);
    s->timer.data = s;
    r->handles++;
    if (!listens || r->options.channel)
        uv_timer_start(&s->timer, on_wait_over, 0, 0);
}

bool redis_check(const struct redis_options *options, char *error, size_t size)
{
    struct redis_tls_context *tls =
        options->tls ? redis_tls_context_new(options, error, size) : NULL;
    bool usable = tls || !options->tls;
    redis_tls_context_free(tls);
    return usable;
}

struct redis *redis_open(struct turn *turn, const struct redis_options *options,
                         const struct redis_events *events, void *ctx, char *error, size_t size)
{
    struct redis *r;
    struct redis_tls_context *tls =
        options->tls ? redis_tls_context_new(options, error, size) : NULL;
    if (options->tls && !tls)
        return NULL;
    r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->turn = turn;
    r->tls = tls;
    r->events = events;
    r->ctx = ctx;
    arena_init(&r->arena);
    keep_options(r, options);
    name_it(r);
    start_side(r, &r->sides[0], false);
    start_side(r, &r->sides[1], true);
    return r;
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct side *s = timer->data;
    release(s->redis);
}

void redis_close(struct redis *r)
{
    r->closed = true;
    for (size_t i = 0; i < 2; i++) {
        struct side *s = &r->sides[i];
        struct redis_link *link = s->link;
        s->link = NULL;
        s->up = false;
        forget_addresses(s);
        if (s->looking)
            uv_cancel((uv_req_t *)&s->lookup);
        uv_close((uv_handle_t *)&s->timer, on_timer_closed);
        if (link)
            redis_link_close(link);
    }
}

bool redis_ready(const struct redis *r)
{
    return r->sides[0].up;
}

bool redis_listens(const struct redis *r)
{
    return r->sides[1].up;
}

const char *redis_name(const struct redis *r)
{
    return r->name;
}

bool redis_send(struct redis *r, const struct slice *words, size_t n, redis_done *done, void *user)
{
    struct side *s = &r->sides[0];
    return s->up && redis_link_send(s->link, words, n, done, user);
}
