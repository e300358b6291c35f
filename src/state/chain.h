#ifndef STATE_CHAIN_H
#define STATE_CHAIN_H

/* A hash whose links lie in what it holds. Keys are whoever asks's matter: the links of one hash
 * are walked and compared. Memory: one pointer a bucket, never more than twice as many as there
 * ever were links at once. */

#include "base/slice.h"
#include "heap.h"

struct chain_link {
    struct chain_link *next; /* of the bucket */
    uint64_t hash;
};

struct chain {
    struct heap *heap; /* NULL: malloc */
    struct chain_link **buckets;
    size_t size;  /* buckets, a power of two */
    size_t count; /* links */
    uint64_t seed;
};

void chain_init(struct chain *c, struct heap *heap);
void chain_fini(struct chain *c); /* the links are their owner's */

/* Differs from hash to hash: keys may be a client's. */
uint64_t chain_hash(const struct chain *c, struct slice key);

void chain_add(struct chain *c, struct chain_link *link, uint64_t hash);
void chain_del(struct chain *c, struct chain_link *link); /* must be there */

/* The first link of that hash, and the one after; NULL: no more. */
struct chain_link *chain_first(const struct chain *c, uint64_t hash);
struct chain_link *chain_next(const struct chain_link *link);

#endif
