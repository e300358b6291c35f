/* An outbox against servers that answer, refuse, fail, hang, or never stop talking. */

#include "post.h"

#include <stdio.h>

/* ---- tests ---------------------------------------------------------------------------------- */

static void batches(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    open_post(&p, &l);
    for (int i = 1; i <= 6; i++)
        put(&p, i, 10);
    WORLD_UNTIL(&p.world, p.calls == 1);
    assert_string_equal(p.told, "1,2,3,4,"); /* batch_max, at once */
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_string_equal(p.told, "5,6,"); /* when they have waited long enough */
    assert_int_equal(p.calls, 2);
    assert_int_equal(stats(&p).taken, 6);
    assert_int_equal(stats(&p).bytes, 0);
    close_post(&p);
}

static void few_go_to_the_idle_and_more_to_the_busy(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    l.ripe = 2;
    l.delay_ms = 60000;
    open_post(&p, &l);
    put(&p, 1, 10);
    put(&p, 2, 10);
    WORLD_UNTIL(&p.world, stats(&p).calls == 1);
    for (int i = 3; i <= 6; i++)
        put(&p, i, 10);
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_int_equal(p.calls, 2);
    assert_string_equal(p.told, "3,4,5,6,");
    close_post(&p);
}

static void large_ones_go_alone(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    l.batch_bytes = 100;
    open_post(&p, &l);
    put(&p, 1, 150);
    put(&p, 2, 60);
    put(&p, 3, 60);
    WORLD_UNTIL(&p.world, p.calls == 1);
    assert_string_equal(p.told, "1,");
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_int_equal(p.calls, 3);
    close_post(&p);
}

static void what_fails_is_tried_again(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    open_post(&p, &l);
    p.answer = AWAY;
    put(&p, 1, 10);
    WORLD_UNTIL(&p.world, p.calls == 2);
    assert_true(stats(&p).away);
    put(&p, 2, 10);
    p.answer = OK;
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_int_equal(stats(&p).taken, 2);
    assert_int_equal(stats(&p).dropped, 0);
    assert_false(stats(&p).away);
    close_post(&p);
}

static void what_is_refused_is_dropped(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    open_post(&p, &l);
    p.answer = REFUSED;
    p.next = OK;
    put(&p, 1, 10);
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    put(&p, 2, 10);
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_int_equal(p.calls, 2);
    assert_int_equal(stats(&p).dropped, 1);
    assert_int_equal(stats(&p).taken, 1);
    close_post(&p);
}

/* An answer that never ends: its status counts, and no more than the cap is read. */
static void an_endless_answer(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    open_post(&p, &l);
    p.answer = ENDLESS;
    put(&p, 1, 10);
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_int_equal(p.calls, 1);
    assert_int_equal(stats(&p).taken, 1);
    close_post(&p);
}

/* What an answer says that it did not take is lost, and no more than the call told of. */
static void what_was_not_taken_is_counted(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    open_post(&p, &l);
    p.answer = "HTTP/1.1 207 Multi-Status\r\nContent-Length: 4\r\n\r\n..x.";
    for (int i = 1; i <= 4; i++)
        put(&p, i, 10);
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_int_equal(stats(&p).taken, 3);
    assert_int_equal(stats(&p).dropped, 1);
    p.answer = "HTTP/1.1 207 Multi-Status\r\nContent-Length: 4\r\n\r\nxxxx";
    put(&p, 5, 10);
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_int_equal(stats(&p).taken, 3);
    assert_int_equal(stats(&p).dropped, 2);
    assert_int_equal(stats(&p).failed_calls, 0);
    close_post(&p);
}

