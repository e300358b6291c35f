#ifndef GATEWAY_CHANGES_H
#define GATEWAY_CHANGES_H

/* What processes change under each other's hands, told at once over gossip:
 *
 *   b             rows of the database: whoever hears it reads what the database was told
 *                 (store_tell), which it does every STORE_POLL_MS by itself
 *   c{"keys":[…]} kept answers were deleted by key …
 *   c{"prefix":…} … or all that begin so; for those who keep them in their own memory
 *
 * What gets lost on the way is found out by the database's poll, or ends with its time to live. */

#include "worker_private.h"

/* Begins to say and to hear, once the worker's gossip, store and cache are there. */
void changes_begin(struct worker *w);

/* Of a cache that is the process's own: others delete the same. `keys` as they lie in it. */
void changes_say_deleted(struct worker *w, const struct slice *keys, size_t n);
void changes_say_cleared(struct worker *w, struct slice prefix);

#endif
