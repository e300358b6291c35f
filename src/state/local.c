/* The shared state of one process: a hash whose entries also hang in the order of their use, and
 * the counters of limits (counters.h).
 *
 * Happy path: put makes an entry, and room for it at the old end of that order; get finds entries,
 * moves them to the fresh end and answers from inside the call.
 * Failure modes: none but loss. A value that can never fit is dropped; an entry whose time is over
 * is taken out when it is met, in get or at the old end. */

#include "base/list.h"
#include "chain.h"
#include "counters.h"
#include "state/shared.h"

#include <stdlib.h>

struct entry {
    struct list link;       /* in local->used */
    struct chain_link hash; /* in local->by_key */
    int64_t expires;        /* ms; not served at that time any more */
    size_t key_n, value_n;
    char bytes[]; /* key, value */
};

struct local {
    struct shared shared;
    struct list used; /* entry.link, the freshest last */
    struct chain by_key;
    size_t bytes_max;
    struct shared_stats stats;
    struct counters *counters;
};

static struct local *of(struct shared *s)
{
    return LIST_ENTRY(s, struct local, shared);
}

/* An entry pays for its share of the buckets too, so that the sum is what is really held. */
static size_t cost(size_t key_n, size_t value_n)
{
    return sizeof(struct entry) + 2 * sizeof(void *) + key_n + value_n;
}

static struct slice key_of(const struct entry *e)
{
    return slice_make(e->bytes, e->key_n);
}

static struct slice value_of(const struct entry *e)
{
    return slice_make(e->bytes + e->key_n, e->value_n);
}

/* ---- entries ------------------------------------------------------------------------------- */

static struct entry *find(const struct local *l, struct slice key)
{
    struct chain_link *at = chain_first(&l->by_key, chain_hash(&l->by_key, key));
    while (at && !slice_eq(key_of(LIST_ENTRY(at, struct entry, hash)), key))
        at = chain_next(at);
    return at ? LIST_ENTRY(at, struct entry, hash) : NULL;
}

static void remove_entry(struct local *l, struct entry *e)
{
    chain_del(&l->by_key, &e->hash);
    list_del(&e->link);
    l->stats.entries--;
    l->stats.bytes -= cost(e->key_n, e->value_n);
    free(e);
}

/* One whose time is over is taken out. */
static struct entry *find_live(struct local *l, struct slice key, int64_t now)
{
    struct entry *e = find(l, key);
    if (!e || e->expires > now)
        return e;
    l->stats.expired++;
    remove_entry(l, e);
    return NULL;
}

/* ---- values -------------------------------------------------------------------------------- */

static struct slice look_up(struct local *l, struct slice key, int64_t renew_ms, int64_t now)
{
    struct entry *e = find_live(l, key, now);
    if (!e) {
        l->stats.misses++;
        return slice_make(NULL, 0);
    }
    l->stats.hits++;
    if (e->expires < now + renew_ms)
        e->expires = now + renew_ms;
    list_del(&e->link);
    list_add(&l->used, &e->link);
    return value_of(e);
}

static void local_get(struct shared *s, const struct slice *keys, size_t n, int64_t renew_ms,
                      int64_t now, shared_got *got, void *user)
{
    struct slice values[SHARED_KEYS_MAX];
    for (size_t i = 0; i < n; i++)
        values[i] = look_up(of(s), keys[i], renew_ms, now);
    got(user, values, n);
}

static bool over_or_in_the_way(struct local *l, const struct entry *e, size_t bytes, int64_t now)
{
    bool over = e->expires <= now, in_the_way = !over && l->stats.bytes + bytes > l->bytes_max;
    l->stats.expired += over;
    l->stats.evicted += in_the_way;
    return over || in_the_way;
}

/* What is over at the old end goes, whether room is needed or not. */
static void make_room(struct local *l, size_t bytes, int64_t now)
{
    for (struct list *i = l->used.next, *next; i != &l->used; i = next) {
        struct entry *e = LIST_ENTRY(i, struct entry, link);
        next = i->next;
        if (!over_or_in_the_way(l, e, bytes, now))
            return;
        remove_entry(l, e);
    }
}

static struct entry *make_entry(struct slice key, struct slice value)
{
    struct entry *e = malloc(sizeof(*e) + key.n + value.n);
    if (!e)
        abort();
    *e = (struct entry){.key_n = key.n, .value_n = value.n};
    if (key.n)
        memcpy(e->bytes, key.p, key.n);
    if (value.n)
        memcpy(e->bytes + key.n, value.p, value.n);
    return e;
}

