/* An exchange's limits; see exchange_limits.h.
 *
 * Happy path: nothing limits the request, and nothing is asked. Else: the asks are made, the shared
 * state answers inside the call (in the process) or in a later turn (Redis), and what was granted
 * is settled in the end.
 * Failure modes: a refusal is a 429 that says which limit of whom; a shared state that is away is a
 * 503 if the policy is to refuse. */

#include "exchange_limits.h"

#include "auth.h"
#include "exchange_auth.h"
#include "exchange_resume.h"
#include "exchange_route.h"
#include "llm/estimate.h"
#include "operation.h"
#include "worker_private.h"

#include <time.h>

#define MS_PER_S        1000
#define RETRY_AFTER_MAX 3600 /* seconds */
#define TIME_SIZE       32
#define FULL_MS         100 /* between questions for a place that others have */

/* ---- asking ---------------------------------------------------------------------------------- */

static void on_answer(void *user, const struct shared_answer *answer)
{
    struct limit_hold *h = user;
    h->waiting = false;
    h->away = answer->away;
    h->refused = answer->refused;
    h->asked = !answer->away;
    if (h->asked)
        memcpy(h->states, answer->states, h->limits.n * sizeof(*h->states));
    if (!answer->away && answer->refused < 0) {
        h->held = true;
        h->grant = answer->grant;
    }
    if (!h->asking)
        exchange_deposit(h->ex, 0);
}

static bool has_leases(const struct limits *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->of[i].unit == LIMIT_PARALLEL)
            return true;
    return false;
}

static void estimate_tokens(struct exchange *ex, struct limits *l)
{
    if (!l->tokens)
        return;
    if (!ex->prompt_tokens)
        ex->prompt_tokens = llm_estimate_request(&ex->request);
    limits_set_tokens(l, ex->config->settings.limit_tokens, ex->prompt_tokens,
                      ex->request.max_tokens);
}

static void ask(struct exchange *ex, struct limit_hold *h)
{
    int64_t now = turn_now(&ex->worker->turn);
    h->ex = ex;
    h->asked = h->held = h->away = false;
    h->refused = -1;
    if (!h->limits.n)
        return;
    estimate_tokens(ex, &h->limits);
    h->states = arena_zalloc(&ex->arena, h->limits.n * sizeof(*h->states));
    h->renew_at = has_leases(&h->limits) ? now + LIMIT_RENEW_MS : 0;
    h->waiting = h->asking = true;
    ex->worker->shared->ops->reserve(ex->worker->shared, h->limits.asks, h->limits.n, now,
                                     on_answer, h);
    h->asking = false;
}

/* `used`: really; `served`: an upstream was called. */
static void settle(struct exchange *ex, struct limit_hold *h, const struct limit_used *used,
                   bool served)
{
    struct shared *s = ex->worker->shared;
    if (!h->held)
        return;
    h->held = false;
    limits_set_used(&h->limits, used, served);
    s->ops->settle(s, &h->grant, h->limits.asks, h->limits.n, turn_now(&ex->worker->turn));
}

static int64_t tokens_that_count(const struct exchange *ex, const struct llm_usage *u)
{
    switch (ex->config->settings.limit_tokens) {
    case TOKENS_TOTAL: break;
    case TOKENS_INPUT: return llm_usage_prompt(u);
    case TOKENS_OUTPUT: return u->output;
    }
    return llm_usage_prompt(u) + u->output;
}

static struct limit_used used_by(const struct exchange *ex, const struct llm_usage *u, bool spend)
{
    struct limit_used used = {
        .tokens = tokens_that_count(ex, u), .input = llm_usage_prompt(u), .output = u->output};
    if (spend && ex->model)
        used.spend =
            (int64_t)(model_cost(ex->model, u, slice_of(ex->service_tier)).total * LIMIT_PER_USD);
    return used;
}

/* ---- refusing -------------------------------------------------------------------------------- */

static int seconds_of(int64_t ms)
{
    int64_t seconds = (ms + MS_PER_S - 1) / MS_PER_S;
    return (int)(seconds < 1 ? 1 : seconds > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : seconds);
}

static struct slice clock_in(struct exchange *ex, int seconds)
{
    char text[TIME_SIZE];
    struct tm tm;
    time_t at = time(NULL) + seconds;
    size_t n = gmtime_r(&at, &tm) ? strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm) : 0;
    return arena_dup(&ex->arena, slice_make(text, n));
}

