#ifndef GATEWAY_CLI_TABLE_H
#define GATEWAY_CLI_TABLE_H

/* Tables for people: columns as wide as what stands in them, two spaces between, numbers to the
 * right. */

#include "base/arena.h"

#define CLI_COLUMNS_MAX 10

struct cli_table {
    struct arena *arena;
    size_t columns, rows, size;
    const char *titles[CLI_COLUMNS_MAX];
    bool right[CLI_COLUMNS_MAX]; /* a column of numbers */
    struct slice *cells;         /* row after row */
};

void cli_table_init(struct cli_table *t, struct arena *a);
void cli_table_column(struct cli_table *t, const char *title, bool right); /* before any row */
/* The cells of one more row, empty; the caller fills them. */
struct slice *cli_table_row(struct cli_table *t);
void cli_table_print(const struct cli_table *t);

#endif
