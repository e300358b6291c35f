#include "exchange_again.h"

#include "base/log.h"
#include "exchange_cache.h"
#include "exchange_credentials.h"
#include "exchange_guard.h"
#include "exchange_learn.h"
#include "exchange_log.h"
#include "exchange_memory.h"
#include "exchange_resume.h"
#include "exchange_route.h"
#include "operation.h"
#include "worker_private.h"

#define FALLBACK_ERRORS_MAX 2048 /* bytes of one, and of all before the last */

/* One line an attempt, for those who look into a request. */
static void log_attempt(const struct exchange *ex, const struct reroute_step *step)
{
    static const char *const words[] = {[REROUTE_GIVE_UP] = "gives up",
                                        [REROUTE_RETRY] = "retries",
                                        [REROUTE_FALLBACK] = "falls back"};
    struct slice why = exchange_log_failure(ex, &ex->failure);
    log_debug("%s attempt %u of group %.*s at %s failed (%d %.*s) and %s, group %.*s, wait %lld ms",
              ex->id, ex->attempts, SLICE_ARG(ex->model_group),
              ex->deployment ? ex->deployment->id : "-", ex->failure.status, SLICE_ARG(why),
              words[step->kind], SLICE_ARG(ex->reroute.group), (long long)step->wait_ms);
}

static void forget_answer(struct exchange *ex)
{
    if (ex->op)
        upstream_cancel(ex->op);
    ex->op = NULL;
    if (ex->decoder)
        ex->provider->fini(ex->decoder);
    ex->decoder = NULL;
    plan_undo_free(ex->undo, exchange_sink(ex));
    ex->undo = NULL;
    llm_fold_fini(&ex->fold);
    llm_fold_init(&ex->fold, &ex->arena);
    ex->plan = (struct plan){0};
    if (!ex->resuming.count)
        ex->encoder = NULL;
    ex->answered = (struct llm_estimate){0};
    ex->usage = (struct llm_usage){0};
    ex->cost = (struct model_cost){0};
    ex->upstream_headers = (struct http_headers){0};
}

/* As if it had not been. A 200 that left with a keep-alive stays, and with it the stream. */
static void forget_attempt(struct exchange *ex)
{
    forget_answer(ex);
    exchange_cache_again(ex);
    exchange_guard_again(ex);
    exchange_forget_thinking(ex);
    ex->failure = (struct failure){0};
    ex->refusal = REFUSED_OTHERWISE;
    ex->facts &= FACT_BODY_END | FACT_ROOM | FACT_GONE;
    ex->mock_until = 0;
    if (ex->committed)
        return;
    buf_reset(&ex->out);
    ex->head_sent = false;
    ex->chunk_open = false;
}

static bool has_others(const struct exchange *ex)
{
    const struct deployment *d = ex->deployment;
    return d && d->routing->pool->count > ex->reroute.retries + 1;
}

/* As if this attempt had not been: the same deployment may be called, at once. */
static void take_back(struct exchange *ex)
{
    exchange_call_ended(ex);
    ex->tried_count -= ex->tried_count > 0;
    forget_attempt(ex);
    ex->wait_ms = 0;
}

/* The refusal was ours: it does not count, and the same deployment may be called. */
static bool sign_again(struct exchange *ex)
{
    if (!exchange_sign_again(ex))
        return false;
    ex->call_sent = false;
    take_back(ex);
    return true;
}

/* What the model does not take is left out now: the same deployment may be called. */
static bool ask_without(struct exchange *ex)
{
    if (operation_of(ex) || !exchange_learn(ex))
        return false;
    struct slice why = exchange_log_failure(ex, &ex->failure);
    log_info("%s %.*s: left out from now on", ex->id, SLICE_ARG(why));
    take_back(ex);
    return true;
}

/* expose_fallback_errors_to_caller: for a header of the answer. */
static void tell_failure(struct exchange *ex)
{
    const struct failure *f = &ex->failure;
    struct buf b;
    struct json_writer w;
    char digits[SLICE_DIGITS];
    if (!ex->config->settings.fallback_errors || !ex->request.routing.tell_errors ||
        ex->fallback_errors.n > FALLBACK_ERRORS_MAX)
        return;
    buf_init(&b, FALLBACK_ERRORS_MAX);
    json_begin(&w, &b);
    json_object(&w);
    json_member_string(&w, "message",
                       ARENA_JOIN(&ex->arena, SLICE("litellm."), slice_of(failure_class(f)),
                                  SLICE(": "), f->message));
    json_member_string(&w, "type", slice_of(failure_class(f)));
    json_key(&w, "param"), json_null(&w);
    json_member_string(&w, "code", slice_digits(f->status, digits));
    json_object_end(&w);
    if (!b.overflow)
        ex->fallback_errors =
            ARENA_JOIN(&ex->arena, ex->fallback_errors,
                       ex->fallback_errors.n ? SLICE(",") : SLICE("["), buf_slice(&b));
    buf_fini(&b);
}

bool exchange_try_again(struct exchange *ex)
{
    uint32_t random;
    const struct operation *o = operation_of(ex);
    if (ex->failure.kind == FAILURE_NONE || (o && !o->again) || exchange_guard_refused(ex))
        return false;
    if (sign_again(ex) || ask_without(ex))
        return true;
    exchange_call_ended(ex);
    random_bytes(&random, sizeof(random));
    struct reroute_step step =
        reroute_next(&ex->reroute, ex->deployment, &ex->failure, has_others(ex), random);
    log_attempt(ex, &step);
    if (step.kind == REROUTE_GIVE_UP)
        return false;
    if (step.kind == REROUTE_FALLBACK)
        tell_failure(ex);
    ex->last_failure = ex->failure;
    forget_attempt(ex);
    ex->wait_ms = step.wait_ms;
    return true;
}

bool exchange_again(struct exchange *ex)
{
    if (!ex->entered)
        ex->deadline = ex->wait_ms ? turn_now(&ex->worker->turn) + ex->wait_ms : 0;
    if (ex->deadline && !(ex->facts & FACT_TIMER))
        return false;
    ex->deadline = 0;
    ex->facts &= ~(unsigned)FACT_TIMER;
    return true;
}
