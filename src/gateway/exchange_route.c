/* An exchange and the deployments: which one serves it, and what the tracker learns of the call.
 *
 * Happy path: the query is put together from the request and its head, the router picks, the call
 * is counted when it begins and when it ends.
 *
 * Failure modes: nothing serves the name (400), none fits (400, 401), all rest or have used up
 * their limits (429 with retry-after, as LiteLLM). */

#include "exchange_route.h"

#include "auth.h"
#include "base/log.h"
#include "exchange_log.h"
#include "exchange_observe.h"
#include "exchange_queue.h"
#include "exchange_resume.h"
#include "llm/estimate.h"
#include "operation.h"
#include "router.h"
#include "worker_private.h"

#define MS_PER_S        1000
#define PROMPT_TTL_MS   300000 /* so long Bedrock keeps a prompt that nobody sends */
#define PROMPT_HASHED   8192   /* bytes of each text */
#define RETRY_AFTER_MAX 3600   /* seconds */

/* ---- affinity ------------------------------------------------------------------------------ */

struct slice exchange_session(const struct exchange *ex)
{
    struct slice id = {0};
    if (ex->head)
        id = http_header_get(ex->head->headers, "x-litellm-session-id");
    return id.n ? id : json_get_slice(ex->request.metadata, "session_id");
}

struct slice exchange_told_session(struct exchange *ex)
{
    char id[UUID_SIZE];
    struct slice said = exchange_session(ex);
    if (said.n || ex->config->access.demands.session != SESSION_MADE)
        return arena_dup(&ex->arena, said);
    if (!ex->session.p) {
        random_uuid(id);
        ex->session = arena_dup(&ex->arena, slice_of(id));
    }
    return ex->session;
}

static struct slice head_of(struct slice text)
{
    return slice_make(text.p, text.n < PROMPT_HASHED ? text.n : PROMPT_HASHED);
}

static bool has_cache_point(const struct llm_block *b)
{
    for (; b; b = b->next)
        if (b->kind == LLM_CACHE_POINT)
            return true;
    return false;
}

static bool is_cached(const struct exchange *ex, const struct pool *pool)
{
    bool cached = has_cache_point(ex->request.system) || ex->request.cache_points || pool->caches;
    for (const struct llm_message *m = ex->request.messages; m && !cached; m = m->next)
        cached = has_cache_point(m->blocks);
    return cached;
}

static uint64_t hash_blocks(uint64_t h, const struct llm_block *b)
{
    for (; b; b = b->next)
        if (b->kind == LLM_TEXT)
            h = affinity_hash(h, head_of(b->text));
    return h;
}

/* What stays the same from turn to turn: the system prompt and the first message. */
static uint64_t hash_prompt(const struct exchange *ex)
{
    uint64_t h = hash_blocks(0, ex->request.system);
    return ex->request.messages ? hash_blocks(h, ex->request.messages->blocks) : h;
}

static void add_affinity(struct exchange *ex, struct router_query *q)
{
    const struct routing *r = &ex->config->settings.routing;
    struct slice name = q->model, session = {0};
    const struct pool *pool = router_pool(ex->config, &name);
    if (!pool || !pool->affinity || pool->count == 1)
        return;
    if (pool->affinity & AFFINITY_SESSION)
        session = exchange_session(ex);
    q->kept = ex->worker->affinity;
    q->affinity_ttl = (int64_t)(r->affinity_ttl * MS_PER_S);
    if (session.n) {
        q->affinity = affinity_hash(AFFINITY_SESSION, session);
    } else if (pool->affinity & AFFINITY_PROMPT && is_cached(ex, pool)) {
        q->affinity = affinity_hash(AFFINITY_PROMPT + hash_prompt(ex), SLICE(""));
        q->affinity_ttl = PROMPT_TTL_MS;
    } else if (pool->affinity & AFFINITY_KEY && ex->head) {
        struct slice key = auth_key(ex->config, ex->head);
        q->affinity = key.n ? affinity_hash(AFFINITY_KEY, key) : 0;
    }
}

/* ---- picking ------------------------------------------------------------------------------- */

static void add_tags(const struct exchange *ex, struct router_query *q)
{
    yyjson_val *tags = json_get(ex->request.metadata, "tags");
    q->tags = ex->request.routing.tags ? ex->request.routing.tags : tags;
    if (ex->head)
        q->tag_list = http_header_get(ex->head->headers, "x-litellm-tags");
    if (ex->head && ex->config->settings.routing.tag_filtering)
        q->user_agent = http_header_get(ex->head->headers, "user-agent");
}

/* Without the checks only where another group would take a longer prompt: an estimate alone refuses
 * nobody. */
static bool must_fit(const struct exchange *ex)
{
    return ex->config->settings.routing.pre_call_checks ||
           (ex->routed && !operation_of(ex) && reroute_has_longer(&ex->reroute));
}

