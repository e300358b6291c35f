/* How long budgets are not looked at. */

#include "check.h"
#include "periods.h"

static void pauses(void **state)
{
    static const struct {
        int64_t least, most;
        uint64_t drawn;
        int64_t pause;
    } rows[] = {
        {597, 605, 0, 597000},    {597, 605, 8000, 605000},
        {597, 605, 8001, 597000}, {597, 605, 3, 597003},
        {5, 5, 77, 5000},         {600, 10, 77, 600000},
        {0, 605, 77, 0},          {1, 605, UINT64_MAX, 1000 + INT64_C(422594)},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(periods_pause(rows[i].least, rows[i].most, rows[i].drawn), rows[i].pause);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pauses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
