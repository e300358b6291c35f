/* Counters of limits by key, in one process; see counters.h.
 *
 * Happy path: reserve finds or makes the counter of each ask and takes; settle and renew find it
 * again by its key.
 * Failure modes: a refusal, which gives back what was taken before it in the same call; a counter
 * that had to go to make room is as if nobody had asked, which is what a restart does too. */

#include "counters.h"

#include "base/list.h"
#include "chain.h"
#include "window.h"
#include "wire/crypto.h"

struct counter {
    struct list link;       /* in counters->idle or ->holding, the one asked last at the end */
    struct chain_link hash; /* in counters->by_key */
    struct window window;
    struct list leases; /* lease.link, the one that ends first in front; of SHARED_LEASE */
    size_t held;        /* how many */
    int64_t window_ms;
    size_t key_n;
    char key[];
};

struct lease {
    struct list link;       /* in counter->leases */
    struct chain_link hash; /* in counters->by_id; the same for all leases of a request */
    struct counter *of;
    int64_t expires; /* ms; over at that time */
};

struct counters {
    struct heap *heap;         /* NULL: malloc */
    struct list idle, holding; /* counter.link: without leases, and with */
    struct chain by_key, by_id;
    size_t max;
    uint64_t last_id;
};

/* ---- leases -------------------------------------------------------------------------------- */

static void place(struct counters *c, struct counter *k)
{
    list_del(&k->link);
    list_add(k->held ? &c->holding : &c->idle, &k->link);
}

static void end_lease(struct counters *c, struct lease *l)
{
    l->of->held--;
    list_del(&l->link);
    chain_del(&c->by_id, &l->hash);
    heap_free(c->heap, l, sizeof(*l));
}

/* Those that are over. */
static void end_leases(struct counters *c, struct counter *k, int64_t now)
{
    for (struct list *i = k->leases.next, *next; i != &k->leases; i = next) {
        struct lease *l = LIST_ENTRY(i, struct lease, link);
        next = i->next;
        if (l->expires > now)
            return;
        end_lease(c, l);
    }
}

/* All leases of a key last equally long: the latest is the last. */
static void queue_lease(struct lease *l, int64_t now)
{
    l->expires = now + l->of->window_ms;
    list_del(&l->link);
    list_add(&l->of->leases, &l->link);
}

static void take_lease(struct counters *c, struct counter *k, uint64_t id, int64_t now)
{
    if (k->held == LEASES_MAX)
        end_lease(c, LIST_ENTRY(k->leases.next, struct lease, link));
    struct lease *l = heap_alloc(c->heap, sizeof(*l));
    l->of = k;
    list_init(&l->link);
    queue_lease(l, now);
    chain_add(&c->by_id, &l->hash, id);
    k->held++;
}

static struct lease *find_lease(const struct counters *c, const struct counter *k, uint64_t id)
{
    struct chain_link *at = chain_first(&c->by_id, id);
    while (at && LIST_ENTRY(at, struct lease, hash)->of != k)
        at = chain_next(at);
    return at ? LIST_ENTRY(at, struct lease, hash) : NULL;
}

/* ---- counters ------------------------------------------------------------------------------ */

static struct counter *find(const struct counters *c, struct slice key)
{
    struct chain_link *at = chain_first(&c->by_key, chain_hash(&c->by_key, key));
    for (; at; at = chain_next(at)) {
        struct counter *k = LIST_ENTRY(at, struct counter, hash);
        if (slice_eq(slice_make(k->key, k->key_n), key))
            return k;
    }
    return NULL;
}

static struct counter *make(struct counters *c, const struct shared_ask *ask)
{
    struct counter *k = heap_alloc(c->heap, sizeof(*k) + ask->key.n);
    k->window_ms = ask->window_ms;
    k->window.heap = c->heap;
    k->key_n = ask->key.n;
    if (ask->key.n)
        memcpy(k->key, ask->key.p, ask->key.n);
    list_init(&k->link);
    list_init(&k->leases);
    chain_add(&c->by_key, &k->hash, chain_hash(&c->by_key, ask->key));
    return k;
}

static void drop(struct counters *c, struct counter *k)
{
    end_leases(c, k, INT64_MAX);
    list_del(&k->link);
    chain_del(&c->by_key, &k->hash);
    window_fini(&k->window);
    heap_free(c->heap, k, sizeof(*k) + k->key_n);
}

/* Only between calls, so that no call loses a counter that it has just found. */
static void trim(struct counters *c, int64_t now)
{
    while (!list_empty(&c->idle)) {
        struct counter *k = LIST_ENTRY(c->idle.next, struct counter, link);
        if (c->by_key.count <= c->max && window_used(&k->window, k->window_ms, now))
            return;
        drop(c, k);
    }
    while (c->by_key.count > c->max)
        drop(c, LIST_ENTRY(c->holding.next, struct counter, link));
}

static int64_t used_of(struct counters *c, struct counter *k, const struct shared_ask *ask,
                       int64_t now)
{
    if (ask->kind == SHARED_WINDOW)
        return window_used(&k->window, k->window_ms, now);
    end_leases(c, k, now);
    return (int64_t)k->held;
}

/* ---- reserve ------------------------------------------------------------------------------- */

