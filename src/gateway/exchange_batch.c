#include "exchange_batch.h"

#include "exchange_call.h"
#include "exchange_credentials.h"
#include "exchange_output.h"
#include "exchange_raw.h"
#include "exchange_route.h"
#include "operation.h"
#include "reply.h"
#include "worker_private.h"

#define ANSWER_MAX (256u * 1024 * 1024) /* bytes for the client */

/* Calls of an operation are not made again, but the next request profits from what one was refused
 * for. */
static void note_error(struct exchange *ex, const struct batch_answer *answer)
{
    reply_keep_upstream_headers(ex, answer->headers);
    exchange_note_refusal(ex, answer->status, answer->headers);
    exchange_sign_again(ex);
}

bool operation_answered(struct exchange *ex, const struct batch_answer *answer)
{
    if (answer->end != UPSTREAM_DONE)
        ex->failure = exchange_call_failure(ex, answer->end, answer->detail);
    else if (answer->status != 200)
        note_error(ex, answer);
    return answer->end == UPSTREAM_DONE;
}

static bool on_call(void *user, size_t i, struct http_call *call)
{
    struct exchange *ex = user;
    if (!operation_of(ex)->call(ex, i, call))
        return false;
    exchange_raw_call(ex, call);
    return true;
}

static bool on_done(void *user, size_t i, const struct batch_answer *answer)
{
    struct exchange *ex = user;
    exchange_raw_answer(ex, answer);
    return operation_of(ex)->done(ex, i, answer);
}

static bool on_piece(void *user, size_t i, const struct batch_answer *answer)
{
    struct exchange *ex = user;
    return operation_of(ex)->piece(ex, i, answer);
}

static void on_over(void *user)
{
    struct exchange *ex = user;
    ex->batch = NULL;
    exchange_deposit(ex, FACT_CALL_OVER);
}

static const struct batch_events whole = {.call = on_call, .done = on_done, .over = on_over};
static const struct batch_events streamed = {
    .call = on_call, .done = on_done, .over = on_over, .piece = on_piece};

/* Each call has its own clocks; this one is of all of them together. */
static void arm(struct exchange *ex)
{
    unsigned ms = config_milliseconds(exchange_timeout(ex));
    ex->deadline = ms ? turn_now(&ex->worker->turn) + ms : 0;
}

static void expire(struct exchange *ex)
{
    exchange_batch_cancel(ex);
    failure_set(&ex->failure, &ex->arena, FAILURE_TIMEOUT, 408,
                "the answer is not complete after %.3g seconds", exchange_timeout(ex));
    ex->failure.upstream = true;
}

static bool start(struct exchange *ex)
{
    const struct operation *o = operation_of(ex);
    struct batch_options options = {.body_max = o->answer_max, .timeouts = exchange_timeouts(ex)};
    exchange_prepare(ex);
    if (!o->plan(ex, &options.count))
        return false;
    if (!options.count)
        return true;
    ex->attempts++;
    exchange_call_sent(ex);
    arm(ex);
    ex->batch = batch_start(ex->worker->upstream, &ex->worker->turn, &options,
                            ex->request.stream && o->piece ? &streamed : &whole, ex);
    return true;
}

struct buf *exchange_batch_open(struct exchange *ex)
{
    if (!ex->head_sent)
        reply_stream_begin(ex);
    if (!ex->first_event)
        ex->first_event = turn_now(&ex->worker->turn);
    ex->committed = true;
    exchange_open_chunk(ex);
    exchange_deposit(ex, FACT_EVENT);
    return &ex->out;
}

void exchange_batch_finish(struct exchange *ex)
{
    struct buf body;
    buf_init(&body, ANSWER_MAX);
    operation_of(ex)->finish(ex, &body);
    if (body.overflow)
        failure_set(&ex->failure, &ex->arena, FAILURE_BAD_GATEWAY, 502,
                    "the answer is larger than %u bytes", ANSWER_MAX);
    else if (ex->request.stream)
        buf_add(exchange_batch_open(ex), buf_slice(&body));
    else
        reply_answer(ex, buf_slice(&body));
    buf_fini(&body);
}

bool exchange_batch(struct exchange *ex)
{
    if (!ex->entered && !start(ex))
        return true;
    if (ex->batch && ex->facts & FACT_TIMER)
        expire(ex);
    if (ex->batch)
        return false;
    if (ex->failure.kind == FAILURE_NONE)
        exchange_batch_finish(ex);
    return true;
}

void exchange_batch_cancel(struct exchange *ex)
{
    if (ex->batch)
        batch_cancel(ex->batch);
    ex->batch = NULL;
}

void exchange_batch_free(struct exchange *ex)
{
    const struct operation *o = ex->operation ? operation_of(ex) : NULL;
    if (o && o->free)
        o->free(ex);
}