static void local_put(struct shared *s, struct slice key, struct slice value, int64_t ttl_ms,
                      int64_t now)
{
    struct local *l = of(s);
    const size_t bytes = cost(key.n, value.n);
    struct entry *old = find(l, key), *e;
    if (old)
        remove_entry(l, old);
    if (bytes > l->bytes_max) {
        l->stats.dropped++;
        return;
    }
    make_room(l, bytes, now);
    e = make_entry(key, value);
    e->expires = now + ttl_ms;
    list_add(&l->used, &e->link);
    chain_add(&l->by_key, &e->hash, chain_hash(&l->by_key, key));
    l->stats.bytes += bytes;
    l->stats.entries++;
}

static void local_del(struct shared *s, const struct slice *keys, size_t n, int64_t now,
                      shared_done *done, void *user)
{
    struct local *l = of(s);
    int64_t found = 0;
    for (size_t i = 0; i < n; i++) {
        struct entry *e = find_live(l, keys[i], now);
        found += e != NULL;
        if (e)
            remove_entry(l, e);
    }
    if (done)
        done(user, found);
}

static void local_clear(struct shared *s, struct slice prefix, int64_t now, shared_done *done,
                        void *user)
{
    struct local *l = of(s);
    int64_t found = 0;
    for (struct list *i = l->used.next, *next; i != &l->used; i = next) {
        struct entry *e = LIST_ENTRY(i, struct entry, link);
        next = i->next;
        if (!slice_starts(key_of(e), prefix))
            continue;
        found += e->expires > now;
        remove_entry(l, e);
    }
    if (done)
        done(user, found);
}

static void local_claim(struct shared *s, struct slice key, int64_t ttl_ms, int64_t now,
                        shared_done *done, void *user)
{
    bool free_to_take = !find_live(of(s), key, now);
    if (free_to_take)
        local_put(s, key, slice_make(NULL, 0), ttl_ms, now);
    if (done)
        done(user, free_to_take);
}

static void local_hold(struct shared *s, struct slice key, int64_t ttl_ms, int64_t now)
{
    struct entry *e = find_live(of(s), key, now);
    if (e && !e->value_n)
        e->expires = now + ttl_ms;
}

/* ---- limits -------------------------------------------------------------------------------- */

static void local_reserve(struct shared *s, const struct shared_ask *asks, size_t n, int64_t now,
                          shared_reserved *reserved, void *user)
{
    struct shared_state states[SHARED_ASKS_MAX];
    struct shared_answer answer = {.states = states, .n = n};
    answer.refused = counters_reserve(of(s)->counters, asks, n, now, states, &answer.grant);
    reserved(user, &answer);
}

static void local_settle(struct shared *s, const struct shared_grant *grant,
                         const struct shared_ask *asks, size_t n, int64_t now)
{
    counters_settle(of(s)->counters, grant, asks, n, now);
}

static void local_renew(struct shared *s, const struct shared_grant *grant,
                        const struct shared_ask *asks, size_t n, int64_t now)
{
    counters_renew(of(s)->counters, grant, asks, n, now);
}

/* ---- the rest ------------------------------------------------------------------------------ */

/* There is no other process. */
static void local_publish(struct shared *s, struct slice message)
{
    if (s->hearer.heard)
        s->hearer.heard(s->hearer.ctx, message);
}

/* Every question was answered inside its call. */
static void local_forget(struct shared *s, void *user)
{
}

static void local_stats(const struct shared *s, struct shared_stats *stats)
{
    *stats = LIST_ENTRY(s, const struct local, shared)->stats;
}

static void local_free(struct shared *s)
{
    struct local *l = of(s);
    while (!list_empty(&l->used))
        remove_entry(l, LIST_ENTRY(l->used.next, struct entry, link));
    chain_fini(&l->by_key);
    counters_free(l->counters);
    free(l);
}

static const struct shared_ops local_ops = {
    .get = local_get,
    .put = local_put,
    .del = local_del,
    .clear = local_clear,
    .claim = local_claim,
    .hold = local_hold,
    .reserve = local_reserve,
    .settle = local_settle,
    .renew = local_renew,
    .publish = local_publish,
    .forget = local_forget,
    .stats = local_stats,
    .free = local_free,
};

struct shared *shared_local_new(size_t bytes_max)
{
    struct local *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    l->shared.ops = &local_ops;
    l->bytes_max = bytes_max;
    list_init(&l->used);
    chain_init(&l->by_key, NULL);
    l->counters = counters_new(SHARED_COUNTERS_MAX, NULL);
    return &l->shared;
}
