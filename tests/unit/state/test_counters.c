#include "../base/check.h"

#include "counters.h"
#include "window.h"

#include <stdio.h>

#define MINUTE 60000
#define PART   ((int64_t)938) /* ms, of a minute */
#define LEASE  30000

static struct shared_ask window(const char *key, int64_t limit, int64_t units)
{
    return (struct shared_ask){slice_of(key), SHARED_WINDOW, limit, MINUTE, units};
}

static struct shared_ask lease(const char *key, int64_t limit)
{
    return (struct shared_ask){slice_of(key), SHARED_LEASE, limit, LEASE, 1};
}

static struct shared_state states[SHARED_ASKS_MAX];
static struct shared_grant grant;

static int reserve(struct counters *c, const struct shared_ask *asks, size_t n, int64_t now)
{
    return counters_reserve(c, asks, n, now, states, &grant);
}

static bool one(struct counters *c, struct shared_ask ask, int64_t now)
{
    return reserve(c, &ask, 1, now) < 0;
}

static int64_t used(struct counters *c, struct shared_ask ask, int64_t now)
{
    ask.units = 0;
    ask.limit = -1;
    one(c, ask, now);
    return states[0].used;
}

/* ---- windows ------------------------------------------------------------------------------- */

static void test_a_window(void **state)
{
    struct counters *c = counters_new(1000, NULL);
    for (int i = 0; i < 5; i++) {
        assert_true(one(c, window("a", 5, 1), i * 1000));
        assert_int_equal(states[0].used, i + 1);
    }
    assert_false(one(c, window("a", 5, 1), 5000));
    assert_int_equal(states[0].used, 5);
    assert_int_equal(states[0].wait_ms, PART - 1 + MINUTE - 5000); /* of the first */
    assert_int_equal(states[0].reset_ms, 5 * PART - 1 + MINUTE - 5000);
    assert_true(one(c, window("b", 5, 1), 5000)); /* another key */
    assert_false(one(c, window("a", 5, 1), PART - 2 + MINUTE));
    assert_true(one(c, window("a", 5, 1), PART - 1 + MINUTE));
    assert_true(one(c, window("a", 6, 1), PART - 1 + MINUTE)); /* the limit may change */
    counters_free(c);
}

static void test_zero(void **state)
{
    struct counters *c = counters_new(1000, NULL);
    assert_false(one(c, window("none", 0, 1), 0));
    assert_false(one(c, window("none", 0, 0), 0));
    assert_false(one(c, lease("no place", 0), 0));
    assert_true(one(c, window("a", 2, 0), 0)); /* something is left, and it stays */
    assert_int_equal(states[0].used, 0);
    assert_true(one(c, window("a", 2, 2), 0));
    assert_false(one(c, window("a", 2, 0), 0));
    assert_false(one(c, window("a", 2, 3), 0)); /* more than it ever holds: nobody knows when */
    assert_int_equal(states[0].wait_ms, 0);
    counters_free(c);
}

static void test_counted_only(void **state)
{
    struct counters *c = counters_new(1000, NULL);
    for (int i = 0; i < 1000; i++)
        assert_true(one(c, window("a", -1, 7), 0) && one(c, lease("l", -1), 0));
    assert_int_equal(used(c, window("a", -1, 0), 0), 7000);
    assert_int_equal(used(c, lease("l", -1), 0), 1000);
    counters_free(c);
}

static void test_all_or_nothing(void **state)
{
    struct counters *c = counters_new(1000, NULL);
    const struct shared_ask asks[] = {window("rpm", 10, 1), lease("par", 10),
                                      window("tpm", 100, 60), window("rpm of another", 10, 1)};
    assert_int_equal(reserve(c, asks, 4, 0), -1);
    assert_int_equal(reserve(c, asks, 4, 0), 2);
    assert_int_equal(states[0].used, 1); /* as it is: the refused one took nothing */
    assert_int_equal(states[1].used, 1);
    assert_int_equal(states[2].used, 60);
    assert_int_equal(states[3].used, 1);
    assert_true(states[2].wait_ms > 0);
    counters_free(c);
}