/* The one budget among a caller's limits. */
static void refuse_session(struct exchange *ex, const struct shared_state *state,
                           const struct shared_ask *ask)
{
    const struct budget b = {.holder = HOLDER_USER,
                             .who = SLICE("this login"),
                             .most = (double)ask->limit / LIMIT_PER_USD};
    budget_refuse(&b, (double)state->used / LIMIT_PER_USD, ex->config->settings.budget_status,
                  &ex->arena, &ex->failure);
}

/* Of metrics; LiteLLM's RateLimitType. */
static const char *dimension(enum limit_unit unit)
{
    switch (unit) {
    case LIMIT_REQUESTS: return "requests";
    case LIMIT_PARALLEL: return "concurrent_requests";
    case LIMIT_SPEND: return "budget";
    case LIMIT_TOKENS:
    case LIMIT_INPUT:
    case LIMIT_OUTPUT: break;
    }
    return "tokens";
}

/* In LiteLLM's words. */
static void refuse(struct exchange *ex, struct limit_hold *h)
{
    const struct limit_ask *of = &h->limits.of[h->refused];
    const struct shared_ask *ask = &h->limits.asks[h->refused];
    const struct shared_state *state = &h->states[h->refused];
    int seconds = seconds_of(state->wait_ms ? state->wait_ms : state->reset_ms);
    if (of->unit == LIMIT_SPEND) {
        refuse_session(ex, state, ask);
        return;
    }
    int64_t left = ask->limit - state->used;
    h->reset_at = clock_in(ex, seconds);
    failure_set(&ex->failure, &ex->arena, FAILURE_RATE_LIMIT, 429,
                "Rate limit exceeded for %s: %.*s. Limit type: %s. Current limit: %lld, Remaining: "
                "%lld. Limit resets at: %.*s",
                of->scope, SLICE_ARG(of->name), limit_unit_name(of->unit), (long long)ask->limit,
                (long long)(left > 0 ? left : 0), SLICE_ARG(h->reset_at));
    ex->failure.retry_after_s = seconds;
    ex->failure.limit = dimension(of->unit);
}

static void refuse_away(struct exchange *ex)
{
    failure_set(&ex->failure, &ex->arena, FAILURE_UNAVAILABLE, 503,
                "the rate limits cannot be checked at the moment, and "
                "fail_closed_rate_limit_enforcement is set");
    ex->failure.retry_after_s = 1;
}

/* ---- LIMIT: the caller ----------------------------------------------------------------------- */

/* False: the database is asked. */
static bool may_ask(struct exchange *ex)
{
    if (!exchange_auth_holders(ex))
        return false;
    if (ex->failure.kind == FAILURE_NONE && !ex->pass)
        auth_check_model(&ex->caller, ex->config, ex->request.model, &ex->arena, &ex->failure);
    return ex->failure.kind != FAILURE_NONE || exchange_budget(ex);
}

/* What costs nothing is not. */
static bool is_limited(const struct exchange *ex)
{
    const struct operation *o = operation_of(ex);
    return ex->request.native != LLM_NATIVE_COUNT && (!o || !o->unlimited);
}

bool exchange_limit(struct exchange *ex)
{
    struct limit_hold *h = &ex->caller_hold;
    if (!h->ex) {
        if (!may_ask(ex))
            return false;
        if (ex->failure.kind != FAILURE_NONE)
            return true;
        if (is_limited(ex))
            limits_of_caller(&h->limits, ex->config, &ex->caller, ex->request.model, &ex->arena);
        ask(ex, h);
    }
    if (h->waiting)
        return false;
    if (h->away)
        refuse_away(ex);
    else if (h->refused >= 0)
        refuse(ex, h);
    return true;
}

/* Only of a call that was made does anything stay taken. */
bool exchange_limits_settle(struct exchange *ex)
{
    struct limit_used used = used_by(ex, &ex->usage, false);
    used.spend = (int64_t)(ex->cost.total * LIMIT_PER_USD);
    settle(ex, &ex->caller_hold, &used, ex->attempts > 0);
    settle(ex, &ex->place_hold, NULL, false);
    return !ex->caller_hold.waiting && !ex->place_hold.waiting;
}

/* ---- PLACE: the deployment ------------------------------------------------------------------- */

void exchange_place_begin(struct exchange *ex)
{
    ex->passed_over_count = ex->over_budget_count = 0;
    ex->over_budget = SLICE("");
    ex->place_wait_ms = 0;
}