static struct router_query query_of(struct exchange *ex, struct slice name)
{
    const struct routing *r = &ex->config->settings.routing;
    struct router_query q = {.model = name,
                             .streamed = ex->request.stream,
                             .prefill = exchange_resume_needs_prefill(ex),
                             .now = turn_now(&ex->worker->turn),
                             .tracker = ex->worker->tracker,
                             .health =
                                 ex->config->settings.health.routing ? ex->worker->health : NULL,
                             .tried = ex->tried,
                             .tried_count = ex->tried_count,
                             .passed_over = ex->passed_over,
                             .passed_over_count = ex->passed_over_count};
    random_bytes(&q.random, sizeof(q.random));
    q.must_fit = must_fit(ex);
    if (r->pre_call_checks)
        q.region = ex->request.routing.region;
    if ((routing_has_limits(r) || q.must_fit) && !ex->prompt_tokens)
        ex->prompt_tokens = llm_estimate_request(&ex->request);
    q.estimated_tokens = ex->prompt_tokens;
    if (r->tag_filtering)
        add_tags(ex, &q);
    add_affinity(ex, &q);
    return q;
}

static bool refuse_for_now(struct exchange *ex, struct slice name, const struct router_pick *pick)
{
    int64_t seconds = (pick->wait_ms + MS_PER_S - 1) / MS_PER_S;
    bool rest = pick->refusal == ROUTER_RESTING;
    const char *why =
        rest                              ? "All of them rest after failures."
        : pick->refusal == ROUTER_LIMITED ? "All of them have used up their rpm or tpm."
        : pick->pace > 0 ? "All of them were throttled and are paced (adaptive_pacing)."
                         : "All of them are busy (max_parallel_requests).";
    seconds = seconds < RETRY_AFTER_MAX ? seconds : RETRY_AFTER_MAX;
    failure_set(&ex->failure, &ex->arena, FAILURE_RATE_LIMIT, 429,
                "No deployments available for selected model, Try again in %lld seconds. Passed "
                "model=%.*s. %s",
                (long long)seconds, SLICE_ARG(name), why);
    ex->failure.type = rest ? "all_deployments_in_cooldown" : NULL;
    ex->failure.retry_after_s = (int)seconds;
    ex->failure.retryable = true;
    return false;
}

/* All that could serve are over their budgets; LiteLLM's error. */
static bool refuse_budget(struct exchange *ex, const struct router_pick *pick)
{
    int64_t seconds = (pick->wait_ms + MS_PER_S - 1) / MS_PER_S;
    failure_set(&ex->failure, &ex->arena, FAILURE_RATE_LIMIT, 429,
                "No deployments available - crossed budget: %.*s", SLICE_ARG(ex->over_budget));
    ex->failure.retry_after_s = (int)(seconds < RETRY_AFTER_MAX ? seconds : RETRY_AFTER_MAX);
    ex->failure.retryable = true;
    ex->failure.limit = "budget";
    return false;
}

static bool refuse(struct exchange *ex, struct slice name, const struct router_pick *pick)
{
    struct failure *f = &ex->failure;
    switch (pick->refusal) {
    case ROUTER_PICKED:
    case ROUTER_NO_MODEL: break;
    case ROUTER_NO_TAGS:
        return failure_set(f, &ex->arena, FAILURE_AUTHENTICATION, 401,
                           "Not allowed to access model due to tags configuration. Passed "
                           "model=%.*s",
                           SLICE_ARG(name));
    case ROUTER_NO_PREFILL:
        return failure_set(f, &ex->arena, FAILURE_UNSUPPORTED, 400,
                           "no deployment of model=%.*s goes on with a given beginning",
                           SLICE_ARG(name));
    case ROUTER_NO_REGION:
        return failure_set(f, &ex->arena, FAILURE_UNSUPPORTED, 400,
                           "no deployment of model=%.*s lies in the region that "
                           "allowed_model_region asks for (%.*s)",
                           SLICE_ARG(name), SLICE_ARG(ex->request.routing.region));
    case ROUTER_TOO_LONG:
        return failure_set(f, &ex->arena, FAILURE_CONTEXT_WINDOW, 400,
                           "the prompt has about %lld tokens, more than any deployment of "
                           "model=%.*s takes",
                           (long long)ex->prompt_tokens, SLICE_ARG(name));
    case ROUTER_LIMITED:
        if (ex->over_budget_count && ex->over_budget_count == ex->passed_over_count)
            return refuse_budget(ex, pick);
        return refuse_for_now(ex, name, pick);
    case ROUTER_BUSY:
    case ROUTER_RESTING: return refuse_for_now(ex, name, pick);
    }
    if (!name.n)
        return failure_missing_param(f, &ex->arena, "model");
    return failure_bad_param(f, &ex->arena, "model",
                             "Invalid model name passed in model=%.*s. Call `/v1/models` to view "
                             "available models for your key.",
                             SLICE_ARG(name));
}

