#ifndef TESTS_GATEWAY_ROW_WORLD_H
#define TESTS_GATEWAY_ROW_WORLD_H

/* Rows of the database as tests write them: JSON objects with ' for ", of the columns that matter;
 * the others are empty. Nothing is asked of any database. */

#include "caller.h"

/* In the arena. */
const struct store_rows *row_world_rows(enum store_table_id table, const char *json,
                                        struct arena *a);
yyjson_val *row_world_json(const char *json, struct arena *a);

/* One reference. */
struct row *row_world_row(enum row_kind kind, const char *json);

/* Somebody as if looked up: the row of each holder (enum caller_holder), and the budget it names;
 * NULL: it has none. To be given to caller_free(). */
struct row_world_caller {
    const char *rows[HOLDER_TAGS + 1], *budgets[HOLDER_TAGS + 1];
};

void row_world_caller(struct caller *c, const struct row_world_caller *from, struct arena *a);

#endif
