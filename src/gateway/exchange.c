/* The life of a request, in the order it is lived; see exchange.h for the picture.
 *
 * The happy path of a stream: the head comes, the key is right, the body is read and parsed, a
 * deployment is picked, the call is built and sent; each piece of the answer is decoded and encoded
 * into `out` inside upstream's data event and leaves in one write in the same turn; at the end the
 * connection is given back and the exchange waits for the upstream call to end.
 *
 * Failure modes: whatever fails before a byte of the answer was sent becomes an HTTP error in the
 * client's dialect (FLUSH); after that, an error event closes the stream. A client that leaves
 * cancels the call at once. A client that reads slowly pauses the upstream at EXCHANGE_HIGH.
 *
 * The 200 of a stream is held until the answer says something, so that a throttle that arrives as
 * an exception frame is still an honest 429; but not longer than one keep-alive interval, since a
 * proxy in front would give up. */

#include "exchange.h"

#include "ask.h"
#include "auth.h"
#include "exchange_admission.h"
#include "exchange_again.h"
#include "exchange_auth.h"
#include "exchange_batch.h"
#include "exchange_cache.h"
#include "exchange_call.h"
#include "exchange_client.h"
#include "exchange_credentials.h"
#include "exchange_demands.h"
#include "exchange_fetch.h"
#include "exchange_guard.h"
#include "exchange_life.h"
#include "exchange_log.h"
#include "exchange_memory.h"
#include "exchange_observe.h"
#include "exchange_output.h"
#include "exchange_pass.h"
#include "exchange_queue.h"
#include "exchange_request.h"
#include "exchange_responses.h"
#include "exchange_resume.h"
#include "exchange_route.h"
#include "exchange_spend.h"
#include "operation.h"
#include "reply.h"
#include "session.h"
#include "worker_private.h"

#include <time.h>

#define BODY_EAGER (1024 * 1024) /* of a declared length, reserved at once */

const struct sm_state exchange_states[EX_NR] = {
    [EX_HEAD] = {"HEAD", SM_TO(EX_AUTH) | SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_AUTH] = {"AUTH", SM_TO(EX_BODY) | SM_TO(EX_LIMIT) | SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_BODY] = {"BODY", SM_TO(EX_GUARD) | SM_TO(EX_ADMIT) | SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_GUARD] = {"GUARD", SM_TO(EX_ADMIT) | SM_TO(EX_SETTLE)},
    [EX_ADMIT] = {"ADMIT",
                  SM_TO(EX_ANSWER) | SM_TO(EX_LOOKUP) | SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_ANSWER] = {"ANSWER", SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_LOOKUP] = {"LOOKUP", SM_TO(EX_LIMIT) | SM_TO(EX_VET) | SM_TO(EX_RELAY) | SM_TO(EX_FLUSH) |
                                 SM_TO(EX_SETTLE)},
    [EX_LIMIT] = {"LIMIT", SM_TO(EX_ROUTE) | SM_TO(EX_PASS) | SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_ROUTE] = {"ROUTE", SM_TO(EX_PLACE) | SM_TO(EX_AGAIN) | SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_PLACE] = {"PLACE",
                  SM_TO(EX_CREDENTIALS) | SM_TO(EX_ROUTE) | SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_CREDENTIALS] = {"CREDENTIALS", SM_TO(EX_FETCH) | SM_TO(EX_BATCH) | SM_TO(EX_AGAIN) |
                                           SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_FETCH] = {"FETCH", SM_TO(EX_RECALL) | SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_RECALL] = {"RECALL", SM_TO(EX_CALL) | SM_TO(EX_SETTLE)},
    [EX_AGAIN] = {"AGAIN", SM_TO(EX_ROUTE) | SM_TO(EX_SETTLE)},
    [EX_CALL] = {"CALL", SM_TO(EX_VET) | SM_TO(EX_RELAY) | SM_TO(EX_AGAIN) | SM_TO(EX_FLUSH) |
                             SM_TO(EX_SETTLE)},
    [EX_VET] = {"VET", SM_TO(EX_RELAY) | SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_PASS] = {"PASS", SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_RELAY] = {"RELAY", SM_TO(EX_VET) | SM_TO(EX_AGAIN) | SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_BATCH] = {"BATCH", SM_TO(EX_AGAIN) | SM_TO(EX_FLUSH) | SM_TO(EX_SETTLE)},
    [EX_FLUSH] = {"FLUSH", SM_TO(EX_SETTLE)},
    [EX_SETTLE] = {"SETTLE", SM_TO(EX_DONE)},
    [EX_DONE] = {"DONE", 0},
};

