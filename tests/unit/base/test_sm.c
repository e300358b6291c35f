#include "check.h"

#include "base/sm.h"

enum { OFF, ON, BROKEN };

static const struct sm_state table[] = {
    [OFF] = {"OFF", SM_TO(ON)},
    [ON] = {"ON", SM_TO(ON) | SM_TO(OFF) | SM_TO(BROKEN)},
    [BROKEN] = {"BROKEN", 0},
};

static bool not_broken(const struct sm *sm)
{
    return sm->state != BROKEN;
}

static void test_legal_moves(void **state)
{
    struct sm sm;
    sm_init(&sm, table, not_broken, OFF);
    assert_string_equal(sm_name(&sm), "OFF");
    sm_move(&sm, ON);
    sm_move(&sm, ON);
    assert_string_equal(sm_name(&sm), "ON");
    sm_move(&sm, OFF);
    assert_int_equal(sm.state, OFF);
}

static void illegal_move(void)
{
    struct sm sm;
    sm_init(&sm, table, NULL, OFF);
    sm_move(&sm, BROKEN);
}

static void stay_where_no_edge_is(void)
{
    struct sm sm;
    sm_init(&sm, table, NULL, OFF);
    sm_move(&sm, OFF);
}

static void broken_invariant(void)
{
    struct sm sm;
    sm_init(&sm, table, not_broken, ON);
    sm_move(&sm, BROKEN);
}

static void legal_without_invariant(void)
{
    struct sm sm;
    sm_init(&sm, table, NULL, ON);
    sm_move(&sm, BROKEN);
}

static void test_bugs_abort(void **state)
{
    assert_true(aborts(illegal_move));
    assert_true(aborts(stay_where_no_edge_is));
    assert_true(aborts(broken_invariant));
    assert_false(aborts(legal_without_invariant));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legal_moves),
        cmocka_unit_test(test_bugs_abort),
    };
    return cmocka_run_group_tests_name("sm", tests, NULL, NULL);
}
