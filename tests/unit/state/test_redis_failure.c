/* A redis-server that fails: what is asked meanwhile is answered, in time, and it comes back by
 * itself. */

#include "redis_world.h"

#include <signal.h>

#define PATIENCE_MS 60

static int setup(void **state)
{
    static struct redis_world w;
    memset(&w, 0, sizeof(w));
    world_open(&w.world);
    redis_world_serve(&w, NULL);
    w.options.patience_ms = PATIENCE_MS;
    w.options.redis.command_ms = 1500;
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    redis_world_close(*state);
    return 0;
}

static void connect_it(struct redis_world *w)
{
    redis_world_connect(w);
    WORLD_UNTIL(&w->world, !redis_world_is_away(w));
}

static int reserve_one(struct redis_world *w)
{
    const struct shared_ask ask = WINDOW("w", 100, 60000, 1);
    return ask_reserve(w, &ask, 1);
}

/* As the server sees it. */
static int64_t used_there(struct redis_world *w)
{
    const char *reply = redis_server_do(&w->server, "HGET {lintel}:w:60000:w used"),
               *line = strchr(reply, '\n');
    return reply[0] == '$' && reply[1] != '-' && line ? atoll(line + 1) : 0;
}

static void refused_at_the_start(void **state)
{
    struct redis_world *w = *state;
    redis_server_kill(&w->server);
    redis_world_connect(w);
    assert_int_equal(reserve_one(w), -1);
    assert_true(w->grant.local);
    WORLD_UNTIL(&w->world, redis_world_is_away(w));
    redis_server_start(&w->server, NULL);
    WORLD_UNTIL(&w->world, !redis_world_is_away(w));
    assert_int_equal(reserve_one(w), -1);
    assert_false(w->grant.local);
    assert_int_equal(w->states[0].used, 1);
}

/* A process that has just started counts where all do. */
static void asked_before_the_first_connection(void **state)
{
    struct redis_world *w = *state;
    w->options.patience_ms = 2000;
    w->options.fail_closed = true;
    redis_world_connect(w);
    assert_int_equal(reserve_one(w), -1);
    assert_false(w->grant.local);
    assert_false(w->away);
    assert_int_equal(used_there(w), 1);
}

static void asked_before_and_never_connected(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask ask = WINDOW("w", 100, 60000, 1);
    redis_server_signal(&w->server, SIGSTOP);
    redis_world_connect(w);
    assert_int_equal(reserve_one(w), -1);
    assert_true(w->grant.local);
    begin_reserve(w, &ask, 1);
    w->shared->ops->forget(w->shared, w);
    begin_reserve(w, &ask, 1); /* is freed with it */
    redis_server_signal(&w->server, SIGCONT);
}

/* It is asked again and again, but not without pause. */
static void a_replica_is_not_stormed(void **state)
{
    struct redis_world *w = *state;
    connect_it(w);
    redis_server_do(&w->server, "REPLICAOF 127.0.0.1 1");
    assert_int_equal(reserve_one(w), -1);
    world_run_ms(&w->world, 1000);
    assert_true(redis_world_is_away(w));
    const char *count =
        strstr(redis_server_do(&w->server, "INFO stats"), "total_connections_received:");
    assert_non_null(count);
    assert_in_range(atoll(strchr(count, ':') + 1), 3, 25);
}

static void killed_and_restarted_empty(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask back = WINDOW("w", 100, 60000, -1);
    connect_it(w);
    assert_int_equal(reserve_one(w), -1);
    tell_put(w, "a", "there", 60000);
    assert_string_equal(ask_get(w, "a", 0), "there");
    redis_server_kill(&w->server);
    WORLD_UNTIL(&w->world, redis_world_is_away(w));
    tell_put(w, "a", "alone", 60000);
    assert_string_equal(ask_get(w, "a", 0), "alone");
    assert_int_equal(reserve_one(w), -1);
    assert_true(w->grant.local);
    redis_server_start(&w->server, NULL);
    WORLD_UNTIL(&w->world, !redis_world_is_away(w));
    tell_settle(w, &back, 1); /* what was taken here is given back here */
    assert_null(ask_get(w, "a", 0));
    assert_int_equal(reserve_one(w), -1);
    assert_false(w->grant.local);
    assert_int_equal(w->states[0].used, 1);
    redis_server_kill(&w->server);
    WORLD_UNTIL(&w->world, redis_world_is_away(w));
    assert_null(ask_get(w, "a", 0)); /* others may have changed it meanwhile */
}

