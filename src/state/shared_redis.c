/* The shared state on a Redis.
 *
 * Happy path: an op makes a question (redis_question.h) and sends it (ask); the reply answers the
 * caller (on_reply) and the question is gone.
 *
 * Failure modes: no reply within the patience (on_timer), an error, or the end of the connection:
 * the question is answered by the local back end, once (answer_locally), and is kept until its
 * reply comes or will never come; a grant in that reply is given back (give_back). What says that
 * Redis cannot serve makes it away: from then on nothing is sent but a probe, whose success is the
 * return. */

#include "state/shared_redis.h"

#include "base/log.h"
#include "redis_clear.h"
#include "redis_question.h"
#include "wire/crypto.h"

#include <stdio.h>
#include <stdlib.h>

#define PREFIX_MAX  128
#define TOKEN_MAX   64
#define REASON_MAX  256
#define PROBE_LEASE 10000 /* ms */
#define SECOND_LOOK 1     /* ms: what has come meanwhile is read before anything counts as late */
#define MS_PER_S    1000.0
#define RANDOM_IDS  UINT64_C(0x7fffffffffff) /* leaves room to count up within an int64_t */

struct shared_redis {
    struct shared shared;
    struct turn *turn;
    struct redis *redis;
    struct shared *local;
    unsigned patience_ms;
    bool fail_closed;
    char prefix[PREFIX_MAX], token[TOKEN_MAX], channel[PREFIX_MAX];
    struct list open;     /* question.link: in the order of their deadlines */
    struct list clearing; /* clear.link */
    uv_timer_t timer;     /* the first deadline of the open ones */
    bool second_look;
    uv_timer_t probe_timer; /* while away */
    bool probing;
    bool away, told; /* the log knows */
    int64_t away_since, probed_at;
    unsigned late_in_a_row;
    unsigned handles; /* not yet closed */
    bool closed;
    uint64_t last_id;
    struct shared_stats stats; /* what the local back end does not count */
};

static struct shared_redis *of(struct shared *s)
{
    return LIST_ENTRY(s, struct shared_redis, shared);
}

static struct slice prefix_of(const struct shared_redis *r)
{
    return slice_of(r->prefix);
}

static int64_t now_of(const struct shared_redis *r)
{
    return turn_now(r->turn);
}

/* ---- answers of this process ---------------------------------------------------------------- */

/* Marks the grant, so that it is settled here. */
struct local_call {
    const struct question *q;
};

static void on_local_reserved(void *user, const struct shared_answer *answer)
{
    const struct local_call *call = user;
    struct shared_answer own = *answer;
    own.grant.local = true;
    call->q->answer.reserved(call->q->user, &own);
}

static void reserve_locally(struct shared_redis *r, struct question *q)
{
    static const struct shared_answer refusal = {.refused = 0, .away = true};
    struct local_call call = {q};
    if (r->fail_closed)
        q->answer.reserved(q->user, &refusal);
    else
        r->local->ops->reserve(r->local, q->asks, q->n, now_of(r), on_local_reserved, &call);
}

static void on_nothing(void *user, int64_t n)
{
}

static void get_locally(struct shared_redis *r, const struct question *q)
{
    struct slice keys[SHARED_KEYS_MAX];
    for (size_t i = 0; i < q->n; i++)
        keys[i] = question_key(q, prefix_of(r), i);
    r->local->ops->get(r->local, keys, q->n, q->ms, now_of(r), q->answer.got, q->user);
}

static void answer_locally(struct shared_redis *r, struct question *q)
{
    list_del(&q->link);
    if (q->kind == ASK_RESERVE && q->answer.reserved)
        reserve_locally(r, q);
    else if (q->kind == ASK_GET && q->answer.got)
        get_locally(r, q);
    else if (q->kind == ASK_CLAIM && q->answer.done)
        r->local->ops->claim(r->local, question_key(q, prefix_of(r), 0), q->ms, now_of(r),
                             q->answer.done, q->user);
    else if (q->kind == ASK_DEL && q->answer.done)
        q->answer.done(q->user, -1); /* the local one was told to forget them before */
    q->answer.got = NULL;
}

