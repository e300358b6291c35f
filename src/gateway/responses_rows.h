#ifndef GATEWAY_RESPONSES_ROWS_H
#define GATEWAY_RESPONSES_ROWS_H

/* Kept responses in the database: statements over lintel_responses, one row each. Times are unix
 * ms. */

#include "state/store.h"

#define RESPONSES_ROW_MAX (8u * 1024 * 1024) /* bytes of a record that is put there */

void responses_rows_put(struct store_job *job, struct slice id, struct slice record,
                        int64_t expires);

/* Of these, at most SHARED_KEYS_MAX, those that are there and whose time is not over: "response_id"
 * and "record". Returns the statement. */
size_t responses_rows_get(struct store_job *job, const struct slice *ids, size_t n, int64_t now);

/* They live until then; those that lack less than an eighth of `ttl_ms` stay as they are. */
void responses_rows_prolong(struct store_job *job, const struct slice *ids, size_t n,
                            int64_t expires, int64_t ttl_ms);

/* All processes are told (store_tell). */
void responses_rows_delete(struct store_job *job, struct slice id);

#endif