static bool take(struct counters *c, const struct shared_ask *ask, uint64_t id, int64_t now)
{
    struct counter *k = find(c, ask->key);
    if (!k)
        k = make(c, ask);
    int64_t used = used_of(c, k, ask, now), units = ask->units > 1 ? ask->units : 1;
    bool granted = ask->limit < 0 || (used <= ask->limit && units <= ask->limit - used);
    if (granted && ask->kind == SHARED_WINDOW)
        window_take(&k->window, k->window_ms, ask->units, now);
    else if (granted && ask->units)
        take_lease(c, k, id, now);
    place(c, k);
    return granted;
}

static void untake(struct counters *c, const struct shared_ask *ask, uint64_t id, int64_t now)
{
    struct counter *k = find(c, ask->key);
    struct lease *l = find_lease(c, k, id);
    if (ask->kind == SHARED_WINDOW)
        window_give(&k->window, k->window_ms, ask->units, now, now);
    else if (l)
        end_lease(c, l);
    place(c, k);
}

static int64_t window_wait(struct counter *k, const struct shared_ask *ask, int64_t now)
{
    int64_t units = ask->units > 1 ? ask->units : 1;
    if (ask->limit < units) /* counted only, or more than it will ever hold */
        return 0;
    return window_wait_ms(&k->window, k->window_ms, ask->limit - units, now);
}

static struct shared_state state_of(struct counters *c, const struct shared_ask *ask, int64_t now)
{
    struct counter *k = find(c, ask->key);
    if (!k)
        return (struct shared_state){0};
    struct shared_state s = {.used = used_of(c, k, ask, now)};
    if (ask->kind == SHARED_LEASE) /* whose end nobody knows: holders renew, or give it back */
        return s;
    s.reset_ms = window_reset_ms(&k->window, k->window_ms, now);
    s.wait_ms = window_wait(k, ask, now);
    return s;
}

int counters_reserve(struct counters *c, const struct shared_ask *asks, size_t n, int64_t now,
                     struct shared_state *states, struct shared_grant *grant)
{
    uint64_t id = ++c->last_id;
    int refused = -1;
    for (size_t i = 0; i < n && refused < 0; i++)
        refused = take(c, &asks[i], id, now) ? -1 : (int)i;
    for (int i = refused - 1; i >= 0; i--)
        untake(c, &asks[i], id, now);
    for (size_t i = 0; i < n; i++)
        states[i] = state_of(c, &asks[i], now);
    if (refused < 0)
        *grant = (struct shared_grant){.id = id, .taken_at = now};
    trim(c, now);
    return refused;
}

/* ---- settle, renew ------------------------------------------------------------------------- */

/* Whose counter had to go is counted anew only if it takes more. */
static void settle_window(struct counters *c, const struct shared_grant *grant,
                          const struct shared_ask *ask, int64_t now)
{
    struct counter *k = find(c, ask->key);
    if (!k && ask->units <= 0)
        return;
    if (!k)
        k = make(c, ask);
    if (ask->units > 0)
        window_take(&k->window, k->window_ms, ask->units, now);
    else
        window_give(&k->window, k->window_ms, -ask->units, grant->taken_at, now);
    place(c, k);
}

static void settle_lease(struct counters *c, const struct shared_grant *grant,
                         const struct shared_ask *ask)
{
    struct counter *k = find(c, ask->key);
    struct lease *l = k ? find_lease(c, k, grant->id) : NULL;
    if (!l)
        return;
    end_lease(c, l);
    place(c, k);
}

void counters_settle(struct counters *c, const struct shared_grant *grant,
                     const struct shared_ask *asks, size_t n, int64_t now)
{
    for (size_t i = 0; i < n; i++)
        if (asks[i].kind == SHARED_WINDOW)
            settle_window(c, grant, &asks[i], now);
        else
            settle_lease(c, grant, &asks[i]);
    trim(c, now);
}

void counters_renew(struct counters *c, const struct shared_grant *grant,
                    const struct shared_ask *asks, size_t n, int64_t now)
{
    for (size_t i = 0; i < n; i++) {
        struct counter *k = asks[i].kind == SHARED_LEASE ? find(c, asks[i].key) : NULL;
        struct lease *l = k ? find_lease(c, k, grant->id) : NULL;
        if (l && l->expires > now)
            queue_lease(l, now);
        if (k)
            place(c, k);
    }
}

/* ---- the table ----------------------------------------------------------------------------- */

size_t counters_count(const struct counters *c)
{
    return c->by_key.count;
}

struct counters *counters_new(size_t max, struct heap *heap)
{
    struct counters *c = heap_alloc(heap, sizeof(*c));
    c->heap = heap;
    c->max = max;
    list_init(&c->idle);
    list_init(&c->holding);
    chain_init(&c->by_key, heap);
    chain_init(&c->by_id, heap);
    random_bytes(&c->last_id, sizeof(c->last_id));
    return c;
}

void counters_free(struct counters *c)
{
    if (!c)
        return;
    for (struct list *l; (l = c->idle.next) != &c->idle || (l = c->holding.next) != &c->holding;)
        drop(c, LIST_ENTRY(l, struct counter, link));
    chain_fini(&c->by_key);
    chain_fini(&c->by_id);
    heap_free(c->heap, c, sizeof(*c));
}
