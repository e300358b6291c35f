/* One client connection: its life and its input.
 *
 * Happy path: bytes come (on_read), the parser makes a head of them, the owner gets it
 * (events->head) and wants the body (conn_read_body); the owner sends and calls conn_finish; when
 * all is written and all of the request is read, the next one is parsed.
 * What may not be parsed yet (body not wanted, pipelined requests) waits in `pending`; reading goes
 * on until that is full, so that a client who leaves is noticed while its request is served.
 *
 * Failure modes, by state (`refuse`: our own error reply, then FLUSH; `drop`: close without a
 * word):
 *
 *              EOF              read or write error   too slow          cannot be parsed
 *   IDLE       drop             drop                  drop              refuse
 *   HEAD       drop             drop                  refuse 408        refuse
 *   REQUEST    gone, drop       gone, drop            body_failed 408   body_failed
 *   FLUSH      close when sent  drop                  linger            close when sent
 *   LINGER     close            close                 close             (not parsed)
 *
 * LINGER: closing a socket with unread input makes the kernel send a reset, which can overtake the
 * reply. So only our side is shut and what comes is dropped for a while (RFC 9112, section 9.6). */

#include "conn_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANY_END (SM_TO(CONN_FLUSH) | SM_TO(CONN_CLOSED))

static const struct sm_state states[CONN_STATES] = {
    [CONN_IDLE] = {"idle", SM_TO(CONN_HEAD) | SM_TO(CONN_REQUEST) | ANY_END},
    [CONN_HEAD] = {"head", SM_TO(CONN_REQUEST) | ANY_END},
    [CONN_REQUEST] = {"request", ANY_END},
    [CONN_FLUSH] = {"flush", SM_TO(CONN_IDLE) | SM_TO(CONN_LINGER) | SM_TO(CONN_CLOSED)},
    [CONN_LINGER] = {"linger", SM_TO(CONN_CLOSED)},
    [CONN_CLOSED] = {"closed", 0},
};

static void conn_step(struct turn_item *item);

/* ---- birth and death ------------------------------------------------------------------------- */

static struct conn *conn_new(struct listener *l)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->listener = l;
    l->refs++;
    l->open++;
    list_init(&c->link);
    list_add(&l->conns, &c->link);
    turn_item_init(&c->item, conn_step);
    sm_init(&c->sm, states, NULL, CONN_IDLE);
    buf_init(&c->pending, CONN_PENDING_MAX);
    uv_tcp_init(l->turn->loop, &c->tcp);
    uv_timer_init(l->turn->loop, &c->timer);
    c->tcp.data = c;
    c->timer.data = c;
    c->handles = 2;
    c->armed = CONN_NEVER;
    c->since = conn_now(c);
    return c;
}

static void on_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;
    if (--c->handles)
        return;
    listener_unref(c->listener);
    tls_free(c->tls);
    http1_free(c->parser);
    buf_fini(&c->pending);
    free(c);
}

void conn_close(struct conn *c)
{
    if (conn_state(c) == CONN_CLOSED)
        return;
    sm_move(&c->sm, CONN_CLOSED);
    list_del(&c->link);
    turn_unmark(&c->item);
    c->listener->open--;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

void conn_lose(struct conn *c)
{
    bool served = conn_state(c) == CONN_REQUEST;
    conn_close(c);
    if (served)
        c->listener->events->gone(c->user);
}

void conn_cut(struct conn *c)
{
    c->lost = true;
    turn_mark(c->listener->turn, &c->item);
}

static void note_peer(struct conn *c)
{
    struct sockaddr_storage address = {0};
    int size = sizeof(address);
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&address, &size) < 0)
        return;
    if (address.ss_family == AF_INET) {
        uv_ip4_name((struct sockaddr_in *)&address, c->peer, sizeof(c->peer));
        return;
    }
    uv_ip6_name((struct sockaddr_in6 *)&address, c->peer, sizeof(c->peer));
    const char mapped[] = "::ffff:";
    size_t skip = sizeof(mapped) - 1;
    if (strncmp(c->peer, mapped, skip) == 0 && strchr(c->peer, '.'))
        memmove(c->peer, c->peer + skip, strlen(c->peer + skip) + 1);
}

