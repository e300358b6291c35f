#include "slow_shared.h"

#include "../io/cmocka_all.h"

#include <stdlib.h>

struct question {
    struct list link; /* in slow->open */
    struct slow_shared *slow;
    uv_timer_t timer;
    shared_got *got;
    void *user;
    int64_t renew_ms, now;
    size_t n;
    struct slice keys[SHARED_KEYS_MAX];
    struct buf bytes;
};

static void on_closed(uv_handle_t *timer)
{
    struct question *q = timer->data;
    buf_fini(&q->bytes);
    free(q);
}

static void end_question(struct question *q)
{
    list_del(&q->link);
    uv_close((uv_handle_t *)&q->timer, on_closed);
}

static void on_time(uv_timer_t *timer)
{
    struct question *q = timer->data;
    struct shared *local = q->slow->local;
    local->ops->get(local, q->keys, q->n, q->renew_ms, q->now, q->got, q->user);
    end_question(q);
}

static struct slow_shared *of(struct shared *s)
{
    return LIST_ENTRY(s, struct slow_shared, shared);
}

/* The keys may be gone when the answer is made. */
static void copy_keys(struct question *q, const struct slice *keys, size_t n)
{
    size_t at = 0;
    q->n = n;
    buf_init(&q->bytes, SIZE_MAX);
    for (size_t i = 0; i < n; i++)
        buf_add(&q->bytes, keys[i]);
    for (size_t i = 0; i < n; at += keys[i++].n)
        q->keys[i] = slice_make(q->bytes.p + at, keys[i].n);
}

static void slow_get(struct shared *shared, const struct slice *keys, size_t n, int64_t renew_ms,
                     int64_t now, shared_got *got, void *user)
{
    struct slow_shared *s = of(shared);
    struct question *q = calloc(1, sizeof(*q));
    assert_true(n >= 1 && n <= SHARED_KEYS_MAX);
    *q = (struct question){.slow = s, .got = got, .user = user, .renew_ms = renew_ms, .now = now};
    copy_keys(q, keys, n);
    s->gets++;
    s->largest = n > s->largest ? n : s->largest;
    uv_timer_init(&s->world->loop, &q->timer);
    q->timer.data = q;
    list_add(&s->open, &q->link);
    if (!s->never)
        uv_timer_start(&q->timer, on_time, s->delay_ms, 0);
}

static void slow_put(struct shared *s, struct slice key, struct slice value, int64_t ttl_ms,
                     int64_t now)
{
    of(s)->local->ops->put(of(s)->local, key, value, ttl_ms, now);
}

static void slow_forget(struct shared *shared, void *user)
{
    struct slow_shared *s = of(shared);
    for (struct list *i = s->open.next, *next; i != &s->open; i = next) {
        struct question *q = LIST_ENTRY(i, struct question, link);
        next = i->next;
        if (q->user != user)
            continue;
        s->forgotten++;
        end_question(q);
    }
}

static void slow_stats(const struct shared *s, struct shared_stats *stats)
{
    const struct slow_shared *slow = LIST_ENTRY(s, const struct slow_shared, shared);
    slow->local->ops->stats(slow->local, stats);
}

static void slow_free(struct shared *shared)
{
    struct slow_shared *s = of(shared);
    assert_true(list_empty(&s->open)); /* whoever asked has an answer, or has forgotten */
    s->local->ops->free(s->local);
    s->freed++;
}

static const struct shared_ops slow_ops = {
    .get = slow_get,
    .put = slow_put,
    .forget = slow_forget,
    .stats = slow_stats,
    .free = slow_free,
};

void slow_shared_init(struct slow_shared *s, struct world *w)
{
    *s = (struct slow_shared){.shared.ops = &slow_ops, .world = w};
    s->local = shared_local_new((size_t)1 << 24);
    list_init(&s->open);
}