static void test_one_key_twice(void **state)
{
    struct counters *c = counters_new(1000, NULL);
    const struct shared_ask two[] = {window("a", 3, 2), window("a", 3, 2)};
    const struct shared_ask places[] = {lease("l", 1), lease("l", 1)};
    assert_int_equal(reserve(c, two, 2, 0), 1);
    assert_int_equal(states[0].used, 0);
    assert_int_equal(reserve(c, places, 2, 0), 1);
    assert_int_equal(states[0].used, 0);
    counters_free(c);
}

static void settle(struct counters *c, const struct shared_grant *g, const char *key, int64_t units,
                   int64_t now)
{
    struct shared_ask ask = window(key, -1, units);
    counters_settle(c, g, &ask, 1, now);
}

static void test_settle(void **state)
{
    struct counters *c = counters_new(1000, NULL);
    assert_true(one(c, window("tpm", 100, 80), 0));
    struct shared_grant first = grant;
    assert_false(one(c, window("tpm", 100, 30), 10));
    settle(c, &first, "tpm", -70, 5000); /* less than expected */
    assert_true(one(c, window("tpm", 100, 30), 5000));
    assert_int_equal(states[0].used, 40);
    struct shared_grant second = grant;
    settle(c, &second, "tpm", 500, 20000); /* far more: known, and so taken, now */
    assert_int_equal(used(c, window("tpm", -1, 0), 20000), 540);
    settle(c, &first, "tpm", -10, PART + MINUTE); /* too late: it counts no more */
    assert_int_equal(used(c, window("tpm", -1, 0), PART + MINUTE), 530);
    assert_int_equal(used(c, window("tpm", -1, 0), 20000 + PART + MINUTE), 0);
    settle(c, &first, "nobody", -5, 0); /* never asked for */
    assert_int_equal(used(c, window("nobody", -1, 0), 0), 0);
    counters_free(c);
}

/* ---- leases -------------------------------------------------------------------------------- */

static void give_back(struct counters *c, struct shared_grant g, const char *key, int64_t now)
{
    struct shared_ask ask = lease(key, 0);
    counters_settle(c, &g, &ask, 1, now);
}

static void renew(struct counters *c, struct shared_grant g, const char *key, int64_t now)
{
    struct shared_ask ask = lease(key, 0);
    counters_renew(c, &g, &ask, 1, now);
}

static void test_leases(void **state)
{
    struct counters *c = counters_new(1000, NULL);
    assert_true(one(c, lease("l", 2), 0));
    struct shared_grant first = grant;
    assert_true(one(c, lease("l", 2), 0));
    assert_int_equal(states[0].used, 2);
    assert_false(one(c, lease("l", 2), 1));
    assert_int_equal(states[0].wait_ms, 0); /* nobody knows */
    give_back(c, first, "l", 1);
    give_back(c, first, "l", 1); /* twice is once */
    give_back(c, first, "another", 1);
    assert_true(one(c, lease("l", 2), 1));
    assert_false(one(c, lease("l", 2), 1));
    counters_free(c);
}

static void test_a_dead_holder(void **state)
{
    struct counters *c = counters_new(1000, NULL);
    assert_true(one(c, lease("l", 1), 0));
    struct shared_grant dead = grant;
    assert_false(one(c, lease("l", 1), LEASE - 1));
    assert_true(one(c, lease("l", 1), LEASE));
    renew(c, dead, "l", LEASE + 1); /* it wakes up: too late */
    give_back(c, dead, "l", LEASE + 1);
    assert_false(one(c, lease("l", 1), LEASE + 1));
    counters_free(c);
}

