/* One call of a model for an exchange: the request as its deployment gets it, the call itself, and
 * its answer, event by event, into the client's dialect.
 *
 * The happy path of a stream: each piece of the answer is decoded and encoded into `out` inside
 * upstream's data event. A mocked request is answered here too, without a call.
 *
 * Failure modes: what cannot be built, a call that breaks, an answer that says it failed: each is
 * deposited as a failure, and exchange.c decides. A client that reads slowly pauses the upstream at
 * EXCHANGE_HIGH. */

#include "exchange_call.h"

#include "clientside.h"
#include "exchange_cache.h"
#include "exchange_credentials.h"
#include "exchange_guard.h"
#include "exchange_learn.h"
#include "exchange_observe.h"
#include "exchange_output.h"
#include "exchange_raw.h"
#include "exchange_request.h"
#include "exchange_resume.h"
#include "exchange_route.h"
#include "llm/mock.h"
#include "reply.h"
#include "request_headers.h"
#include "request_metadata.h"
#include "worker_private.h"

#include <string.h>

#define BODY_FRAMING 512

/* ---- the answer ---------------------------------------------------------------------------- */

void exchange_price(struct exchange *ex, const struct llm_usage *usage, double input)
{
    ex->usage = *usage;
    ex->cost = model_cost(ex->model, usage, slice_of(ex->service_tier));
    ex->cost.input += input;
    ex->cost.total += input;
    exchange_resume_add_spent(ex);
    ex->usage.has_cost =
        ex->model->has_prices && ex->cost.total > 0 && ex->config->settings.include_cost;
    ex->usage.cost = ex->cost.total;
}

/* The tier that really served: it has its prices. */
static void note_tier(struct exchange *ex, const struct llm_event *e)
{
    struct slice tier = json_slice(e->json);
    if (!slice_eq(e->name, SLICE("service_tier")) || tier.n >= sizeof(ex->service_tier))
        return;
    memcpy(ex->service_tier, tier.p, tier.n);
    ex->service_tier[tier.n] = '\0';
}

unsigned exchange_hand_on(struct exchange *ex, const struct llm_event *e)
{
    exchange_observe_event(ex, e);
    if (!ex->request.stream)
        llm_fold_event(&ex->fold, e);
    else if (ex->conn)
        exchange_encode(ex, e);
    bool news = e->kind != EV_START || ex->route->dialect->starts_at_once;
    return (news ? FACT_EVENT : 0) | (e->kind == EV_END ? FACT_COMPLETE : 0);
}

unsigned exchange_give(struct exchange *ex, const struct llm_event *e)
{
    unsigned facts;
    thinking_capture(&ex->thinking, e);
    if (ex->guard && exchange_guard_take(ex, e, &facts))
        return facts;
    return exchange_hand_on(ex, e);
}

/* One neutral event of the answer. Pure work only: this runs inside curl's callback. */
static void on_event(void *user, const struct llm_event *event)
{
    struct exchange *ex = user;
    struct llm_event priced = *event;
    const struct llm_event *e = &priced;
    if (e->kind == EV_FAIL) {
        if (!exchange_guard_refused(ex))
            ex->failure = *e->failure;
        exchange_deposit(ex, FACT_FAILED);
        return;
    }
    exchange_cache_event(ex, e);
    if (e->kind == EV_NOTE)
        note_tier(ex, e);
    if (e->kind == EV_USAGE) {
        exchange_price(ex, e->usage, 0);
        priced.usage = &ex->usage;
    }
    bool says = e->kind == EV_TEXT || e->kind == EV_REASONING || e->kind == EV_TOOL_ARGS;
    if (says && ex->request.stream)
        llm_estimate_add(&ex->answered, e->text);
    exchange_deposit(ex, exchange_give(ex, e));
}

static void on_upstream_head(void *user, int status, struct http_headers headers)
{
    struct exchange *ex = user;
    exchange_raw_head(ex, status, headers);
    reply_keep_upstream_headers(ex, headers);
    exchange_note_refusal(ex, status, headers);
    ex->undo = plan_undo(&ex->plan, exchange_sink(ex), &ex->arena);
    ex->decoder = ex->provider->decoder(&ex->attempt, status, headers, ex->undo);
    if (status == 200 && ex->request.stream && ex->conn && !ex->head_sent)
        reply_stream_begin(ex);
}

