/* One connection to a Redis.
 *
 * Happy path: the stream connects (on_connected); AUTH, SELECT, PING and SUBSCRIBE are the first
 * commands, and once all of them are answered the link is up. Commands are written into `plain` and
 * leave together at the end of the turn (step); replies come in order and meet their callbacks in a
 * ring (take_reply). What is pushed on a channel is nobody's reply.
 *
 * Failure modes: each ends the link (fail): connecting, a refused AUTH, an end or error of the
 * stream, bytes that are no RESP, and the one timer: until the link is up it is the deadline of
 * connecting, then that of the oldest unanswered command. The callbacks that wait get NULL. */

#include "redis_link.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#define READ_SIZE   65536
#define RING_MIN    64 /* a power of two, as REDIS_COMMANDS_MAX is */
#define KEEPALIVE_S 15
#define BUF_CAP     (2 * (size_t)REDIS_BYTES_MAX) /* a last command and what TLS adds */

struct waiting {
    redis_done *done; /* NULL: nobody wants to know */
    void *user;
    int64_t since; /* ms */
};

struct redis_link {
    struct turn *turn;
    struct turn_item item;
    const struct redis_link_events *events;
    void *ctx;
    struct redis_link_options options;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } peer;
    uv_connect_t connect;
    uv_write_t write;
    uv_timer_t timer;
    unsigned handles; /* not yet closed */
    bool connected, up, writing, over;
    struct redis_tls *tls;
    redisReader *reader;
    size_t read_bytes;              /* of the reply that is not complete */
    struct buf plain, wire, opened; /* to be sent; the same in TLS; received in TLS */
    struct buf sending;             /* is with libuv */
    struct waiting *ring;
    size_t ring_size, first, count;
    unsigned greetings; /* of the first commands, unanswered */
    char why[256];
    char read[READ_SIZE];
};

static void fail(struct redis_link *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- the end ------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct redis_link *l = handle->data;
    if (--l->handles)
        return;
    redis_tls_free(l->tls);
    redisReaderFree(l->reader);
    buf_fini(&l->plain);
    buf_fini(&l->wire);
    buf_fini(&l->opened);
    buf_fini(&l->sending);
    free(l->ring);
    free(l);
}

static struct waiting take_waiting(struct redis_link *l)
{
    struct waiting w = l->ring[l->first];
    l->first = (l->first + 1) & (l->ring_size - 1);
    l->count--;
    return w;
}

void redis_link_close(struct redis_link *l)
{
    l->over = true;
    turn_unmark(&l->item);
    uv_close(&l->peer.handle, on_closed);
    uv_close((uv_handle_t *)&l->timer, on_closed);
    while (l->count) {
        struct waiting w = take_waiting(l);
        if (w.done)
            w.done(w.user, NULL);
    }
}

/* Only notes it: the step ends the link, so that nobody is called from inside a call of theirs. */
static void fail(struct redis_link *l, const char *format, ...)
{
    if (l->over || l->why[0])
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(l->why, sizeof(l->why), format, args);
    va_end(args);
    turn_mark(l->turn, &l->item);
}

/* ---- sending ------------------------------------------------------------------------------- */

static void on_written(uv_write_t *write, int status)
{
    struct redis_link *l = write->data;
    l->writing = false;
    buf_reset(&l->sending);
    if (status < 0)
        fail(l, "%s", uv_strerror(status));
    else if (!l->over)
        turn_mark(l->turn, &l->item);
}

/* What the kernel does not take at once waits with libuv. */
static void write_out(struct redis_link *l, struct buf *out)
{
    uv_buf_t piece = uv_buf_init(out->p, (unsigned)out->n);
    int n = uv_try_write(&l->peer.stream, &piece, 1);
    if (n < 0 && n != UV_EAGAIN) {
        fail(l, "%s", uv_strerror(n));
        return;
    }
    buf_consume(out, n > 0 ? (size_t)n : 0);
    if (!out->n)
        return;
    struct buf empty = l->sending;
    l->sending = *out;
    *out = empty;
    piece = uv_buf_init(l->sending.p, (unsigned)l->sending.n);
    l->writing = true;
    l->write.data = l;
    uv_write(&l->write, &l->peer.stream, &piece, 1, on_written);
}

static void flush(struct redis_link *l)
{
    const char *error = NULL;
    if (!l->connected || l->writing)
        return;
    if (l->tls && !redis_tls_seal(l->tls, &l->plain, &l->wire, &error))
        fail(l, "%s", error);
    struct buf *out = l->tls ? &l->wire : &l->plain;
    if (out->n)
        write_out(l, out);
}