static void test_renewed(void **state)
{
    struct counters *c = counters_new(1000, NULL);
    assert_true(one(c, lease("l", 2), 0));
    struct shared_grant kept = grant;
    assert_true(one(c, lease("l", 2), 1));
    for (int64_t now = 10000; now <= 200000; now += 10000)
        renew(c, kept, "l", now);
    assert_int_equal(used(c, lease("l", -1), 200000), 1);
    assert_int_equal(used(c, lease("l", -1), 200000 + LEASE - 1), 1);
    assert_int_equal(used(c, lease("l", -1), 200000 + LEASE), 0);
    renew(c, kept, "l", 200000 + LEASE);
    assert_int_equal(used(c, lease("l", -1), 200000 + LEASE), 0);
    counters_free(c);
}

static void test_leases_of_a_request(void **state)
{
    struct counters *c = counters_new(1000, NULL);
    const struct shared_ask asks[] = {lease("a", 1), window("rpm", 9, 1), lease("b", 1)};
    assert_int_equal(reserve(c, asks, 3, 0), -1);
    struct shared_grant g = grant;
    counters_renew(c, &g, asks, 3, LEASE - 1);
    assert_int_equal(reserve(c, &asks[2], 1, LEASE), 0);
    give_back(c, g, "a", LEASE);
    assert_int_equal(reserve(c, &asks[0], 1, LEASE), -1);
    assert_int_equal(reserve(c, &asks[2], 1, LEASE), 0);
    give_back(c, g, "b", LEASE);
    assert_int_equal(reserve(c, &asks[2], 1, LEASE), -1);
    counters_free(c);
}

static void test_too_many_leases(void **state)
{
    struct counters *c = counters_new(1000, NULL);
    for (int i = 0; i < LEASES_MAX + 10; i++)
        one(c, lease("l", -1), i / 100);
    assert_int_equal(states[0].used, LEASES_MAX);
    counters_free(c);
}

/* ---- memory -------------------------------------------------------------------------------- */

static void take_many(struct counters *c, int from, int n, int64_t now)
{
    char key[32];
    for (int i = from; i < from + n; i++) {
        snprintf(key, sizeof(key), "key %d", i);
        assert_true(one(c, window(key, 1, 1), now));
    }
}

static void test_room(void **state)
{
    struct counters *c = counters_new(100, NULL);
    assert_true(one(c, lease("held", 1), 0));
    take_many(c, 0, 500, 0);
    assert_int_equal(counters_count(c), 100);
    assert_false(one(c, lease("held", 1), 0));        /* went last */
    assert_true(one(c, window("key 0", 1, 1), 0));    /* went first: counted anew */
    assert_false(one(c, window("key 499", 1, 1), 0)); /* asked last */
    counters_free(c);
}

static void test_what_is_over_goes(void **state)
{
    struct counters *c = counters_new(100000, NULL);
    take_many(c, 0, 5000, 0);
    assert_int_equal(counters_count(c), 5000);
    take_many(c, 5000, 1, PART + MINUTE);
    assert_int_equal(counters_count(c), 1);
    counters_free(c);
}

static void test_held_ones_only(void **state)
{
    struct counters *c = counters_new(10, NULL);
    char key[32];
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof(key), "key %d", i);
        assert_true(one(c, lease(key, 1), 0));
    }
    assert_int_equal(counters_count(c), 10);
    assert_false(one(c, lease("key 49", 1), 0));
    struct shared_ask asks[SHARED_ASKS_MAX]; /* more at once than there is room for */
    char names[SHARED_ASKS_MAX][16];
    for (int i = 0; i < SHARED_ASKS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "w %d", i);
        asks[i] = window(names[i], 1, 1);
    }
    assert_int_equal(reserve(c, asks, SHARED_ASKS_MAX, 1), -1);
    assert_int_equal(states[0].used, 1);
    assert_int_equal(counters_count(c), 10);
    counters_free(c);
}

/* Random questions beside plain lists that are searched the slow way. */

#define KEYS  4
#define TAKEN 40000

struct model {
    struct {
        int key;
        int64_t part, units; /* what still counts of a take */
        uint64_t id;
        int64_t expires; /* of a lease; else -1 */
    } rows[TAKEN];
    int n;
};