static bool invariant(const struct sm *sm)
{
    const struct exchange *ex = LIST_ENTRY(sm, struct exchange, sm);
    switch ((enum exchange_state)sm->state) {
    case EX_RELAY: return ex->head_sent && ex->request.stream && ex->conn;
    case EX_SETTLE: return !ex->conn;
    case EX_DONE:
        return !ex->conn && !ex->op && !ex->credentials_wait.item && !ex->recall.waiting &&
               !ex->fetch && !ex->batch && !ex->caller_hold.held && !ex->place_hold.held &&
               !ex->own.ready && (!ex->responses || !ex->responses->asking) && !ex->cache.asking &&
               !ex->cache.seat.flight && !ex->rows_wait.item &&
               ex->admission.state == ADMISSION_OUT;
    case EX_HEAD:
    case EX_AUTH:
    case EX_BODY:
    case EX_GUARD:
    case EX_ANSWER:
    case EX_ADMIT: return !ex->op && !ex->head_sent;
    case EX_LOOKUP:
    case EX_LIMIT: return !ex->op && (!ex->head_sent || ex->committed);
    case EX_PLACE: return !ex->op && ex->deployment;
    case EX_ROUTE:
    case EX_CREDENTIALS:
    case EX_FETCH:
    case EX_AGAIN: return !ex->op && (!ex->head_sent || ex->committed);
    case EX_RECALL: return !ex->op && (!ex->head_sent || ex->committed) && !ex->fetch;
    case EX_CALL: return !ex->recall.waiting;
    case EX_VET: return ex->guard && ex->conn;
    case EX_PASS: return ex->pass && ex->conn;
    case EX_BATCH: return !ex->op && (!ex->head_sent || ex->committed) && operation_of(ex);
    case EX_FLUSH: return !ex->fetch && !ex->batch;
    }
    return false;
}

/* ---- HEAD, AUTH ---------------------------------------------------------------------------- */

static int step_head(struct exchange *ex)
{
    if (ex->config->admission.in_flight && !exchange_admission(ex))
        return EX_SUSPEND;
    return ex->failure.kind == FAILURE_NONE ? EX_AUTH : EX_FLUSH;
}

/* In the shape and the words of FastAPI, which answers these in LiteLLM. */
static void refuse_route(struct exchange *ex, const struct route_result *r)
{
    struct slice shorter = routes_without_slash(ex->head->path);
    if (r->match == ROUTE_NO_PATH && shorter.n) {
        reply_redirect(ex, shorter);
        return;
    }
    ex->allow = r->allow;
    if (r->match == ROUTE_NO_PATH)
        failure_set(&ex->failure, &ex->arena, FAILURE_NOT_FOUND, 404, "no such path: %.*s",
                    SLICE_ARG(ex->head->path));
    else
        failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 405, "%.*s is not for %.*s",
                    SLICE_ARG(ex->head->path), SLICE_ARG(ex->head->method));
    ex->detail = slice_of(http1_status_text(ex->failure.status));
}

static bool body_is_too_large(struct exchange *ex)
{
    if (ex->head->content_length <= (int64_t)ex->body.cap && !ex->body.overflow)
        return false;
    failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 413,
                "the request body is larger than max_request_size_mb (%lld MB)",
                (long long)ex->config->settings.max_request_size_mb);
    ex->reply.keep_alive = false;
    return true;
}

static bool needs_key(struct exchange *ex)
{
    if (ex->config->access.public_routes.n && exchange_is_public(ex))
        return false;
    if (!ex->route->open)
        return true;
    return ex->route->knows_keys &&
           (auth_key(ex->config, ex->head).n || session_cookie(ex->head).n);
}

