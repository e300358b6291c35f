#include "chain.h"

#include "wire/crypto.h"

#define SIZE_MIN 16

static struct chain_link **bucket_of(const struct chain *c, uint64_t hash)
{
    return &c->buckets[hash & (c->size - 1)];
}

static void hang(struct chain *c, struct chain_link *link)
{
    struct chain_link **bucket = bucket_of(c, link->hash);
    link->next = *bucket;
    *bucket = link;
}

static void set_size(struct chain *c, size_t size)
{
    struct chain_link **old = c->buckets;
    size_t old_size = c->size;
    c->size = size;
    c->buckets = heap_alloc(c->heap, size * sizeof(void *));
    for (size_t i = 0; i < old_size; i++)
        for (struct chain_link *l = old[i], *next; l; l = next) {
            next = l->next;
            hang(c, l);
        }
    heap_free(c->heap, old, old_size * sizeof(void *));
}

void chain_init(struct chain *c, struct heap *heap)
{
    *c = (struct chain){.heap = heap};
    random_bytes(&c->seed, sizeof(c->seed));
    set_size(c, SIZE_MIN);
}

void chain_fini(struct chain *c)
{
    heap_free(c->heap, c->buckets, c->size * sizeof(void *));
}

uint64_t chain_hash(const struct chain *c, struct slice key) /* FNV-1a */
{
    uint64_t h = c->seed;
    for (size_t i = 0; i < key.n; i++)
        h = (h ^ (unsigned char)key.p[i]) * UINT64_C(1099511628211);
    return h ^ h >> 32;
}

void chain_add(struct chain *c, struct chain_link *link, uint64_t hash)
{
    link->hash = hash;
    hang(c, link);
    if (++c->count > c->size)
        set_size(c, c->size * 2);
}

void chain_del(struct chain *c, struct chain_link *link)
{
    struct chain_link **at = bucket_of(c, link->hash);
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    c->count--;
}

static struct chain_link *from(struct chain_link *l, uint64_t hash)
{
    while (l && l->hash != hash)
        l = l->next;
    return l;
}

struct chain_link *chain_first(const struct chain *c, uint64_t hash)
{
    return from(*bucket_of(c, hash), hash);
}

struct chain_link *chain_next(const struct chain_link *link)
{
    return from(link->next, link->hash);
}
