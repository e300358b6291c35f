/* The happy path is not here: nothing is asked before a call has failed.
 *
 * The number of retries is, in this order: what the client says, what the deployment says, what a
 * retry policy says for this class of failure (of the group, then of the router), what the router
 * says. A 429 whose Retry-After is long is waited for only up to RETRY_AFTER_MAX_MS: beyond it
 * another group, or the client itself, is the better place to wait. */

#include "reroute.h"

#include "caller.h"

#include <string.h>

#define BACKOFF_FIRST_MS   500
#define BACKOFF_MAX_MS     8000
#define RETRY_AFTER_MAX_MS 60000

/* ---- lists of the configuration ------------------------------------------------------------ */

/* A name, or an object {model}. */
static struct slice name_of(yyjson_val *v)
{
    return yyjson_is_str(v) ? json_slice(v) : json_get_slice(v, "model");
}

/* One entry of a list of fallbacks: {group: [others]}, or {model: group, fallback: other(s)}. What
 * it says for `group`, or NULL. */
static yyjson_val *entry_for(yyjson_val *entry, struct slice group)
{
    yyjson_val *other = json_get(entry, "fallback");
    if (!other)
        other = json_get(entry, "fallbacks");
    if (other)
        return slice_eq(json_get_slice(entry, "model"), group) ? other : NULL;
    return group.n ? yyjson_obj_getn(entry, group.p, group.n) : NULL;
}

static yyjson_val *find_entry(yyjson_val *list, struct slice group)
{
    yyjson_val *entry, *found = NULL;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    while (!found && (entry = yyjson_arr_iter_next(&it)))
        found = entry_for(entry, group);
    return found;
}

/* "*" stands for every group without an entry of its own. */
static yyjson_val *fallbacks_of(yyjson_val *list, struct slice group)
{
    yyjson_val *found = find_entry(list, group);
    return found ? found : find_entry(list, SLICE("*"));
}

static yyjson_val *general_fallbacks(const struct reroute *r)
{
    const struct config *c = r->config;
    yyjson_val *own = r->fallbacks ? NULL : r->request->routing.fallbacks;
    yyjson_val *found = own ? own : fallbacks_of(c->fallbacks, r->group);
    return found ? found : c->default_fallbacks;
}

/* A prompt that is too long here would be too long for most others: only the list meant for it. */
static yyjson_val *list_for(const struct reroute *r, const struct failure *f)
{
    const struct config *c = r->config;
    yyjson_val *own = r->request->routing.context_fallbacks, *found = NULL;
    if (f->kind == FAILURE_CONTEXT_WINDOW) {
        found = own ? yyjson_obj_getn(own, r->group.p, r->group.n) : NULL;
        return found ? found : fallbacks_of(c->context_window_fallbacks, r->group);
    }
    if (f->kind == FAILURE_CONTENT_POLICY)
        found = fallbacks_of(c->content_policy_fallbacks, r->group);
    return found ? found : general_fallbacks(r);
}

/* ---- groups to come ------------------------------------------------------------------------ */

static bool was_seen(const struct reroute *r, struct slice group)
{
    for (unsigned i = 0; i < r->seen_count; i++)
        if (slice_eq(r->seen[i], group))
            return true;
    return false;
}

static bool is_new(const struct reroute *r, struct slice group)
{
    const char *whose;
    return group.n && !slice_eq(group, r->group) && !was_seen(r, group) &&
           r->seen_count < REROUTE_GROUPS_MAX &&
           (!r->caller || caller_may_call(r->caller, r->config, group, &whose));
}

static void wait_for(struct reroute *r, struct slice group)
{
    if (!is_new(r, group))
        return;
    r->seen[r->seen_count++] = group;
    r->waiting[r->waiting_count++] = group;
}