static int64_t model_used(const struct model *m, int key, bool leases, int64_t now)
{
    int64_t sum = 0;
    for (int i = 0; i < m->n; i++)
        if (m->rows[i].key == key && leases == (m->rows[i].expires >= 0))
            sum += leases                                            ? m->rows[i].expires > now
                   : (m->rows[i].part + 1) * PART - 1 + MINUTE > now ? m->rows[i].units
                                                                     : 0;
    return sum;
}

static const char *const names[2][KEYS] = {{"w0", "w1", "w2", "w3"}, {"l0", "l1", "l2", "l3"}};
static const int64_t limits[2][KEYS] = {{0, 10, 50, 400}, {0, 1, 5, 20}};

static void random_reserve(struct counters *c, struct model *m, int64_t now)
{
    struct shared_ask asks[3];
    int keys[3], n = 1 + rand() % 3, expected = -1, began = m->n;
    for (int i = 0; i < n; i++) {
        keys[i] = (rand() % 2 + began + i) % KEYS; /* windows may come twice */
        bool is_lease = i == 0 && rand() % 2;
        asks[i] = is_lease ? lease(names[1][keys[i]], limits[1][keys[i]])
                           : window(names[0][keys[i]], limits[0][keys[i]], rand() % 6);
    }
    int refused = reserve(c, asks, (size_t)n, now);
    for (int i = 0; i < n && expected < 0; i++) {
        bool is_lease = asks[i].kind == SHARED_LEASE;
        int64_t units = asks[i].units > 1 ? asks[i].units : 1;
        if (model_used(m, keys[i], is_lease, now) + units > asks[i].limit) {
            expected = i;
            continue;
        }
        m->rows[m->n].key = keys[i];
        m->rows[m->n].part = now / PART;
        m->rows[m->n].units = asks[i].units;
        m->rows[m->n].id = grant.id;
        m->rows[m->n++].expires = is_lease ? now + LEASE : -1;
    }
    assert_int_equal(refused, expected);
    if (refused >= 0)
        m->n = began;
    for (int i = 0; i < n; i++)
        assert_int_equal(states[i].used, model_used(m, keys[i], asks[i].kind == SHARED_LEASE, now));
}

static void random_end(struct counters *c, struct model *m, int64_t now)
{
    if (!m->n)
        return;
    int i = m->n - 1 - rand() % (m->n < 30 ? m->n : 30);
    struct shared_grant g = {.id = m->rows[i].id, .taken_at = m->rows[i].part * PART};
    const char *key = names[m->rows[i].expires >= 0][m->rows[i].key];
    if (m->rows[i].expires < 0) {
        settle(c, &g, key, -m->rows[i].units, now);
        m->rows[i].units = 0;
        return;
    }
    if (rand() % 2) {
        renew(c, g, key, now);
        if (m->rows[i].expires > now)
            m->rows[i].expires = now + LEASE;
    } else {
        give_back(c, g, key, now);
        m->rows[i].expires = 0;
    }
}

static void test_against_a_model(void **state)
{
    static struct model m;
    struct counters *c = counters_new(1000, NULL);
    srand(11);
    for (int64_t now = 0, i = 0; i < 8000; i++, now += rand() % 700) {
        if (rand() % 3)
            random_reserve(c, &m, now);
        else
            random_end(c, &m, now);
    }
    assert_true(m.n > 1000);
    counters_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_window),
        cmocka_unit_test(test_zero),
        cmocka_unit_test(test_counted_only),
        cmocka_unit_test(test_all_or_nothing),
        cmocka_unit_test(test_one_key_twice),
        cmocka_unit_test(test_settle),
        cmocka_unit_test(test_leases),
        cmocka_unit_test(test_a_dead_holder),
        cmocka_unit_test(test_renewed),
        cmocka_unit_test(test_leases_of_a_request),
        cmocka_unit_test(test_too_many_leases),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_what_is_over_goes),
        cmocka_unit_test(test_held_ones_only),
        cmocka_unit_test(test_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