static bool is_answered(const struct question *q)
{
    return !q->answer.got;
}

/* ---- away and back -------------------------------------------------------------------------- */

/* What was sent is kept until its reply comes. */
static void give_up(struct shared_redis *r, struct question *q)
{
    bool unsent = q->unsent;
    answer_locally(r, q);
    if (unsent)
        question_free(q);
}

static void answer_open(struct shared_redis *r)
{
    for (struct list *link; (link = list_pop(&r->open));)
        give_up(r, LIST_ENTRY(link, struct question, link));
}

static void on_probe_time(uv_timer_t *timer);
static void on_reply(void *user, const struct redisReply *reply);

static void go_away(struct shared_redis *r, const char *why)
{
    bool changed = !r->away || !r->told;
    if (r->closed || !changed)
        return;
    r->away = r->told = true;
    r->away_since = now_of(r);
    r->late_in_a_row = 0;
    log_warn("redis at %s is away (%s): %s until it is back", redis_name(r->redis), why,
             r->fail_closed ? "limited requests are refused"
                            : "this process counts limits and keeps values by itself");
    uv_timer_start(&r->probe_timer, on_probe_time, SHARED_REDIS_PROBE_MS, SHARED_REDIS_PROBE_MS);
    answer_open(r);
}

/* What was asked before there was any connection. */
static void send_waiting(struct shared_redis *r)
{
    for (struct list *l = r->open.next, *next; l != &r->open; l = next) {
        struct question *q = LIST_ENTRY(l, struct question, link);
        next = l->next;
        if (!q->unsent)
            continue;
        q->unsent = !question_send(q, r->redis, slice_of(r->token), on_reply);
        r->stats.asked += !q->unsent;
    }
}

static void come_back(struct shared_redis *r)
{
    if (!r->away)
        return;
    if (r->told)
        log_info("redis at %s is back after %.1f s", redis_name(r->redis),
                 (double)(now_of(r) - r->away_since) / MS_PER_S);
    else
        log_info("redis at %s is connected: limits and values are shared", redis_name(r->redis));
    r->away = false;
    r->told = true;
    r->late_in_a_row = 0;
    uv_timer_stop(&r->probe_timer);
    send_waiting(r);
    r->local->ops->clear(r->local, SLICE(""), now_of(r), on_nothing, NULL);
}

/* An error that is about this command alone: of its key's type, of a script. */
static bool is_of_command(struct slice error)
{
    return slice_starts(error, SLICE("WRONGTYPE")) || slice_starts(error, SLICE("ERR")) ||
           slice_starts(error, SLICE("NOSCRIPT")) || slice_starts(error, SLICE("BUSYKEY"));
}

static void go_away_for(struct shared_redis *r, struct slice error)
{
    char why[REASON_MAX];
    ptrdiff_t script = slice_find(error, SLICE(" script: ")); /* its hash helps nobody */
    snprintf(why, sizeof(why), "%.*s", script < 0 ? (int)error.n : (int)script, error.p);
    go_away(r, why);
}

/* ---- the probe ------------------------------------------------------------------------------ */

static void on_probed(void *user, const struct redisReply *reply);

/* A lease that nobody counts, taken by the script of limits: it reads, it writes, it needs every
 * permission that limits do. */
static void send_probe(struct shared_redis *r, bool whole_script)
{
    const struct shared_ask ask = {SLICE("probe"), SHARED_LEASE, -1, PROBE_LEASE, 1};
    const struct shared_grant grant = {.id = r->last_id};
    struct question *q = question_of_asks(ASK_RESERVE, prefix_of(r), &ask, 1, &grant);
    q->owner = r;
    q->whole_script = whole_script;
    r->probed_at = now_of(r);
    r->probing = question_send(q, r->redis, slice_of(r->token), on_probed);
    if (!r->probing)
        question_free(q);
}

