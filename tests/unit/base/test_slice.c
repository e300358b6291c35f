#include "check.h"
#include <math.h>

#include "base/text.h"

#define S(text) SLICE(text)

static void test_compare(void **state)
{
    struct slice none = {NULL, 0};
    assert_true(slice_eq(S("a"), S("a")) && !slice_eq(S("a"), S("b")) &&
                !slice_eq(S("a"), S("ab")));
    assert_true(slice_eq(none, S("")) && slice_eq(none, slice_of(NULL)));
    assert_true(slice_eq_nocase(S("Ab-1"), S("aB-1")) && !slice_eq_nocase(S("a["), S("a{")));
    assert_true(text_compare(S("a"), S("b")) < 0 && text_compare(S("b"), S("ab")) > 0);
    assert_true(text_compare(S("a"), S("ab")) < 0 && text_compare(S("\xff"), S("a")) > 0);
    assert_true(text_compare(none, S("")) == 0 && text_compare(S("ab"), S("ab")) == 0);
    assert_true(slice_starts(S("abc"), S("ab")) && !slice_starts(S("a"), S("ab")));
    assert_true(slice_starts(none, none) && slice_starts_nocase(S("DATA:"), S("data:")));
    assert_true(slice_ends(S("abc"), S("bc")) && !slice_ends(S("c"), S("bc")));
    assert_true(slice_is_blank(none) && slice_is_blank(S(" \t\r\n\v\f")) &&
                !slice_is_blank(S(" x")));
}

static void test_cut(void **state)
{
    struct slice rest = S("a,,b");
    check_text(slice_skip(S("abc"), 1), "bc");
    check_text(slice_trim(S(" \t a b\r\n")), "a b");
    check_text(slice_trim(S(" \n")), "");
    check_text(slice_split(&rest, ','), "a");
    check_text(slice_split(&rest, ','), "");
    assert_non_null(rest.p);
    check_text(slice_split(&rest, ','), "b");
    assert_null(rest.p);
    rest = S("a,");
    check_text(slice_split(&rest, ','), "a");
    assert_non_null(rest.p); /* an empty last piece is still a piece */
    check_text(slice_split(&rest, ','), "");
    assert_null(rest.p);
}

static void test_find(void **state)
{
    struct slice none = {NULL, 0};
    assert_int_equal(slice_find(S("abcabd"), S("abd")), 3);
    assert_int_equal(slice_find(S("ab"), S("abc")), -1);
    assert_int_equal(slice_find(S("ab"), none), 0);
    assert_int_equal(slice_find(none, S("a")), -1);
    assert_int_equal(slice_find_char(S("a\0b"), 'b'), 2);
    assert_int_equal(slice_find_char(none, 'b'), -1);
}

static void test_to_i64(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
        {"18446744073709551617", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"1e2", false, 0},
        {"0x1", false, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int64_t v = 0;
        assert_int_equal(slice_to_i64(slice_of(rows[i].text), &v), rows[i].ok);
        assert_int_equal(v, rows[i].value);
    }
}

static void test_to_double(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        double value;
    } rows[] = {
        {"0.5", true, 0.5},  {"-1e-3", true, -0.001}, {"12", true, 12},        {"1E+2", true, 100},
        {"", false, 0},      {"1x", false, 0},        {" 1", false, 0},        {"1e999", false, 0},
        {"nan", false, 0},   {"inf", false, 0},       {"-infinity", false, 0}, {"0x10", false, 0},
        {"1.2.3", false, 0}, {"e5", false, 0},        {"1e-999", true, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        double v = 0;
        bool ok = slice_to_double(slice_of(rows[i].text), &v);
        assert_int_equal(ok, rows[i].ok);
        if (ok)
            assert_true(v == rows[i].value);
    }
    double v;
    assert_false(slice_to_double(S("1\0"), &v));
    assert_false(
        slice_to_double(S("0000000000000000000000000000000000000000000000000000000000000001"), &v));
}

/* Cleaning keeps what is well-formed (U+00A0, U+07FF, U+0800, U+D7FF, U+FFFD, U+10000, U+10FFFF)
 * and replaces the rest byte by byte. */
