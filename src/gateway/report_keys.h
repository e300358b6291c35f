#ifndef GATEWAY_REPORT_KEYS_H
#define GATEWAY_REPORT_KEYS_H

/* Whose the keys of a report are: rows per day name a key, not its user or team. Keys that were
 * deleted are known too. */

#include "base/map.h"
#include "report.h"

struct report_keys {
    struct map rows; /* hash → struct report_key */
};

struct report_key {
    struct slice user, team; /* may be empty */
};

/* Statements that ask for all keys (column "api_key") of these answers; how many. */
size_t report_keys_select(struct exchange *ex, struct store_job *job,
                          const struct store_rows *const *answers, size_t n);

/* What the first `statements` of the job said; valid as long as its rows. */
void report_keys_init(struct report_keys *k, struct exchange *ex, size_t statements);
void report_keys_fini(struct report_keys *k);

/* NULL: there is no row of it. */
const struct report_key *report_keys_find(const struct report_keys *k, struct slice key);

#endif