/* One that says 200 and does not come to an end: it has what it was told. */
static void an_answer_that_hangs(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    l.call_ms = 30;
    open_post(&p, &l);
    p.answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{";
    put(&p, 1, 10);
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_int_equal(p.calls, 1);
    assert_int_equal(stats(&p).taken, 1);
    p.answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\n{";
    put(&p, 2, 10);
    WORLD_UNTIL(&p.world, stats(&p).failed_calls == 1);
    p.answer = OK;
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_int_equal(p.calls, 3);
    close_post(&p);
}

/* Longer than it would wait by itself, and in either form, but not longer than records live. */
static void who_wants_peace_gets_it(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n"
        "Content-Length: 0\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        struct post p;
        struct outbox_limits l = quick();
        open_post(&p, &l);
        p.answer = answers[i];
        put(&p, 1, 10);
        WORLD_UNTIL(&p.world, stats(&p).failed_calls == 1);
        world_run_ms(&p.world, 300); /* several attempts long */
        assert_int_equal(p.calls, 1);
        close_post(&p);

        l.age_ms = 2000;
        open_post(&p, &l);
        p.answer = answers[i];
        p.next = OK;
        put(&p, 1, 10);
        WORLD_UNTIL(&p.world, outbox_empty(p.box));
        assert_int_equal(stats(&p).taken, 1);
        close_post(&p);
    }
}

static void a_destination_that_hangs(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    l.call_ms = 30;
    open_post(&p, &l);
    p.answer = NULL;
    put(&p, 1, 10);
    WORLD_UNTIL(&p.world, stats(&p).failed_calls == 2);
    p.answer = OK;
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_int_equal(stats(&p).taken, 1);
    close_post(&p);
}

/* Nobody listens: the oldest go, memory stays what it may be. */
static void nobody_there(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    l.bytes_max = 1000;
    open_post(&p, &l);
    snprintf(p.url, sizeof(p.url), "http://127.0.0.1:1/");
    for (int i = 0; i < 500; i++) {
        put(&p, i, 10);
        uv_run(&p.world.loop, UV_RUN_NOWAIT);
        assert_true(stats(&p).bytes <= l.bytes_max);
    }
    assert_int_equal(stats(&p).waiting, 100);
    assert_int_equal(stats(&p).dropped, 400);
    WORLD_UNTIL(&p.world, stats(&p).failed_calls > 1);
    snprintf(p.url, sizeof(p.url), "http://127.0.0.1:%d/", p.server.port);
    close_post(&p);
}

static void the_old_go(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    l.age_ms = 60;
    open_post(&p, &l);
    p.answer = AWAY;
    for (int i = 0; i < 6; i++)
        put(&p, i, 10);
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_int_equal(stats(&p).dropped, 6);
    close_post(&p);
}

static void at_the_end_nothing_waits(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    l.delay_ms = 3600 * 1000;
    open_post(&p, &l);
    put(&p, 1, 10);
    outbox_hurry(p.box);
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_string_equal(p.told, "1,");
    close_post(&p);
}

/* While it waits, for company or for a destination that is away, the loop sleeps. */
static void waiting_costs_nothing(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    l.delay_ms = 3600 * 1000;
    open_post(&p, &l);
    put(&p, 1, 10);
    assert_in_range(world_run_ms(&p.world, 100), 0, 10);
    p.answer = AWAY;
    outbox_hurry(p.box);
    WORLD_UNTIL(&p.world, stats(&p).failed_calls);
    assert_in_range(world_run_ms(&p.world, 100), 0, 200); /* ten attempts or so */
    close_post(&p);
}

static void nothing_to_tell(void **state)
{
    struct post p;
    struct outbox_limits l = quick();
    open_post(&p, &l);
    p.nothing = true;
    for (int i = 0; i < 9; i++)
        put(&p, i, 10);
    WORLD_UNTIL(&p.world, outbox_empty(p.box));
    assert_int_equal(p.calls, 0);
    assert_int_equal(stats(&p).taken, 9);
    close_post(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches),
        cmocka_unit_test(few_go_to_the_idle_and_more_to_the_busy),
        cmocka_unit_test(large_ones_go_alone),
        cmocka_unit_test(what_fails_is_tried_again),
        cmocka_unit_test(what_is_refused_is_dropped),
        cmocka_unit_test(an_endless_answer),
        cmocka_unit_test(what_was_not_taken_is_counted),
        cmocka_unit_test(an_answer_that_hangs),
        cmocka_unit_test(who_wants_peace_gets_it),
        cmocka_unit_test(a_destination_that_hangs),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(the_old_go),
        cmocka_unit_test(at_the_end_nothing_waits),
        cmocka_unit_test(waiting_costs_nothing),
        cmocka_unit_test(nothing_to_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