/* All that were asked are answered, long before the server goes on, and what passed meanwhile it
 * counts then. */
static void paused(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask ask = WINDOW("w", 100, 60000, 1);
    connect_it(w);
    redis_server_signal(&w->server, SIGSTOP);
    unsigned before = w->answers;
    for (unsigned i = 0; i < 20; i++)
        begin_reserve(w, &ask, 1);
    WORLD_UNTIL(&w->world, w->answers == before + 20);
    assert_true(w->grant.local);
    assert_int_equal(redis_world_stats(w).late, 20);
    assert_false(redis_world_is_away(w)); /* it may be one hiccup */
    WORLD_UNTIL(&w->world, (reserve_one(w), redis_world_is_away(w)));
    unsigned asked = (unsigned)redis_world_stats(w).asked;
    assert_int_equal(reserve_one(w), -1); /* at once, and not sent */
    assert_int_equal(redis_world_stats(w).asked, asked);
    unsigned answers = w->answers;
    redis_server_signal(&w->server, SIGCONT);
    WORLD_UNTIL(&w->world, !redis_world_is_away(w));
    WORLD_UNTIL(&w->world, used_there(w) == (int64_t)asked);
    assert_int_equal(w->answers, answers); /* nobody was answered twice */
    assert_int_equal(reserve_one(w), -1);
    assert_false(w->grant.local);
    assert_int_equal(w->states[0].used, (int64_t)asked + 1);
}

static int64_t granted_by(struct redis_world *w, struct shared *s, const struct shared_ask *ask)
{
    struct shared *mine = w->shared;
    int64_t n = 0;
    w->shared = s;
    while (n < 100 && ask_reserve(w, ask, 1) < 0)
        n++;
    w->shared = mine;
    return n;
}

/* Cut off, all of them together admit no more than was left. */
static void each_alone_has_a_share(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask half = WINDOW("w", 16, 60000, 8), one = WINDOW("w", 16, 60000, 1);
    const struct shared_ask unseen = WINDOW("x", 16, 60000, 1), small = WINDOW("y", 1, 60000, 1);
    const struct shared_ask large = WINDOW("z", 16, 60000, 12), lease = LEASE("l", 6, 60000, 1);
    connect_it(w);
    struct shared *other = redis_world_another(w);
    WORLD_UNTIL(&w->world, redis_world_stats(w).processes == 2);
    assert_int_equal(ask_reserve(w, &half, 1), -1);
    redis_server_kill(&w->server);
    WORLD_UNTIL(&w->world, redis_world_is_away(w));
    assert_int_equal(granted_by(w, w->shared, &one), 4);
    assert_int_equal(w->refused, 0);
    assert_int_equal(w->states[0].used, 16);
    assert_in_range(w->states[0].wait_ms, 1, 61000);
    assert_int_equal(granted_by(w, other, &one), 8); /* it knew nothing of the other's eight */
    assert_int_equal(granted_by(w, other, &unseen), 8);
    assert_int_equal(granted_by(w, other, &small), 1);
    assert_int_equal(granted_by(w, other, &large), 1);
    assert_int_equal(granted_by(w, other, &lease), 3);
    other->ops->free(other);
}

/* Redis is slow and refuses what has passed by then: it counts all the same, and nothing passes
 * after that. */