static void on_probed(void *user, const struct redisReply *reply)
{
    struct question *q = user;
    struct shared_redis *r = q->owner;
    bool first = !q->whole_script, error = reply && redis_kind(reply) == REDIS_ERROR;
    question_free(q);
    r->probing = false;
    if (!reply || r->closed)
        return;
    if (error && first && slice_starts(redis_text(reply), SLICE("NOSCRIPT")))
        send_probe(r, true);
    else if (error)
        go_away_for(r, redis_text(reply));
    else if (now_of(r) - r->probed_at <= (int64_t)r->patience_ms)
        come_back(r);
}

static void on_probe_time(uv_timer_t *timer)
{
    struct shared_redis *r = timer->data;
    if (r->away && !r->probing)
        send_probe(r, false);
}

static void on_changed(void *ctx, bool ready, const char *why)
{
    struct shared_redis *r = ctx;
    if (r->closed)
        return;
    if (!ready) {
        go_away(r, why);
        return;
    }
    question_load_scripts(r->redis);
    if (!r->probing)
        send_probe(r, false);
}

/* ---- replies -------------------------------------------------------------------------------- */

/* The grant of a question whose user has another answer, or is gone. */
static void give_back(struct shared_redis *r, struct question *q)
{
    struct shared_ask asks[SHARED_ASKS_MAX];
    for (size_t i = 0; i < q->n; i++) {
        asks[i] = q->asks[i];
        asks[i].units = -asks[i].units;
    }
    r->shared.ops->settle(&r->shared, &q->grant, asks, q->n, now_of(r));
}

static bool take_reserved(struct shared_redis *r, struct question *q,
                          const struct redisReply *reply)
{
    struct shared_state states[SHARED_ASKS_MAX];
    struct shared_answer answer = {.states = states, .n = q->n};
    if (!question_states(q, reply, states, &answer.refused))
        return false;
    answer.grant = q->grant;
    if (!is_answered(q))
        q->answer.reserved(q->user, &answer);
    else if (answer.refused < 0)
        give_back(r, q);
    return true;
}

static bool take_values(struct shared_redis *r, struct question *q, const struct redisReply *reply)
{
    struct slice values[SHARED_KEYS_MAX];
    if (redis_count(reply) != q->n)
        return false;
    for (size_t i = 0; i < q->n; i++) {
        const struct redisReply *value = redis_element(reply, i);
        bool there = redis_kind(value) == REDIS_STRING;
        values[i] = there ? redis_text(value) : slice_make(NULL, 0);
        r->stats.hits += there;
        r->stats.misses += !there;
    }
    if (!is_answered(q))
        q->answer.got(q->user, values, q->n);
    return true;
}

/* A claim that nobody waits for any more is given back. */
static bool take_claim(struct shared_redis *r, struct question *q, const struct redisReply *reply)
{
    bool mine = redis_kind(reply) == REDIS_STRING;
    struct slice key = question_key(q, prefix_of(r), 0);
    if (!is_answered(q))
        q->answer.done(q->user, mine);
    else if (mine && q->forgotten)
        r->shared.ops->del(&r->shared, &key, 1, now_of(r), NULL, NULL);
    return true;
}

static bool take_count(struct question *q, const struct redisReply *reply)
{
    bool counted = redis_kind(reply) == REDIS_INTEGER;
    if (counted && !is_answered(q))
        q->answer.done(q->user, redis_integer(reply));
    return counted;
}

static bool take_reply(struct shared_redis *r, struct question *q, const struct redisReply *reply)
{
    switch (q->kind) {
    case ASK_GET: return take_values(r, q, reply);
    case ASK_CLAIM: return take_claim(r, q, reply);
    case ASK_DEL: return take_count(q, reply);
    case ASK_RESERVE: return take_reserved(r, q, reply);
    default: return true;
    }
}

static bool ask_again(struct shared_redis *r, struct question *q, struct slice error)
{
    if (q->whole_script || !slice_starts(error, SLICE("NOSCRIPT")))
        return false;
    q->whole_script = true;
    return question_send(q, r->redis, slice_of(r->token), on_reply);
}

static void end_question(struct shared_redis *r, struct question *q)
{
    if (!is_answered(q) && !r->closed)
        answer_locally(r, q);
    list_del(&q->link);
    question_free(q);
}

