/* GET /health and what belongs to it, in LiteLLM's shape.
 *
 * Happy path: with a key, the deployments asked for are probed (or, with background checks, what
 * those found last is told) and listed as healthy or not, each with its model, its region and its
 * error. Without a key and a model /health is the cheap answer that load balancers want.
 *
 * Failure modes: a wrong key, an id of no deployment, too many checks at once. */

#include "handlers.h"

#include "ask.h"
#include "auth.h"
#include "detail.h"
#include "health.h"
#include "query.h"
#include "session.h"
#include "worker_private.h"

#include <time.h>

#define TIME_SIZE 40 /* "2026-11-21T06:07:21.123000+00:00" */

/* ---- what is asked for --------------------------------------------------------------------- */

/* Or the admin UI's login in its place. */
static bool has_key(const struct exchange *ex)
{
    return auth_key(ex->config, ex->head).n || session_cookie(ex->head).n;
}

static struct health_filter filter_of(struct exchange *ex)
{
    struct slice query = ex->head->query;
    return (struct health_filter){.model = query_get(query, "model", &ex->arena),
                                  .id = query_get(query, "model_id", &ex->arena)};
}

/* Who shows a key or names a model wants more than a sign of life. */
static bool asks_for_models(struct exchange *ex)
{
    struct health_filter filter = filter_of(ex);
    return has_key(ex) || filter.model.n || filter.id.n;
}

static bool is_known(const struct config *c, const struct health_filter *filter)
{
    for (size_t i = 0; i < c->deployment_count; i++)
        if (health_matches(filter, &c->deployments[i]))
            return true;
    return !filter->id.n;
}

/* ---- GET /health --------------------------------------------------------------------------- */

/* "bedrock/us-west-2/converse/id" → "converse/id": as LiteLLM's checks call it. */
static struct slice bare_model(struct slice model, struct arena *a)
{
    struct slice bare = SLICE("");
    if (slice_starts(model, SLICE("bedrock/")))
        model = slice_skip(model, sizeof("bedrock/") - 1);
    while (slice_find_char(model, '/') >= 0 && !slice_starts(model, SLICE("arn:"))) {
        struct slice part = slice_split(&model, '/');
        bool region = slice_find_char(part, '-') >= 0 && slice_find_char(part, '.') < 0;
        if (!region)
            bare = ARENA_JOIN(a, bare, part, SLICE("/"));
    }
    return ARENA_JOIN(a, bare, model);
}

static bool is_hidden(struct slice name)
{
    static const char *const shown[] = {"api_base",
                                        "api_version",
                                        "aws_bedrock_runtime_endpoint",
                                        "custom_llm_provider",
                                        "base_model",
                                        "aws_region_name",
                                        "region_name",
                                        "tpm",
                                        "rpm"};
    for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
        if (slice_eq(name, slice_of(shown[i])))
            return false;
    return true;
}

static void write_endpoint(struct exchange *ex, const struct health_result *r,
                           struct json_writer *w)
{
    const struct deployment *d = r->deployment;
    struct slice own = json_get_slice(d->model_info, "health_check_model");
    bool details = ex->config->settings.health.details;
    json_object(w);
    if (details)
        json_members_but(w, d->params, is_hidden);
    json_member_string(w, "model", bare_model(own.n ? own : slice_of(d->model), &ex->arena));
    if (details && !json_get(d->params, "custom_llm_provider"))
        json_member_string(w, "custom_llm_provider", SLICE("bedrock"));
    if (details && !r->healthy)
        json_member_string(w, "error", slice_of(r->error));
    json_member_string(w, "model_id", slice_of(d->id));
    if (!r->healthy)
        json_member_integer(w, "exception_status", r->status);
    json_object_end(w);
}

struct found {
    const struct health_result *v;
    size_t n;
    struct health_filter filter;
};

static bool counts(const struct found *found, size_t i)
{
    return found->v[i].checked_at && health_matches(&found->filter, found->v[i].deployment);
}

static void write_endpoints(struct exchange *ex, const struct found *found, const char *name,
                            bool healthy, struct json_writer *w)
{
    json_key_slice(w, slice_of(name));
    json_array(w);
    for (size_t i = 0; i < found->n; i++)
        if (counts(found, i) && found->v[i].healthy == healthy)
            write_endpoint(ex, &found->v[i], w);
    json_array_end(w);
}

static int64_t count(const struct found *found, bool healthy)
{
    int64_t n = 0;
    for (size_t i = 0; i < found->n; i++)
        n += counts(found, i) && found->v[i].healthy == healthy;
    return n;
}

