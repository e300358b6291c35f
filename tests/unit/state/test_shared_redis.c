/* The shared state on a real redis-server: values, claims, word, and the ways to reach it. */

#include "redis_world.h"

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

static void wait_ms(struct redis_world *w, unsigned ms)
{
    world_run_ms(&w->world, ms);
}

/* ---- values -------------------------------------------------------------------------------- */

static void values_come_back(void **state)
{
    struct redis_world *w = *state;
    assert_null(ask_get(w, "a", 0));
    tell_put(w, "a", "one", 60000);
    tell_put(w, "b", "", 60000);
    assert_string_equal(ask_get(w, "a", 0), "one");
    assert_string_equal(ask_get(w, "b", 0), "");
    tell_put(w, "a", "two", 60000);
    assert_string_equal(ask_get(w, "a", 60000), "two");
    assert_int_equal(ask_del(w, "a"), 1);
    assert_int_equal(ask_del(w, "a"), 0);
    assert_null(ask_get(w, "a", 1000));
    assert_int_equal(redis_world_stats(w).hits, 3);
    assert_int_equal(redis_world_stats(w).misses, 2);
    assert_int_equal(redis_world_stats(w).failed, 0);
}

static void values_expire_and_are_renewed(void **state)
{
    struct redis_world *w = *state;
    tell_put(w, "short", "x", 300);
    tell_put(w, "renewed", "y", 300);
    tell_put(w, "long", "z", 60000);
    assert_string_equal(ask_get(w, "renewed", 60000), "y");
    assert_string_equal(ask_get(w, "long", 100), "z"); /* never shortened */
    wait_ms(w, 350);
    assert_null(ask_get(w, "short", 0));
    assert_string_equal(ask_get(w, "renewed", 0), "y");
    assert_string_equal(ask_get(w, "long", 0), "z");
    tell_put(w, "long", "gone", 0);
    assert_null(ask_get(w, "long", 0));
}

static void every_key_expires_and_has_the_prefix(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask asks[] = {WINDOW("w", 5, 60000, 1), LEASE("l", 5, 60000, 1)};
    tell_put(w, "a", "x", 60000);
    ask_claim(w, w->shared, "c", 60000);
    ask_reserve(w, asks, 2);
    assert_non_null(strstr(redis_server_do(&w->server, "DBSIZE"), ":5")); /* and the probe */
    const char *left = redis_server_do(
        &w->server, "EVAL \"local n = 0 for _, k in ipairs(redis.call('keys', '*')) do if "
                    "redis.call('ttl', k) < 0 or k:sub(1, 9) ~= '{lintel}:' then n = n + 1 end "
                    "end return n\" 0");
    assert_string_equal(left, ":0\r\n");
}

static void clear_takes_the_prefix_only(void **state)
{
    struct redis_world *w = *state;
    char key[32];
    for (int i = 0; i < 1500; i++) {
        snprintf(key, sizeof(key), "a*%d", i);
        tell_put(w, key, "x", 60000);
    }
    tell_put(w, "ab", "kept", 60000);
    redis_server_do(&w->server, "SET foreign 1");
    assert_int_equal(ask_clear(w, "a*"), 1500);
    assert_string_equal(ask_get(w, "ab", 0), "kept");
    assert_int_equal(ask_clear(w, ""), 1);
    assert_int_equal(ask_clear(w, ""), 0);
    assert_non_null(strstr(redis_server_do(&w->server, "GET foreign"), "1"));
}

static void too_large_a_value_is_nothing(void **state)
{
    struct redis_world *w = *state;
    size_t n = SHARED_REDIS_VALUE_MAX + 1;
    char *large = calloc(1, n);
    tell_put(w, "a", "small", 60000);
    w->shared->ops->put(w->shared, SLICE("a"), slice_make(large, n), 60000, 0);
    free(large);
    assert_null(ask_get(w, "a", 0));
    assert_int_equal(redis_world_stats(w).dropped, 1);
}

/* ---- claims and word ----------------------------------------------------------------------- */

static void one_of_many_holds_a_claim(void **state)
{
    struct redis_world *w = *state;
    struct shared *other = redis_world_another(w);
    struct slice key = SLICE("work");
    assert_int_equal(ask_claim(w, w->shared, "work", 60000), 1);
    assert_int_equal(ask_claim(w, w->shared, "work", 60000), 0);
    assert_int_equal(ask_claim(w, other, "work", 60000), 0);
    other->ops->del(other, &key, 1, 0, NULL, NULL); /* not its own */
    assert_int_equal(ask_claim(w, other, "work", 60000), 0);
    assert_int_equal(ask_del(w, "work"), 1);
    assert_int_equal(ask_claim(w, other, "work", 100), 1);
    wait_ms(w, 150);
    assert_int_equal(ask_claim(w, w->shared, "work", 60000), 1);
    other->ops->free(other);
}

static void claims_are_held_on_to_by_their_owner(void **state)
{
    struct redis_world *w = *state;
    struct shared *other = redis_world_another(w);
    struct slice key = SLICE("work");
    assert_int_equal(ask_claim(w, w->shared, "work", 200), 1);
    w->shared->ops->hold(w->shared, key, 60000, 0);
    wait_ms(w, 300);
    assert_int_equal(ask_claim(w, other, "work", 60000), 0);
    other->ops->hold(other, key, 1, 0); /* not its own */
    wait_ms(w, 50);
    assert_int_equal(ask_claim(w, other, "work", 60000), 0);
    other->ops->free(other);
}