static void take_error(struct shared_redis *r, struct question *q, struct slice error)
{
    if (ask_again(r, q, error))
        return;
    r->stats.failed++;
    log_debug("redis: %.*s", SLICE_ARG(error));
    if (!is_of_command(error))
        go_away_for(r, error);
    end_question(r, q);
}

static void on_reply(void *user, const struct redisReply *reply)
{
    struct question *q = user;
    struct shared_redis *r = q->owner;
    if (!reply || r->closed) {
        end_question(r, q);
    } else if (redis_kind(reply) == REDIS_ERROR) {
        take_error(r, q, redis_text(reply));
    } else {
        r->late_in_a_row = is_answered(q) ? r->late_in_a_row : 0;
        if (take_reply(r, q, reply))
            q->answer.got = NULL;
        else
            r->stats.failed++;
        end_question(r, q);
    }
}

/* Of a put: nobody waits, but an error says how the server is. */
static void on_put(void *user, const struct redisReply *reply)
{
    struct shared_redis *r = user;
    if (!reply || r->closed || redis_kind(reply) != REDIS_ERROR)
        return;
    r->stats.failed++;
    if (!is_of_command(redis_text(reply)))
        go_away_for(r, redis_text(reply));
}

/* ---- patience ------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void arm(struct shared_redis *r)
{
    if (list_empty(&r->open) || uv_is_active((uv_handle_t *)&r->timer))
        return;
    int64_t left = LIST_ENTRY(r->open.next, struct question, link)->deadline - now_of(r);
    uv_timer_start(&r->timer, on_timer, left > 0 ? (uint64_t)left : 0, 0);
}

static bool has_late(const struct shared_redis *r)
{
    return !list_empty(&r->open) &&
           LIST_ENTRY(r->open.next, struct question, link)->deadline <= now_of(r);
}

static void answer_late(struct shared_redis *r)
{
    char why[REASON_MAX];
    while (has_late(r)) {
        r->stats.late++;
        r->late_in_a_row++;
        give_up(r, LIST_ENTRY(r->open.next, struct question, link));
    }
    if (r->late_in_a_row < SHARED_REDIS_LATE_MAX)
        return;
    snprintf(why, sizeof(why), "%u answers in a row took longer than %u ms", r->late_in_a_row,
             r->patience_ms);
    go_away(r, why);
}

/* The loop runs timers before it reads: a process that was busy itself looks twice. */
static void on_timer(uv_timer_t *timer)
{
    struct shared_redis *r = timer->data;
    bool late = has_late(r);
    if (late && r->second_look)
        answer_late(r);
    r->second_look = late && !r->second_look;
    if (r->second_look)
        uv_timer_start(timer, on_timer, SECOND_LOOK, 0);
    else
        arm(r);
}

/* ---- the ops -------------------------------------------------------------------------------- */

/* Takes the question over. */
static void ask(struct shared_redis *r, struct question *q)
{
    q->owner = r;
    q->deadline = now_of(r) + r->patience_ms;
    q->unsent = !r->told; /* the first connection is about to be made */
    if (!q->unsent && (r->away || !question_send(q, r->redis, slice_of(r->token), on_reply))) {
        end_question(r, q);
        return;
    }
    r->stats.asked += !q->unsent;
    list_add(&r->open, &q->link);
    arm(r);
}

/* What nobody waits for is sent whenever there is a connection. */
static void tell(struct shared_redis *r, struct question *q)
{
    q->owner = r;
    if (!question_send(q, r->redis, slice_of(r->token), on_reply))
        question_free(q);
}

static void redis_get(struct shared *s, const struct slice *keys, size_t n, int64_t renew_ms,
                      int64_t now, shared_got *got, void *user)
{
    struct question *q = question_of_keys(ASK_GET, prefix_of(of(s)), keys, n);
    q->ms = renew_ms;
    q->answer.got = got;
    q->user = user;
    ask(of(s), q);
}

static bool send_words(struct shared_redis *r, const struct slice *words, size_t n)
{
    return !r->away && redis_send(r->redis, words, n, on_put, r);
}