static void step(struct turn_item *item)
{
    struct redis_link *l = LIST_ENTRY(item, struct redis_link, item);
    if (!l->why[0])
        flush(l);
    if (!l->why[0])
        return;
    char why[sizeof(l->why)];
    memcpy(why, l->why, sizeof(why));
    const struct redis_link_events *events = l->events;
    void *ctx = l->ctx;
    redis_link_close(l);
    events->down(ctx, why);
}

static void add_number(struct buf *b, char mark, size_t n)
{
    char digits[SLICE_DIGITS];
    buf_add_char(b, mark);
    buf_add(b, slice_digits((int64_t)n, digits));
    BUF_LITERAL(b, "\r\n");
}

static void add_command(struct buf *b, const struct slice *words, size_t n)
{
    add_number(b, '*', n);
    for (size_t i = 0; i < n; i++) {
        add_number(b, '$', words[i].n);
        buf_add(b, words[i]);
        BUF_LITERAL(b, "\r\n");
    }
}

static void grow_ring(struct redis_link *l)
{
    size_t size = l->ring_size ? l->ring_size * 2 : RING_MIN;
    struct waiting *ring = malloc(size * sizeof(*ring));
    if (!ring)
        abort();
    for (size_t i = 0; i < l->count; i++)
        ring[i] = l->ring[(l->first + i) & (l->ring_size - 1)];
    free(l->ring);
    l->ring = ring;
    l->ring_size = size;
    l->first = 0;
}

static void on_timer(uv_timer_t *timer);

static void await_reply(struct redis_link *l, redis_done *done, void *user)
{
    if (l->count == l->ring_size)
        grow_ring(l);
    l->ring[(l->first + l->count++) & (l->ring_size - 1)] =
        (struct waiting){done, user, turn_now(l->turn)};
    if (l->up && !uv_is_active((uv_handle_t *)&l->timer))
        uv_timer_start(&l->timer, on_timer, l->options.command_ms, 0);
}

static bool send_command(struct redis_link *l, const struct slice *words, size_t n,
                         redis_done *done, void *user)
{
    size_t before = l->plain.n;
    if (l->count == REDIS_COMMANDS_MAX || before > REDIS_BYTES_MAX || l->why[0])
        return false;
    add_command(&l->plain, words, n);
    if (l->plain.overflow) {
        l->plain.n = before;
        l->plain.overflow = false;
        return false;
    }
    await_reply(l, done, user);
    turn_mark(l->turn, &l->item);
    return true;
}

bool redis_link_send(struct redis_link *l, const struct slice *words, size_t n, redis_done *done,
                     void *user)
{
    return l->up && send_command(l, words, n, done, user);
}

/* ---- the first commands -------------------------------------------------------------------- */

static void on_greeted(void *user, const struct redisReply *reply)
{
    struct redis_link *l = user;
    if (!reply)
        return;
    if (redis_kind(reply) == REDIS_ERROR)
        fail(l, "%.*s", SLICE_ARG(redis_text(reply)));
    else if (--l->greetings == 0 && !l->why[0]) {
        l->up = true;
        uv_timer_stop(&l->timer);
        l->events->up(l->ctx);
    }
}

static void greet_with(struct redis_link *l, const struct slice *words, size_t n)
{
    l->greetings++;
    send_command(l, words, n, on_greeted, l);
}

static void greet(struct redis_link *l)
{
    const struct redis_link_options *o = &l->options;
    char db[SLICE_DIGITS];
    struct slice password = slice_of(o->password);
    if (o->username)
        greet_with(l, (struct slice[]){SLICE("AUTH"), slice_of(o->username), password}, 3);
    else if (o->password)
        greet_with(l, (struct slice[]){SLICE("AUTH"), password}, 2);
    if (o->db)
        greet_with(l, (struct slice[]){SLICE("SELECT"), slice_digits(o->db, db)}, 2);
    /* Answered with an error by a server that is not ready to serve (LOADING, MASTERDOWN). */
    greet_with(l, (struct slice[]){SLICE("PING")}, 1);
    if (o->channel)
        greet_with(l, (struct slice[]){SLICE("SUBSCRIBE"), slice_of(o->channel)}, 2);
}

/* ---- receiving ----------------------------------------------------------------------------- */

static bool is_push(const struct redis_link *l, const struct redisReply *reply)
{
    return l->options.channel && redis_count(reply) == 3 &&
           slice_eq(redis_text(redis_element(reply, 0)), SLICE("message"));
}

static void take_reply(struct redis_link *l, const struct redisReply *reply)
{
    if (is_push(l, reply)) {
        l->events->heard(l->ctx, redis_text(redis_element(reply, 2)));
        return;
    }
    if (!l->count) {
        fail(l, "a reply without a command");
        return;
    }
    struct waiting w = take_waiting(l);
    if (w.done)
        w.done(w.user, reply);
    if (l->up && !l->over && redis_kind(reply) == REDIS_ERROR)
        l->events->refused(l->ctx, redis_text(reply));
}

