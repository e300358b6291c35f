/* How many calls a second a model takes, and what it refuses. */

#include "check.h"
#include "quota.h"

/* So many calls at even distances within `ms`; returns those that were taken. */
static int offer(struct quota *q, const char *model, int64_t *now, int64_t ms, int calls)
{
    const int64_t begin = *now;
    int taken = 0;
    for (int i = 0; i < calls; i++) {
        *now = begin + ms * i / calls;
        taken += quota_admit(q, slice_of(model), *now);
    }
    *now = begin + ms;
    return taken;
}

static void test_rates(void **state)
{
    static const struct {
        int64_t rate;
        int offered, taken; /* in ten seconds */
    } rows[] = {{40, 400, 400}, {40, 200, 200}, {40, 1200, 410},  {1, 30, 10},
                {3, 300, 29},   {0, 500, 500},  {400, 4000, 4000}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct quota q = {.rate = rows[i].rate};
        int64_t now = 1000000;
        const int taken = offer(&q, "m", &now, 10000, rows[i].offered);
        assert_in_range(taken, rows[i].taken - 1, rows[i].taken + 1);
        assert_int_equal(q.admitted, rows[i].rate ? taken : 0);
        assert_int_equal(q.refused, rows[i].rate ? rows[i].offered - taken : 0);
    }
}

static void test_burst(void **state)
{
    struct quota q = {.rate = 40};
    int64_t now = 5000;
    assert_int_equal(offer(&q, "m", &now, 0, 30), 10);
    now += 100; /* four more */
    assert_int_equal(offer(&q, "m", &now, 0, 30), 4);
    now += 60000; /* never more than the bucket holds */
    assert_int_equal(offer(&q, "m", &now, 0, 30), 10);
}

static void test_models_do_not_share(void **state)
{
    struct quota q = {.rate = 4};
    int64_t now = 5000;
    assert_int_equal(offer(&q, "a", &now, 0, 5), 1);
    assert_int_equal(offer(&q, "b", &now, 0, 5), 1);
    assert_int_equal(offer(&q, "a", &now, 0, 5), 0);
    for (int i = 0; i < QUOTA_MODELS; i++) { /* "a" and "b" are forgotten */
        const char id[] = {(char)(1 + i), '\0'};
        assert_int_equal(offer(&q, id, &now, 0, 2), 1);
    }
    assert_int_equal(offer(&q, "a", &now, 0, 5), 1);
}

static void test_reset(void **state)
{
    struct quota q = {.rate = 4};
    int64_t now = 5000;
    assert_int_equal(offer(&q, "a", &now, 0, 5), 1);
    quota_reset(&q);
    assert_true(!q.admitted && !q.refused && q.rate == 4);
    assert_int_equal(offer(&q, "a", &now, 0, 5), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_burst),
        cmocka_unit_test(test_models_do_not_share),
        cmocka_unit_test(test_reset),
    };
    return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