/* In front of those that wait already, in their own order. */
static void add_waiting(struct reroute *r, yyjson_val *list)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    unsigned first = r->waiting_count;
    if (yyjson_is_str(list) || yyjson_is_obj(list))
        wait_for(r, name_of(list));
    while ((item = yyjson_arr_iter_next(&it)))
        wait_for(r, name_of(item));
    for (unsigned i = first, j = r->waiting_count; i + 1 < j; i++) {
        struct slice last = r->waiting[--j];
        r->waiting[j] = r->waiting[i];
        r->waiting[i] = last;
    }
}

void reroute_begin(struct reroute *r, const struct config *c, const struct llm_request *request,
                   struct slice group, struct arena *a)
{
    *r = (struct reroute){.config = c, .request = request, .arena = a, .group = group};
}

/* Few requests fail, and streams are many: the room is made when it is needed. */
static void make_room(struct reroute *r)
{
    if (r->seen)
        return;
    r->seen = arena_alloc(r->arena, REROUTE_GROUPS_MAX * sizeof(*r->seen));
    r->waiting = arena_alloc(r->arena, REROUTE_GROUPS_MAX * sizeof(*r->waiting));
    r->seen[r->seen_count++] = r->group;
}

static bool may_change(const struct reroute *r)
{
    return !r->request->routing.disable_fallbacks && r->fallbacks < r->config->max_fallbacks;
}

static bool lists_new(const struct reroute *r, const struct failure *f)
{
    yyjson_val *item, *list = may_change(r) ? list_for(r, f) : NULL;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    bool found = list && !yyjson_is_arr(list) && is_new(r, name_of(list));
    while (!found && (item = yyjson_arr_iter_next(&it)))
        found = is_new(r, name_of(item));
    return found;
}

bool reroute_has_longer(const struct reroute *r)
{
    const struct failure too_long = {.kind = FAILURE_CONTEXT_WINDOW};
    return lists_new(r, &too_long);
}

bool reroute_has_fallback(const struct reroute *r, const struct failure *f)
{
    return (may_change(r) && r->waiting_count) || lists_new(r, f);
}

static bool change_group(struct reroute *r, const struct failure *f)
{
    if (!may_change(r))
        return false;
    make_room(r);
    add_waiting(r, list_for(r, f));
    if (!r->waiting_count)
        return false;
    r->group = r->waiting[--r->waiting_count];
    r->fallbacks++;
    r->retries = 0;
    return true;
}

/* ---- retries ------------------------------------------------------------------------------- */

/* "RateLimitErrorRetries": the member of a retry policy for a failure. */
static const char *policy_member(const struct failure *f)
{
    switch (f->kind) {
    case FAILURE_BAD_REQUEST:
    case FAILURE_UNSUPPORTED:
    case FAILURE_CONTEXT_WINDOW:
    case FAILURE_MODEL: return "BadRequestErrorRetries";
    case FAILURE_AUTHENTICATION:
    case FAILURE_PERMISSION: return "AuthenticationErrorRetries";
    case FAILURE_NOT_FOUND: return "NotFoundErrorRetries";
    case FAILURE_TIMEOUT: return "TimeoutErrorRetries";
    case FAILURE_RATE_LIMIT: return "RateLimitErrorRetries";
    case FAILURE_CONTENT_POLICY: return "ContentPolicyViolationErrorRetries";
    case FAILURE_UNAVAILABLE:
        return f->status == 500 ? "InternalServerErrorRetries" : "ServiceUnavailableErrorRetries";
    case FAILURE_NONE:
    case FAILURE_BAD_GATEWAY:
    case FAILURE_INTERNAL: return "InternalServerErrorRetries";
    }
    return "InternalServerErrorRetries";
}

static bool policy_says(yyjson_val *policy, const struct failure *f, int64_t *n)
{
    return json_int(json_get(policy, policy_member(f)), n) ||
           json_int(json_get(policy, "DefaultRetries"), n);
}

