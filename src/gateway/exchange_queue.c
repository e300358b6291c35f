#include "exchange_queue.h"

#include "worker_private.h"

static struct exchange *first_of(const struct worker *w, struct slice group)
{
    for (struct list *l = w->queue.next; l != &w->queue; l = l->next) {
        struct exchange *ex = LIST_ENTRY(l, struct exchange, queue);
        if (slice_eq(ex->model_group, group))
            return ex;
    }
    return NULL;
}

bool exchange_queue_is_behind(const struct exchange *ex)
{
    const struct exchange *first = first_of(ex->worker, ex->model_group);
    return first && first != ex;
}

void exchange_queue_wake(struct worker *w, struct slice group)
{
    struct exchange *first = first_of(w, group);
    if (first)
        exchange_deposit(first, 0);
}

bool exchange_queue_wait(struct exchange *ex)
{
    const struct routing *r = &ex->config->settings.routing;
    struct worker *w = ex->worker;
    unsigned ms = config_milliseconds(r->queue_timeout);
    bool over = ex->facts & FACT_TIMER || !ms || (!ex->queued && w->queued >= r->queue_max);
    if (over) {
        exchange_queue_leave(ex);
        return false;
    }
    ex->failure = (struct failure){0};
    if (ex->queued)
        return true;
    ex->queued = true;
    ex->deadline = turn_now(&w->turn) + ms;
    list_add(&w->queue, &ex->queue);
    w->queued++;
    return true;
}

void exchange_queue_leave(struct exchange *ex)
{
    if (!ex->queued)
        return;
    ex->queued = false;
    ex->deadline = 0;
    ex->facts &= ~(unsigned)FACT_TIMER;
    list_del(&ex->queue);
    ex->worker->queued--;
    exchange_queue_wake(ex->worker, ex->model_group);
}