static void redis_put(struct shared *s, struct slice key, struct slice value, int64_t ttl_ms,
                      int64_t now)
{
    struct shared_redis *r = of(s);
    char digits[SLICE_DIGITS];
    bool fits = value.n <= SHARED_REDIS_VALUE_MAX;
    struct question *q = question_of_keys(ASK_GET, prefix_of(r), &key, 1);
    const struct slice set[] = {SLICE("SET"), q->keys[0], value, SLICE("PX"),
                                slice_digits(ttl_ms, digits)};
    const struct slice unlink[] = {SLICE("UNLINK"), q->keys[0]};
    bool sent = fits && ttl_ms > 0 ? send_words(r, set, 5) : send_words(r, unlink, 2);
    r->stats.dropped += !fits;
    if (!sent && fits)
        r->local->ops->put(r->local, key, value, ttl_ms, now);
    question_free(q);
}

static void redis_del(struct shared *s, const struct slice *keys, size_t n, int64_t now,
                      shared_done *done, void *user)
{
    struct shared_redis *r = of(s);
    struct question *q;
    if (r->away) {
        r->local->ops->del(r->local, keys, n, now, done ? done : on_nothing, user);
        return;
    }
    r->local->ops->del(r->local, keys, n, now, on_nothing, NULL);
    q = question_of_keys(ASK_DEL, prefix_of(r), keys, n);
    q->answer.done = done;
    q->user = user;
    if (done)
        ask(r, q);
    else
        tell(r, q);
}

static void redis_clear_all(struct shared *s, struct slice prefix, int64_t now, shared_done *done,
                            void *user)
{
    struct shared_redis *r = of(s);
    bool away = r->away;
    r->local->ops->clear(r->local, prefix, now, away && done ? done : on_nothing, user);
    if (away)
        return;
    struct question *q = question_of_keys(ASK_GET, prefix_of(r), &prefix, 1);
    redis_clear_start(&r->clearing, r->redis, q->keys[0], done ? done : on_nothing, user);
    question_free(q);
}

static void redis_claim(struct shared *s, struct slice key, int64_t ttl_ms, int64_t now,
                        shared_done *done, void *user)
{
    struct question *q = question_of_keys(ASK_CLAIM, prefix_of(of(s)), &key, 1);
    q->ms = ttl_ms > 0 ? ttl_ms : 1;
    q->answer.done = done;
    q->user = user;
    ask(of(s), q);
}

static void redis_reserve(struct shared *s, const struct shared_ask *asks, size_t n, int64_t now,
                          shared_reserved *reserved, void *user)
{
    struct shared_redis *r = of(s);
    const struct shared_grant grant = {.id = r->last_id++};
    struct question *q = question_of_asks(ASK_RESERVE, prefix_of(r), asks, n, &grant);
    q->answer.reserved = reserved;
    q->user = user;
    ask(r, q);
}

static void redis_settle(struct shared *s, const struct shared_grant *grant,
                         const struct shared_ask *asks, size_t n, int64_t now)
{
    struct shared_redis *r = of(s);
    if (grant->local)
        r->local->ops->settle(r->local, grant, asks, n, now);
    else
        tell(r, question_of_asks(ASK_SETTLE, prefix_of(r), asks, n, grant));
}

static void redis_renew(struct shared *s, const struct shared_grant *grant,
                        const struct shared_ask *asks, size_t n, int64_t now)
{
    struct shared_redis *r = of(s);
    if (grant->local)
        r->local->ops->renew(r->local, grant, asks, n, now);
    else
        tell(r, question_of_asks(ASK_RENEW, prefix_of(r), asks, n, grant));
}

static void hear(struct shared_redis *r, struct slice message)
{
    if (r->shared.hearer.heard)
        r->shared.hearer.heard(r->shared.hearer.ctx, message);
}

/* What does not go round by Redis reaches this process at least. */
static void redis_publish(struct shared *s, struct slice message)
{
    struct shared_redis *r = of(s);
    const struct slice words[] = {SLICE("PUBLISH"), slice_of(r->channel), message};
    bool sent = redis_send(r->redis, words, sizeof(words) / sizeof(*words), NULL, NULL);
    if (!sent || !redis_listens(r->redis))
        hear(r, message);
}