int64_t exchange_place_wait(const struct exchange *ex)
{
    return ex->place_wait_ms;
}

/* Other processes have its places: it is as busy as if they were taken here. */
static bool is_full(const struct limit_hold *h)
{
    const struct limit_ask *of = &h->limits.of[h->refused];
    return of->unit == LIMIT_PARALLEL &&
           slice_eq(slice_of(of->scope), SLICE(LIMIT_SCOPE_DEPLOYMENT));
}

/* In LiteLLM's words. */
static void note_budget(struct exchange *ex, const struct limit_hold *h)
{
    const struct limit_ask *of = &h->limits.of[h->refused];
    const struct deployment *d = ex->deployment;
    double spent = (double)h->states[h->refused].used / LIMIT_PER_USD;
    double most = (double)h->limits.asks[h->refused].limit / LIMIT_PER_USD;
    struct slice who =
        slice_eq(slice_of(of->scope), SLICE(LIMIT_SCOPE_PROVIDER))
            ? SLICE("provider bedrock")
            : arena_printf(&ex->arena,
                           "deployment model_name: %s, litellm_params.model: %s, model_id: %s",
                           d->model_name, d->model, d->id);
    ex->over_budget = arena_printf(&ex->arena, "%.*sExceeded budget for %.*s: %.12g >= %.12g\n",
                                   SLICE_ARG(ex->over_budget), SLICE_ARG(who), spent, most);
    ex->over_budget_count++;
}

static void pass_over(struct exchange *ex, const struct limit_hold *h)
{
    int64_t ms = h->refused >= 0 ? h->states[h->refused].wait_ms : 0;
    if (h->refused >= 0 && is_full(h)) {
        int64_t now = turn_now(&ex->worker->turn);
        tracked_full(tracker_of(ex->worker->tracker, ex->deployment, now), now + FULL_MS);
        exchange_call_dropped(ex);
        return;
    }
    if (h->refused >= 0 && h->limits.of[h->refused].unit == LIMIT_SPEND)
        note_budget(ex, h);
    if (ms && (!ex->place_wait_ms || ms < ex->place_wait_ms))
        ex->place_wait_ms = ms;
    if (ex->passed_over_count < ROUTER_PASSED_OVER_MAX)
        ex->passed_over[ex->passed_over_count++] = ex->deployment;
    exchange_call_dropped(ex);
}

bool exchange_place(struct exchange *ex, bool *granted)
{
    struct limit_hold *h = &ex->place_hold;
    if (!ex->entered) {
        limits_of_deployment(&h->limits, ex->config, ex->deployment, ex->worker->has_others,
                             &ex->arena);
        ask(ex, h);
    }
    if (h->waiting)
        return false;
    *granted = !h->away && h->refused < 0;
    if (h->away)
        refuse_away(ex);
    if (!*granted)
        pass_over(ex, h);
    return true;
}

void exchange_place_end(struct exchange *ex)
{
    struct llm_usage usage = exchange_resume_usage(ex);
    const struct limit_used used = used_by(ex, &usage, ex->place_hold.limits.spend);
    settle(ex, &ex->place_hold, &used, ex->call_sent);
}

/* ---- for headers ----------------------------------------------------------------------------- */

static bool look(const struct limit_hold *h, enum limit_unit unit, bool found,
                 struct limit_left *least)
{
    for (size_t i = 0; h->asked && i < h->limits.n; i++) {
        int64_t limit = h->limits.asks[i].limit, left = limit - h->states[i].used;
        if (h->limits.of[i].unit != unit || (found && left >= least->left))
            continue;
        *least = (struct limit_left){limit, left > 0 ? left : 0, h->states[i].reset_ms};
        found = true;
    }
    return found;
}

bool exchange_limit_left(const struct exchange *ex, enum limit_unit unit, struct limit_left *left)
{
    return look(&ex->place_hold, unit, look(&ex->caller_hold, unit, false, left), left);
}

/* ---- leases ---------------------------------------------------------------------------------- */

static void renew(struct exchange *ex, struct limit_hold *h, int64_t now)
{
    struct shared *s = ex->worker->shared;
    if (!h->held || !h->renew_at || now < h->renew_at)
        return;
    h->renew_at = now + LIMIT_RENEW_MS;
    s->ops->renew(s, &h->grant, h->limits.asks, h->limits.n, now);
}

void exchange_limits_renew(struct exchange *ex, int64_t now)
{
    renew(ex, &ex->caller_hold, now);
    renew(ex, &ex->place_hold, now);
}