static void what_passed_is_counted_though_refused(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask all = WINDOW("w", 10, 60000, 10), one = WINDOW("w", 10, 60000, 1);
    connect_it(w);
    struct shared *other = redis_world_another(w), *mine = w->shared;
    w->shared = other;
    assert_int_equal(ask_reserve(w, &all, 1), -1);
    w->shared = mine;
    redis_server_signal(&w->server, SIGSTOP);
    assert_int_equal(ask_reserve(w, &one, 1), -1);
    assert_true(w->grant.local);
    redis_server_signal(&w->server, SIGCONT);
    WORLD_UNTIL(&w->world, used_there(w) == 11);
    redis_server_signal(&w->server, SIGSTOP);
    assert_int_equal(ask_reserve(w, &one, 1), 0);
    redis_server_signal(&w->server, SIGCONT);
    world_run_ms(&w->world, 20);
    assert_int_equal(used_there(w), 11);
    other->ops->free(other);
}

/* A slow answer is no way to a place that others have; one that is free again comes back. */
static void places_that_redis_refused_stay_taken(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask place = LEASE("l", 1, 60000, 1);
    connect_it(w);
    struct shared *other = redis_world_another(w), *mine = w->shared;
    w->shared = other;
    assert_int_equal(ask_reserve(w, &place, 1), -1);
    w->shared = mine;
    assert_int_equal(ask_reserve(w, &place, 1), 0);
    redis_server_signal(&w->server, SIGSTOP);
    assert_int_equal(ask_reserve(w, &place, 1), 0);
    assert_in_range(redis_world_stats(w).late, 1, 1);
    WORLD_UNTIL(&w->world, ask_reserve(w, &place, 1) < 0);
    assert_true(w->grant.local);
    redis_server_signal(&w->server, SIGCONT);
    other->ops->free(other);
}

/* The loop did not look at its connections for long: that is not Redis' fault. */
static void a_busy_process_blames_nobody(void **state)
{
    struct redis_world *w = *state;
    connect_it(w);
    for (int i = 0; i < 5; i++) {
        const struct shared_ask ask = WINDOW("w", 100, 60000, 1);
        unsigned before = w->answers;
        begin_reserve(w, &ask, 1);
        uv_sleep(2 * PATIENCE_MS);
        WORLD_UNTIL(&w->world, w->answers > before);
        assert_false(w->grant.local);
    }
    assert_int_equal(redis_world_stats(w).late, 0);
}

/* Nor is it when a probe is looked at late. */
static void a_busy_process_sees_the_return(void **state)
{
    struct redis_world *w = *state;
    connect_it(w);
    redis_server_kill(&w->server);
    WORLD_UNTIL(&w->world, redis_world_is_away(w));
    redis_server_start(&w->server, NULL);
    for (world_guard(&w->world); redis_world_is_away(w);) {
        assert_false(w->world.expired);
        uv_sleep(2 * PATIENCE_MS);
        uv_run(&w->world.loop, UV_RUN_ONCE);
    }
    assert_int_equal(reserve_one(w), -1);
}

/* For longer than a command may take: the connection is given up and made anew. */
static void silent_for_long(void **state)
{
    struct redis_world *w = *state;
    w->options.redis.command_ms = 200;
    w->options.redis.connect_ms = 200;
    connect_it(w);
    redis_server_signal(&w->server, SIGSTOP);
    assert_int_equal(reserve_one(w), -1);
    assert_true(w->grant.local);
    world_run_ms(&w->world, 600);
    assert_true(redis_world_is_away(w));
    redis_server_signal(&w->server, SIGCONT);
    WORLD_UNTIL(&w->world, !redis_world_is_away(w));
    assert_int_equal(reserve_one(w), -1);
    assert_false(w->grant.local);
}

static void a_few_late_answers_are_no_reason_to_leave(void **state)
{
    struct redis_world *w = *state;
    connect_it(w);
    redis_server_signal(&w->server, SIGSTOP);
    for (unsigned i = 1; i < SHARED_REDIS_LATE_MAX; i++)
        reserve_one(w);
    assert_false(redis_world_is_away(w));
    redis_server_signal(&w->server, SIGCONT);
    WORLD_UNTIL(&w->world, (reserve_one(w), !w->grant.local));
    assert_false(redis_world_is_away(w));
}