static void redis_forget(struct shared *s, void *user)
{
    struct shared_redis *r = of(s);
    for (struct list *l = r->open.next, *next; l != &r->open; l = next) {
        struct question *q = LIST_ENTRY(l, struct question, link);
        next = l->next;
        if (q->user != user)
            continue;
        q->answer.got = NULL;
        q->forgotten = true;
        list_del(&q->link);
        if (q->unsent)
            question_free(q);
    }
    redis_clear_forget(&r->clearing, user);
}

static void redis_stats(const struct shared *s, struct shared_stats *stats)
{
    const struct shared_redis *r = LIST_ENTRY(s, const struct shared_redis, shared);
    r->local->ops->stats(r->local, stats);
    stats->hits += r->stats.hits;
    stats->misses += r->stats.misses;
    stats->dropped += r->stats.dropped;
    stats->asked = r->stats.asked;
    stats->late = r->stats.late;
    stats->failed = r->stats.failed;
    stats->away = r->away;
}

static void on_closed(uv_handle_t *handle)
{
    struct shared_redis *r = handle->data;
    if (--r->handles == 0)
        free(r);
}

static void redis_free(struct shared *s)
{
    struct shared_redis *r = of(s);
    r->closed = true;
    redis_clear_forget(&r->clearing, NULL);
    redis_close(r->redis);
    for (struct list *link; (link = list_pop(&r->open));)
        question_free(LIST_ENTRY(link, struct question, link));
    r->local->ops->free(r->local);
    uv_close((uv_handle_t *)&r->timer, on_closed);
    uv_close((uv_handle_t *)&r->probe_timer, on_closed);
}

static const struct shared_ops redis_ops = {
    .get = redis_get,
    .put = redis_put,
    .del = redis_del,
    .clear = redis_clear_all,
    .claim = redis_claim,
    .reserve = redis_reserve,
    .settle = redis_settle,
    .renew = redis_renew,
    .publish = redis_publish,
    .forget = redis_forget,
    .stats = redis_stats,
    .free = redis_free,
};

/* ---- the beginning -------------------------------------------------------------------------- */

static void on_heard(void *ctx, struct slice message)
{
    hear(ctx, message);
}

static const struct redis_events redis_events = {.changed = on_changed, .heard = on_heard};

static void name_keys(struct shared_redis *r, const char *name_space)
{
    uint64_t random[2];
    random_bytes(random, sizeof(random));
    r->last_id = random[0] & RANDOM_IDS;
    snprintf(r->prefix, sizeof(r->prefix), "{lintel%s%s}:", name_space ? ":" : "",
             name_space ? name_space : "");
    snprintf(r->channel, sizeof(r->channel), "%sword", r->prefix);
    snprintf(r->token, sizeof(r->token), QUESTION_CLAIM "%016llx%016llx",
             (unsigned long long)random[0], (unsigned long long)random[1]);
}

static void start_timer(struct shared_redis *r, uv_timer_t *timer)
{
    uv_timer_init(r->turn->loop, timer);
    timer->data = r;
    r->handles++;
}

struct shared *shared_redis_new(struct turn *turn, const struct shared_redis_options *options,
                                char *error, size_t size)
{
    struct redis_options redis = options->redis;
    struct shared_redis *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    name_keys(r, options->name_space);
    redis.channel = r->channel;
    r->turn = turn;
    r->redis = redis_open(turn, &redis, &redis_events, r, error, size);
    if (!r->redis) {
        free(r);
        return NULL;
    }
    r->shared.ops = &redis_ops;
    r->local = shared_local_new(options->local_bytes);
    r->patience_ms = options->patience_ms;
    r->fail_closed = options->fail_closed;
    r->away = true;
    list_init(&r->open);
    list_init(&r->clearing);
    start_timer(r, &r->timer);
    start_timer(r, &r->probe_timer);
    return &r->shared;
}
