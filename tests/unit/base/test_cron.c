/* Cron expressions as APScheduler reads them. 2026-11-21 is a Saturday. */

#include "base/cron.h"
#include "base/date.h"
#include "check.h"

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_true(date_parse(slice_of(text), &ms));
    return ms;
}

static void times(void **state)
{
    static const struct {
        const char *expression, *now, *last;
    } rows[] = {
        {"* * * * *", "2026-11-21T07:12:10.123Z", "2026-11-21T07:12:00Z"},
        {"0 4 * * *", "2026-11-21T07:12:10Z", "2026-11-21T04:00:00Z"},
        {"0 4 * * *", "2026-11-21T04:00:00Z", "2026-11-21T04:00:00Z"},
        {"0 4 * * *", "2026-11-21T03:59:59Z", "2026-11-20T04:00:00Z"},
        {"*/20 1,3-5 * * *", "2026-11-21T05:19:00Z", "2026-11-21T05:00:00Z"},
        {"10/20 * * * *", "2026-11-21T05:55:00Z", "2026-11-21T05:50:00Z"},
        {"30 23 1 * *", "2026-11-21T00:00:00Z", "2026-11-01T23:30:00Z"},
        {"0 0 * * sun", "2026-11-21T12:00:00Z", "2026-11-15T00:00:00Z"},
        {"0 0 * * 0", "2026-11-21T12:00:00Z", "2026-11-16T00:00:00Z"}, /* Monday */
        {"0 0 * * MON-fri", "2026-11-21T12:00:00Z", "2026-11-20T00:00:00Z"},
        {"0 0 13 * fri", "2026-11-21T12:00:00Z", "2026-11-13T00:00:00Z"}, /* both */
        {"0 0 29 feb *", "2026-11-21T12:00:00Z", "2024-02-29T00:00:00Z"},
        {"  5   0 * jan-mar/2 * ", "2026-11-21T12:00:00Z", "2026-03-31T00:05:00Z"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct cron c;
        if (!cron_parse(slice_of(rows[i].expression), &c) ||
            cron_last(&c, at(rows[i].now)) != at(rows[i].last))
            fail_msg("%s at %s", rows[i].expression, rows[i].now);
    }
}

static void before_all(void **state)
{
    struct cron c;
    assert_true(cron_parse(SLICE("0 0 2 jan *"), &c));
    assert_true(cron_last(&c, 60000) == 0);
}

static void refusals(void **state)
{
    static const char *const rows[] = {
        "",           "0 4 * *",    "0 4 * * * *", "60 * * * *",     "* 24 * * *",   "* * 0 * *",
        "* * 32 * *", "* * * 13 *", "* * * * 7",   "x * * * *",      "5-1 * * * *",  "*/0 * * * *",
        "1, * * * *", "-1 * * * *", "1- * * * *",  "* * * * sunday", "0 0 30 feb *", "+1 * * * *",
        "*/ * * * *", "@daily"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct cron c;
        if (cron_parse(slice_of(rows[i]), &c))
            fail_msg("%s", rows[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(before_all),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
