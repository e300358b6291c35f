/* Durations, and when a budget of one begins anew. 2026-11-21 is a Saturday. */

#include "base/duration.h"
#include "check.h"

#define NOW  INT64_C(1795245130123) /* 2026-11-21T07:12:10.123Z */
#define HOUR INT64_C(3600000)
#define DAY  (24 * HOUR)

static void lengths(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"30s", 30000},
                {"5m", 300000},
                {"12h", 12 * HOUR},
                {"30d", 30 * DAY},
                {"2w", 14 * DAY},
                {"1mo", 30 * DAY},
                {"", 0},
                {"s", 0},
                {"0s", 0},
                {"-1d", 0},
                {"1", 0},
                {"1y", 0},
                {"1.5h", 0},
                {"99999d", 99999 * DAY},
                {"99999w", 99999 * 7 * DAY},
                {"1000000s", 1000000000},
                {"2800000d", 2800000 * DAY},
                {"2800001d", 0},
                {"93334mo", 0},
                {"241920000001s", 0},
                {"9223372036854775807mo", 0},
                {"99999999999999999999d", 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(duration_ms(slice_of(rows[i].text)), rows[i].ms);
}

static void resets(void **state)
{
    const int64_t today = NOW / DAY * DAY;
    const struct {
        const char *text;
        int64_t at;
    } rows[] = {{"1d", today + DAY},       {"2d", today + 2 * DAY},
                {"7d", today + 2 * DAY},                              /* Monday */
                {"1w", today + 2 * DAY},   {"30d", today + 10 * DAY}, /* December */
                {"1mo", today + 10 * DAY}, {"2mo", today + 41 * DAY},
                {"1h", today + 8 * HOUR},  {"soon", 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(duration_reset(slice_of(rows[i].text), NOW), rows[i].at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lengths), cmocka_unit_test(resets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
