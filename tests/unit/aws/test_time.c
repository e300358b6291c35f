#include "check.h"

#include "aws/time.h"

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
        {"0001-01-01T00:00:00Z", -62135596800},
        {"", NEVER},
        {"2026-11-21", NEVER},
        {"2026-13-21T06:07:22Z", NEVER},
        {"2026-00-21T06:07:22Z", NEVER},
        {"2026-11-21T24:07:22Z", NEVER},
        {"2026-11-21T06:07:22X", NEVER},
        {"2026-11-21T06:07:22Zx", NEVER},
        {"2026-11-21T06:07:22+", NEVER},
        {"1795241242", NEVER},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t seconds = NEVER;
        if (!aws_time_parse(slice_of(rows[i].text), &seconds))
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
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t seconds = NEVER;
        if (!http_date_parse(slice_of(rows[i].text), &seconds))
            seconds = NEVER;
        if (seconds != rows[i].seconds)
            print_error("%s\n", rows[i].text);
        assert_true(seconds == rows[i].seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(iso), cmocka_unit_test(http)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