static void closed_policy_refuses(void **state)
{
    struct redis_world *w = *state;
    w->options.fail_closed = true;
    connect_it(w);
    assert_int_equal(reserve_one(w), -1);
    redis_server_kill(&w->server);
    WORLD_UNTIL(&w->world, redis_world_is_away(w));
    assert_int_equal(reserve_one(w), 0);
    assert_true(w->away);
    assert_null(ask_get(w, "a", 0)); /* values are nobody's limit */
    redis_server_start(&w->server, NULL);
    WORLD_UNTIL(&w->world, !redis_world_is_away(w));
    assert_int_equal(reserve_one(w), -1);
    assert_false(w->away);
}

static void out_of_memory(void **state)
{
    struct redis_world *w = *state;
    connect_it(w);
    redis_server_do(&w->server, "CONFIG SET maxmemory 1");
    assert_int_equal(reserve_one(w), -1);
    assert_true(w->grant.local);
    assert_true(redis_world_is_away(w));
    world_run_ms(&w->world, 2 * SHARED_REDIS_PROBE_MS);
    assert_true(redis_world_is_away(w)); /* it reads, but a probe writes */
    redis_server_do(&w->server, "CONFIG SET maxmemory 0");
    WORLD_UNTIL(&w->world, !redis_world_is_away(w));
    assert_int_equal(reserve_one(w), -1);
    assert_false(w->grant.local);
}

static void a_put_tells_of_it_too(void **state)
{
    struct redis_world *w = *state;
    connect_it(w);
    redis_server_do(&w->server, "CONFIG SET maxmemory 1");
    tell_put(w, "a", "x", 60000);
    WORLD_UNTIL(&w->world, redis_world_is_away(w));
}

static void turned_into_a_replica(void **state)
{
    struct redis_world *w = *state;
    connect_it(w);
    assert_int_equal(reserve_one(w), -1);
    redis_server_do(&w->server, "REPLICAOF 127.0.0.1 1");
    assert_int_equal(reserve_one(w), -1);
    assert_true(w->grant.local);
    WORLD_UNTIL(&w->world, redis_world_is_away(w));
    redis_server_do(&w->server, "REPLICAOF NO ONE");
    WORLD_UNTIL(&w->world, !redis_world_is_away(w));
    assert_int_equal(reserve_one(w), -1);
    assert_int_equal(w->states[0].used, 2);
}

static void forbidden_scripts(void **state)
{
    struct redis_world *w = *state;
    connect_it(w);
    redis_server_do(&w->server, "ACL SETUSER default -@scripting");
    assert_int_equal(reserve_one(w), -1);
    assert_true(w->grant.local);
    assert_true(redis_world_is_away(w));
    redis_server_do(&w->server, "ACL SETUSER default +@scripting");
    WORLD_UNTIL(&w->world, !redis_world_is_away(w));
}

/* Freed with questions under way: nobody is answered any more, and nothing leaks. */
static void the_end_in_the_middle(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask ask = WINDOW("w", 100, 60000, 1);
    connect_it(w);
    unsigned before = w->answers;
    begin_reserve(w, &ask, 1);
    w->shared->ops->clear(w->shared, SLICE(""), 0, NULL, NULL);
    w->shared->ops->forget(w->shared, w);
    w->shared->ops->free(w->shared);
    w->shared = NULL;
    assert_int_equal(w->answers, before);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(refused_at_the_start),
        CASE(asked_before_the_first_connection),
        CASE(asked_before_and_never_connected),
        CASE(a_replica_is_not_stormed),
        CASE(killed_and_restarted_empty),
        CASE(paused),
        CASE(each_alone_has_a_share),
        CASE(what_passed_is_counted_though_refused),
        CASE(places_that_redis_refused_stay_taken),
        CASE(a_busy_process_blames_nobody),
        CASE(a_busy_process_sees_the_return),
        CASE(silent_for_long),
        CASE(a_few_late_answers_are_no_reason_to_leave),
        CASE(closed_policy_refuses),
        CASE(out_of_memory),
        CASE(a_put_tells_of_it_too),
        CASE(turned_into_a_replica),
        CASE(forbidden_scripts),
        CASE(the_end_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
