/* The queue in front of deployments that have no place, and of those that are paced.
 *
 * Happy path: a request that finds no place joins the queue; when a call of its group ends, or the
 * group's pace lets one go (`clock`), the first of the group is asked to route again; it leaves and
 * the next one is asked.
 *
 * Failure modes: too many wait, the wait is over, or it would be too long: a 429 that says when to
 * come back, or a fallback. */

#include "exchange_queue.h"

#include "worker_private.h"

#define MS_PER_S 1000

static struct exchange *entry(struct list *link)
{
    return LIST_ENTRY(link, struct exchange, queue);
}

static struct exchange *first_of(const struct worker *w, struct slice group)
{
    for (struct list *l = w->queue.next; l != &w->queue; l = l->next)
        if (slice_eq(entry(l)->model_group, group))
            return entry(l);
    return NULL;
}

/* `ex` was called before, `other` was not. */
static bool goes_before(const struct exchange *ex, const struct exchange *other)
{
    return ex->attempts && !other->attempts;
}

bool exchange_queue_is_behind(const struct exchange *ex)
{
    const struct exchange *first = first_of(ex->worker, ex->model_group);
    return first && first != ex && (ex->queued || !goes_before(ex, first));
}

int64_t exchange_queue_forecast(const struct exchange *ex)
{
    const struct worker *w = ex->worker;
    int64_t ahead = 0;
    if (ex->pace <= 0)
        return 0;
    for (struct list *l = w->queue.next; l != &w->queue && entry(l) != ex; l = l->next)
        ahead += slice_eq(entry(l)->model_group, ex->model_group) &&
                 (ex->queued || !goes_before(ex, entry(l)));
    return ex->place_ms + (int64_t)((double)ahead * MS_PER_S / ex->pace);
}

/* ---- the clock ----------------------------------------------------------------------------- */

static void on_clock(uv_timer_t *timer);

static void arm(struct worker *w, int64_t at)
{
    int64_t now = turn_now(&w->turn);
    if (w->queue_wake && w->queue_wake <= at)
        return;
    w->queue_wake = at;
    uv_timer_start(&w->queue_clock, on_clock, at > now ? (uint64_t)(at - now) : 0, 0);
}

static void on_clock(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    int64_t now = turn_now(&w->turn), next = 0;
    w->queue_wake = 0;
    for (struct list *l = w->queue.next; l != &w->queue; l = l->next) {
        struct exchange *ex = entry(l);
        if (!ex->wake_at)
            continue;
        if (ex->wake_at <= now)
            exchange_deposit(ex, 0);
        else if (!next || ex->wake_at < next)
            next = ex->wake_at;
    }
    if (next)
        arm(w, next);
}

void exchange_queue_start(struct worker *w)
{
    uv_timer_init(&w->loop, &w->queue_clock);
    w->queue_clock.data = w;
}

void exchange_queue_wake(struct worker *w, struct slice group)
{
    struct exchange *first = first_of(w, group);
    if (first)
        exchange_deposit(first, 0);
}

/* ---- coming and going ---------------------------------------------------------------------- */

static bool is_hopeless(const struct exchange *ex)
{
    const struct routing *r = &ex->config->settings.routing;
    int64_t ms = exchange_queue_forecast(ex);
    if (ms > config_milliseconds(r->pace_patience) &&
        reroute_has_fallback(&ex->reroute, &ex->failure))
        return true;
    return !ex->queued && !ex->attempts && ms > config_milliseconds(r->queue_timeout);
}

static bool is_over(struct exchange *ex)
{
    const struct routing *r = &ex->config->settings.routing;
    const struct worker *w = ex->worker;
    ex->facts &= ~(unsigned)FACT_TIMER;
    if (ex->queue_until && turn_now(&w->turn) >= ex->queue_until)
        return true;
    if (ex->queued)
        return is_hopeless(ex);
    return !config_milliseconds(r->queue_timeout) || w->queued >= r->queue_max || is_hopeless(ex);
}

/* Who comes back (its place was others') waits on where it was. */
static void join(struct exchange *ex)
{
    struct worker *w = ex->worker;
    struct list *behind = w->queue.next;
    if (!ex->queue_until)
        ex->queue_until =
            turn_now(&w->turn) + config_milliseconds(ex->config->settings.routing.queue_timeout);
    while (behind != &w->queue && !goes_before(ex, entry(behind)) &&
           (goes_before(entry(behind), ex) || entry(behind)->queue_until <= ex->queue_until))
        behind = behind->next;
    list_add(behind, &ex->queue); /* in front of that one */
    w->queued++;
    ex->queued = true;
}

bool exchange_queue_wait(struct exchange *ex)
{
    struct worker *w = ex->worker;
    if (is_over(ex)) {
        w->queue_refused++;
        exchange_queue_leave(ex);
        return false;
    }
    ex->failure = (struct failure){0};
    if (!ex->queued)
        join(ex);
    ex->deadline = ex->queue_until;
    ex->wake_at = ex->place_ms ? turn_now(&w->turn) + ex->place_ms : 0;
    if (ex->wake_at)
        arm(w, ex->wake_at);
    return true;
}

void exchange_queue_leave(struct exchange *ex)
{
    if (!ex->queued)
        return;
    ex->queued = false;
    ex->deadline = ex->wake_at = 0;
    ex->facts &= ~(unsigned)FACT_TIMER;
    list_del(&ex->queue);
    ex->worker->queued--;
    exchange_queue_wake(ex->worker, ex->model_group);
}
