/* Who is worked on, who waits, and who comes next. */

#include "admission.h"
#include "check.h"

#define TICKETS 6

static struct admission a;
static struct admission_ticket t[TICKETS];

static int begin(void **state)
{
    (void)state;
    admission_init(&a);
    memset(t, 0, sizeof(t));
    return 0;
}

static void places_then_the_line_then_nothing(void **state)
{
    const struct admission_limits l = {.in_flight = 2, .queued = 1};
    static const enum admission_state expected[TICKETS] = {ADMISSION_IN, ADMISSION_IN,
                                                           ADMISSION_WAITS, ADMISSION_OUT};
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(admission_ask(&a, &t[i], &l), expected[i]);
    assert_int_equal(a.in, 2);
    assert_int_equal(a.queued, 1);
    assert_int_equal(a.full, 1);
}

static void first_come_first_served(void **state)
{
    const struct admission_limits l = {.in_flight = 1, .queued = 4};
    (void)state;
    for (int i = 0; i < 4; i++)
        admission_ask(&a, &t[i], &l);
    assert_null(admission_next(&a, &l));
    admission_leave(&a, &t[2]); /* out of the middle of the line */
    admission_leave(&a, &t[0]);
    assert_ptr_equal(admission_next(&a, &l), &t[1]);
    assert_null(admission_next(&a, &l));
    assert_int_equal(admission_ask(&a, &t[4], &l), ADMISSION_WAITS);
    admission_leave(&a, &t[1]);
    assert_int_equal(admission_ask(&a, &t[5], &l), ADMISSION_WAITS); /* t[3] and t[4] come first */
    assert_ptr_equal(admission_next(&a, &l), &t[3]);
    admission_leave(&a, &t[3]);
    assert_ptr_equal(admission_next(&a, &l), &t[4]);
    admission_leave(&a, &t[4]);
    assert_ptr_equal(admission_next(&a, &l), &t[5]);
    admission_leave(&a, &t[5]);
    assert_int_equal(a.in, 0);
    assert_int_equal(a.queued, 0);
}

static void no_line(void **state)
{
    const struct admission_limits l = {.in_flight = 1};
    (void)state;
    assert_int_equal(admission_ask(&a, &t[0], &l), ADMISSION_IN);
    assert_int_equal(admission_ask(&a, &t[1], &l), ADMISSION_OUT);
    admission_leave(&a, &t[1]); /* has none: nothing is given back */
    assert_int_equal(a.in, 1);
}

static void the_limit_changes(void **state)
{
    const struct admission_limits before = {.in_flight = 1, .queued = 4}, none = {.queued = 0};
    (void)state;
    for (int i = 0; i < 3; i++)
        admission_ask(&a, &t[i], &before);
    assert_ptr_equal(admission_next(&a, &none), &t[1]);
    assert_ptr_equal(admission_next(&a, &none), &t[2]);
    assert_null(admission_next(&a, &none));
    assert_int_equal(a.in, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(places_then_the_line_then_nothing, begin),
        cmocka_unit_test_setup(first_come_first_served, begin),
        cmocka_unit_test_setup(no_line, begin),
        cmocka_unit_test_setup(the_limit_changes, begin),
    };
    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