static int step_auth(struct exchange *ex)
{
    struct route_result r = routes_find(ex->head->method, ex->head->path);
    if (r.match != ROUTE_FOUND && ex->config->passes.n)
        exchange_pass_find(ex, &r);
    if (slice_eq(ex->head->method, SLICE("OPTIONS")) && r.match == ROUTE_NO_METHOD) {
        reply_preflight(ex);
        return EX_FLUSH;
    }
    if (r.match != ROUTE_FOUND) {
        refuse_route(ex, &r);
        return EX_FLUSH;
    }
    ex->route = r.route;
    ex->route_model = r.model;
    ex->route_item = r.item;
    ex->route_second = r.second;
    if (ex->config->access.guards && !exchange_client_may(ex))
        return EX_FLUSH;
    if (needs_key(ex) && !exchange_auth(ex))
        return EX_SUSPEND;
    if (ex->failure.kind != FAILURE_NONE)
        return EX_FLUSH;
    if (body_is_too_large(ex))
        return EX_FLUSH;
    if (ex->pass)
        exchange_pass_begin(ex);
    return ex->pass ? EX_LIMIT : EX_BODY;
}

/* ---- BODY, ADMIT --------------------------------------------------------------------------- */

static void reserve_body(struct exchange *ex)
{
    int64_t declared = ex->head->content_length;
    size_t room = (size_t)(declared < BODY_EAGER ? declared : BODY_EAGER) + JSON_PADDING;
    if (declared > 0)
        buf_reserve(&ex->body, room < ex->body.cap ? room : ex->body.cap);
}

static int step_body(struct exchange *ex)
{
    if (!ex->entered) {
        reserve_body(ex);
        conn_read_body(ex->conn);
    }
    if (ex->facts & FACT_BODY_BAD) {
        ex->reply.keep_alive = false;
        return EX_FLUSH;
    }
    if (body_is_too_large(ex))
        return EX_FLUSH;
    if (!(ex->facts & FACT_BODY_END))
        return EX_SUSPEND;
    return exchange_guard_wanted(ex) ? EX_GUARD : EX_ADMIT;
}

struct slice exchange_answer_id(struct exchange *ex, struct slice id)
{
    return ARENA_JOIN(&ex->arena, SLICE("chatcmpl-"), id);
}

static void begin_answer(struct exchange *ex)
{
    exchange_name_model(ex);
    ex->answer = (struct dialect_answer){
        .id = exchange_answer_id(ex, slice_of(ex->id)),
        .uuid = slice_of(ex->id),
        .created = time(NULL),
    };
}

static int step_guard(struct exchange *ex)
{
    return exchange_guard_request(ex) ? EX_ADMIT : EX_SUSPEND;
}

static int step_admit(struct exchange *ex)
{
    if (ex->route->handle)
        return EX_ANSWER;
    if (!exchange_responses_read(ex))
        return EX_SUSPEND;
    bool read = ex->failure.kind == FAILURE_NONE && exchange_read_request(ex);
    exchange_auth_request(ex);
    exchange_spend_begin(ex);
    exchange_observe_begin(ex);
    if (!read || !exchange_demands_met(ex) || !exchange_guard_admits(ex))
        return EX_FLUSH;
    ex->request.include_usage =
        ex->request.include_usage || ex->config->settings.always_include_stream_usage;
    ex->request.drop_params = ex->request.drop_params || ex->config->settings.drop_params;
    if (!ex->config->settings.mock_testing)
        ex->request.routing.mock = LLM_MOCK_NONE;
    return EX_LOOKUP;
}

static int step_limit(struct exchange *ex)
{
    if (!exchange_limit(ex))
        return EX_SUSPEND;
    return ex->failure.kind != FAILURE_NONE ? EX_FLUSH : ex->pass ? EX_PASS : EX_ROUTE;
}

