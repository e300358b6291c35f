#include "metering.h"

#include "base/log.h"
#include "io/clock.h"
#include "metering_budgets.h"
#include "metering_services.h"
#include "worker_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define REFRESH_MS  1000
#define LOOK_MAX_MS 60000 /* between two looks for series that nobody counts in */
#define NS_PER_S    1e9

struct metering {
    struct worker *worker;
    struct metrics_shared *own; /* of a worker that is alone; else NULL */
    struct metrics *metrics;
    struct request_meter *requests;
    struct metric_series *loop;
    uint64_t turn_end, idle;            /* ns: of the turn before */
    struct metering_budgets *budgets;   /* NULL: another worker shows them, or nobody */
    struct metering_services *services; /* NULL: not wanted */
    int64_t ttl_ms;                     /* of series; 0: for ever */
    int64_t look_ms, next_look;         /* how often they are looked at, 0: never; unix ms */
    uv_timer_t timer;                   /* its end frees this */
};

/* ---- whether -------------------------------------------------------------------------------- */

bool metering_wanted(const struct config *c)
{
    return c->metrics.services || json_list_has(c->callbacks.both, SLICE("prometheus")) ||
           json_list_has(c->callbacks.success, SLICE("prometheus")) ||
           json_list_has(c->callbacks.failure, SLICE("prometheus"));
}

static struct metrics_shared *memory(const struct config *c, unsigned workers)
{
    const struct metrics_settings *m = &c->metrics;
    const struct metrics_options o = {
        .groups = m->groups,
        .exclude_metrics = m->exclude_metrics,
        .exclude_labels = m->exclude_labels,
        .metadata = m->metadata,
        .tags = m->tags,
        .buckets = m->buckets,
        .identity = c->settings.metrics_identity,
        .stream = c->settings.metrics_stream,
        .limits = c->settings.metrics_limits,
        .prompt_length = c->settings.metrics_prompt_length,
        .user_names = c->settings.metrics_user_names,
        .services = m->services,
    };
    return metrics_shared_new(workers, &o);
}

struct metrics_shared *metering_memory(const struct config *c, unsigned workers)
{
    return metering_wanted(c) ? memory(c, workers) : NULL;
}

/* ---- what the worker holds ------------------------------------------------------------------ */

static void gauge(struct metering *m, enum metric_id id, double value)
{
    metric_set(metrics_one(m->metrics, id, SLICE("")), value, clock_unix_ms());
}

static void follow(struct metering *m, enum metric_id id, double total)
{
    metric_follow(metrics_one(m->metrics, id, SLICE("")), total);
}

