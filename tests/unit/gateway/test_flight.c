/* Who leads, who follows, who is told what and when; and that nothing is left in the end. */

#include "../base/check.h"

#include "flight.h"

struct passenger {
    struct flight_seat seat;
    struct turn_item item;
    unsigned steps;
};

struct fixture {
    uv_loop_t loop;
    struct turn turn;
    struct flights *flights;
    struct passenger p[4];
};

static const uint8_t rome[SHA256_SIZE] = {1}, oslo[SHA256_SIZE] = {2};

static void step(struct turn_item *item)
{
    LIST_ENTRY(item, struct passenger, item)->steps++;
}

static void open_fixture(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    uv_loop_init(&f->loop);
    turn_init(&f->turn, &f->loop);
    f->flights = flights_new(&f->turn);
    for (size_t i = 0; i < 4; i++)
        turn_item_init(&f->p[i].item, step);
}

static void close_fixture(struct fixture *f)
{
    for (size_t i = 0; i < 4; i++)
        flight_leave(&f->p[i].seat);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    flights_free(f->flights);
    turn_fini(&f->turn);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static bool board(struct fixture *f, size_t i, const uint8_t digest[SHA256_SIZE])
{
    return flight_board(f->flights, digest, &f->p[i].seat, &f->p[i].item);
}

/* How many were marked since the last time, as bits. */
static unsigned marked(struct fixture *f)
{
    unsigned bits = 0;
    uv_run(&f->loop, UV_RUN_NOWAIT);
    for (size_t i = 0; i < 4; i++) {
        bits |= (f->p[i].steps > 0) << i;
        f->p[i].steps = 0;
    }
    return bits;
}

static void say(struct fixture *f, size_t i, const char *text, bool speaks)
{
    buf_add(flight_bytes(&f->p[i].seat), slice_of(text));
    flight_tell(&f->p[i].seat, speaks);
}

static void test_reading_along(void **state)
{
    struct fixture f;
    (void)state;
    open_fixture(&f);
    assert_true(board(&f, 0, rome));
    assert_true(board(&f, 1, oslo));
    assert_false(board(&f, 2, rome));
    assert_false(board(&f, 3, rome));
    f.p[3].seat.at_the_end = true;
    assert_int_equal(flight_followers(&f.p[0].seat), 2);
    say(&f, 0, "ab", false);
    assert_int_equal(marked(&f), 1 << 2);
    assert_false(flight_speaks(&f.p[2].seat));
    say(&f, 0, "cd", true);
    assert_true(flight_speaks(&f.p[2].seat));
    check_text(flight_unread(&f.p[2].seat), "abcd");
    f.p[2].seat.at = 3;
    check_text(flight_unread(&f.p[2].seat), "d");
    check_text(flight_unread(&f.p[3].seat), "abcd");
    assert_int_equal(marked(&f), 1 << 2);
    flight_end(&f.p[0].seat, FLIGHT_COMPLETE, NULL);
    assert_int_equal(marked(&f), 1 << 2 | 1 << 3);
    flight_leave(&f.p[2].seat);
    assert_int_equal(marked(&f), 1 << 0); /* it may be waiting for that */
    flight_leave(&f.p[0].seat);
    assert_int_equal(flight_state(&f.p[3].seat), FLIGHT_COMPLETE);
    check_text(flight_unread(&f.p[3].seat), "abcd"); /* lives as long as anybody */
    assert_true(board(&f, 0, rome));                 /* a flight of its own */
    close_fixture(&f);
}

static void test_a_complete_flight_is_boarded(void **state)
{
    struct fixture f;
    (void)state;
    open_fixture(&f);
    board(&f, 0, rome);
    say(&f, 0, "all", true);
    flight_end(&f.p[0].seat, FLIGHT_COMPLETE, NULL);
    assert_false(board(&f, 1, rome));
    assert_int_equal(flight_state(&f.p[1].seat), FLIGHT_COMPLETE);
    check_text(flight_unread(&f.p[1].seat), "all");
    close_fixture(&f);
}

static void test_the_leader_leaves(void **state)
{
    struct fixture f;
    (void)state;
    open_fixture(&f);
    board(&f, 0, rome);
    board(&f, 1, rome);
    board(&f, 2, rome);
    flight_leave(&f.p[0].seat);
    assert_int_equal(marked(&f), 1 << 1 | 1 << 2);
    assert_int_equal(flight_state(&f.p[1].seat), FLIGHT_LEFT);
    flight_leave(&f.p[1].seat);
    assert_true(board(&f, 1, rome));
    flight_leave(&f.p[2].seat);
    assert_false(board(&f, 2, rome));
    close_fixture(&f);
}

static void test_failing(void **state)
{
    struct fixture f;
    char text[] = "why";
    const struct failure why = {
        .kind = FAILURE_MODEL, .status = 424, .message = slice_make(text, 3)};
    (void)state;
    open_fixture(&f);
    board(&f, 0, rome);
    board(&f, 1, rome);
    flight_end(&f.p[0].seat, FLIGHT_FAILED, &why);
    text[0] = 'x'; /* the leader's words die with it */
    flight_leave(&f.p[0].seat);
    assert_int_equal(marked(&f), 1 << 1);
    assert_int_equal(flight_state(&f.p[1].seat), FLIGHT_FAILED);
    check_text(flight_failure(&f.p[1].seat)->message, "why");
    assert_true(board(&f, 2, rome)); /* nobody boards what has failed */
    close_fixture(&f);
}

static void test_beginning_again(void **state)
{
    struct fixture f;
    (void)state;
    open_fixture(&f);
    board(&f, 0, rome);
    board(&f, 1, rome);
    board(&f, 2, rome);
    say(&f, 0, "bad", true);
    assert_int_equal(flight_unread(&f.p[1].seat).n, 3);
    f.p[1].seat.at = 2;
    assert_int_equal(flight_unread(&f.p[2].seat).n, 3); /* looked, but took nothing */
    flight_restart(&f.p[0].seat);
    assert_false(flight_speaks(&f.p[2].seat));
    say(&f, 0, "good", true);
    assert_true(flight_is_lost(&f.p[1].seat));
    assert_int_equal(flight_unread(&f.p[1].seat).n, 0);
    assert_false(flight_is_lost(&f.p[2].seat));
    check_text(flight_unread(&f.p[2].seat), "good");
    close_fixture(&f);
}

static void test_alone(void **state)
{
    struct fixture f;
    (void)state;
    open_fixture(&f);
    flight_board_alone(f.flights, &f.p[0].seat, &f.p[0].item);
    assert_true(f.p[0].seat.leads);
    assert_true(board(&f, 1, rome));
    flight_leave(&f.p[3].seat); /* never boarded */
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_along),
        cmocka_unit_test(test_a_complete_flight_is_boarded),
        cmocka_unit_test(test_the_leader_leaves),
        cmocka_unit_test(test_failing),
        cmocka_unit_test(test_beginning_again),
        cmocka_unit_test(test_alone),
    };
    return cmocka_run_group_tests_name("gateway/flight", tests, NULL, NULL);
}