static unsigned retries_wanted(const struct reroute *r, const struct deployment *d,
                               const struct failure *f)
{
    const struct config *c = r->config;
    yyjson_val *groups = c->model_group_retry_policy;
    int64_t n = c->num_retries;
    if (r->request->routing.num_retries >= 0)
        n = r->request->routing.num_retries;
    else if (d && d->num_retries >= 0)
        n = d->num_retries;
    else if (!policy_says(r->group.n ? yyjson_obj_getn(groups, r->group.p, r->group.n) : NULL, f,
                          &n))
        policy_says(c->retry_policy, f, &n);
    return n < 0 ? 0 : n > REROUTE_RETRIES_MAX ? REROUTE_RETRIES_MAX : (unsigned)n;
}

/* Full jitter: anything up to the doubled wait, so that clients of a throttled model spread. */
static int64_t backoff(const struct reroute *r, const struct failure *f, bool others,
                       uint32_t random)
{
    int64_t most = BACKOFF_FIRST_MS, least = (int64_t)(r->config->retry_after * 1000);
    for (unsigned i = 0; i < r->retries && most < BACKOFF_MAX_MS; i++)
        most *= 2;
    if (others) /* another deployment need not wait for this one */
        return least;
    int64_t wait = random % (uint32_t)most, asked = f->retry_after_s * INT64_C(1000);
    wait = wait < least ? least : wait;
    return wait < asked ? asked : wait;
}

static bool is_used_up(const struct reroute *r)
{
    int64_t most = r->config->num_retries_per_request;
    return most >= 0 && r->retries_total + r->failovers >= (uint64_t)most;
}

/* enable_weighted_failover: to a deployment that was not tried yet. */
static bool may_fail_over(const struct reroute *r, bool others)
{
    return others && r->config->settings.routing.failover &&
           r->failovers < r->config->max_fallbacks;
}

static bool may_retry(struct reroute *r, const struct deployment *d, const struct failure *f,
                      bool others)
{
    r->retries_max = retries_wanted(r, d, f);
    if (!f->retryable || !d || is_used_up(r))
        return false;
    return may_fail_over(r, others) || (r->retries_total < r->retries_max &&
                                        (others || f->retry_after_s * 1000 <= RETRY_AFTER_MAX_MS));
}

struct reroute_step reroute_next(struct reroute *r, const struct deployment *d,
                                 const struct failure *f, bool others, uint32_t random)
{
    struct reroute_step step = {REROUTE_GIVE_UP, 0};
    if (may_retry(r, d, f, others)) {
        step = (struct reroute_step){REROUTE_RETRY, backoff(r, f, others, random)};
        r->retries++;
        if (may_fail_over(r, others))
            r->failovers++;
        else
            r->retries_total++;
    } else if (change_group(r, f)) {
        step.kind = REROUTE_FALLBACK;
    }
    return step;
}

/* ---- trying it out ------------------------------------------------------------------------- */

struct failure reroute_mocked(const struct reroute *r, struct arena *a)
{
    static const struct {
        enum llm_mock_failure mock;
        enum failure_kind kind;
        int status;
        const char *text;
    } rows[] = {
        {LLM_MOCK_FALLBACK, FAILURE_UNAVAILABLE, 500, "mock_testing_fallbacks"},
        {LLM_MOCK_CONTEXT, FAILURE_CONTEXT_WINDOW, 400, "mock_testing_context_fallbacks"},
        {LLM_MOCK_POLICY, FAILURE_CONTENT_POLICY, 400, "mock_testing_content_policy_fallbacks"},
        {LLM_MOCK_RATE_LIMIT, FAILURE_RATE_LIMIT, 429, "mock_testing_rate_limit_error"},
    };
    struct failure f = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (!r->fallbacks && r->request->routing.mock == rows[i].mock)
            failure_set(&f, a, rows[i].kind, rows[i].status, "a failure as %s wants it",
                        rows[i].text);
    f.upstream = f.kind != FAILURE_NONE;
    return f;
}