static double resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double cpu_seconds(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void refresh_shared(struct metering *m)
{
    static const struct slice none[METRIC_LABELS_ALL];
    struct shared_stats s;
    const struct shared *shared = m->worker->shared;
    shared->ops->stats(shared, &s);
    if (m->services) {
        metering_services_redis(m->services, &s);
    } else if (!m->worker->config->metrics.services) {
        follow(m, METRIC_REDIS_REQUESTS, (double)s.asked);
        metric_follow(metrics_labelled(m->metrics, METRIC_REDIS_FAILED, none),
                      (double)(s.failed + s.late));
    }
    follow(m, METRIC_REDIS_SECONDS, (double)s.waited_us / 1e6);
    follow(m, METRIC_REDIS_ANSWERED, (double)s.answered);
    follow(m, METRIC_REDIS_ALONE, (double)s.alone);
    follow(m, METRIC_REDIS_LOSSES, (double)s.losses);
    gauge(m, METRIC_REDIS_AWAY, s.away);
}

static void refresh_callback(void *ctx, const char *name, const struct outbox_stats *s)
{
    struct metering *m = ctx;
    struct slice who = slice_of(name);
    int64_t now = clock_unix_ms();
    metric_follow(metrics_one(m->metrics, METRIC_CALLBACK_FAILURES, who), (double)s->dropped);
    metric_follow(metrics_one(m->metrics, METRIC_CALLBACK_TOLD, who), (double)s->taken);
    metric_follow(metrics_one(m->metrics, METRIC_CALLBACK_CALLS, who), (double)s->calls);
    metric_follow(metrics_one(m->metrics, METRIC_CALLBACK_FAILED_CALLS, who),
                  (double)s->failed_calls);
    metric_set(metrics_one(m->metrics, METRIC_CALLBACK_WAITING, who), (double)s->waiting, now);
    metric_set(metrics_one(m->metrics, METRIC_CALLBACK_BYTES, who), (double)s->bytes, now);
    metric_set(metrics_one(m->metrics, METRIC_CALLBACK_KEPT, who), (double)s->kept, now);
    metric_set(metrics_one(m->metrics, METRIC_CALLBACK_KEPT_BYTES, who), (double)s->kept_bytes,
               now);
}

static void refresh_repairs(struct metering *m)
{
    for (unsigned i = 0; i < REPAIR_COUNT; i++)
        if (m->worker->repairs[i])
            metric_follow(metrics_one(m->metrics, METRIC_REPAIRS, slice_of(plan_repair_name(i))),
                          (double)m->worker->repairs[i]);
}

static void refresh_store(struct metering *m)
{
    struct store_stats s;
    if (!m->worker->store)
        return;
    store_stats(m->worker->store, &s);
    gauge(m, METRIC_SPOOL_BYTES, (double)s.spool_bytes);
    gauge(m, METRIC_DATABASE_AWAY, !s.up);
    follow(m, METRIC_SPEND_LOST, (double)(s.spend_dropped + s.spend_refused));
    if (m->services)
        metering_services_store(m->services);
}

static void refresh_admission(struct metering *m)
{
    const struct admission *a = &m->worker->admission;
    gauge(m, METRIC_ADMITTED, a->in);
    gauge(m, METRIC_ADMISSION_QUEUED, a->queued);
    metric_follow(metrics_one(m->metrics, METRIC_ADMISSION_REFUSED, SLICE("queue_full")),
                  (double)a->full);
    metric_follow(metrics_one(m->metrics, METRIC_ADMISSION_REFUSED, SLICE("queue_timeout")),
                  (double)a->late);
}

static void look_at_rests(struct metering *m)
{
    request_meter_look(m->requests, turn_now(&m->worker->turn), clock_unix_ms());
}

static void refresh(struct metering *m)
{
    const struct worker *w = m->worker;
    gauge(m, METRIC_IN_FLIGHT, w->live);
    gauge(m, METRIC_CONNECTIONS, w->listener ? listener_connections(w->listener) : 0);
    gauge(m, METRIC_UPSTREAM_CALLS, upstream_active(w->upstream));
    gauge(m, METRIC_QUEUED, w->queued);
    gauge(m, METRIC_RESIDENT, resident_bytes());
    follow(m, METRIC_CPU_SECONDS, cpu_seconds());
    follow(m, METRIC_QUEUE_REFUSED, (double)w->queue_refused);
    follow(m, METRIC_LOG_DROPPED, (double)log_dropped());
    gauge(m, METRIC_UPSTREAM_CONNECTIONS, upstream_connections(w->upstream));
    if (w->config->admission.in_flight)
        refresh_admission(m);
    look_at_rests(m);
    refresh_store(m);
    refresh_shared(m);
    refresh_repairs(m);
    observing_each(w, refresh_callback, m);
}

static void expire(struct metering *m)
{
    int64_t now = clock_unix_ms();
    if (!m->look_ms || now < m->next_look)
        return;
    m->next_look = now + m->look_ms;
    if (metrics_expire(m->metrics, now, m->ttl_ms))
        request_meter_forget(m->requests);
}

static void on_timer(uv_timer_t *timer)
{
    refresh(timer->data);
    expire(timer->data);
}

/* Processor time and what else libuv measures of a turn: all of it but the sleep. */
void metering_turn_over(struct metering *m)
{
    uint64_t now = uv_hrtime(), idle = uv_metrics_idle_time(&m->worker->loop);
    uint64_t slept = idle - m->idle, passed = now - m->turn_end;
    if (m->turn_end)
        metric_observe(m->loop, passed > slept ? (double)(passed - slept) / NS_PER_S : 0);
    m->turn_end = now;
    m->idle = idle;
}

/* ---- requests ------------------------------------------------------------------------------- */

void metering_count(struct metering *m, const struct record *draft)
{
    look_at_rests(m);
    request_meter_count(m->requests, draft);
    if (m->services)
        metering_services_count(m->services, draft);
}

bool metering_wants_texts(const struct metering *m)
{
    return metrics_want_texts(m->metrics);
}

void metering_guard(struct metering *m, const struct request_meter_guard *g)
{
    request_meter_guard(m->requests, g);
}

void metering_rests(struct metering *m, const struct deployment *d, struct slice model, int status,
                    int64_t ms)
{
    const struct request_meter_place at = {
        .model = model, .deployment = slice_of(d->id), .api_base = slice_of(d->endpoint)};
    request_meter_rest(m->requests, &at, status, turn_now(&m->worker->turn) + ms, clock_unix_ms());
}

void metering_adopt(struct metering *m)
{
    const struct config *c = m->worker->config;
    for (size_t i = 0; i < c->deployment_count; i++) {
        const struct deployment *d = &c->deployments[i];
        const struct request_meter_place at = {.model = slice_of(d->bedrock_id),
                                               .deployment = slice_of(d->id),
                                               .api_base = slice_of(d->endpoint),
                                               .group = slice_of(d->model_name)};
        request_meter_deployment(m->requests, &at, d->routing->tpm, d->routing->rpm);
    }
}

/* ---- life ----------------------------------------------------------------------------------- */

static int64_t shorter(int64_t a, int64_t b)
{
    return !a || (b && b < a) ? b : a;
}

static void set_bounds(struct metering *m, const struct settings *s)
{
    int64_t end_user_ms = (int64_t)(s->metrics_end_user_ttl * 1000);
    m->ttl_ms = (int64_t)(s->metrics_ttl * 1000);
    m->look_ms = shorter(LOOK_MAX_MS, shorter(m->ttl_ms, end_user_ms) / 4);
    if (s->metrics_look > 0)
        m->look_ms = (int64_t)(s->metrics_look * 1000);
    if (!m->ttl_ms && !end_user_ms)
        m->look_ms = 0;
    metrics_bound_end_users(m->metrics, (size_t)s->metrics_end_users, end_user_ms);
}

struct metering *metering_new(struct worker *w)
{
    const struct worker_options *o = w->options;
    const struct settings *s = &w->config->settings;
    struct metering *m = calloc(1, sizeof(*m));
    if (!m)
        abort();
    m->worker = w;
    if (!o->metrics)
        m->own = memory(w->config, 1);
    m->metrics = metrics_new(o->metrics ? o->metrics : m->own, o->metrics ? (unsigned)o->index : 0,
                             (size_t)s->metrics_series_max);
    m->requests = request_meter_new(m->metrics);
    set_bounds(m, s);
    if (w->config->metrics.services)
        m->services = metering_services_new(w, m->metrics);
    m->loop = metrics_one(m->metrics, METRIC_LOOP_SECONDS, SLICE(""));
    uv_loop_configure(&w->loop, UV_METRICS_IDLE_TIME);
    uv_timer_init(&w->loop, &m->timer);
    m->timer.data = m;
    uv_timer_start(&m->timer, on_timer, REFRESH_MS, REFRESH_MS);
    uv_unref((uv_handle_t *)&m->timer);
    metering_adopt(m);
    if (s->metrics_budgets && s->database_url && (!o->metrics || o->index == 0))
        m->budgets = metering_budgets_new(w, m->requests);
    return m;
}

void metering_flush(struct metering *m)
{
    metering_budgets_free(m->budgets);
    metering_services_free(m->services);
    m->budgets = NULL;
    m->services = NULL;
}

static void release(uv_handle_t *handle)
{
    struct metering *m = handle->data;
    request_meter_free(m->requests);
    metrics_free(m->metrics);
    metrics_shared_free(m->own);
    free(m);
}

void metering_free(struct metering *m)
{
    if (m)
        uv_close((uv_handle_t *)&m->timer, release);
}

void metering_write(struct metering *m, bool open, struct buf *out)
{
    refresh(m);
    metrics_write(m->metrics, open, out);
}