static void write_health(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    struct found found = {.filter = filter_of(ex)};
    found.v = ex->health ? health_run_results(ex->health, &found.n)
                         : health_results(ex->worker->health, &found.n);
    json_begin(&w, body);
    json_object(&w);
    write_endpoints(ex, &found, "healthy_endpoints", true, &w);
    write_endpoints(ex, &found, "unhealthy_endpoints", false, &w);
    json_member_integer(&w, "healthy_count", count(&found, true));
    json_member_integer(&w, "unhealthy_count", count(&found, false));
    json_object_end(&w);
}

static bool probes_are_over(struct exchange *ex)
{
    return health_run_over(ex->health);
}

static void end_probes(struct exchange *ex)
{
    health_run_free(ex->health);
    ex->health = NULL;
}

static void probe(struct exchange *ex, const struct health_filter *filter)
{
    ex->health = health_run_start(ex->worker->health, ex->config, filter, &ex->item);
    if (ex->health) {
        ask_wait(ex, probes_are_over, write_health, end_probes);
        return;
    }
    failure_set(&ex->failure, &ex->arena, FAILURE_RATE_LIMIT, 429,
                "%d health checks are under way, ask again later", HEALTH_RUNS_MAX);
    ex->failure.retry_after_s = 1;
}

void handle_health(struct exchange *ex, struct buf *body)
{
    struct health_filter filter = filter_of(ex);
    if (!asks_for_models(ex))
        BUF_LITERAL(body, "{\"status\":\"healthy\"}");
    else if (!has_key(ex) &&
             !auth_check(ex->config, ex->head, &ex->caller, &ex->arena, &ex->failure))
        return;
    else if (!is_known(ex->config, &filter))
        detail_refuse_error(
            ex, 404,
            arena_printf(&ex->arena, "Model with ID %.*s not found", SLICE_ARG(filter.id)));
    else if (ex->config->settings.health.background)
        write_health(ex, body);
    else
        probe(ex, &filter);
}

/* ---- GET /health/latest -------------------------------------------------------------------- */

static void write_time(struct json_writer *w, int64_t ms)
{
    char text[TIME_SIZE];
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    struct buf b = {.p = text, .size = sizeof(text), .cap = sizeof(text)};
    if (!gmtime_r(&seconds, &tm))
        return;
    b.n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    buf_addf(&b, ".%03d000+00:00", (int)(ms % 1000));
    json_key(w, "checked_at");
    json_string(w, buf_slice(&b));
}

static void write_latest(const struct health_result *r, struct json_writer *w)
{
    const struct deployment *d = r->deployment;
    json_key_slice(w, slice_of(d->id));
    json_object(w);
    json_member_string(w, "model_name", slice_of(d->model_name));
    json_member_string(w, "model_id", slice_of(d->id));
    json_member_string(w, "status", r->healthy ? SLICE("healthy") : SLICE("unhealthy"));
    json_member_integer(w, "healthy_count", r->healthy);
    json_member_integer(w, "unhealthy_count", !r->healthy);
    json_key(w, "error_message");
    if (r->healthy)
        json_null(w);
    else
        json_string(w, slice_of(r->error));
    json_member_integer(w, "response_time_ms", r->took_ms);
    write_time(w, r->checked_at);
    json_object_end(w);
}

/* What this worker saw; LiteLLM's comes from its database. */
void handle_health_latest(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    struct found found = {.n = 0};
    int64_t total = 0;
    found.v = health_results(ex->worker->health, &found.n);
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "latest_health_checks");
    json_object(&w);
    for (size_t i = 0; i < found.n; i++)
        if (counts(&found, i)) {
            write_latest(&found.v[i], &w);
            total++;
        }
    json_object_end(&w);
    json_member_integer(&w, "total_models", total);
    json_object_end(&w);
}

/* ---- GET /health/backlog ------------------------------------------------------------------- */

static int64_t calls_under_way(const struct worker *w)
{
    int64_t n = 0;
    for (const struct list *l = w->exchanges.next; l != &w->exchanges; l = l->next)
        n += LIST_ENTRY(l, const struct exchange, link)->call.of != NULL;
    return n;
}

/* Of this worker: all requests, those that have a place in it (or, without
 * max_in_flight_requests_per_worker, at a deployment), those that wait for one, and those that got
 * none. */
void handle_health_backlog(struct exchange *ex, struct buf *body)
{
    const struct worker *w = ex->worker;
    const struct admission *a = &w->admission;
    bool limited = ex->config->admission.in_flight;
    struct json_writer j;
    json_begin(&j, body);
    json_object(&j);
    json_member_integer(&j, "in_flight_requests", w->live);
    json_member_integer(&j, "admitted_requests", limited ? a->in : calls_under_way(w));
    json_member_integer(&j, "queued_requests", (int64_t)w->queued + a->queued);
    json_member_integer(&j, "rejected_requests", (int64_t)(w->queue_refused + a->full + a->late));
    json_object_end(&j);
}