static bool on_upstream_data(void *user, struct slice bytes)
{
    struct exchange *ex = user;
    if (ex->conn && exchange_queued(ex) >= EXCHANGE_HIGH) {
        ex->facts |= FACT_PAUSED;
        return false;
    }
    if (ex->raw)
        exchange_raw_data(ex, bytes);
    ex->provider->feed(ex->decoder, bytes);
    return true;
}

static void on_upstream_end(void *user, enum upstream_end end, const char *detail)
{
    struct exchange *ex = user;
    ex->op = NULL;
    exchange_raw_end(ex);
    if (end == UPSTREAM_DONE && ex->decoder)
        ex->provider->finish(ex->decoder);
    else if (!(ex->facts & (FACT_COMPLETE | FACT_FAILED))) {
        ex->failure = exchange_call_failure(ex, end, detail);
        ex->facts |= FACT_FAILED;
    }
    exchange_deposit(ex, FACT_CALL_OVER);
}

static const struct upstream_events upstream_events = {
    .head = on_upstream_head,
    .data = on_upstream_data,
    .end = on_upstream_end,
};

/* A stream was counted as it came, a whole answer is there still. */
static int64_t estimated_output(const struct exchange *ex)
{
    int64_t n = llm_estimate_sum(&ex->answered);
    for (const struct llm_part *p = ex->fold.response.parts; p; p = p->next)
        n += llm_estimate_text(buf_slice(&p->text));
    return n;
}

/* Input: what was sent, by its size (the prompt itself is gone by then). A call that failed before
 * it answered is not charged. */
void exchange_estimate_usage(struct exchange *ex)
{
    struct llm_usage u = {.estimated = true};
    bool answered = ex->answered.bytes || ex->fold.bytes || ex->facts & FACT_GONE;
    if (!ex->attempts || ex->pass || llm_usage_prompt(&ex->usage) || ex->usage.output)
        return;
    if (!answered && !ex->resuming.count)
        return;
    u.input = answered ? (int64_t)(ex->call_bytes / BYTES_PER_TOKEN) : 0;
    u.output = estimated_output(ex);
    exchange_price(ex, &u, 0);
}

/* ---- the call ------------------------------------------------------------------------------ */

/* Translation adds framing and escapes: one allocation for most bodies. */
static void reserve_upstream_body(struct exchange *ex)
{
    size_t expected = ex->body.n + ex->body.n / 8 + BODY_FRAMING;
    ex->upstream_body.cap = ex->provider->body_max;
    if (expected <= ex->upstream_body.cap)
        buf_reserve(&ex->upstream_body, expected);
}

static void drop_listed(struct exchange *ex, yyjson_val *names)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(names);
    while ((item = yyjson_arr_iter_next(&it)))
        llm_request_drop(&ex->effective, json_slice(item), &ex->prompt);
}

static void prepare_attempt(struct exchange *ex)
{
    ex->attempt = (struct provider_attempt){
        .deployment = clientside_deployment(ex),
        .model_id = ex->model_id,
        .model = ex->model,
        .api = ex->provider->api,
        .request = &ex->effective,
        .plan = &ex->plan,
        .now = credentials_now(ex->worker->credentials),
        .credentials = &ex->credentials,
        .arena = &ex->arena,
        .prompt = &ex->prompt,
        .traceparent = exchange_observe_traceparent(ex),
        .body = &ex->upstream_body,
    };
    reserve_upstream_body(ex);
}

void exchange_form(struct exchange *ex)
{
    const struct deployment *d = ex->deployment;
    ex->effective = ex->request;
    if (d && d->preset)
        llm_request_preset(&ex->effective, d->preset, &ex->prompt);
    if (clientside_redirects(ex))
        ex->effective.headers = ex->request.headers; /* the deployment's may hold secrets */
    llm_request_begin_system(&ex->effective, &ex->prompt);
    if (d)
        drop_listed(ex, d->drop_list);
    drop_listed(ex, ex->request.drop_list);
    if (ex->config->request_metadata)
        request_metadata_set(&ex->effective, ex->config->request_metadata, &ex->caller,
                             &ex->prompt);
    exchange_leave_out(ex);
    if (ex->resuming.count)
        exchange_resume_prepare(ex);
    if (ex->request.stream && !ex->encoder)
        ex->encoder = ex->route->dialect->encoder(&ex->arena, &ex->effective, &ex->answer);
}

