/* Happy path: a run lists its deployments and waits for their credentials, a batch calls them one
 * probe each, each answer becomes a result; results of the worker's own configuration are noted for
 * routing and for the next question. In the background the timer starts one run after the other,
 * over those that want it.
 *
 * Failure modes: a probe that cannot be built is a result like any other. A run that is still under
 * way when the timer comes is left alone. A new configuration forgets all results. */

#include "health.h"

#include "base/log.h"
#include "base/text.h"
#include "batch.h"
#include "io/clock.h"
#include "probe.h"
#include "worker_private.h"

#include <stdlib.h>
#include <string.h>

#define MS_PER_S   1000
#define CONNECT_MS 10000

struct health {
    struct worker *worker;
    uv_timer_t timer;
    struct config *config;         /* whose results … */
    struct health_result *results; /* … one for each of its deployments */
    struct health_run *background; /* NULL: none is under way */
    unsigned runs;                 /* on demand */
};

struct health_run {
    struct health *health;
    struct config *config;
    struct turn_item gather; /* credentials, before the calls … */
    struct credentials_wait wait;
    size_t gathered; /* … of so many deployments so far */
    bool over;
    struct batch *batch;    /* NULL: it has not begun, or is over */
    struct turn_item *item; /* NULL: of the background */
    size_t count;
    struct health_result *results;
    struct probe *probes;
    int64_t *begun; /* ms, turn time */
};

static void *zeroed(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p)
        abort();
    return p;
}

/* ---- results ------------------------------------------------------------------------------- */

static void forget(struct health *h)
{
    free(h->results);
    config_unref(h->config);
    h->results = NULL;
    h->config = NULL;
}

static void adopt(struct health *h, struct config *c)
{
    forget(h);
    h->config = config_ref(c);
    h->results = zeroed(c->deployment_count, sizeof(*h->results));
    for (size_t i = 0; i < c->deployment_count; i++)
        h->results[i].deployment = &c->deployments[i];
}

static struct health_result *result_of(const struct health *h, const struct deployment *d)
{
    const struct config *c = h->config;
    if (!c || d < c->deployments || d >= c->deployments + c->deployment_count)
        return NULL;
    return &h->results[d - c->deployments];
}

static void tell(const struct health_result *before, const struct health_result *now)
{
    const struct deployment *d = now->deployment;
    if (!now->healthy && (!before->checked_at || before->healthy))
        log_warn("deployment %s (%s, %s) failed its health check: %s", d->id, d->model_name,
                 d->region, now->error);
    else if (now->healthy && before->checked_at && !before->healthy)
        log_info("deployment %s (%s, %s) is healthy again", d->id, d->model_name, d->region);
}

static void keep(struct health *h, const struct health_result *result)
{
    struct health_result *kept = result_of(h, result->deployment);
    if (!kept)
        return;
    tell(kept, result);
    *kept = *result;
}

const struct health_result *health_results(const struct health *h, size_t *count)
{
    *count = h->config ? h->config->deployment_count : 0;
    return h->results;
}

static bool is_transient(const struct health_result *r)
{
    return r->status == 408 || r->status == 429;
}

bool health_is_sick(const struct health *h, const struct deployment *d, int64_t now)
{
    const struct health_result *r = result_of(h, d);
    if (!r || !r->checked_at || r->healthy)
        return false;
    const struct health_settings *s = &h->config->settings.health;
    double counts = s->staleness > 0 ? s->staleness : 2.0 * (double)s->interval;
    return s->routing && (double)(now - r->checked) <= counts * MS_PER_S &&
           !(s->ignore_transient && is_transient(r));
}

/* ---- a run --------------------------------------------------------------------------------- */

static void note(struct health_run *run, size_t i, const struct failure *f)
{
    struct health_result *r = &run->results[i];
    int64_t now = turn_now(&run->health->worker->turn);
    r->healthy = f->kind == FAILURE_NONE;
    r->status = f->status;
    r->took_ms = run->begun[i] ? now - run->begun[i] : 0;
    r->checked_at = clock_unix_ms();
    r->checked = now;
    if (!r->healthy) {
        struct buf text = {
            .p = r->error, .size = sizeof(r->error) - 1, .cap = sizeof(r->error) - 1};
        if (f->upstream)
            buf_addf(&text, "litellm.%s: BedrockException - ", failure_class(f));
        size_t room = text.cap - text.n;
        buf_add(&text, slice_make(f->message.p, f->message.n < room ? f->message.n : room));
        text_clean(r->error, text.n);
    }
    keep(run->health, r);
    probe_fini(&run->probes[i]);
    run->probes[i] = (struct probe){0};
}

/* Of identities that get theirs from elsewhere; they are kept by the worker, and renewed there. */
static struct credentials_answer credentials_of(struct health_run *run, size_t i)
{
    struct credentials_answer own = {.state = CREDENTIALS_READY};
    const struct deployment *d = run->results[i].deployment;
    own.credentials = d->credentials;
    if (d->api_key.n || d->credentials.access_key_id.n || !d->identity)
        return own;
    return credentials_get(run->health->worker->credentials, d->identity, &run->wait, &run->gather);
}

/* The call is signed before this returns. */
static bool on_call(void *user, size_t i, struct http_call *call)
{
    struct health_run *run = user;
    struct worker *w = run->health->worker;
    struct failure f = {0};
    struct credentials_answer with = credentials_of(run, i);
    const struct probe_from from = {run->config, &with.credentials,
                                    credentials_now(w->credentials)};
    credentials_leave(&run->wait); /* they came before: what is coming now is a renewal */
    if (probe_build(&run->probes[i], &from, run->results[i].deployment, call, &f)) {
        run->begun[i] = turn_now(&w->turn);
        return true;
    }
    if (with.state == CREDENTIALS_NONE)
        f.message =
            arena_printf(&run->probes[i].arena, "%.*s: %s", SLICE_ARG(f.message), with.error);
    *call = (struct http_call){0};
    note(run, i, &f);
    return true;
}

