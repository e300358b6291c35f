/* Who was served by which: lookups, time, and the bound. */

#include "affinity.h"
#include "check.h"

static void remembers(void **state)
{
    struct affinity *a = affinity_new();
    (void)state;
    assert_int_equal(affinity_get(a, 7, 0), 0);
    affinity_put(a, 7, 1, 100, 0);
    affinity_put(a, 7 + 2 * AFFINITY_MAX, 2, 100, 0); /* the same bucket */
    assert_int_equal(affinity_get(a, 7, 99), 1);
    assert_int_equal(affinity_get(a, 7 + 2 * AFFINITY_MAX, 99), 2);
    assert_int_equal(affinity_get(a, 7, 100), 0); /* its time is over */
    affinity_put(a, 7, 3, 100, 200);
    assert_int_equal(affinity_get(a, 7, 250), 3);
    assert_int_equal(affinity_count(a), 2);
    affinity_free(a);
}

static void is_bounded(void **state)
{
    struct affinity *a = affinity_new();
    (void)state;
    for (uint64_t i = 1; i <= 3 * AFFINITY_MAX; i++) {
        affinity_put(a, i * 31, (uint32_t)i, 1000, 0);
        affinity_put(a, 5, 99, 1000, 0); /* used all the time: stays */
    }
    assert_int_equal(affinity_count(a), AFFINITY_MAX);
    assert_int_equal(affinity_get(a, 5, 1), 99);
    assert_int_equal(affinity_get(a, 3 * AFFINITY_MAX * 31, 1), 3 * AFFINITY_MAX);
    assert_int_equal(affinity_get(a, (2 * AFFINITY_MAX + 2) * 31, 1), 2 * AFFINITY_MAX + 2);
    assert_int_equal(affinity_get(a, (2 * AFFINITY_MAX + 1) * 31, 1), 0);
    affinity_free(a);
}

static void hashes(void **state)
{
    (void)state;
    assert_true(affinity_hash(0, SLICE("")) != 0);
    assert_true(affinity_hash(0, SLICE("abcdefgh")) != affinity_hash(0, SLICE("abcdefgi")));
    assert_true(affinity_hash(0, SLICE("abcdefghi")) != affinity_hash(0, SLICE("abcdefghj")));
    assert_true(affinity_hash(0, SLICE("a")) != affinity_hash(1, SLICE("a")));
    /* Where one text ends and the next begins counts. */
    assert_true(affinity_hash(affinity_hash(0, SLICE("ab")), SLICE("c")) !=
                affinity_hash(affinity_hash(0, SLICE("a")), SLICE("bc")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(remembers), cmocka_unit_test(is_bounded),
                                       cmocka_unit_test(hashes)};
    return cmocka_run_group_tests_name("affinity", tests, NULL, NULL);
}