/* Not in exchange_form: kept answers are the same whatever clients' heads say. */
static void hand_headers_on(struct exchange *ex)
{
    if (ex->head && request_headers_wanted(ex->config, ex->asked_model, ex->request.model))
        request_headers_add(&ex->effective, ex->config, ex->head->headers, &ex->caller,
                            ex->head->path, &ex->prompt);
    if (ex->deployment && ex->deployment->routing->session_header.n)
        request_headers_put(&ex->effective, ex->deployment->routing->session_header,
                            exchange_session(ex), &ex->prompt);
}

void exchange_prepare(struct exchange *ex)
{
    exchange_form(ex);
    hand_headers_on(ex);
    prepare_attempt(ex);
}

static void count_repairs(struct exchange *ex)
{
    for (unsigned i = 0; i < REPAIR_COUNT; i++)
        ex->worker->repairs[i] += ex->plan.repairs >> i & 1;
}

static void answer_mocked(struct exchange *ex)
{
    if (ex->request.stream && !ex->head_sent)
        reply_stream_begin(ex);
    llm_mock(&ex->effective, &ex->arena, &ex->sink);
}

/* mock_timeout: true stands for the timeout that holds, which a number only shortens. */
static void mock_silence(struct exchange *ex)
{
    double seconds = exchange_timeout(ex), wanted = ex->effective.mock_timeout;
    if (wanted > 1 && wanted < seconds)
        seconds = wanted;
    ex->mock_until = turn_now(&ex->worker->turn) + config_milliseconds(seconds);
}

/* mock_delay, at most as long as an answer may take. */
static void mock_pause(struct exchange *ex)
{
    double seconds = ex->effective.mock_delay, most = exchange_timeout(ex);
    if (most > 0 && seconds > most)
        seconds = most;
    ex->mock_until = turn_now(&ex->worker->turn) + config_milliseconds(seconds);
}

static bool mock(struct exchange *ex)
{
    if (ex->effective.mock_timeout > 0)
        mock_silence(ex);
    else if (!ex->effective.mock_response)
        return false;
    else if (ex->effective.mock_delay > 0)
        mock_pause(ex);
    else
        answer_mocked(ex);
    exchange_deposit(ex, FACT_CALL_OVER);
    return true;
}

bool exchange_mock_expired(struct exchange *ex)
{
    if (!ex->mock_until || turn_now(&ex->worker->turn) < ex->mock_until)
        return false;
    ex->mock_until = 0;
    if (!(ex->effective.mock_timeout > 0)) {
        ex->facts &= ~(unsigned)FACT_TIMER;
        answer_mocked(ex);
        return false;
    }
    failure_set(&ex->failure, &ex->arena, FAILURE_TIMEOUT, 408,
                "a mocked timeout: the model said nothing for %.3g seconds", exchange_timeout(ex));
    ex->failure.upstream = true;
    return true;
}

bool exchange_find_model(struct exchange *ex)
{
    exchange_name_model(ex);
    return exchange_pick(ex, ex->request.model);
}

bool exchange_build_call(struct exchange *ex, struct http_call *call)
{
    exchange_prepare(ex);
    return ex->provider->build(&ex->attempt, call, &ex->failure);
}

bool exchange_start_call(struct exchange *ex)
{
    struct http_call call;
    struct upstream_timeouts timeouts = exchange_timeouts(ex);
    ex->sink = (struct llm_sink){on_event, ex};
    exchange_resume_begin(ex);
    exchange_prepare(ex);
    if (mock(ex))
        return true;
    if (!ex->provider->build(&ex->attempt, &call, &ex->failure) || !exchange_resume_fits(ex))
        return false;
    count_repairs(ex);
    ex->attempts++;
    ex->call_bytes = call.body.n;
    exchange_call_sent(ex);
    exchange_raw_call(ex, &call);
    ex->op = upstream_start(ex->worker->upstream, &call, &timeouts, &upstream_events, ex);
    return true;
}