static int step_answer(struct exchange *ex)
{
    if (!ask_step(ex))
        return EX_SUSPEND;
    if (ex->failure.kind == FAILURE_NONE)
        reply_own(ex);
    return EX_FLUSH;
}

/* ---- ROUTE, PLACE, FETCH, RECALL, CALL ----------------------------------------------------- */

/* An answer of another group says so: streams by its name, whole answers by the model's id, as
 * LiteLLM does. */
static struct slice answering_model(const struct exchange *ex)
{
    if (!ex->reroute.fallbacks)
        return ex->asked_model;
    return ex->request.stream ? ex->reroute.group : ex->model_id;
}

static int step_route(struct exchange *ex)
{
    if (!ex->routed) {
        ex->routed = true;
        reroute_begin(&ex->reroute, ex->config, &ex->request, ex->request.model, &ex->arena);
        if (ex->config->access.checks_fallbacks && !ex->caller.master)
            ex->reroute.caller = &ex->caller;
        ex->failure = reroute_mocked(&ex->reroute, &ex->arena);
    }
    if (ex->failure.kind == FAILURE_NONE && exchange_pick(ex, ex->reroute.group)) {
        exchange_call_begun(ex);
        exchange_queue_leave(ex);
        if (!ex->resuming.count) /* a stream keeps its name */
            ex->answer.model = answering_model(ex);
        return EX_PLACE;
    }
    if (ex->busy && exchange_queue_wait(ex)) {
        exchange_place_begin(ex);
        return EX_SUSPEND;
    }
    exchange_queue_leave(ex);
    if (ex->failure.kind == FAILURE_BAD_REQUEST && !ex->reroute.fallbacks)
        return EX_FLUSH; /* no such model */
    if (!ex->deployment && ex->last_failure.kind != FAILURE_NONE)
        ex->failure =
            ex->last_failure; /* a group that is none, or rests: what really failed counts */
    if (exchange_try_again(ex))
        return EX_AGAIN;
    exchange_resume_give_up(ex);
    return EX_FLUSH;
}

static int step_place(struct exchange *ex)
{
    bool granted;
    if (!exchange_place(ex, &granted))
        return EX_SUSPEND;
    if (ex->failure.kind != FAILURE_NONE)
        return EX_FLUSH;
    if (!granted)
        return EX_ROUTE;
    return EX_CREDENTIALS;
}

static int step_credentials(struct exchange *ex)
{
    if (!exchange_credentials(ex))
        return EX_SUSPEND;
    if (ex->failure.kind == FAILURE_NONE)
        return operation_of(ex) ? EX_BATCH : EX_FETCH;
    return exchange_try_again(ex) ? EX_AGAIN : EX_FLUSH;
}

static int step_fetch(struct exchange *ex)
{
    if (!exchange_fetch(ex))
        return EX_SUSPEND;
    return ex->failure.kind == FAILURE_NONE ? EX_RECALL : EX_FLUSH;
}

static int step_again(struct exchange *ex)
{
    exchange_place_begin(ex);
    ex->queue_until = 0;
    return exchange_again(ex) ? EX_ROUTE : EX_SUSPEND;
}

static int step_recall(struct exchange *ex)
{
    return exchange_recall(ex) ? EX_CALL : EX_SUSPEND;
}

static int step_batch(struct exchange *ex)
{
    if (!exchange_batch(ex)) {
        if (ex->committed)
            exchange_send(ex);
        return EX_SUSPEND;
    }
    return ex->call_sent && !ex->committed && exchange_try_again(ex) ? EX_AGAIN : EX_FLUSH;
}

static int finish_whole(struct exchange *ex)
{
    exchange_write_whole(ex);
    return EX_FLUSH;
}

/* The answer is complete, and not given. */
static int finish_answer(struct exchange *ex)
{
    return exchange_guard_must_vet(ex) ? EX_VET : finish_whole(ex);
}

static int step_vet(struct exchange *ex)
{
    if (!exchange_guard_vet(ex))
        return EX_SUSPEND;
    if (ex->facts & FACT_FAILED)
        return EX_FLUSH;
    return ex->request.stream ? EX_RELAY : finish_whole(ex);
}

