#ifndef GATEWAY_CLI_TABLE_H
#define GATEWAY_CLI_TABLE_H

/* Tables for people: columns as wide as what stands in them, two spaces between, numbers to the
 * right. What a terminal has no room for is cut, "…" in its place; files and pipes get all of it.
 */

#include "base/arena.h"

#include <stdio.h>

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
void cli_table_print(const struct cli_table *t); /* on standard output, as wide as that is */
void cli_table_write(const struct cli_table *t, FILE *out, size_t width); /* SIZE_MAX: no end */

/* Text of anybody's, in at most so many columns; what would move the cursor is a space. How many
 * columns it took, by the locale. */
size_t cli_put(FILE *out, struct slice s, size_t columns);

#endif
