/* The output half of a connection, and its clocks.
 *
 * Happy path: conn_send tries the kernel at once; what it does not take is queued in libuv, which
 * owns the memory until its callback. Each completed write tells the owner `room`.
 * Failure modes: a write error marks the connection lost, its next step tells the owner; a client
 * that takes nothing for stall_ms is found by the timer.
 *
 * Clocks: deadlines move with every request, the one uv timer does not: it is started only when a
 * deadline comes before the time it is set to, and looks again when it fires too early. */

#include "conn_private.h"

#include <stdlib.h>
#include <string.h>

struct conn_write {
    uv_write_t req;
    char *p; /* the queued bytes (malloc) */
};

size_t conn_queued(const struct conn *c)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp);
}

static void on_written(uv_write_t *req, int status)
{
    struct conn *c = req->handle->data;
    struct conn_write *w = req->data;
    free(w->p);
    free(w);
    if (conn_state(c) == CONN_CLOSED)
        return;
    if (status < 0)
        conn_cut(c);
    else if (conn_state(c) == CONN_REQUEST)
        c->listener->events->room(c->user);
    else if (conn_state(c) == CONN_FLUSH)
        conn_progress(c);
}

/* What waits keeps no more memory than it needs: pieces are made with room for large ones. */
static char *fitted(char *p, size_t n, size_t done)
{
    memmove(p, p + done, n - done);
    char *fit = realloc(p, n - done);
    return fit ? fit : p;
}

static void queue(struct conn *c, char *p, size_t n, size_t done)
{
    struct conn_write *w = malloc(sizeof(*w));
    if (!w)
        abort();
    w->p = fitted(p, n, done);
    w->req.data = w;
    uv_buf_t rest = uv_buf_init(w->p, (unsigned)(n - done));
    if (uv_write(&w->req, (uv_stream_t *)&c->tcp, &rest, 1, on_written) == 0)
        return;
    free(w->p);
    free(w);
    conn_cut(c);
}

static void write_bytes(struct conn *c, char *p, size_t n)
{
    size_t done = 0;
    c->given += n;
    if (conn_queued(c) == 0) {
        c->taken_at = conn_now(c);
        uv_buf_t all = uv_buf_init(p, (unsigned)n);
        int rc = uv_try_write((uv_stream_t *)&c->tcp, &all, 1);
        if (rc < 0 && rc != UV_EAGAIN) {
            free(p);
            conn_cut(c);
            return;
        }
        done = rc > 0 ? (size_t)rc : 0;
    }
    if (done == n)
        free(p);
    else
        queue(c, p, n, done);
    conn_arm(c);
}

void conn_flush_tls(struct conn *c)
{
    char *p;
    size_t n = buf_take(tls_out(c->tls), &p);
    if (n && !c->lost)
        write_bytes(c, p, n);
    else
        free(p);
}

void conn_write(struct conn *c, char *p, size_t n)
{
    if (!c->tls) {
        write_bytes(c, p, n);
        return;
    }
    tls_write(c->tls, slice_make(p, n));
    free(p);
    conn_flush_tls(c);
}

void conn_say_end(struct conn *c)
{
    if (!c->tls)
        return;
    tls_end(c->tls);
    conn_flush_tls(c);
}

void conn_send(struct conn *c, struct buf *out)
{
    char *p;
    size_t n = buf_take(out, &p);
    if (n && !c->lost && conn_state(c) == CONN_REQUEST)
        conn_write(c, p, n);
    else
        free(p);
}

static void on_shut(uv_shutdown_t *req, int status)
{
    (void)status; /* an error shows as a read error or at the linger's end */
    free(req);
}

void conn_shut(struct conn *c)
{
    conn_say_end(c);
    uv_shutdown_t *req = malloc(sizeof(*req));
    if (!req)
        abort();
    if (uv_shutdown(req, (uv_stream_t *)&c->tcp, on_shut) < 0)
        free(req);
}

/* ---- clocks ---------------------------------------------------------------------------------- */

/* How long the client may keep us waiting for its bytes now; 0: for ever. */
static unsigned patience(const struct conn *c)
{
    const struct conn_limits *limits = &c->listener->limits;
    switch (conn_state(c)) {
    case CONN_IDLE:
        if (c->listener->stopping)
            return limits->stop_idle_ms;
        return c->served || !limits->head_ms ? limits->idle_ms : limits->head_ms;
    case CONN_HEAD: return limits->head_ms;
    case CONN_REQUEST:
        return c->want_body && !c->body_done && !c->body_bad ? limits->body_idle_ms : 0;
    case CONN_FLUSH: return c->keep_alive && !c->body_done ? CONN_LINGER_MS : 0;
    case CONN_LINGER: return CONN_LINGER_MS;
    case CONN_CLOSED: return 0;
    }
    abort();
}

static int64_t input_deadline(const struct conn *c)
{
    unsigned ms = patience(c);
    return ms ? c->since + ms : CONN_NEVER;
}

static int64_t output_deadline(const struct conn *c)
{
    unsigned ms = c->listener->limits.stall_ms;
    return ms && conn_queued(c) ? c->taken_at + ms : CONN_NEVER;
}

/* While something is queued the timer samples four times in stall_ms what the kernel took: libuv
 * tells of a write only when the whole of it is done. */
static int64_t next_look(const struct conn *c, int64_t now)
{
    int64_t input = input_deadline(c);
    int64_t output = output_deadline(c);
    if (output == CONN_NEVER)
        return input;
    int64_t sample = now + c->listener->limits.stall_ms / 4 + 1;
    if (sample < output)
        output = sample;
    return input < output ? input : output;
}

void conn_arm(struct conn *c)
{
    int64_t now = conn_now(c);
    int64_t at = next_look(c, now);
    if (at >= c->armed || conn_state(c) == CONN_CLOSED)
        return;
    c->armed = at;
    uv_timer_start(&c->timer, conn_on_timer, at > now ? (uint64_t)(at - now) : 0, 0);
}

static void sample_progress(struct conn *c, int64_t now)
{
    uint64_t taken = c->given - conn_queued(c);
    if (taken > c->taken)
        c->taken_at = now;
    c->taken = taken;
}

void conn_on_timer(uv_timer_t *timer)
{
    struct conn *c = timer->data;
    int64_t now = conn_now(c);
    c->armed = CONN_NEVER;
    sample_progress(c, now);
    if (now >= output_deadline(c))
        conn_lose(c);
    else if (now >= input_deadline(c))
        conn_timeout(c);
    conn_progress(c);
}
