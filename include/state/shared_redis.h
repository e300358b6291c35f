#ifndef STATE_SHARED_REDIS_H
#define STATE_SHARED_REDIS_H

/* The shared state on a Redis (5 or newer, or Valkey) that all processes talk to.
 *
 * A question that it has not answered within `patience_ms` is answered without it: by the
 * local back end, or, with `fail_closed`, limits by `away`. Alone, a process grants its
 * share of a limit: what was left when Redis spoke last, divided by the processes that ask it, at
 * least one; siblings put theirs together. What passed, Redis counts when its late answer comes;
 * what it granted to nobody is given back.
 *
 * While Redis is away (no connection, an error that means it cannot serve, SHARED_REDIS_LATE_MAX
 * late answers in a row and none in time for SHARED_REDIS_SILENT_MS) questions are not sent at all;
 * a probe that writes, every SHARED_REDIS_PROBE_MS, decides the return. Each change is one line in
 * the log. What was granted locally is settled locally, so nothing is counted twice; values that
 * were kept meanwhile are forgotten at the return, as others may have changed them.
 *
 * All keys begin with "{lintel}:", or "{lintel:NAMESPACE}:": one slot of a Redis Cluster, whose
 * owner MOVED leads to. Every key expires. */

#include "io/redis.h"
#include "state/shared.h"

#define SHARED_REDIS_LATE_MAX  8
#define SHARED_REDIS_SILENT_MS 250
#define SHARED_REDIS_PROBE_MS  250
#define SHARED_REDIS_VALUE_MAX (16 * 1024 * 1024) /* bytes */

struct shared_redis_options {
    struct redis_options redis; /* `channel` is set in here */
    const char *name_space;     /* without braces; NULL: none. At most 100 bytes */
    unsigned patience_ms;
    bool fail_closed;
    struct shared *local; /* taken over: answers while Redis does not */
    unsigned siblings;    /* processes whose `local` count together; this one included */
};

/* NULL: `error` says what is wrong with the options, `local` is freed. Copies them. Run the loop
 * once more after `free`. */
struct shared *shared_redis_new(struct turn *turn, const struct shared_redis_options *options,
                                char *error, size_t size);

#endif
