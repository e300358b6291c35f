#include "cli_table.h"

#include <stdio.h>

#define CELL_MAX 48 /* characters; longer cells are cut */

void cli_table_init(struct cli_table *t, struct arena *a)
{
    *t = (struct cli_table){.arena = a};
}

void cli_table_column(struct cli_table *t, const char *title, bool right)
{
    t->right[t->columns] = right;
    t->titles[t->columns++] = title;
}

struct slice *cli_table_row(struct cli_table *t)
{
    size_t bytes = t->columns * sizeof(*t->cells);
    if (t->rows == t->size) {
        size_t size = t->size ? t->size * 2 : 32;
        t->cells = arena_realloc(t->arena, t->cells, t->size * bytes, size * bytes);
        t->size = size;
    }
    struct slice *row = t->cells + t->rows++ * t->columns;
    memset(row, 0, bytes);
    return row;
}

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

static size_t width_of(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += begins_character(s.p[i]);
    return n < CELL_MAX ? n : CELL_MAX;
}

/* Control characters would move the cursor. */
static void print_text(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        n += begins_character(s.p[i]);
        if (n > CELL_MAX)
            break;
        putchar((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? ' ' : s.p[i]);
    }
}

static void print_cell(const struct cli_table *t, size_t column, struct slice s, size_t width)
{
    int padding = (int)(width - width_of(s));
    bool last = column + 1 == t->columns;
    if (t->right[column])
        printf("%*s", padding, "");
    print_text(s);
    if (last)
        putchar('\n');
    else
        printf("%*s", t->right[column] ? 2 : padding + 2, "");
}

void cli_table_print(const struct cli_table *t)
{
    size_t widths[CLI_COLUMNS_MAX];
    for (size_t c = 0; c < t->columns; c++) {
        widths[c] = strlen(t->titles[c]);
        for (size_t r = 0; r < t->rows; r++) {
            size_t width = width_of(t->cells[r * t->columns + c]);
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    for (size_t c = 0; c < t->columns; c++)
        print_cell(t, c, slice_of(t->titles[c]), widths[c]);
    for (size_t r = 0; r < t->rows; r++)
        for (size_t c = 0; c < t->columns; c++)
            print_cell(t, c, t->cells[r * t->columns + c], widths[c]);
}
