/* Tables on terminals of any width, with what people write in them. */

#include "check.h"
#include "cli_table.h"

#include <locale.h>
#include <stdlib.h>

static void check_table(const struct cli_table *t, size_t width, const char *wanted)
{
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    cli_table_write(t, out, width);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, wanted);
    free(text);
}

static struct cli_table table_of(struct arena *a)
{
    static const char *const rows[][4] = {
        {"経理部の共有鍵", "bob", "1.25", "0123456789"},
        {"Ame\u0301lie", "a long name", "10", "x"},
        {"\033[31m\tred\302\233", "", "", ""},
    };
    struct cli_table t;
    cli_table_init(&t, a);
    cli_table_column(&t, "ALIAS", false);
    cli_table_column(&t, "USER", false);
    cli_table_column(&t, "SPEND", true);
    cli_table_column(&t, "HASH", false);
    for (size_t r = 0; r < 3; r++) {
        struct slice *cells = cli_table_row(&t);
        for (size_t c = 0; c < 4; c++)
            cells[c] = slice_of(rows[r][c]);
    }
    return t;
}

static void widths(void **state)
{
    static const struct {
        size_t width;
        const char *text;
    } rows[] = {
        {SIZE_MAX, "ALIAS           USER         SPEND  HASH\n"
                   "経理部の共有鍵  bob           1.25  0123456789\n"
                   "Ame\u0301lie          a long name     10  x\n"
                   " [31m red                           \n"},
        {46, "ALIAS           USER         SPEND  HASH\n"
             "経理部の共有鍵  bob           1.25  0123456789\n"
             "Ame\u0301lie          a long name     10  x\n"
             " [31m red                           \n"},
        {45, "ALIAS          USER         SPEND  HASH\n"
             "経理部の共有…  bob           1.25  0123456789\n"
             "Ame\u0301lie         a long name     10  x\n"
             " [31m red                          \n"},
        {38, "ALIAS      USER       SPEND  HASH\n"
             "経理部の…  bob         1.25  01234567…\n"
             "Ame\u0301lie     a long n…     10  x\n"
             " [31m re…                    \n"},
        {1, "ALIAS     USER      SPEND  HASH\n"
            "経理部…   bob        1.25  0123456…\n"
            "Ame\u0301lie    a long …     10  x\n"
            " [31m r…                   \n"},
    };
    struct arena a;
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    arena_init(&a);
    struct cli_table t = table_of(&a);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_table(&t, rows[i].width, rows[i].text);
    arena_fini(&a);
}

static void more_rows_than_there_was_room_for(void **state)
{
    struct arena a;
    struct cli_table t;
    char wanted[400] = "N\n";
    arena_init(&a);
    cli_table_init(&t, &a);
    cli_table_column(&t, "N", true);
    for (size_t i = 0; i < 100; i++) {
        *cli_table_row(&t) = SLICE("7");
        strcat(wanted, "7\n");
    }
    check_table(&t, 80, wanted);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths),
        cmocka_unit_test(more_rows_than_there_was_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