/* When its turn comes is not known where places are missing: soon. */
static void no_place(struct exchange *ex, struct router_pick *pick)
{
    ex->deployment = NULL;
    ex->pace = pick->pace;
    ex->place_ms = pick->refusal == ROUTER_BUSY ? pick->wait_ms : 0;
    pick->refusal = ROUTER_BUSY;
    pick->wait_ms = exchange_queue_forecast(ex);
    if (pick->wait_ms < MS_PER_S)
        pick->wait_ms = MS_PER_S;
}

bool exchange_pick(struct exchange *ex, struct slice name)
{
    struct router_query q = query_of(ex, name);
    struct router_pick pick = router_pick(ex->config, &q, &ex->arena);
    ex->deployment = pick.deployment;
    ex->model_group = pick.group;
    ex->model_id = pick.model_id;
    ex->busy = pick.refusal == ROUTER_BUSY || exchange_queue_is_behind(ex);
    if (ex->busy)
        no_place(ex, &pick);
    if (pick.refusal == ROUTER_LIMITED && exchange_place_wait(ex))
        pick.wait_ms = exchange_place_wait(ex);
    if (!ex->deployment)
        return refuse(ex, name, &pick);
    ex->model = router_facts(ex->config, pick.deployment, pick.model_id, &ex->arena);
    /* Who speaks Claude's own words is best passed on in them. */
    if (pick.api == BEDROCK_AUTO && ex->request.anthropic)
        pick.api = BEDROCK_INVOKE;
    ex->provider = ex->request.native ? &provider_native : provider_choose(pick.api, ex->model);
    return true;
}

/* ---- calls --------------------------------------------------------------------------------- */

void exchange_call_begun(struct exchange *ex)
{
    int64_t now = turn_now(&ex->worker->turn);
    struct tracked *d = tracker_of(ex->worker->tracker, ex->deployment, now);
    tracked_begin(d, &ex->call, ex->prompt_tokens, now);
    if (ex->tried_count < TRIED_MAX)
        ex->tried[ex->tried_count++] = ex->deployment;
}

void exchange_call_dropped(struct exchange *ex)
{
    if (ex->tried_count && ex->tried[ex->tried_count - 1] == ex->deployment)
        ex->tried_count--;
    exchange_call_ended(ex);
    ex->deployment = NULL;
}

void exchange_call_sent(struct exchange *ex)
{
    ex->call_sent = true;
    ex->call.begun = turn_now(&ex->worker->turn);
    exchange_observe_call(ex);
}

static void log_rest(const struct exchange *ex, int64_t ms)
{
    struct slice why = exchange_log_failure(ex, &ex->failure);
    const struct deployment *d = ex->deployment;
    observing_rests(ex->worker, d, ex->model_id, ex->failure.status, ms);
    log_warn("deployment %s (%s, %s) rests for %lld ms: %.*s", d->id, d->model_name, d->region,
             (long long)ms, SLICE_ARG(why));
}

static void log_pace(const struct exchange *ex, double pace)
{
    struct slice why = exchange_log_failure(ex, &ex->failure);
    const struct deployment *d = ex->deployment;
    log_warn("deployment %s (%s, %s) throttles and is paced, at first to %.1f calls a second: %.*s",
             d->id, d->model_name, d->region, pace, SLICE_ARG(why));
}

void exchange_call_ended(struct exchange *ex)
{
    const struct routing *r = &ex->config->settings.routing;
    int64_t now = turn_now(&ex->worker->turn), begun = ex->call.begun, rests;
    unsigned over = ex->facts & (FACT_COMPLETE | FACT_FAILED);
    struct llm_usage usage = exchange_resume_usage(ex);
    struct call_outcome outcome = {
        .failure = &ex->failure,
        .abandoned = !ex->call_sent || ex->clientside || (ex->facts & FACT_GONE && !over),
        .streamed = ex->request.stream,
        .first_ms = ex->first_event > begun ? ex->first_event - begun : 0,
        .total_ms = now - begun,
        .tokens = ex->clientside ? 0 : llm_usage_prompt(&usage) + usage.output,
        .output = usage.output,
    };
    exchange_place_end(ex);
    exchange_observe_call_ended(ex);
    struct tracked *tracked = ex->call.of;
    if (!tracked)
        return;
    double pace = tracked_pace(tracked);
    rests = tracked_end(&ex->call, r, ex->deployment, &outcome, now);
    ex->call_sent = false;
    if (rests)
        log_rest(ex, rests);
    if (pace <= 0 && tracked_pace(tracked) > 0)
        log_pace(ex, tracked_pace(tracked));
    exchange_queue_wake(ex->worker, ex->model_group);
}
