#ifndef STATE_SHARED_H
#define STATE_SHARED_H

/* State that outlives a request and may be shared between processes: byte strings under byte-string
 * keys, each with an expiry. One interface, several back ends: in the process (shared_local_new,
 * below), and others that answer later. Callers therefore always wait for the callback, which may
 * come from inside the call. Losing an entry early is allowed (memory is bounded); serving one
 * after its expiry is not.
 *
 * Time is handed in (ms, any monotonic clock): the layer knows no clock. Single thread. */

#include "base/slice.h"

struct shared;

/* `values[i]` answers `keys[i]`; p == NULL: not there. Valid during the call, which only deposits:
 * no op of the same back end may be called from inside. */
typedef void shared_got(void *user, const struct slice *values, size_t n);

struct shared_stats {
    size_t entries, bytes; /* now */
    uint64_t hits, misses; /* keys asked for */
    uint64_t evicted;      /* live entries that made room */
    uint64_t expired;      /* entries whose time was over */
    uint64_t dropped;      /* values too large for the back end */
};

struct shared_ops {
    /* 1 to SHARED_KEYS_MAX keys at once; their bytes are not needed after the call. What is found
     * lives at least `renew_ms` longer from now; 0: as long as it was to live. Cancelled by forget.
     * One get per user at a time. */
    void (*get)(struct shared *s, const struct slice *keys, size_t n, int64_t renew_ms, int64_t now,
                shared_got *got, void *user);
    /* Copies; fire and forget; replaces. Too large for the back end: nothing is there afterwards,
     * and it is counted. */
    void (*put)(struct shared *s, struct slice key, struct slice value, int64_t ttl_ms,
                int64_t now);
    /* No callback for this user from here on. */
    void (*forget)(struct shared *s, void *user);
    void (*stats)(const struct shared *s, struct shared_stats *stats);
    void (*free)(struct shared *s);
};

struct shared {
    const struct shared_ops *ops;
};

#define SHARED_KEYS_MAX 256

/* In the process: at most `bytes_max` bytes of keys, values and bookkeeping; the entry used longest
 * ago goes first. Never fails. */
struct shared *shared_local_new(size_t bytes_max);

#endif
