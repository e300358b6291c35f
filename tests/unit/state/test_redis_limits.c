/* Limits that a real redis-server counts: the same answers as the local back end gives, and what
 * only several processes can show. */

#include "redis_world.h"

#define ROUNDS 2000
#define KEYS   6
#define HOUR   3600000

static int setup(void **state)
{
    static struct redis_world w;
    redis_world_open(&w);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    redis_world_close(*state);
    return 0;
}

/* ---- as the local back end ----------------------------------------------------------------- */

struct oracle {
    struct shared *shared;
    int refused;
    struct shared_grant grant;
    struct shared_state states[SHARED_ASKS_MAX];
};

static void on_oracle(void *user, const struct shared_answer *a)
{
    struct oracle *o = user;
    o->refused = a->refused;
    memcpy(o->states, a->states, a->n * sizeof(*a->states));
    if (a->refused < 0)
        o->grant = a->grant;
}

/* Each counter has a kind, a limit and a window of its own; an hour and more, so that the time that
 * passes between two processes' looks at it does not matter. */
static size_t random_asks(struct shared_ask *asks, unsigned *seed)
{
    static const char *const names[KEYS] = {"a", "b", "c", "d", "e", "f"};
    size_t n = 0;
    for (size_t i = 0; i < KEYS; i++) {
        bool lease = i >= 4;
        if (rand_r(seed) % 2)
            continue;
        asks[n++] = (struct shared_ask){
            .key = slice_of(names[i]),
            .kind = lease ? SHARED_LEASE : SHARED_WINDOW,
            .limit = i == 3  ? -1
                     : lease ? 5
                             : 40 * (int64_t)(i + 1),
            .window_ms = HOUR * (int64_t)(i + 1),
            .units = lease ? rand_r(seed) % 4 != 0 : rand_r(seed) % 12,
        };
    }
    return n;
}

static void compare(const struct redis_world *w, const struct oracle *o,
                    const struct shared_ask *asks, size_t n)
{
    assert_int_equal(w->refused, o->refused);
    for (size_t i = 0; i < n; i++) {
        const struct shared_state *a = &w->states[i], *b = &o->states[i];
        int64_t part = asks[i].window_ms / 64;
        assert_int_equal(a->used, b->used);
        assert_int_equal(a->reset_ms > 0, b->reset_ms > 0);
        assert_true(llabs(a->reset_ms - b->reset_ms) <= 2 * part);
        if (w->refused < 0)
            continue;
        assert_int_equal(a->wait_ms > 0, b->wait_ms > 0);
        assert_true(llabs(a->wait_ms - b->wait_ms) <= 2 * part);
    }
}

static void settle_both(struct redis_world *w, struct oracle *o, struct shared_ask *asks, size_t n,
                        unsigned *seed)
{
    for (size_t i = 0; i < n; i++)
        asks[i].units = asks[i].kind == SHARED_LEASE ? -1
                        : rand_r(seed) % 10          ? -asks[i].units
                                                     : rand_r(seed) % 3;
    tell_settle(w, asks, n);
    o->shared->ops->settle(o->shared, &o->grant, asks, n, turn_now(&w->world.turn));
}

static void the_same_as_in_one_process(void **state)
{
    struct redis_world *w = *state;
    struct oracle o = {.shared = shared_local_new(1 << 20)};
    unsigned seed = 7, refused = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct shared_ask asks[KEYS];
        size_t n = random_asks(asks, &seed);
        if (!n)
            continue;
        ask_reserve(w, asks, n);
        o.shared->ops->reserve(o.shared, asks, n, turn_now(&w->world.turn), on_oracle, &o);
        compare(w, &o, asks, n);
        refused += w->refused >= 0;
        if (w->refused < 0 && rand_r(&seed) % 100)
            settle_both(w, &o, asks, n, &seed);
    }
    assert_in_range(refused, ROUNDS / 20, ROUNDS * 9 / 10); /* both happen */
    assert_int_equal(redis_world_stats(w).failed, 0);
    o.shared->ops->free(o.shared);
}

/* ---- windows that slide -------------------------------------------------------------------- */

/* Grants of a limit that is asked for without pause: their times, as the server saw them. */
static size_t saturate(struct redis_world *w, const struct shared_ask *ask, int64_t *times,
                       size_t max, int64_t ms)
{
    size_t n = 0;
    uv_update_time(&w->world.loop);
    int64_t end = turn_now(&w->world.turn) + ms;
    while (turn_now(&w->world.turn) < end && n < max)
        if (ask_reserve(w, ask, 1) < 0)
            times[n++] = w->grant.taken_at;
    return n;
}

static void never_more_than_the_limit_in_any_window(void **state)
{
    enum { LIMIT = 50, MS = 320, MAX = 4096 };
    struct redis_world *w = *state;
    const struct shared_ask ask = WINDOW("w", LIMIT, MS, 1);
    static int64_t times[MAX];
    size_t n = saturate(w, &ask, times, MAX, 6 * MS);
    assert_true(n >= 4 * LIMIT);
    for (size_t i = LIMIT; i < n; i++)
        assert_true(times[i] - times[i - LIMIT] >= MS);
}

