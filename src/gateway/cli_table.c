/* Happy path: cells as they come, then how wide each column must be, then lines.
 *
 * Failure modes: a terminal so narrow that cut texts do not fit: lines wrap. */

#include "cli_table.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define CUT_MIN 8 /* columns that a text keeps; no title is wider */

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

/* ---- characters ------------------------------------------------------------------------------ */

struct glyph {
    size_t bytes, columns;
    bool moves; /* the cursor */
};

/* The first of `s`. Where the locale knows no UTF-8, a byte is taken for a character. */
static struct glyph glyph_of(struct slice s)
{
    wchar_t wide;
    mbstate_t state = {0};
    size_t n = mbrtowc(&wide, s.p, s.n, &state);
    if (n == 0 || n > s.n)
        return (struct glyph){1, 1, n == 0};
    if (wide < 0x20 || (wide >= 0x7f && wide < 0xa0))
        return (struct glyph){n, 1, true};
    int columns = wcwidth(wide);
    return (struct glyph){n, columns < 0 ? 1 : (size_t)columns, false};
}

static size_t width_of(struct slice s)
{
    size_t width = 0;
    while (s.n) {
        struct glyph g = glyph_of(s);
        width += g.columns;
        s = slice_skip(s, g.bytes);
    }
    return width;
}

size_t cli_put(FILE *out, struct slice s, size_t columns)
{
    bool cut = columns < SIZE_MAX && width_of(s) > columns;
    size_t used = 0, room = cut ? columns - 1 : SIZE_MAX;
    while (s.n) {
        struct glyph g = glyph_of(s);
        if (g.columns > room - used)
            break;
        if (g.moves)
            fputc(' ', out);
        else
            fwrite(s.p, 1, g.bytes, out);
        used += g.columns;
        s = slice_skip(s, g.bytes);
    }
    if (cut)
        fputs("…", out);
    return used + cut;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void write_cell(const struct cli_table *t, FILE *out, size_t column, struct slice s,
                       size_t width)
{
    bool last = column + 1 == t->columns;
    size_t before = t->right[column] ? width - width_of(s) : 0;
    fprintf(out, "%*s", (int)before, "");
    size_t used = before + cli_put(out, s, width);
    if (last)
        fputc('\n', out);
    else
        fprintf(out, "%*s", (int)(width - used) + 2, "");
}

/* The widest texts give way, numbers never. */
static void fit(const struct cli_table *t, size_t *widths, size_t width)
{
    size_t total = 2 * (t->columns - 1);
    for (size_t c = 0; c < t->columns; c++)
        total += widths[c];
    for (; total > width; total--) {
        size_t widest = t->columns;
        for (size_t c = 0; c < t->columns; c++)
            if (!t->right[c] && widths[c] > CUT_MIN &&
                (widest == t->columns || widths[c] >= widths[widest]))
                widest = c;
        if (widest == t->columns)
            return;
        widths[widest]--;
    }
}

void cli_table_write(const struct cli_table *t, FILE *out, size_t width)
{
    size_t widths[CLI_COLUMNS_MAX];
    for (size_t c = 0; c < t->columns; c++) {
        widths[c] = strlen(t->titles[c]);
        for (size_t r = 0; r < t->rows; r++) {
            size_t wide = width_of(t->cells[r * t->columns + c]);
            widths[c] = wide > widths[c] ? wide : widths[c];
        }
    }
    fit(t, widths, width);
    for (size_t c = 0; c < t->columns; c++)
        write_cell(t, out, c, slice_of(t->titles[c]), widths[c]);
    for (size_t r = 0; r < t->rows; r++)
        for (size_t c = 0; c < t->columns; c++)
            write_cell(t, out, c, t->cells[r * t->columns + c], widths[c]);
}

void cli_table_print(const struct cli_table *t)
{
    struct winsize size;
    bool terminal = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col;
    cli_table_write(t, stdout, terminal ? size.ws_col : SIZE_MAX);
}
