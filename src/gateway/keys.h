#ifndef GATEWAY_KEYS_H
#define GATEWAY_KEYS_H

/* The keys of the database, as far as this worker met them lately.
 *
 * A key is looked up by its SHA-256: in the cache, else in the database, by one question at a time
 * however many requests wait for it. What was found is used for KEYS_TTL_MS; past half of that the
 * next request has it read again, without waiting. What was not found is remembered shortly.
 * Changes that any gateway on this database makes are told by the store and take effect within a
 * second; LiteLLM on the same database tells nobody: its changes show after KEYS_TTL_MS.
 *
 * With the database away known keys go on however old they are, unknown ones are KEYS_AWAY.
 *
 * Single thread; requests ask inside their steps. */

#include "io/turn.h"
#include "key_record.h"

#define KEYS_MAX         10000 /* that are remembered; the oldest goes */
#define KEYS_UNKNOWN_MAX 10000 /* likewise, of what is no key */
#define KEYS_TTL_MS      60000
#define KEYS_BUDGET_MS   5000 /* keys with a budget: their spend is read again that often */
#define KEYS_UNKNOWN_MS  5000

struct keys;

/* One that waits; embedded in whatever `item` belongs to. Zeroed: it does not wait. */
struct keys_wait {
    struct list link;
    struct turn_item *item; /* marked when it is worth asking again; NULL: not waiting */
};

enum keys_state {
    KEYS_FOUND,  /* `record`, with a reference for the caller */
    KEYS_COMING, /* `wait` is told */
    KEYS_UNKNOWN,
    KEYS_AWAY, /* the database cannot say */
};

struct keys *keys_new(struct turn *t, struct store *s); /* watches the store */
void keys_free(struct keys *k);                         /* before its store; NULL is fine */

enum keys_state keys_get(struct keys *k, const char *hash, struct keys_wait *wait,
                         struct turn_item *item, struct key_record **record);
void keys_leave(struct keys_wait *wait); /* one that does not wait is fine */

/* The row changed: it is read again before it is used. */
void keys_forget(struct keys *k, struct slice hash);

/* A request of that key cost so much. NULL `k`, and keys that are not known here, are fine. */
void keys_spent(struct keys *k, struct slice hash, double usd);

/* USD: what the database said, and what this worker spent since. */
double keys_spend(struct keys *k, const struct key_record *record);

#endif
