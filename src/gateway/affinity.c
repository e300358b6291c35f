/* A hash table of fixed size with chains by index, its entries in a ring by use. */

#include "affinity.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS (2 * AFFINITY_MAX) /* a power of two */
#define NONE    UINT32_MAX
#define MIX     UINT64_C(0x9E3779B97F4A7C15)

struct entry {
    uint64_t key;
    int64_t until;
    uint32_t serial;
    uint32_t chain;        /* the next of the bucket */
    uint32_t newer, older; /* by use */
};

struct affinity {
    struct entry *entries; /* NULL until the first put */
    uint32_t *buckets;
    uint32_t count, newest, oldest;
};

struct affinity *affinity_new(void)
{
    struct affinity *a = calloc(1, sizeof(*a));
    if (!a)
        abort();
    a->newest = a->oldest = NONE;
    return a;
}

void affinity_free(struct affinity *a)
{
    if (!a)
        return;
    free(a->entries);
    free(a->buckets);
    free(a);
}

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * MIX;
    return h ^ h >> 29;
}

/* Eight bytes a step: what is hashed may be a long prompt. */
uint64_t affinity_hash(uint64_t before, struct slice s)
{
    uint64_t h = mix(before ^ MIX, s.n), word;
    for (; s.n >= sizeof(word); s = slice_skip(s, sizeof(word))) {
        memcpy(&word, s.p, sizeof(word));
        h = mix(h, word);
    }
    word = 0;
    if (s.n)
        memcpy(&word, s.p, s.n);
    h = mix(h, word);
    return h ? h : 1;
}

static uint32_t *bucket(struct affinity *a, uint64_t key)
{
    return &a->buckets[key & (BUCKETS - 1)];
}

static void start(struct affinity *a)
{
    a->entries = calloc(AFFINITY_MAX, sizeof(*a->entries));
    a->buckets = malloc(BUCKETS * sizeof(*a->buckets));
    if (!a->entries || !a->buckets)
        abort();
    memset(a->buckets, 0xff, BUCKETS * sizeof(*a->buckets));
}

static uint32_t find(struct affinity *a, uint64_t key)
{
    uint32_t i = a->entries ? *bucket(a, key) : NONE;
    while (i != NONE && a->entries[i].key != key)
        i = a->entries[i].chain;
    return i;
}

static void take_out(struct affinity *a, uint32_t i)
{
    struct entry *e = &a->entries[i];
    *(e->newer == NONE ? &a->newest : &a->entries[e->newer].older) = e->older;
    *(e->older == NONE ? &a->oldest : &a->entries[e->older].newer) = e->newer;
}

static void put_first(struct affinity *a, uint32_t i)
{
    struct entry *e = &a->entries[i];
    e->newer = NONE;
    e->older = a->newest;
    *(a->newest == NONE ? &a->oldest : &a->entries[a->newest].newer) = i;
    a->newest = i;
}

static void unchain(struct affinity *a, uint32_t i)
{
    uint32_t *at = bucket(a, a->entries[i].key);
    while (*at != i)
        at = &a->entries[*at].chain;
    *at = a->entries[i].chain;
}

/* A free entry, or the one that was not used for longest. */
static uint32_t obtain(struct affinity *a)
{
    uint32_t i = a->count;
    if (i < AFFINITY_MAX) {
        a->count++;
        return i;
    }
    i = a->oldest;
    take_out(a, i);
    unchain(a, i);
    return i;
}

uint32_t affinity_get(struct affinity *a, uint64_t key, int64_t now)
{
    uint32_t i = find(a, key);
    return i != NONE && now < a->entries[i].until ? a->entries[i].serial : 0;
}

void affinity_put(struct affinity *a, uint64_t key, uint32_t serial, int64_t ttl_ms, int64_t now)
{
    if (!a->entries)
        start(a);
    uint32_t i = find(a, key);
    if (i != NONE) {
        take_out(a, i);
    } else {
        i = obtain(a);
        a->entries[i].key = key;
        a->entries[i].chain = *bucket(a, key);
        *bucket(a, key) = i;
    }
    a->entries[i].serial = serial;
    a->entries[i].until = now + ttl_ms;
    put_first(a, i);
}

size_t affinity_count(const struct affinity *a)
{
    return a->count;
}