static bool on_done(void *user, size_t i, const struct batch_answer *answer)
{
    struct health_run *run = user;
    struct failure f = probe_read(&run->probes[i], answer);
    note(run, i, &f);
    return true;
}

static unsigned total_ms(void *user, size_t i)
{
    const struct health_run *run = user;
    return probe_timeout_ms(run->results[i].deployment);
}

static void on_over(void *user)
{
    struct health_run *run = user;
    struct health *h = run->health;
    run->batch = NULL;
    run->over = true;
    if (run->item) {
        turn_mark(&h->worker->turn, run->item);
        return;
    }
    h->background = NULL;
    health_run_free(run);
}

static const struct batch_events events = {
    .call = on_call, .done = on_done, .over = on_over, .total_ms = total_ms};

bool health_matches(const struct health_filter *filter, const struct deployment *d)
{
    if (filter->id.n)
        return slice_eq(filter->id, slice_of(d->id));
    return !filter->model.n || slice_eq(filter->model, slice_of(d->model_name)) ||
           slice_eq(filter->model, slice_of(d->model));
}

static bool is_disabled(const struct deployment *d)
{
    return yyjson_is_true(json_get(d->model_info, "disable_background_health_check"));
}

static bool in_groups(yyjson_val *groups, const struct deployment *d)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(groups);
    while ((item = yyjson_arr_iter_next(&it)))
        if (slice_eq(json_slice(item), slice_of(d->model_name)))
            return true;
    return !groups;
}

static bool wanted(const struct config *c, const struct health_filter *filter,
                   const struct deployment *d)
{
    if (d->blocked)
        return false;
    if (!filter)
        return !is_disabled(d) && in_groups(c->health_groups, d);
    return health_matches(filter, d) && !(c->settings.health.skip_disabled && is_disabled(d));
}

static void gather_step(struct turn_item *item)
{
    struct health_run *run = LIST_ENTRY(item, struct health_run, gather);
    struct health *h = run->health;
    const struct batch_options options = {
        .count = run->count,
        .body_max = PROBE_ANSWER_MAX,
        .at_once = (size_t)run->config->settings.health.concurrency,
        .timeouts = {.connect_ms = CONNECT_MS},
    };
    while (run->gathered < run->count &&
           credentials_of(run, run->gathered).state != CREDENTIALS_COMING)
        run->gathered++;
    if (run->gathered == run->count)
        run->batch = batch_start(h->worker->upstream, &h->worker->turn, &options, &events, run);
}

static void start(struct health_run *run)
{
    struct health *h = run->health;
    if (h->worker->config == run->config && h->config != run->config)
        adopt(h, run->config);
    run->over = run->count == 0;
    if (run->count)
        turn_mark(&h->worker->turn, &run->gather);
}

/* filter == NULL: for the background. */
static struct health_run *run_new(struct health *h, const struct config *c,
                                  const struct health_filter *filter)
{
    struct health_run *run = zeroed(1, sizeof(*run));
    turn_item_init(&run->gather, gather_step);
    run->health = h;
    run->config = config_ref((struct config *)(uintptr_t)c);
    run->results = zeroed(c->deployment_count, sizeof(*run->results));
    for (size_t i = 0; i < c->deployment_count; i++)
        if (wanted(c, filter, &c->deployments[i]))
            run->results[run->count++].deployment = &c->deployments[i];
    run->probes = zeroed(run->count, sizeof(*run->probes));
    run->begun = zeroed(run->count, sizeof(*run->begun));
    return run;
}

struct health_run *health_run_start(struct health *h, const struct config *c,
                                    const struct health_filter *filter, struct turn_item *item)
{
    if (h->runs >= HEALTH_RUNS_MAX)
        return NULL;
    struct health_run *run = run_new(h, c, filter);
    run->item = item;
    h->runs++;
    start(run);
    return run;
}

bool health_run_over(const struct health_run *run)
{
    return run->over;
}

const struct health_result *health_run_results(const struct health_run *run, size_t *count)
{
    *count = run->count;
    return run->results;
}

void health_run_free(struct health_run *run)
{
    if (!run)
        return;
    if (run->batch)
        batch_cancel(run->batch);
    credentials_leave(&run->wait);
    turn_unmark(&run->gather);
    for (size_t i = 0; i < run->count; i++)
        probe_fini(&run->probes[i]);
    run->health->runs -= run->item != NULL;
    config_unref(run->config);
    free(run->probes);
    free(run->begun);
    free(run->results);
    free(run);
}

/* ---- in the background --------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    struct health *h = timer->data;
    struct worker *w = h->worker;
    if (h->background || w->draining)
        return;
    h->background = run_new(h, w->config, NULL);
    if (h->background->count) {
        start(h->background);
        return;
    }
    health_run_free(h->background);
    h->background = NULL;
}

void health_configure(struct health *h)
{
    const struct health_settings *s = &h->worker->config->settings.health;
    forget(h);
    uv_timer_stop(&h->timer);
    if (s->background)
        uv_timer_start(&h->timer, on_timer, 0, (uint64_t)s->interval * MS_PER_S);
}

struct health *health_new(struct worker *w)
{
    struct health *h = zeroed(1, sizeof(*h));
    h->worker = w;
    uv_timer_init(&w->loop, &h->timer);
    uv_unref((uv_handle_t *)&h->timer);
    h->timer.data = h;
    return h;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void health_free(struct health *h)
{
    health_run_free(h->background);
    forget(h);
    uv_close((uv_handle_t *)&h->timer, on_closed);
}