/* A client that waits for somebody else's answer is kept awake as if it were its own. */
static int step_lookup(struct exchange *ex)
{
    if (!ex->entered)
        begin_answer(ex);
    enum lookup found = exchange_lookup(ex);
    if (found == LOOKUP_WAITS && !ex->entered)
        exchange_arm_keepalive(ex);
    else if (found == LOOKUP_WAITS && ex->facts & FACT_TIMER)
        exchange_keep_alive(ex);
    if (found == LOOKUP_WAITS)
        return EX_SUSPEND;
    ex->deadline = 0;
    ex->facts &= ~(unsigned)FACT_TIMER;
    if (found == LOOKUP_MISSES)
        return EX_LIMIT;
    if (found == LOOKUP_STREAMS && !ex->head_sent)
        reply_stream_begin(ex);
    if (found == LOOKUP_STREAMS)
        return EX_RELAY;
    if (found == LOOKUP_ANSWERS && operation_of(ex))
        exchange_batch_finish(ex);
    return found == LOOKUP_ANSWERS && !operation_of(ex) ? finish_answer(ex) : EX_FLUSH;
}

static int step_call(struct exchange *ex)
{
    if (!ex->entered) {
        if (!exchange_start_call(ex))
            return exchange_resume_elsewhere(ex) ? EX_AGAIN : EX_FLUSH;
        exchange_arm_keepalive(ex);
    }
    if (ex->facts & FACT_TIMER && exchange_mock_expired(ex))
        return exchange_try_again(ex) ? EX_AGAIN : EX_FLUSH;
    if (ex->facts & FACT_VET)
        return EX_VET;
    if (ex->request.stream && ex->facts & FACT_EVENT)
        return EX_RELAY;
    if (ex->facts & FACT_FAILED)
        return exchange_try_again(ex) ? EX_AGAIN : EX_FLUSH;
    if (ex->facts & FACT_COMPLETE)
        return finish_answer(ex);
    if (ex->facts & FACT_TIMER)
        exchange_keep_alive(ex);
    return EX_SUSPEND;
}

/* ---- RELAY --------------------------------------------------------------------------------- */

static void commit(struct exchange *ex)
{
    ex->committed = true;
    if (ex->op && upstream_uploaded(ex->op))
        buf_fini(&ex->upstream_body);
    if (!ex->first_event)
        ex->first_event = turn_now(&ex->worker->turn);
    tracked_spoke(&ex->call);
}

static int step_relay(struct exchange *ex)
{
    if (!ex->entered)
        commit(ex);
    exchange_replay(ex);
    if (ex->facts & FACT_VET)
        return EX_VET;
    if (!ex->released && !exchange_may_resume(ex))
        exchange_release_prompt(ex);
    if (ex->facts & FACT_FAILED && exchange_resume(ex)) {
        exchange_send(ex);
        return EX_AGAIN;
    }
    if (ex->facts & (FACT_COMPLETE | FACT_FAILED))
        return EX_FLUSH;
    if (ex->facts & FACT_TIMER)
        exchange_keep_alive(ex);
    else if (ex->facts & FACT_EVENT)
        exchange_arm_keepalive(ex);
    ex->facts &= ~(unsigned)(FACT_EVENT | FACT_ROOM);
    exchange_send(ex);
    exchange_resume_upstream(ex);
    return EX_SUSPEND;
}

static int step_pass(struct exchange *ex)
{
    if (exchange_pass(ex))
        return EX_FLUSH;
    exchange_send(ex);
    exchange_resume_upstream(ex);
    return EX_SUSPEND;
}

/* ---- FLUSH, SETTLE, DONE ------------------------------------------------------------------- */

static int step_flush(struct exchange *ex)
{
    bool complete = ex->facts & FACT_COMPLETE;
    if (complete && !ex->entered)
        exchange_keep(ex);
    if (complete && !ex->entered && ex->encoder && ex->route->dialect->kept)
        exchange_responses_keep(ex, ex->route->dialect->kept(ex->encoder));
    if (!exchange_responses_kept(ex))
        return EX_SUSPEND;
    exchange_end_reply(ex);
    return EX_SETTLE;
}