static void test_text_clean(void **state)
{
    static const struct {
        const char *dirty, *clean;
    } rows[] = {
        {"plain", "plain"},
        {"\x01 a\r\n\tb\x7f", "  a   b "},
        {"\xc2\x80\xc2\x9b\xc2\x9f", "      "}, /* C1: CSI is one of them */
        {"\xc2\xa0\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbd",
         "\xc2\xa0\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbd"},
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
        {"\x80\xbf", "??"},
        {"\xc0\x80\xc1\xbf", "????"}, /* longer than needed */
        {"\xe0\x9f\xbf", "???"},      /* likewise */
        {"\xf0\x8f\xbf\xbf", "????"}, /* likewise */
        {"\xed\xa0\x80", "???"},      /* a surrogate */
        {"\xf4\x90\x80\x80", "????"}, /* beyond Unicode */
        {"\xf5\x80\x80\x80\xff", "?????"},
        {"a\xc3", "a?"},      /* cut */
        {"a\xe2\x82", "a??"}, /* cut */
        {"\xf0\x9f\x98x", "???x"},
        {"\xc3\x28", "?("},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[32];
        size_t n = strlen(rows[i].dirty);
        memcpy(text, rows[i].dirty, n);
        text_clean(text, n);
        check_text(slice_make(text, n), rows[i].clean);
    }
    char nul[] = {'a', '\0', 'b'};
    text_clean(nul, 3);
    check_slice(slice_make(nul, 3), S("a b"));
}

static void test_text_dup_utf8(void **state)
{
    struct arena a;
    arena_init(&a);
    check_text(text_dup_utf8(&a, S("caf\xc3\xa9")), "caf\xc3\xa9");
    check_text(text_dup_utf8(&a, S("\xff"
                                   "caf\xe9!")),
               "\xef\xbf\xbd"
               "caf\xef\xbf\xbd!");
    check_text(text_dup_utf8(&a, S("")), "");
    assert_string_equal(text_dup_utf8(&a, slice_make("ab\xc3\xa9", 3)).p, "ab\xef\xbf\xbd");
    arena_fini(&a);
}

static void test_digits(void **state)
{
    static const struct {
        int64_t value;
        const char *text;
    } rows[] = {{0, "0"},
                {7, "7"},
                {-1, "-1"},
                {1234567890, "1234567890"},
                {INT64_MAX, "9223372036854775807"},
                {INT64_MIN, "-9223372036854775808"}};
    char room[SLICE_DIGITS];
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_true(slice_eq(slice_digits(rows[i].value, room), slice_of(rows[i].text)));
}

static void test_money(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {{0, "0"},
                {0.000255, "0.000255"},
                {0.000075, "0.000075"},
                {1, "1"},
                {12.5, "12.5"},
                {-0.1, "-0.1"},
                {1e-12, "0.000000000001"},
                {4e-13, "0"},
                {123456.000001, "123456.000001"},
                {9e6, "9000000"},
                {1e7, "0"},
                {NAN, "0"}};
    char room[SLICE_MONEY];
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_text(slice_money(rows[i].value, room), rows[i].text);
}

static void test_text_is_utf8(void **state)
{
    static const char *const bad[] = {
        "\xff", "a\x80", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "\xf4\x90\x80\x80", "ok \xc3("};
    assert_true(text_is_utf8(SLICE("")) && text_is_utf8(SLICE("a\n\0b")));
    assert_true(text_is_utf8(SLICE("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80")));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (text_is_utf8(slice_of(bad[i])))
            fail_msg("row %zu", i);
}

/* At each place of texts around the steps in which plain ones are looked at. */
static void test_utf8_places(void **state)
{
    char text[150];
    for (size_t n = 2; n <= sizeof(text); n++)
        for (size_t at = 0; at + 1 < n; at++) {
            memset(text, 'x', n);
            text[at] = '\xc3';
            assert_false(text_is_utf8(slice_make(text, n)));
            assert_int_equal(text_utf8_prefix(slice_make(text, n)), at);
            text[at + 1] = '\xa9';
            assert_true(text_is_utf8(slice_make(text, n)));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),       cmocka_unit_test(test_cut),
        cmocka_unit_test(test_find),          cmocka_unit_test(test_to_i64),
        cmocka_unit_test(test_to_double),     cmocka_unit_test(test_text_clean),
        cmocka_unit_test(test_text_dup_utf8), cmocka_unit_test(test_text_is_utf8),
        cmocka_unit_test(test_digits),        cmocka_unit_test(test_money),
        cmocka_unit_test(test_utf8_places),
    };
    return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
