/* What leaves for the client: pieces of a stream, the whole answer, and what keeps clients and the
 * proxies before them awake meanwhile.
 *
 * Happy path: events are encoded into `out`, which is one open chunk; whoever moved the exchange
 * sends it, once a turn. Failure modes: an upstream that is faster than the client was paused at
 * EXCHANGE_HIGH and goes on at EXCHANGE_LOW; a failure that comes after the head is the stream's
 * last event. */

#include "exchange_output.h"

#include "exchange_accept.h"
#include "exchange_responses.h"
#include "reply.h"
#include "worker_private.h"

#define WHOLE_MAX (256u * 1024 * 1024) /* bytes of an answer */
#define PIECE_MAX ((size_t)64 * 1024)  /* bytes of memory for the next piece of a stream */

/* ---- pieces ---------------------------------------------------------------------------------- */

void exchange_open_chunk(struct exchange *ex)
{
    if (!ex->chunk_open) {
        buf_reserve(&ex->out, ex->worker->piece);
        ex->chunk = http1_chunk_begin(&ex->reply, &ex->out);
    }
    ex->chunk_open = true;
}

void exchange_encode(struct exchange *ex, const struct llm_event *e)
{
    exchange_open_chunk(ex);
    ex->route->dialect->encode(ex->encoder, e, &ex->out);
}

/* The next piece of a stream gets as much memory from the start as this one took in the end. */
static void hand_over(struct exchange *ex)
{
    size_t n = ex->out.n < PIECE_MAX ? ex->out.n : PIECE_MAX;
    if (ex->request.stream)
        ex->worker->piece = n;
    conn_send(ex->conn, &ex->out);
}

void exchange_send(struct exchange *ex)
{
    if (ex->chunk_open)
        http1_chunk_commit(&ex->reply, &ex->out, ex->chunk);
    ex->chunk_open = false;
    if (ex->out.n)
        hand_over(ex);
}

size_t exchange_queued(const struct exchange *ex)
{
    return ex->out.n + (ex->conn ? conn_queued(ex->conn) : 0);
}

void exchange_resume_upstream(struct exchange *ex)
{
    if (ex->facts & FACT_PAUSED && exchange_queued(ex) <= EXCHANGE_LOW && ex->op) {
        ex->facts &= ~(unsigned)FACT_PAUSED;
        upstream_resume(ex->op);
    }
}

/* ---- silence --------------------------------------------------------------------------------- */

void exchange_arm_keepalive(struct exchange *ex)
{
    unsigned ms = config_milliseconds(exchange_keepalive(ex));
    bool wanted = ex->request.stream && ex->route->dialect->keep_alive;
    ex->deadline = wanted && ms ? turn_now(&ex->worker->turn) + ms : 0;
    if (ex->mock_until && (!ex->deadline || ex->mock_until < ex->deadline))
        ex->deadline = ex->mock_until;
}

void exchange_keep_alive(struct exchange *ex)
{
    ex->facts &= ~(unsigned)FACT_TIMER;
    ex->committed = true;
    if (!ex->head_sent)
        reply_stream_begin(ex);
    exchange_open_chunk(ex);
    ex->route->dialect->keep_alive(&ex->out);
    exchange_send(ex);
    exchange_arm_keepalive(ex);
}

/* ---- the whole, and the end ------------------------------------------------------------------ */

void exchange_write_whole(struct exchange *ex)
{
    struct buf body;
    if (ex->fold.response.failure.kind != FAILURE_NONE) {
        ex->failure = ex->fold.response.failure;
        return;
    }
    if (!exchange_accepts(ex))
        return;
    buf_init(&body, WHOLE_MAX);
    ex->route->dialect->encode_whole(&ex->fold.response, &ex->effective, &ex->answer, &body);
    if (reply_answer(ex, buf_slice(&body)))
        exchange_responses_keep(ex, buf_slice(&body));
    buf_fini(&body);
}

/* A stream whose head is out: the error event, if it failed, and the last chunk. */
static void end_stream(struct exchange *ex)
{
    struct failure told = reply_told_failure(ex);
    struct llm_event fail = {.kind = EV_FAIL, .failure = &told};
    bool broken = ex->failure.kind != FAILURE_NONE;
    if (broken && !ex->pass)
        exchange_encode(ex, &fail);
    if (ex->chunk_open)
        http1_chunk_commit(&ex->reply, &ex->out, ex->chunk);
    if (!broken || !ex->pass)
        http1_write_end(&ex->reply, &ex->out);
    else
        ex->reply.keep_alive = false; /* what ends without its end is not taken for whole */
}

void exchange_end_reply(struct exchange *ex)
{
    if (ex->committed) {
        end_stream(ex);
    } else if (ex->failure.kind != FAILURE_NONE) {
        buf_reset(&ex->out); /* a 200 that was prepared but not sent */
        reply_failure(ex);
    }
    hand_over(ex);
    if (ex->own.apart)
        conn_send(ex->conn, &ex->own.body);
    conn_finish(ex->conn, ex->reply.keep_alive);
    ex->conn = NULL;
    ex->head = NULL;
}
