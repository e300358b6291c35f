#include "exchange_admission.h"

#include "worker_private.h"

/* LiteLLM's list, and what shows who waits: who asks these must be answered above all when there is
 * too much to do. */
static bool is_exempt(struct slice path)
{
    static const char *const paths[] = {
        "/health/liveliness",        "/health/liveness", "/health/readiness", "/health/backlog",
        "/health/readiness/details", "/health/drain",    "/metrics",          "/metrics/",
        "/debug/exchanges"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        if (slice_eq(path, slice_of(paths[i])))
            return true;
    return false;
}

/* In LiteLLM's words. */
static void refuse(struct exchange *ex)
{
    const struct admission *a = &ex->worker->admission;
    failure_set(&ex->failure, &ex->arena, FAILURE_UNAVAILABLE, 503,
                "Worker at capacity: %u in-flight, %u queued requests. Retry later.", a->in,
                a->queued);
    ex->failure.type = "overloaded_error";
    ex->failure.retry_after_s = 1;
}

static void expire(struct exchange *ex)
{
    struct admission *a = &ex->worker->admission;
    ex->facts &= ~(unsigned)FACT_TIMER;
    a->late++;
    admission_leave(a, &ex->admission);
    refuse(ex);
}

bool exchange_admission(struct exchange *ex)
{
    const struct admission_limits *l = &ex->config->admission;
    if (!ex->entered && is_exempt(ex->head->path))
        return true;
    if (!ex->entered && admission_ask(&ex->worker->admission, &ex->admission, l) == ADMISSION_OUT)
        refuse(ex);
    else if (!ex->entered && ex->admission.state == ADMISSION_WAITS)
        ex->deadline = turn_now(&ex->worker->turn) + config_milliseconds(l->timeout);
    else if (ex->admission.state == ADMISSION_WAITS && ex->facts & FACT_TIMER)
        expire(ex);
    if (ex->admission.state == ADMISSION_WAITS)
        return false;
    ex->deadline = 0;
    ex->facts &= ~(unsigned)FACT_TIMER;
    return true;
}

void exchange_admission_leave(struct exchange *ex)
{
    struct worker *w = ex->worker;
    struct admission_ticket *t;
    admission_leave(&w->admission, &ex->admission);
    while ((t = admission_next(&w->admission, &w->config->admission)))
        exchange_deposit(LIST_ENTRY(t, struct exchange, admission), 0);
}
