#ifndef STATE_SHARED_H
#define STATE_SHARED_H

/* State that outlives a request and may be shared between processes, cut along questions:
 *
 *   values   byte strings under byte-string keys, each with an expiry (get, put, del, clear)
 *   claims   a key that one of many takes for a while, for work to be done once (claim)
 *   limits   may this pass, and what is left? (reserve, settle, renew)
 *   word     what one process says the others hear (publish)
 *
 * One interface, several back ends: in the process (shared_local_new), for the workers of a machine
 * (shared_machine.h), and on a Redis that all processes share (shared_redis.h). Those that can be
 * away have another one behind them, which answers in their place. Callers therefore always wait
 * for the callback, which may come from inside the call; it only deposits: no op of the same back
 * end may be called from inside. It comes within the back end's own patience (a back end that is
 * away is answered for, see shared_redis.h), exactly once, and not after forget. One question per
 * user at a time.
 *
 * Losing a value early is allowed (memory is bounded); serving one after its expiry is not.
 *
 * Time is handed in (ms, any monotonic clock); back ends that several processes share count by
 * their own. Single thread. */

#include "base/slice.h"

struct shared;

#define SHARED_KEYS_MAX 256
#define SHARED_ASKS_MAX 64
#define SHARED_NAME_MAX 200 /* bytes of a limit's key */

/* ---- values ---------------------------------------------------------------------------------- */

/* `values[i]` answers `keys[i]`; p == NULL: not there. Valid during the call. */
typedef void shared_got(void *user, const struct slice *values, size_t n);

/* How many there were; < 0: not known. */
typedef void shared_done(void *user, int64_t n);

/* ---- limits ---------------------------------------------------------------------------------- */

enum shared_limit {
    /* At most `limit` units within any `window_ms`, sliding. Never more, however many processes
     * ask; at least 98 of 100 of it where more are asked for. */
    SHARED_WINDOW,
    /* At most `limit` holders at once. A holder whose process dies is gone after `window_ms`;
     * renew keeps it. */
    SHARED_LEASE
};

struct shared_ask {
    struct slice key; /* of the counter: no other kind, limit or window is asked of it … */
    enum shared_limit kind;
    int64_t limit; /* … but `limit` may change. Not above it: else refused. < 0: counted only */
    int64_t window_ms;
    int64_t units; /* to take; >= 0. Of a lease: 1. 0 asks whether there is anything left */
};

struct shared_state {
    int64_t used;     /* of the limit, with what was taken now, if it was */
    int64_t reset_ms; /* until all of a window is free again; of a lease 0 */
    int64_t wait_ms;  /* until as much as asked for may be free; 0: now, or nobody knows */
};

/* What was taken, so that it can be settled. Plain bytes, owned by whoever asked. */
struct shared_grant {
    uint64_t id;      /* of the lease; the same in all leases of one request */
    int64_t taken_at; /* the back end's own time */
    unsigned local;   /* by so many back ends behind the one that was asked, since it was away */
};

/* `refused`: the first ask that is not to be had, then nothing at all was taken; < 0: all of them
 * were. `states[i]` answers asks[i]; valid during the call. `grant` is valid if refused < 0.
 * `away`: nobody could be asked and the policy is to refuse (SHARED_FAIL_CLOSED); no states. */
struct shared_answer {
    int refused;
    bool away;
    const struct shared_state *states;
    size_t n;
    struct shared_grant grant;
};
typedef void shared_reserved(void *user, const struct shared_answer *answer);

/* ---- the back end ---------------------------------------------------------------------------- */

