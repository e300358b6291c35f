#ifndef STATE_REDIS_CLEAR_H
#define STATE_REDIS_CLEAR_H

/* Deletes all keys that begin with a prefix, bit by bit: SCAN and UNLINK in turn until the end,
 * which may take seconds of a large keyspace and blocks nobody. */

#include "base/list.h"
#include "io/redis.h"
#include "state/shared.h"

/* `all`: of struct clear, those under way. `done`: how many there were; -1: the connection ended,
 * or there was an error. */
void redis_clear_start(struct list *all, struct redis *redis, struct slice prefix,
                       shared_done *done, void *user);

void redis_clear_forget(struct list *all, void *user); /* NULL: everybody */

#endif
