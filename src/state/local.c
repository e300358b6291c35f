/* The shared state of one process: a chained hash whose entries also hang in the order of their
 * use.
 *
 * Happy path: put makes an entry, and room for it at the old end of that order; get finds entries,
 * moves them to the fresh end and answers from inside the call.
 * Failure modes: none but loss. A value that can never fit is dropped; an entry whose time is over
 * is taken out when it is met, in get or at the old end. */

#include "base/list.h"
#include "state/shared.h"
#include "wire/crypto.h"

#include <stdlib.h>

#define BUCKETS_MIN 16

struct entry {
    struct list link;   /* in local->used */
    struct entry *next; /* of the bucket */
    uint64_t hash;
    int64_t expires; /* ms; not served at that time any more */
    size_t key_n, value_n;
    char bytes[]; /* key, value */
};

struct local {
    struct shared shared;
    struct list used; /* entry.link, the freshest last */
    struct entry **buckets;
    size_t bucket_count; /* a power of two, at most twice as many as there ever were entries */
    size_t bytes_max;
    uint64_t seed; /* differs from process to process: keys may be a client's */
    struct shared_stats stats;
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

static uint64_t hash_of(const struct local *l, struct slice key) /* FNV-1a, seeded */
{
    uint64_t h = l->seed;
    for (size_t i = 0; i < key.n; i++)
        h = (h ^ (unsigned char)key.p[i]) * UINT64_C(1099511628211);
    return h ^ h >> 32;
}

/* ---- the hash ------------------------------------------------------------------------------ */

static struct entry **bucket_of(const struct local *l, uint64_t hash)
{
    return &l->buckets[hash & (l->bucket_count - 1)];
}

static struct entry *find(const struct local *l, struct slice key, uint64_t hash)
{
    struct entry *e = *bucket_of(l, hash);
    while (e && !(e->hash == hash && slice_eq(key_of(e), key)))
        e = e->next;
    return e;
}

static void hang(struct local *l, struct entry *e)
{
    struct entry **bucket = bucket_of(l, e->hash);
    e->next = *bucket;
    *bucket = e;
}

static void set_buckets(struct local *l, size_t count)
{
    free(l->buckets);
    l->bucket_count = count;
    l->buckets = calloc(count, sizeof(void *));
    if (!l->buckets)
        abort();
    for (struct list *i = l->used.next; i != &l->used; i = i->next)
        hang(l, LIST_ENTRY(i, struct entry, link));
}

static void remove_entry(struct local *l, struct entry *e)
{
    struct entry **at = bucket_of(l, e->hash);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    list_del(&e->link);
    l->stats.entries--;
    l->stats.bytes -= cost(e->key_n, e->value_n);
    free(e);
}

/* ---- the ops ------------------------------------------------------------------------------- */

static struct slice look_up(struct local *l, struct slice key, int64_t renew_ms, int64_t now)
{
    struct entry *e = find(l, key, hash_of(l, key));
    if (e && e->expires <= now) {
        l->stats.expired++;
        remove_entry(l, e);
        e = NULL;
    }
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
    const uint64_t hash = hash_of(l, key);
    const size_t bytes = cost(key.n, value.n);
    struct entry *old = find(l, key, hash), *e;
    if (old)
        remove_entry(l, old);
    if (bytes > l->bytes_max) {
        l->stats.dropped++;
        return;
    }
    make_room(l, bytes, now);
    e = make_entry(key, value);
    e->hash = hash;
    e->expires = now + ttl_ms;
    list_add(&l->used, &e->link);
    hang(l, e);
    l->stats.bytes += bytes;
    if (++l->stats.entries > l->bucket_count)
        set_buckets(l, l->bucket_count * 2);
}

/* Every get was answered inside its call. */
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
    for (size_t i = 0; i < l->bucket_count; i++)
        for (struct entry *e = l->buckets[i], *next; e; e = next) {
            next = e->next;
            free(e);
        }
    free(l->buckets);
    free(l);
}

static const struct shared_ops local_ops = {
    .get = local_get,
    .put = local_put,
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
    random_bytes(&l->seed, sizeof(l->seed));
    set_buckets(l, BUCKETS_MIN);
    return &l->shared;
}