static void all_hear_what_one_says(void **state)
{
    struct redis_world *w = *state;
    struct shared *other = redis_world_another(w);
    for (unsigned said = 0; w->hears == 0 || !strstr(w->heard, "ready"); said++) {
        other->ops->publish(other, SLICE("ready"));
        wait_ms(w, 10);
        assert_true(said < 500);
    }
    wait_ms(w, 100);
    w->hears = 0;
    other->ops->publish(other, SLICE("to all"));
    WORLD_UNTIL(&w->world, w->hears);
    assert_string_equal(w->heard, "to all");
    w->shared->ops->publish(w->shared, SLICE("itself too"));
    WORLD_UNTIL(&w->world, strcmp(w->heard, "itself too") == 0);
    wait_ms(w, 50);
    assert_int_equal(w->hears, 2); /* once each */
    other->ops->free(other);
}

static void who_is_forgotten_hears_nothing(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask ask = WINDOW("w", 5, 60000, 3);
    unsigned before = w->answers;
    begin_reserve(w, &ask, 1);
    w->shared->ops->forget(w->shared, w);
    wait_ms(w, 100);
    assert_int_equal(w->answers, before);
    assert_int_equal(ask_reserve(w, &ask, 1), -1); /* it was given back */
    assert_int_equal(w->states[0].used, 3);
}

static void scripts_are_sent_again_when_the_server_lost_them(void **state)
{
    struct redis_world *w = *state;
    const struct shared_ask ask = WINDOW("w", 5, 60000, 1);
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
    redis_server_do(&w->server, "SCRIPT FLUSH");
    assert_int_equal(ask_reserve(w, &ask, 1), -1);
    assert_int_equal(w->states[0].used, 2);
    assert_false(w->grant.local);
    assert_int_equal(redis_world_stats(w).failed, 0);
}

/* ---- ways to reach it ---------------------------------------------------------------------- */

static void reconnect(struct redis_world *w)
{
    w->shared->ops->free(w->shared);
    redis_world_connect(w);
}

static void expect_connection(struct redis_world *w)
{
    reconnect(w);
    WORLD_UNTIL(&w->world, !redis_world_is_away(w));
}

/* It never gets there; the reason is in the log. */
static void expect_none(struct redis_world *w)
{
    reconnect(w);
    wait_ms(w, 300);
    assert_true(redis_world_is_away(w));
}

static void unix_socket_and_database(void **state)
{
    struct redis_world *w = *state;
    w->options.redis.path = w->server.path;
    w->options.redis.db = 7;
    w->options.name_space = "team";
    expect_connection(w);
    tell_put(w, "a", "x", 60000);
    assert_string_equal(ask_get(w, "a", 0), "x");
    redis_server_do(&w->server, "SWAPDB 0 7");
    assert_non_null(strstr(redis_server_do(&w->server, "GET {lintel:team}:v:a"), "x"));
}

static void password_and_user(void **state)
{
    struct redis_world *w = *state;
    redis_server_do(&w->server,
                    "ACL SETUSER gate on >secret ~{lintel}:* &{lintel}:* +@all -@admin");
    redis_server_do(&w->server, "CONFIG SET requirepass word");
    expect_none(w);
    w->options.redis.password = "wrong";
    expect_none(w);
    w->options.redis.password = "word";
    expect_connection(w);
    w->options.redis.username = "gate";
    expect_none(w);
    w->options.redis.password = "secret";
    expect_connection(w);
    tell_put(w, "a", "x", 60000);
    assert_string_equal(ask_get(w, "a", 60000), "x");
}

static void a_name_is_looked_up(void **state)
{
    struct redis_world *w = *state;
    w->node.host = "localhost";
    expect_connection(w);
    w->node.host = "no-such-host.invalid";
    expect_none(w);
}

static void the_second_node_is_tried(void **state)
{
    struct redis_world *w = *state;
    struct redis_node nodes[] = {{"127.0.0.1", 1}, w->node};
    w->options.redis.nodes = nodes;
    w->options.redis.node_count = 2;
    expect_connection(w);
}

static void bad_files_of_tls_are_named(void **state)
{
    struct redis_world *w = *state;
    char error[256] = "";
    w->options.redis.tls = true;
    w->options.redis.tls_ca_file = "/nowhere/ca.pem";
    w->options.local = shared_local_new(1 << 20);
    assert_null(shared_redis_new(&w->world.turn, &w->options, error, sizeof(error)));
    assert_string_equal(
        error, "cannot use /nowhere/ca.pem for TLS: certificates expected, as PEM (No such "
               "file or directory)");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(values_come_back),
        CASE(values_expire_and_are_renewed),
        CASE(every_key_expires_and_has_the_prefix),
        CASE(clear_takes_the_prefix_only),
        CASE(too_large_a_value_is_nothing),
        CASE(one_of_many_holds_a_claim),
        CASE(claims_are_held_on_to_by_their_owner),
        CASE(all_hear_what_one_says),
        CASE(who_is_forgotten_hears_nothing),
        CASE(scripts_are_sent_again_when_the_server_lost_them),
        CASE(unix_socket_and_database),
        CASE(password_and_user),
        CASE(a_name_is_looked_up),
        CASE(the_second_node_is_tried),
        CASE(bad_files_of_tls_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
