/* The turn: the order of steps, marking and burying from inside a step, the bound of a drain. */

#include "world.h"

#include "cmocka_all.h"

#include <string.h>

/* An item that writes its name and does what it is told. */
struct note {
    struct turn_item item;
    struct turn_grave grave;
    struct turn *turn;
    char name;
    struct note *marks; /* marked from inside the step */
    struct note *buries;
    unsigned steps;
    unsigned again; /* marks itself so many times more */
    unsigned later; /* … and for after the poll */
};

static char trace[64];

static void write_trace(char c)
{
    size_t n = strlen(trace);
    assert_true(n + 1 < sizeof(trace));
    trace[n] = c;
    trace[n + 1] = '\0';
}

static void release(struct turn_grave *grave)
{
    const struct note *n = LIST_ENTRY(grave, struct note, grave);
    write_trace('-');
    write_trace(n->name);
}

static void step(struct turn_item *item)
{
    struct note *n = LIST_ENTRY(item, struct note, item);
    if (n->steps++ < 8)
        write_trace(n->name);
    if (n->again) {
        n->again--;
        turn_mark(n->turn, &n->item);
    }
    if (n->later) {
        n->later--;
        turn_mark_later(n->turn, &n->item);
    }
    if (n->marks)
        turn_mark(n->turn, &n->marks->item);
    n->marks = NULL;
    if (n->buries)
        turn_bury(n->turn, &n->buries->grave, release);
    n->buries = NULL;
}

static struct note note(struct world *w, char name)
{
    return (struct note){.turn = &w->turn, .name = name};
}

static int trace_setup(void **state)
{
    trace[0] = '\0';
    return world_setup(state);
}

static void note_init(struct note *n)
{
    turn_item_init(&n->item, step);
    list_init(&n->grave.link);
}

static void runs_in_the_order_of_marking(void **state)
{
    struct world *w = *state;
    struct note a = note(w, 'a'), b = note(w, 'b'), c = note(w, 'c');
    note_init(&a);
    note_init(&b);
    note_init(&c);
    turn_mark(&w->turn, &b.item);
    turn_mark(&w->turn, &a.item);
    turn_mark(&w->turn, &b.item); /* twice is once */
    turn_mark(&w->turn, &c.item);
    turn_unmark(&c.item);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_string_equal(trace, "ba");
}

static void what_a_step_marks_runs_in_the_same_drain(void **state)
{
    struct world *w = *state;
    struct note a = note(w, 'a'), b = note(w, 'b');
    note_init(&a);
    note_init(&b);
    a.marks = &b;
    a.again = 1;
    turn_mark(&w->turn, &a.item);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_string_equal(trace, "aab");
}

static void a_drain_is_bounded_and_the_rest_stays_awake(void **state)
{
    struct world *w = *state;
    struct note a = note(w, 'a');
    note_init(&a);
    a.again = 3 * TURN_STEPS_MAX;
    turn_mark(&w->turn, &a.item);
    uv_run(&w->loop, UV_RUN_NOWAIT); /* one prepare, one check */
    assert_int_equal(a.steps, 2 * TURN_STEPS_MAX);
    assert_true(uv_is_active((uv_handle_t *)&w->turn.awake));
    uv_run(&w->loop, UV_RUN_DEFAULT); /* the loop lives until nothing is left, and no longer */
    assert_int_equal(a.steps, 3 * TURN_STEPS_MAX + 1);
    assert_false(uv_is_active((uv_handle_t *)&w->turn.awake));
}

static void later_is_after_a_poll(void **state)
{
    struct world *w = *state;
    struct note a = note(w, 'a'), b = note(w, 'b');
    note_init(&a);
    note_init(&b);
    a.later = 2;
    turn_mark(&w->turn, &a.item);
    turn_mark(&w->turn, &b.item);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_true(a.later < 2 && strncmp(trace, "ab", 2) == 0);
    turn_mark(&w->turn, &b.item);
    uv_run(&w->loop, UV_RUN_DEFAULT); /* it stays awake for it */
    assert_int_equal(a.steps, 3);
    assert_int_equal(b.steps, 2);
    turn_mark_later(&w->turn, &a.item); /* outside of a drain */
    turn_mark(&w->turn, &a.item);       /* changes nothing */
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(a.steps, 4);
    turn_mark_later(&w->turn, &a.item);
    turn_unmark(&a.item);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(a.steps, 4);
}

static void the_dead_are_released_after_the_drain(void **state)
{
    struct world *w = *state;
    struct note a = note(w, 'a'), b = note(w, 'b'), dead = note(w, 'd');
    note_init(&a);
    note_init(&b);
    note_init(&dead);
    a.buries = &dead;
    turn_mark(&w->turn, &a.item);
    turn_mark(&w->turn, &b.item);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_string_equal(trace, "ab-d");
}

static struct note *of_timer;

static void on_timer(uv_timer_t *timer)
{
    turn_bury(of_timer->turn, &of_timer->grave, release);
    turn_mark(of_timer->turn, &of_timer->item);
    uv_close((uv_handle_t *)timer, NULL);
}

/* Nothing but the mark is left when the timer has closed itself. */
static void a_mark_keeps_the_loop_alive(void **state)
{
    struct world *w = *state;
    struct note a = note(w, 'a');
    uv_timer_t timer;
    note_init(&a);
    of_timer = &a;
    uv_timer_init(&w->loop, &timer);
    uv_timer_start(&timer, on_timer, 1, 0);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_string_equal(trace, "a-a");
    of_timer = NULL;
}

static void now_is_the_loops_time(void **state)
{
    struct world *w = *state;
    int64_t before = turn_now(&w->turn);
    world_run_ms(w, 5);
    assert_true(turn_now(&w->turn) >= before + 5);
    assert_int_equal(turn_now(&w->turn), (int64_t)uv_now(&w->loop));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, trace_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(runs_in_the_order_of_marking),
        TEST(what_a_step_marks_runs_in_the_same_drain),
        TEST(a_drain_is_bounded_and_the_rest_stays_awake),
        TEST(later_is_after_a_poll),
        TEST(the_dead_are_released_after_the_drain),
        TEST(a_mark_keeps_the_loop_alive),
        TEST(now_is_the_loops_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