struct shared_stats {
    size_t entries, bytes; /* now, in this process */
    uint64_t hits, misses; /* keys asked for */
    uint64_t evicted;      /* live entries that made room */
    uint64_t expired;      /* entries whose time was over */
    uint64_t dropped;      /* values too large for the back end */
    uint64_t asked;        /* questions to a back end outside */
    uint64_t late;         /* … that were answered by this process, since none came in time */
    uint64_t failed;       /* … that it answered with an error */
    uint64_t alone;        /* … that this process answered, late ones and those it did not send */
    uint64_t answered;     /* … that it answered, in time or not, … */
    uint64_t waited_us;    /* … and how long that took altogether, microseconds */
    uint64_t losses;       /* how often it went away */
    uint64_t processes;    /* that ask it, as it said last; 0: there is none outside */
    uint64_t probe_ms;     /* how long its last answer to a probe took */
    bool away;             /* now */
};

struct shared_ops {
    /* 1 to SHARED_KEYS_MAX keys at once; their bytes are not needed after the call. What is found
     * lives at least `renew_ms` longer from now; 0: as long as it was to live. */
    void (*get)(struct shared *s, const struct slice *keys, size_t n, int64_t renew_ms, int64_t now,
                shared_got *got, void *user);
    /* Copies; fire and forget; replaces. Too large for the back end: nothing is there afterwards,
     * and it is counted. */
    void (*put)(struct shared *s, struct slice key, struct slice value, int64_t ttl_ms,
                int64_t now);
    /* `done` NULL: fire and forget. */
    void (*del)(struct shared *s, const struct slice *keys, size_t n, int64_t now,
                shared_done *done, void *user);
    /* All values whose key begins so. */
    void (*clear)(struct shared *s, struct slice prefix, int64_t now, shared_done *done,
                  void *user);
    /* Takes a key for `ttl_ms`: done(1) if nobody held it, done(0) if somebody does. Given back
     * with del. */
    void (*claim)(struct shared *s, struct slice key, int64_t ttl_ms, int64_t now,
                  shared_done *done, void *user);
    /* A claim of this process lives for another `ttl_ms`, if it still does. Fire and forget. */
    void (*hold)(struct shared *s, struct slice key, int64_t ttl_ms, int64_t now);

    /* 1 to SHARED_ASKS_MAX asks: all of them or nothing. */
    void (*reserve)(struct shared *s, const struct shared_ask *asks, size_t n, int64_t now,
                    shared_reserved *reserved, void *user);
    /* What was granted, corrected: asks[i].units are added to what was taken of asks[i].key (< 0:
     * given back); a lease ends. Fire and forget. */
    void (*settle)(struct shared *s, const struct shared_grant *grant,
                   const struct shared_ask *asks, size_t n, int64_t now);
    /* The leases among the asks live for another window_ms. Fire and forget. */
    void (*renew)(struct shared *s, const struct shared_grant *grant, const struct shared_ask *asks,
                  size_t n, int64_t now);

    /* To all processes, this one included; fire and forget. */
    void (*publish)(struct shared *s, struct slice message);

    /* No callback for this user from here on. */
    void (*forget)(struct shared *s, void *user);
    void (*stats)(const struct shared *s, struct shared_stats *stats);
    void (*free)(struct shared *s);
};

/* What a process hears. The message is valid during the call, which only deposits. */
struct shared_hearer {
    void (*heard)(void *ctx, struct slice message);
    void *ctx;
};

/* Who is told how long each answer from outside took, microseconds. It only deposits. */
struct shared_timer {
    void (*answered)(void *ctx, uint64_t us);
    void *ctx;
};

struct shared {
    const struct shared_ops *ops;
    struct shared_hearer hearer; /* heard == NULL: nobody listens */
    struct shared_timer timer;   /* answered == NULL: nobody wants to know */
};

/* In the process: at most `bytes_max` bytes of keys, values and bookkeeping; the entry used longest
 * ago goes first. Limits have a room of their own, for SHARED_COUNTERS_MAX keys; beyond it the one
 * used longest ago goes, held leases last. Never fails. */
#define SHARED_COUNTERS_MAX 100000
struct shared *shared_local_new(size_t bytes_max);

#endif
