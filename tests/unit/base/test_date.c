#include "check.h"

#include "base/date.h"

#define NEVER INT64_MIN /* refused */

struct row {
    const char *text;
    int64_t seconds;
};

static void iso(void **state)
{
    static const struct row rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T06:07:22Z", 1795241242},
        {"2026-11-21T06:07:22.999999Z", 1795241242},
        {"2026-11-21T06:07:22UTC", 1795241242},
        {"2026-11-21 06:07:22", 1795241242},
        {"2026-11-21T08:07:22+02:00", 1795241242},
        {"2026-11-21T01:37:22-0430", 1795241242},
        {"2024-02-29T23:59:60Z", 1709251200},
        {"2000-03-01T00:00:00Z", 951868800},
        {"2100-03-01T00:00:00Z", 4107542400},
        {"", NEVER},
        {"2024-03-01", 1709251200},
        {"2024-03-01T00:00", 1709251200},
        {"2024-02-29 12:34:56.789", 1709210096},
        {"2023-02-29", NEVER},
        {"2100-02-29", NEVER},
        {"0001-01-01T00:00:00Z", NEVER},
        {"2024-03-01T", NEVER},
        {"2024-03-01T00:00:00.Z", NEVER},
        {"2024-03-01T00:00:00+1", NEVER},
        {"2026-13-21T06:07:22Z", NEVER},
        {"2026-00-21T06:07:22Z", NEVER},
        {"2026-11-21T24:07:22Z", NEVER},
        {"2026-11-21T06:07:22X", NEVER},
        {"2026-11-21T06:07:22Zx", NEVER},
        {"2026-11-21T06:07:22+", NEVER},
        {"1795241242", NEVER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int64_t seconds = NEVER;
        if (!date_parse_seconds(slice_of(rows[i].text), &seconds))
            seconds = NEVER;
        if (seconds != rows[i].seconds)
            print_error("%s\n", rows[i].text);
        assert_true(seconds == rows[i].seconds);
    }
}

static void http(void **state)
{
    static const struct row rows[] = {
        {"Sat, 21 Nov 2026 06:07:22 GMT", 1795241242},
        {" Thu, 01 Jan 1970 00:00:00 GMT ", 0},
        {"Sat, 21 Nov 2026 06:07:22", NEVER},
        {"Saturday, 21-Nov-26 06:07:22 GMT", NEVER},
        {"Sat, 21 Nox 2026 06:07:22 GMT", NEVER},
        {"Sat, 1 Nov 2026 06:07:22 GMT", NEVER},
        {"", NEVER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int64_t seconds = NEVER;
        if (!date_parse_http(slice_of(rows[i].text), &seconds))
            seconds = NEVER;
        if (seconds != rows[i].seconds)
            print_error("%s\n", rows[i].text);
        assert_true(seconds == rows[i].seconds);
    }
}

static void there_and_back(void **state)
{
    char text[DATE_SIZE];
    for (int64_t ms = 0; ms < 4102444800000; ms += 86399999 * 7) {
        int64_t back;
        date_format(ms, text);
        assert_true(date_parse(slice_of(text), &back));
        assert_true(back == ms);
        date_format_sql(ms, text);
        assert_true(date_parse(slice_of(text), &back));
        assert_true(back == ms);
    }
    date_format(-5, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
    date_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(iso), cmocka_unit_test(http),
                                       cmocka_unit_test(there_and_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
