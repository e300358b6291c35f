#include "../base/check.h"

#include "window.h"

/* ---- against the plain list of all that was taken -------------------------------------------- */

#define TAKES_MAX 20000

struct taken {
    int64_t at, units;
};

struct trial {
    int64_t length, limit;
    int64_t step_max; /* ms between tries, at most */
    int64_t units_max;
    int64_t duration;
};

static const struct trial trials[] = {
    {60000, 1000, 5, 1, 400000},     /* rpm */
    {60000, 3, 700, 1, 900000},      /* a small one */
    {60000, 100000, 9, 900, 400000}, /* tpm */
    {1000, 50, 3, 1, 20000},         /* a short window */
    {64, 20, 1, 3, 8000},            /* as many ms as parts */
    {10, 7, 1, 2, 3000},             /* fewer ms than parts */
    {1, 2, 1, 1, 500},               /* the shortest */
    {100, 1, 1, 1, 5000},            /* one at a time */
    {61234, 777, 40, 5, 400000},     /* parts that do not divide it */
};

/* What any window that ends here sees: [at - length + 1, at]. */
static int64_t seen_until(const struct taken *taken, size_t n, int64_t length)
{
    int64_t sum = 0, at = taken[n - 1].at;
    while (n-- > 0 && taken[n].at > at - length)
        sum += taken[n].units;
    return sum;
}

static bool try_to_take(struct window *w, const struct trial *t, int64_t units, int64_t now)
{
    if (window_used(w, t->length, now) + units > t->limit)
        return false;
    window_take(w, t->length, units, now);
    return true;
}

static void run_trial(const struct trial *t)
{
    static struct taken taken[TAKES_MAX];
    size_t n = 0;
    struct window w = {0};
    for (int64_t now = rand() % 100; now < t->duration; now += 1 + rand() % t->step_max) {
        int64_t units = 1 + rand() % t->units_max;
        if (n == TAKES_MAX || !try_to_take(&w, t, units, now))
            continue;
        taken[n++] = (struct taken){now, units};
        assert_true(seen_until(taken, n, t->length) <= t->limit);
        assert_true(w.count <= WINDOW_PARTS + 1 && w.size <= 2 * WINDOW_PARTS);
    }
    assert_true(n > 0);
    window_fini(&w);
}

static void test_never_more(void **state)
{
    srand(7);
    for (size_t i = 0; i < sizeof(trials) / sizeof(*trials); i++)
        for (int round = 0; round < 5; round++)
            run_trial(&trials[i]);
}

/* More is always asked for: what is let in, for each length of time, is nearly the limit. */
static void saturate(int64_t length, int64_t limit, int64_t step)
{
    struct window w = {0};
    struct trial t = {.length = length, .limit = limit};
    const int64_t rounds = 50;
    int64_t taken = 0;
    for (int64_t now = 0; now < rounds * length; now += step)
        while (try_to_take(&w, &t, 1, now))
            taken++;
    assert_true(taken <= limit * (rounds + 1));
    assert_true(taken * 100 >= limit * rounds * 98);
    window_fini(&w);
}

static void test_nearly_all(void **state)
{
    static const int64_t lengths[] = {1, 10, 64, 1000, 1001, 10000, 60000, 86400000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        saturate(lengths[i], 1000, (lengths[i] + 999) / 1000);
        saturate(lengths[i], 10, (lengths[i] + 999) / 1000);
    }
}

/* ---- giving back, waiting ------------------------------------------------------------------- */

#define LENGTH 6400 /* parts of 100 ms */

static void test_give(void **state)
{
    struct window w = {0};
    window_take(&w, LENGTH, 10, 50);
    window_take(&w, LENGTH, 5, 250);
    window_give(&w, LENGTH, 4, 60, 300); /* the same part */
    assert_int_equal(window_used(&w, LENGTH, 300), 11);
    window_give(&w, LENGTH, 100, 200, 300); /* never more than was taken there */
    assert_int_equal(window_used(&w, LENGTH, 300), 6);
    window_give(&w, LENGTH, 3, 150, 300); /* where nothing was taken */
    assert_int_equal(window_used(&w, LENGTH, 300), 6);
    assert_int_equal(window_used(&w, LENGTH, 99 + LENGTH), 0);
    window_give(&w, LENGTH, 6, 50, 99 + LENGTH); /* too late: it counts no more */
    assert_int_equal(window_used(&w, LENGTH, 99 + LENGTH), 0);
    window_fini(&w);
}

static void test_over_exactly(void **state)
{
    struct window w = {0};
    window_take(&w, LENGTH, 1, 199);
    assert_int_equal(window_used(&w, LENGTH, 199 + LENGTH - 1), 1);
    assert_int_equal(window_used(&w, LENGTH, 199 + LENGTH), 0);
    window_fini(&w);
}

static void test_wait(void **state)
{
    struct window w = {0};
    assert_int_equal(window_wait_ms(&w, LENGTH, 0, 5), 0);
    assert_int_equal(window_reset_ms(&w, LENGTH, 5), 0);
    window_take(&w, LENGTH, 10, 0);
    window_take(&w, LENGTH, 10, 1000);
    assert_int_equal(window_wait_ms(&w, LENGTH, 20, 1000), 0);
    assert_int_equal(window_wait_ms(&w, LENGTH, 19, 1000), 99 + LENGTH - 1000);
    assert_int_equal(window_wait_ms(&w, LENGTH, 10, 1000), 99 + LENGTH - 1000);
    assert_int_equal(window_wait_ms(&w, LENGTH, 9, 1000), 99 + LENGTH);
    assert_int_equal(window_reset_ms(&w, LENGTH, 1000), 99 + LENGTH);
    window_give(&w, LENGTH, 10, 1000, 1000); /* an empty part holds nothing up */
    assert_int_equal(window_reset_ms(&w, LENGTH, 1000), 99 + LENGTH - 1000);
    window_fini(&w);
}

/* What waits as long as it was told gets in, and not a ms earlier. */
static void test_the_wait_is_true(void **state)
{
    srand(3);
    for (int round = 0; round < 200; round++) {
        struct window w = {0};
        int64_t now = 0, need = rand() % 50;
        for (int i = 0; i < 40; i++)
            window_take(&w, LENGTH, rand() % 9, now += rand() % 400);
        int64_t wait = window_wait_ms(&w, LENGTH, need, now);
        if (wait)
            assert_true(window_used(&w, LENGTH, now + wait - 1) > need);
        assert_true(window_used(&w, LENGTH, now + wait) <= need);
        window_fini(&w);
    }
}

static void test_a_clock_that_goes_back(void **state)
{
    struct window w = {0};
    window_take(&w, LENGTH, 1, 5000);
    window_take(&w, LENGTH, 1, 100);
    assert_int_equal(window_used(&w, LENGTH, 100), 2);
    assert_int_equal(w.count, 1);
    assert_int_equal(window_used(&w, LENGTH, 5099 + LENGTH), 0);
    window_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_more),
        cmocka_unit_test(test_nearly_all),
        cmocka_unit_test(test_give),
        cmocka_unit_test(test_over_exactly),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_the_wait_is_true),
        cmocka_unit_test(test_a_clock_that_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