/* The upstream's last bytes may still be on their way; a short wait lets its connection be used
 * again. A client that left is not worth waiting for. */
static int step_settle(struct exchange *ex)
{
    if (!ex->settled && exchange_cache_goes_on(ex))
        return EX_SUSPEND;
    if (!ex->settled) {
        ex->settled = true;
        if (ex->facts & FACT_GONE)
            ex->status = STATUS_CLIENT_GONE;
        exchange_estimate_usage(ex);
        if (ex->admission.state != ADMISSION_OUT)
            exchange_admission_leave(ex);
        exchange_queue_leave(ex);
        exchange_call_ended(ex);
        exchange_log(ex);
        exchange_spend_end(ex);
        exchange_budget_end(ex);
        exchange_observe_end(ex);
        ex->deadline = turn_now(&ex->worker->turn) + SETTLE_GRACE_MS;
        ex->facts &= ~(unsigned)FACT_TIMER;
        exchange_cache_end(ex);
        exchange_auth_cancel(ex);
        memory_recall_cancel(&ex->recall);
        exchange_responses_cancel(ex);
        exchange_credentials_cancel(ex);
        exchange_fetch_cancel(ex);
        exchange_guard_cancel(ex);
        exchange_batch_cancel(ex);
        ask_end(ex);
    }
    exchange_resume_upstream(ex);
    if (ex->op && ex->facts & (FACT_TIMER | FACT_GONE | FACT_FAILED)) {
        upstream_cancel(ex->op);
        ex->op = NULL;
    }
    return !exchange_limits_settle(ex) || ex->op ? EX_SUSPEND : EX_DONE;
}

/* ---- the mover ----------------------------------------------------------------------------- */

static int (*const steps[EX_NR])(struct exchange *ex) = {
    [EX_ANSWER] = step_answer, [EX_HEAD] = step_head,     [EX_GUARD] = step_guard,
    [EX_VET] = step_vet,       [EX_AUTH] = step_auth,     [EX_BODY] = step_body,
    [EX_ADMIT] = step_admit,   [EX_LOOKUP] = step_lookup, [EX_LIMIT] = step_limit,
    [EX_ROUTE] = step_route,   [EX_PLACE] = step_place,   [EX_CREDENTIALS] = step_credentials,
    [EX_FETCH] = step_fetch,   [EX_RECALL] = step_recall, [EX_CALL] = step_call,
    [EX_AGAIN] = step_again,   [EX_RELAY] = step_relay,   [EX_PASS] = step_pass,
    [EX_BATCH] = step_batch,   [EX_FLUSH] = step_flush,   [EX_SETTLE] = step_settle,
};

static int next_state(struct exchange *ex)
{
    int next;
    if (ex->facts & FACT_GONE && ex->sm.state < EX_SETTLE)
        return EX_SETTLE;
    next = steps[ex->sm.state](ex);
    ex->entered = true;
    return next;
}

static void exchange_step(struct turn_item *item)
{
    struct exchange *ex = LIST_ENTRY(item, struct exchange, item);
    struct worker *w = ex->worker;
    for (int next; (next = next_state(ex)) != EX_SUSPEND;) {
        ex->spent[ex->sm.state] += turn_now(&w->turn) - ex->times[ex->sm.state];
        sm_move(&ex->sm, next);
        ex->entered = false;
        ex->times[next] = turn_now(&w->turn);
        if (next == EX_DONE) {
            worker_exchange_ended(w, &ex->link);
            turn_unmark(&ex->item);
            turn_bury(&w->turn, &ex->grave, exchange_release);
            return;
        }
    }
}

void exchange_begin(struct exchange *ex)
{
    struct worker *w = ex->worker;
    sm_init(&ex->sm, exchange_states, invariant, EX_HEAD);
    ex->times[EX_HEAD] = turn_now(&w->turn);
    turn_item_init(&ex->item, exchange_step);
    worker_exchange_began(w, &ex->link);
    exchange_deposit(ex, 0);
}