/* False: nothing more is complete, or it is over. */
static bool next_reply(struct redis_link *l)
{
    void *reply = NULL;
    if (l->over || l->why[0])
        return false;
    if (redisReaderGetReply(l->reader, &reply) != REDIS_OK)
        fail(l, "%s", l->reader->errstr);
    if (!reply)
        return false;
    l->read_bytes = 0;
    take_reply(l, reply);
    freeReplyObject(reply);
    return true;
}

static void take_bytes(struct redis_link *l, struct slice bytes)
{
    l->read_bytes += bytes.n;
    if (bytes.n && redisReaderFeed(l->reader, bytes.p, bytes.n) != REDIS_OK)
        fail(l, "%s", l->reader->errstr);
    while (next_reply(l))
        ;
    if (l->read_bytes > REDIS_BYTES_MAX)
        fail(l, "too large a reply");
}

static void open_bytes(struct redis_link *l, struct slice wire)
{
    const char *error = NULL;
    bool ok = redis_tls_open(l->tls, wire, &l->opened, &error);
    take_bytes(l, buf_slice(&l->opened));
    buf_reset(&l->opened);
    if (!ok)
        fail(l, "%s", error);
    else if (!l->over)
        turn_mark(l->turn, &l->item); /* the handshake's own bytes, or what waited for its end */
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
    struct redis_link *l = handle->data;
    *room = uv_buf_init(l->read, sizeof(l->read));
}

/* A callback in here may close the link, not free it: that takes a turn of the loop. */
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *room)
{
    struct redis_link *l = stream->data;
    if (n < 0)
        fail(l, "%s", n == UV_EOF ? "the connection was closed" : uv_strerror((int)n));
    else if (n > 0 && l->tls)
        open_bytes(l, slice_make(room->base, (size_t)n));
    else if (n > 0)
        take_bytes(l, slice_make(room->base, (size_t)n));
}

/* ---- connecting ---------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    struct redis_link *l = timer->data;
    int64_t now = turn_now(l->turn), over;
    if (!l->up) {
        fail(l, "no connection within %u ms", l->options.connect_ms);
        return;
    }
    if (!l->count)
        return;
    over = l->ring[l->first].since + l->options.command_ms;
    if (now >= over)
        fail(l, "no answer within %u ms", l->options.command_ms);
    else
        uv_timer_start(timer, on_timer, (uint64_t)(over - now), 0);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct redis_link *l = connect->data;
    if (l->over)
        return;
    if (status >= 0)
        status = uv_read_start(&l->peer.stream, on_alloc, on_read);
    if (status < 0) {
        fail(l, "%s", uv_strerror(status));
        return;
    }
    l->connected = true;
    greet(l);
    turn_mark(l->turn, &l->item);
}

static void connect_peer(struct redis_link *l)
{
    const struct redis_link_options *o = &l->options;
    int status = 0;
    l->connect.data = l;
    if (o->address) {
        uv_tcp_init(l->turn->loop, &l->peer.tcp);
        uv_tcp_nodelay(&l->peer.tcp, 1);
        uv_tcp_keepalive(&l->peer.tcp, 1, KEEPALIVE_S);
        status = uv_tcp_connect(&l->connect, &l->peer.tcp, o->address, on_connected);
    } else {
        uv_pipe_init(l->turn->loop, &l->peer.pipe, 0);
        uv_pipe_connect(&l->connect, &l->peer.pipe, o->path, on_connected);
    }
    l->peer.handle.data = l;
    if (status < 0)
        fail(l, "%s", uv_strerror(status));
}

struct redis_link *redis_link_open(struct turn *turn, const struct redis_link_options *o,
                                   const struct redis_link_events *events, void *ctx)
{
    struct redis_link *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    l->turn = turn;
    l->events = events;
    l->ctx = ctx;
    l->options = *o;
    l->handles = 2;
    turn_item_init(&l->item, step);
    buf_init(&l->plain, BUF_CAP);
    buf_init(&l->wire, BUF_CAP);
    buf_init(&l->opened, BUF_CAP);
    buf_init(&l->sending, BUF_CAP);
    l->reader = redisReaderCreate();
    if (!l->reader)
        abort();
    if (o->tls)
        l->tls = redis_tls_new(o->tls, o->host);
    uv_timer_init(turn->loop, &l->timer);
    l->timer.data = l;
    uv_timer_start(&l->timer, on_timer, o->connect_ms, 0);
    connect_peer(l);
    return l;
}
