#ifndef GATEWAY_CACHE_H
#define GATEWAY_CACHE_H

/* The response cache of a process: where answers are kept, and who waits for which. What an
 * exchange does with it is in exchange_cache.h.
 *
 * An answer is known by its key, a SHA-256 in hex (cache_key.h) behind its namespace and a colon,
 * if it has one: so clients see it (x-litellm-cache-key) and name it (/cache/delete). In the shared
 * state it lies under "cache:", the configured namespace, a colon, and that key, so that emptying
 * a gateway's cache leaves that of others alone. */

#include "cache_control.h"
#include "flight.h"
#include "state/shared.h"

struct cache_stats {
    uint64_t hits;    /* requests that got a kept answer */
    uint64_t joined;  /* … or that of another request, while it came */
    uint64_t misses;  /* requests that looked in vain */
    uint64_t awaited; /* of these waited for another process */
    uint64_t kept;    /* answers put */
    uint64_t unkept;  /* … too large for it */
    uint64_t corrupt; /* found, but not understood */
};

struct cache {
    struct shared *shared;
    bool owned; /* `shared` is nobody else's */
    struct flights *flights;
    struct cache_stats stats;
};

/* In this process, or in a shared state that is the caller's. */
struct cache *cache_new_local(struct turn *turn, size_t bytes_max);
struct cache *cache_new_shared(struct turn *turn, struct shared *shared);
void cache_free(struct cache *c);

/* What a key begins with in the shared state, and a key there. In the arena. */
struct slice cache_prefix(const struct caching *settings, struct arena *a);
struct slice cache_place(const struct caching *settings, struct slice key, struct arena *a);

/* A digest as clients see it. */
struct slice cache_show(const uint8_t digest[SHA256_SIZE], struct slice name_space,
                        struct arena *a);

/* Of a flight's key, among processes that keep their answers in one place: exchange_claim.h. */
enum claim {
    CLAIM_NONE,
    CLAIM_OURS,
    CLAIM_OTHERS /* it waits for them */
};

/* A request's use of it; zeroed: none. */
struct cache_use {
    bool known;    /* that the end user may have kept answers */
    bool asking;   /* a question to the shared state is open … */
    bool inside;   /* … and is just being put */
    bool sociable; /* its answer may be that of an equal request, or theirs */
    bool alone;    /* another process had none for it: it claims nothing */
    bool looked;   /* once more, since it has the claim */
    enum claim claim;
    int64_t claim_at; /* ms: when it is to be held on to, or looked at again */
    bool hit;         /* the answer was kept, or is another request's: it costs nothing */
    bool joined;      /* the latter */
    bool unfit;       /* the answer is not worth keeping */
    struct cache_control control;
    struct slice key;
    uint8_t digest[SHA256_SIZE];
    struct flight_seat seat; /* of answers with events */
};

#endif
