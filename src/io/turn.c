/* Ready items and graves, drained before and after each poll.
 *
 * Happy path: a callback marks an item; the next drain runs its step, and the steps of what that
 * marks; then what was buried is released.
 * Failure modes: steps that keep marking each other are stopped after TURN_STEPS_MAX, the rest runs
 * after a poll that does not wait. */

#include "io/turn.h"

/* Does nothing itself: an active idle handle keeps the poll from sleeping and the loop alive. */
static void on_awake(uv_idle_t *handle)
{
    (void)handle;
}

static void stay_awake(struct turn *t)
{
    uv_idle_start(&t->awake, on_awake);
}

static void run_steps(struct turn *t)
{
    for (unsigned steps = 0; steps < TURN_STEPS_MAX; steps++) {
        struct list *link = list_pop(&t->ready);
        if (!link)
            return;
        struct turn_item *item = LIST_ENTRY(link, struct turn_item, link);
        item->step(item);
    }
}

static void sweep_graves(struct turn *t)
{
    struct list *link;
    while ((link = list_pop(&t->graves))) {
        struct turn_grave *grave = LIST_ENTRY(link, struct turn_grave, link);
        grave->release(grave);
    }
}

static void turn_drain(struct turn *t)
{
    struct list *link;
    t->draining = true;
    run_steps(t);
    sweep_graves(t);
    while ((link = list_pop(&t->later)))
        list_add(&t->ready, link);
    t->draining = false;
    if (list_empty(&t->ready))
        uv_idle_stop(&t->awake);
}

static void on_prepare(uv_prepare_t *handle)
{
    turn_drain(handle->data);
}

static void on_check(uv_check_t *handle)
{
    turn_drain(handle->data);
}

void turn_init(struct turn *t, uv_loop_t *loop)
{
    *t = (struct turn){.loop = loop};
    list_init(&t->ready);
    list_init(&t->later);
    list_init(&t->graves);
    uv_prepare_init(loop, &t->before_poll);
    uv_check_init(loop, &t->after_poll);
    uv_idle_init(loop, &t->awake);
    t->before_poll.data = t;
    t->after_poll.data = t;
    uv_prepare_start(&t->before_poll, on_prepare);
    uv_check_start(&t->after_poll, on_check);
    uv_unref((uv_handle_t *)&t->before_poll);
    uv_unref((uv_handle_t *)&t->after_poll);
}

void turn_fini(struct turn *t)
{
    sweep_graves(t);
    uv_close((uv_handle_t *)&t->before_poll, NULL);
    uv_close((uv_handle_t *)&t->after_poll, NULL);
    uv_close((uv_handle_t *)&t->awake, NULL);
}

void turn_item_init(struct turn_item *item, void (*step)(struct turn_item *))
{
    list_init(&item->link);
    item->step = step;
}

void turn_mark(struct turn *t, struct turn_item *item)
{
    if (!list_empty(&item->link))
        return;
    /* Awake from the first mark outside a drain until a drain leaves nothing: what is marked by a
     * timer or a close callback is seen to even when no other handle is alive. */
    if (!t->draining && list_empty(&t->ready))
        stay_awake(t);
    list_add(&t->ready, &item->link);
}

void turn_mark_later(struct turn *t, struct turn_item *item)
{
    if (!list_empty(&item->link))
        return;
    if (!t->draining)
        stay_awake(t);
    list_add(&t->later, &item->link);
}

void turn_unmark(struct turn_item *item)
{
    list_del(&item->link);
}

void turn_bury(struct turn *t, struct turn_grave *grave, void (*release)(struct turn_grave *))
{
    grave->release = release;
    list_add(&t->graves, &grave->link);
    if (!t->draining)
        stay_awake(t);
}

int64_t turn_now(const struct turn *t)
{
    return (int64_t)uv_now(t->loop);
}