void conn_accept(struct listener *l, int fd)
{
    struct conn *c = conn_new(l);
    bool too_many = l->open > l->limits.connections_max;
    if (uv_tcp_open(&c->tcp, fd) < 0) {
        close(fd);
        conn_close(c);
        return;
    }
    if (too_many && l->open - l->limits.connections_max > CONN_OVERFLOW_MAX) {
        conn_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    note_peer(c);
    if (too_many && l->tls) { /* a handshake to say so costs more than the request would */
        conn_close(c);
        return;
    }
    if (l->tls)
        c->tls = tls_new(l->tls);
    if (too_many)
        conn_refuse(c, 503, "too many connections");
    conn_progress(c);
}

bool conn_is_tls(const struct conn *c)
{
    return c->tls != NULL;
}

const char *conn_peer(const struct conn *c)
{
    return c->peer;
}

/* ---- parsing --------------------------------------------------------------------------------- */

/* In FLUSH or LINGER with nothing but the end ahead: input is dropped unparsed. */
static bool is_leaving(const struct conn *c)
{
    enum conn_state state = conn_state(c);
    return state == CONN_LINGER || (state == CONN_FLUSH && !c->keep_alive);
}

static bool may_parse(const struct conn *c)
{
    switch (conn_state(c)) {
    case CONN_IDLE:
    case CONN_HEAD: return true;
    case CONN_REQUEST: return c->want_body && !c->body_done && !c->body_bad;
    case CONN_FLUSH: return c->keep_alive && !c->body_done;
    case CONN_LINGER:
    case CONN_CLOSED: return false;
    }
    abort();
}

static void take_head(struct conn *c)
{
    const struct listener *l = c->listener;
    const struct http_head *head = http1_head(c->parser);
    sm_move(&c->sm, CONN_REQUEST);
    c->served = true;
    c->want_body = false;
    c->body_done = false;
    c->continued = !head->expect_continue || head->minor == 0;
    c->dropped = 0;
    c->user = l->events->head(l->server, c, head);
}

static void take_body(struct conn *c, struct slice body)
{
    if (conn_state(c) == CONN_REQUEST) {
        c->since = conn_now(c);
        c->listener->events->body(c->user, body);
        return;
    }
    c->dropped += body.n;
    if (c->dropped > CONN_DROP_MAX)
        c->keep_alive = false;
}

static void take_body_end(struct conn *c)
{
    c->body_done = true;
    if (conn_state(c) == CONN_REQUEST)
        c->listener->events->body_end(c->user);
}

/* The request is the owner's already, so is the reply; nothing behind it can be parsed. */
static void fail_body(struct conn *c, int status, const char *reason)
{
    c->body_bad = true;
    c->listener->events->body_failed(c->user, status, reason);
}

static void take_bad(struct conn *c, const struct http1_error *error)
{
    if (conn_state(c) == CONN_REQUEST)
        fail_body(c, error->status, error->reason);
    else if (conn_state(c) == CONN_FLUSH)
        c->keep_alive = false;
    else
        conn_refuse(c, error->status, error->reason);
}

static void note_begun(struct conn *c)
{
    if (conn_state(c) != CONN_IDLE || !http1_in_request(c->parser))
        return;
    sm_move(&c->sm, CONN_HEAD);
    if (c->served)
        c->since = conn_now(c);
}

/* Parses as far as the state allows; what is not used remains in `*in`. */
static void parse(struct conn *c, struct slice *in)
{
    if (!c->parser)
        c->parser = http1_new();
    while (may_parse(c)) {
        struct slice body = {0};
        struct http1_error error = {0};
        switch (http1_feed(c->parser, in, &body, &error)) {
        case HTTP1_MORE: note_begun(c); return;
        case HTTP1_HEAD: take_head(c); break;
        case HTTP1_BODY: take_body(c, body); break;
        case HTTP1_END: take_body_end(c); break;
        case HTTP1_BAD: take_bad(c, &error); return;
        }
    }
}

static void parse_pending(struct conn *c)
{
    struct slice in = slice_skip(buf_slice(&c->pending), c->parsed);
    parse(c, &in);
    c->parsed = c->pending.n - in.n;
    if (in.n == 0) {
        buf_fini(&c->pending);
        c->parsed = 0;
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static size_t read_room(const struct conn *c)
{
    if (is_leaving(c))
        return c->dropped < CONN_DROP_MAX ? CONN_READ_MAX : 0;
    return CONN_PENDING_MAX - (c->pending.n - c->parsed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct conn *c = handle->data;
    size_t room = read_room(c);
    *buf = uv_buf_init(c->listener->read_memory,
                       (unsigned)(room < CONN_READ_MAX ? room : CONN_READ_MAX));
}

static void keep(struct conn *c, struct slice in)
{
    buf_consume(&c->pending, c->parsed);
    c->parsed = 0;
    buf_add(&c->pending, in);
}

static void on_input(struct conn *c, struct slice in)
{
    if (!is_leaving(c) && c->pending.n == 0)
        parse(c, &in);
    if (is_leaving(c))
        c->dropped += in.n;
    else if (in.n)
        keep(c, in);
}

static void on_eof(struct conn *c)
{
    c->eof = true;
    c->keep_alive = false;
    if (conn_state(c) != CONN_FLUSH)
        conn_lose(c);
}

static void take_plain(void *user, struct slice in)
{
    on_input(user, in);
}

/* A TLS record begins with a number below 32, a request with a letter. */
static bool is_plain_http(const struct conn *c, struct slice in)
{
    return !c->heard && in.p[0] >= 'A' && in.p[0] <= 'Z';
}

static void refuse_plain(struct conn *c)
{
    tls_free(c->tls);
    c->tls = NULL;
    conn_refuse(c, 400, "this port speaks HTTPS, and the request is plain HTTP");
}

static void take_bytes(struct conn *c, struct slice in)
{
    if (!c->tls) {
        on_input(c, in);
        return;
    }
    if (is_plain_http(c, in)) {
        refuse_plain(c);
        return;
    }
    c->heard = true;
    enum tls_result result = tls_feed(c->tls, in, take_plain, c);
    conn_flush_tls(c);
    if (result == TLS_FAILED)
        conn_lose(c);
    else if (result == TLS_ENDED)
        on_eof(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = stream->data;
    if (n == 0)
        return;
    if (n > 0) {
        take_bytes(c, slice_make(buf->base, (size_t)n));
    } else {
        c->reading = false;
        if (n == UV_EOF)
            on_eof(c);
        else
            conn_lose(c);
    }
    conn_progress(c);
}

static void conn_step(struct turn_item *item)
{
    struct conn *c = LIST_ENTRY(item, struct conn, item);
    if (c->lost) {
        conn_lose(c);
        return;
    }
    parse_pending(c);
    conn_progress(c);
}

/* ---- moving on ------------------------------------------------------------------------------- */

static void next_request(struct conn *c)
{
    if (c->listener->stopping) {
        conn_close(c);
        return;
    }
    http1_next(c->parser);
    sm_move(&c->sm, CONN_IDLE);
    c->since = conn_now(c);
    if (c->pending.n)
        turn_mark(c->listener->turn, &c->item);
}

static void leave(struct conn *c)
{
    bool silent = c->body_done && !c->body_bad && c->pending.n == 0;
    if (c->eof || silent) {
        conn_say_end(c);
        conn_close(c);
        return;
    }
    sm_move(&c->sm, CONN_LINGER);
    c->since = conn_now(c);
    buf_fini(&c->pending);
    c->parsed = 0;
    conn_shut(c);
}

/* In FLUSH, when nothing is left to do. */
static void settle(struct conn *c)
{
    if (conn_state(c) != CONN_FLUSH || conn_queued(c) > 0 || c->lost)
        return;
    if (!c->keep_alive)
        leave(c);
    else if (c->body_done)
        next_request(c);
}

static void update_reading(struct conn *c)
{
    if (conn_state(c) == CONN_CLOSED)
        return;
    bool want = !c->eof && read_room(c) > 0;
    if (want == c->reading)
        return;
    if (want)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    else
        uv_read_stop((uv_stream_t *)&c->tcp);
    c->reading = want;
}

void conn_progress(struct conn *c)
{
    settle(c);
    update_reading(c);
    conn_arm(c);
}

/* ---- the owner's side ------------------------------------------------------------------------ */

static void send_continue(struct conn *c)
{
    struct buf out;
    buf_init(&out, 64);
    BUF_LITERAL(&out, "HTTP/1.1 100 Continue\r\n\r\n");
    conn_send(c, &out);
}

void conn_read_body(struct conn *c)
{
    if (conn_state(c) != CONN_REQUEST)
        return;
    if (!c->continued && c->pending.n == 0)
        send_continue(c);
    c->continued = true;
    c->want_body = true;
    c->since = conn_now(c);
    turn_mark(c->listener->turn, &c->item);
}

void conn_pause_body(struct conn *c)
{
    c->want_body = false;
}

/* A client that still waits for "100 Continue" may or may not send the body after another status
 * (RFC 9110, section 10.1.1): what follows cannot be told from a next request. */
static bool can_skip_body(const struct conn *c)
{
    if (c->body_done)
        return true;
    const struct http_head *head = http1_head(c->parser);
    return !c->body_bad && c->continued && head->content_length <= (int64_t)CONN_DROP_MAX;
}

bool conn_can_keep_alive(const struct conn *c)
{
    return conn_state(c) == CONN_REQUEST && !c->lost && !c->listener->stopping &&
           http1_head(c->parser)->keep_alive && can_skip_body(c);
}

void conn_finish(struct conn *c, bool keep_alive)
{
    if (conn_state(c) != CONN_REQUEST)
        return;
    c->user = NULL;
    c->want_body = false;
    c->keep_alive = keep_alive && conn_can_keep_alive(c);
    c->since = conn_now(c);
    sm_move(&c->sm, CONN_FLUSH);
    if (c->lost)
        return;
    if (!c->body_done && c->keep_alive)
        parse_pending(c);
    conn_progress(c);
}

void conn_write_refusal(const struct listener *l, int status, const char *reason, struct buf *out)
{
    struct buf body;
    buf_init(&body, CONN_PENDING_MAX);
    l->events->refusal(status, reason, &body);
    struct http1_reply reply;
    http1_reply_init(&reply, NULL);
    struct http_header type = {SLICE("content-type"), SLICE("application/json")};
    http1_write_head(&reply, out, status, (struct http_headers){&type, 1}, (int64_t)body.n);
    buf_add(out, buf_slice(&body));
    buf_fini(&body);
}

void conn_refuse(struct conn *c, int status, const char *reason)
{
    struct buf out;
    buf_init(&out, 2 * CONN_PENDING_MAX);
    conn_write_refusal(c->listener, status, reason, &out);
    c->keep_alive = false;
    c->body_done = false;
    c->body_bad = true;
    sm_move(&c->sm, CONN_FLUSH);
    char *p;
    size_t n = buf_take(&out, &p);
    conn_write(c, p, n);
}

void conn_stop_idling(struct conn *c)
{
    if (!c->listener->limits.stop_idle_ms) {
        conn_close(c);
        return;
    }
    c->since = conn_now(c);
    conn_arm(c);
}

void conn_timeout(struct conn *c)
{
    switch (conn_state(c)) {
    case CONN_HEAD: conn_refuse(c, 408, "the request head took too long"); break;
    case CONN_REQUEST: fail_body(c, 408, "the request body took too long"); break;
    case CONN_FLUSH: c->keep_alive = false; break;
    case CONN_IDLE:
    case CONN_LINGER: conn_close(c); break;
    case CONN_CLOSED: break;
    }
}
