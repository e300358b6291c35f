#ifndef GATEWAY_ROWS_ASK_H
#define GATEWAY_ROWS_ASK_H

/* What the cache of rows asks the database: rows by their id, sums of what was spent, and the
 * beginning of a budget's next period. */

#include "row.h"

/* Statements that rows_answer reads. False: the id is none. */
bool rows_question(struct store_job *job, enum row_kind kind, struct slice id, int64_t now);
/* NULL: there is no such row. */
struct row *rows_answer(const struct store_job *job, enum row_kind kind, struct slice id,
                        int64_t now);

/* Of a tally with that id: when the period of `now` ends; 0: never. Unix ms. */
int64_t rows_tally_end(struct slice id, int64_t now);

/* The table whose changes concern rows of that kind. */
enum store_table_id rows_table(enum row_kind kind);

/* The budget's period is over: statements that begin the next one, for all gateways, unless
 * somebody was faster; all of them are told. False: its rows have no period of their own. */
bool rows_begin_period(struct store_job *job, const struct row *row, int64_t now);

#endif