static void a_refusal_says_when_to_come_again(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask ask = WINDOW("w", 2, 640, 1), both = WINDOW("w", 2, 640, 2),
                            more = WINDOW("w", 2, 640, 3), none = WINDOW("w", 2, 640, 0);
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
    world_run_ms(&w->world, 100);
    assert_int_equal(ask_reserve(w, &none, 1), -1);
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
    assert_int_equal(ask_reserve(w, &none, 1), 0);
    assert_int_equal(ask_reserve(w, &more, 1), 0);
    assert_int_equal(w->states[0].wait_ms, 0); /* never */
    assert_int_equal(ask_reserve(w, &both, 1), 0);
    assert_int_equal(w->states[0].used, 2);
    assert_int_equal(w->states[0].wait_ms, w->states[0].reset_ms);
    assert_int_equal(ask_reserve(w, &ask, 1), 0);
    assert_true(w->states[0].wait_ms < w->states[0].reset_ms);
    world_run_ms(&w->world, (unsigned)w->states[0].wait_ms + 1);
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
}

/* ---- all or nothing, settling -------------------------------------------------------------- */

static void a_refusal_takes_nothing(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask asks[] = {WINDOW("a", 10, HOUR, 4), LEASE("b", 3, HOUR, 1),
                                      WINDOW("c", 5, HOUR, 4)};
    assert_int_equal(ask_reserve(w, asks, 3), -1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask_reserve(w, asks, 3), 2);
        assert_int_equal(w->states[0].used, 4);
        assert_int_equal(w->states[1].used, 1);
        assert_int_equal(w->states[2].used, 4);
    }
}

static void settling_reaches_what_was_taken(void **state)
{
    struct redis_world *w = *state;
    struct shared_ask ask = WINDOW("a", 100, 640, 40);
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
    struct shared_grant first = w->grant;
    world_run_ms(&w->world, 200);
    ask.units = -30;
    tell_settle(w, &ask, 1);
    ask.units = 0;
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
    assert_int_equal(w->states[0].used, 10);
    w->grant = first;
    ask.units = -500; /* never below nothing */
    tell_settle(w, &ask, 1);
    ask.units = 7;
    tell_settle(w, &ask, 1);
    ask.units = 0;
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
    assert_int_equal(w->states[0].used, 7);
}

/* ---- leases -------------------------------------------------------------------------------- */

static void leases_end_by_themselves_unless_renewed(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask ask = LEASE("l", 1, 300, 1);
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
    assert_int_equal(ask_reserve(w, &ask, 1), 0);
    world_run_ms(&w->world, 200);
    w->shared->ops->renew(w->shared, &w->grant, &ask, 1, turn_now(&w->world.turn));
    world_run_ms(&w->world, 200);
    assert_int_equal(ask_reserve(w, &ask, 1), 0);
    world_run_ms(&w->world, 150);
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
    tell_settle(w, &ask, 1);
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
    assert_int_equal(w->states[0].used, 1);
}

static void renewed_after_the_server_was_emptied(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask ask = LEASE("l", 1, HOUR, 1);
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
    redis_server_do(&w->server, "FLUSHALL");
    w->shared->ops->renew(w->shared, &w->grant, &ask, 1, turn_now(&w->world.turn));
    assert_int_equal(ask_reserve(w, &ask, 1), 0);
}

/* ---- the server's clock -------------------------------------------------------------------- */

/* After a failover to a machine whose clock is behind. */
static void a_window_of_the_future_is_forgotten(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask ask = WINDOW("w", 1, 640, 1);
    char command[128];
    long long far = 4000000000000;
    snprintf(command, sizeof(command), "HSET {lintel}:w:640:w used 1 first %lld last %lld %lld 1",
             far, far, far);
    redis_server_do(&w->server, command);
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
    assert_int_equal(w->states[0].used, 1);
    assert_int_equal(ask_reserve(w, &ask, 1), 0);
}

/* ---- several processes --------------------------------------------------------------------- */

static void processes_share_a_limit(void **state)
{
    struct redis_world *w = *state;
    struct shared *all[] = {w->shared, redis_world_another(w), redis_world_another(w)};
    struct shared *own = w->shared;
    const struct shared_ask asks[] = {WINDOW("w", 100, HOUR, 1), LEASE("l", 1000, HOUR, 1)};
    unsigned granted = 0;
    for (unsigned i = 0; i < 300; i++) {
        w->shared = all[i % 3];
        granted += ask_reserve(w, asks, 2) < 0;
    }
    assert_int_equal(granted, 100);
    assert_int_equal(w->states[1].used, 100); /* every lease has an id of its own */
    w->shared = own;
    for (unsigned i = 1; i < 3; i++)
        all[i]->ops->free(all[i]);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_same_as_in_one_process),
        CASE(never_more_than_the_limit_in_any_window),
        CASE(a_refusal_says_when_to_come_again),
        CASE(a_refusal_takes_nothing),
        CASE(settling_reaches_what_was_taken),
        CASE(leases_end_by_themselves_unless_renewed),
        CASE(renewed_after_the_server_was_emptied),
        CASE(a_window_of_the_future_is_forgotten),
        CASE(processes_share_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
