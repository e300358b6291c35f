/* See metering_services.h.
 *
 * Happy path: Redis' times are told with each answer, the database's fetched once a second, the
 * states' taken from each request's record; each is one addition to a series that is kept.
 *
 * Failure modes: more work of the database between two looks than it keeps: the rest is not
 * counted. */

#include "metering_services.h"

#include "worker_private.h"

#include <stdlib.h>

#define US_PER_S 1e6
#define MS_PER_S 1e3

enum service { REDIS, POSTGRES, BATCH_WRITE, SELF, AUTH, ROUTER, PRE_CALL, SERVICES };

static const struct {
    const char *name;
    enum label label;
    enum metric_id latency, total, failed; /* METRIC_COUNT: it never does */
} services[SERVICES] = {
    [REDIS] = {"redis", LABEL_REDIS, METRIC_REDIS_LATENCY, METRIC_REDIS_REQUESTS,
               METRIC_REDIS_FAILED},
    [POSTGRES] = {"postgres", LABEL_POSTGRES, METRIC_POSTGRES_LATENCY, METRIC_POSTGRES_TOTAL,
                  METRIC_POSTGRES_FAILED},
    [BATCH_WRITE] = {"batch_write_to_db", LABEL_BATCH_WRITE, METRIC_BATCH_WRITE_LATENCY,
                     METRIC_BATCH_WRITE_TOTAL, METRIC_BATCH_WRITE_FAILED},
    [SELF] = {"self", LABEL_SELF, METRIC_SELF_LATENCY, METRIC_SELF_TOTAL, METRIC_SELF_FAILED},
    [AUTH] = {"auth", LABEL_AUTH, METRIC_AUTH_LATENCY, METRIC_AUTH_TOTAL, METRIC_AUTH_FAILED},
    [ROUTER] = {"router", LABEL_ROUTER, METRIC_ROUTER_LATENCY, METRIC_ROUTER_TOTAL, METRIC_COUNT},
    [PRE_CALL] = {"proxy_pre_call", LABEL_PRE_CALL, METRIC_PRE_CALL_LATENCY, METRIC_PRE_CALL_TOTAL,
                  METRIC_COUNT},
};

struct metering_services {
    struct worker *worker;
    struct metrics *metrics;
    struct metric_series *latency[SERVICES], *total[SERVICES];
    bool timed; /* the store keeps times */
};

/* ---- series ---------------------------------------------------------------------------------- */

static struct metric_series *failures_of(struct metering_services *s, enum service of,
                                         struct slice error, const char *function)
{
    struct slice labels[METRIC_LABELS_ALL] = {0};
    labels[services[of].label] = slice_of(services[of].name);
    labels[LABEL_ERROR_CLASS] = error;
    labels[LABEL_FUNCTION] = slice_of(function);
    return metrics_labelled(s->metrics, services[of].failed, labels);
}

static void served(struct metering_services *s, enum service of, double seconds)
{
    metric_observe(s->latency[of], seconds);
    metric_add(s->total[of], 1);
}

/* LiteLLM's times are those of what went well. */
static void failed(struct metering_services *s, enum service of, struct slice error,
                   const char *function)
{
    metric_add(failures_of(s, of, error, function), 1);
    metric_add(s->total[of], 1);
}

/* ---- what happened --------------------------------------------------------------------------- */

static void on_answered(void *ctx, uint64_t us)
{
    struct metering_services *s = ctx;
    metric_observe(s->latency[REDIS], (double)us / US_PER_S);
}

void metering_services_redis(struct metering_services *s, const struct shared_stats *stats)
{
    metric_follow(s->total[REDIS], (double)stats->asked);
    metric_follow(failures_of(s, REDIS, SLICE("ResponseError"), "ask"), (double)stats->failed);
    metric_follow(failures_of(s, REDIS, SLICE("TimeoutError"), "ask"), (double)stats->late);
}

static struct slice error_of(enum store_status status)
{
    switch (status) {
    case STORE_OK:
    case STORE_CONFLICT: break; /* somebody was faster: an answer as any other */
    case STORE_BUSY: return SLICE("Busy");
    case STORE_UNAVAILABLE: return SLICE("Unavailable");
    case STORE_REFERENCE:
    case STORE_REFUSED: return SLICE("Refused");
    }
    return SLICE("");
}

static void take_time(struct metering_services *s, const struct store_time *t)
{
    enum service of = t->work == STORE_WORK_SPEND ? BATCH_WRITE : POSTGRES;
    struct slice error = error_of(t->status);
    if (error.n)
        failed(s, of, error, of == BATCH_WRITE ? "write_spend" : "run_job");
    else
        served(s, of, (double)t->us / US_PER_S);
}

void metering_services_store(struct metering_services *s)
{
    struct store_time times[STORE_TIMES_MAX];
    struct store *store = s->worker->store;
    if (!s->timed)
        store_keep_times(store);
    s->timed = true;
    size_t n = store_take_times(store, times);
    for (size_t i = 0; i < n; i++)
        take_time(s, &times[i]);
}

static void count_stage(struct metering_services *s, const struct record *r,
                        const struct record_stage *stage)
{
    double seconds = (double)(stage->ms > 0 ? stage->ms : 0) / MS_PER_S;
    if (strcmp(stage->name, "AUTH") == 0) {
        if (slice_eq(r->text.error_class, SLICE("AuthenticationError")) && !r->attempt_count)
            failed(s, AUTH, r->text.error_class, "exchange_auth");
        else
            served(s, AUTH, seconds);
    } else if (strcmp(stage->name, "ROUTE") == 0) {
        served(s, ROUTER, seconds);
    } else if (strcmp(stage->name, "LIMIT") == 0) {
        served(s, PRE_CALL, seconds);
    }
}

void metering_services_count(struct metering_services *s, const struct record *draft)
{
    for (size_t i = 0; i < draft->stage_count; i++)
        count_stage(s, draft, &draft->stages[i]);
    if (draft->failed)
        failed(s, SELF, draft->text.error_class, "request");
    else
        served(s, SELF, (double)(draft->ended_ms - draft->begun_ms) / MS_PER_S);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct metering_services *metering_services_new(struct worker *w, struct metrics *m)
{
    struct metering_services *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->worker = w;
    s->metrics = m;
    for (int i = 0; i < SERVICES; i++) {
        struct slice name = slice_of(services[i].name);
        s->latency[i] = metrics_one(m, services[i].latency, name);
        s->total[i] = metrics_one(m, services[i].total, name);
    }
    w->shared->timer = (struct shared_timer){on_answered, s};
    return s;
}

void metering_services_free(struct metering_services *s)
{
    if (s)
        s->worker->shared->timer = (struct shared_timer){0};
    free(s);
}
