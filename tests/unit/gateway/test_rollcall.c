/* Workers that are asked what they have: here three of them on one loop, which answer or do not. */

#include "check.h"
#include "rollcall.h"

#include <unistd.h>

#define WORKERS 3

struct peer {
    struct roll *roll;
    const char *says;
    size_t more; /* bytes besides */
    unsigned said, heard;
};

struct fixture {
    uv_loop_t loop;
    struct turn turn;
    uv_timer_t alarm; /* keeps the loop alive */
    struct rollcall *call;
    struct peer p[WORKERS];
    struct arena arena;
};

static void say(void *ctx, struct buf *out)
{
    struct peer *p = ctx;
    p->said++;
    buf_addf(out, "%s %u", p->says, p->said);
    for (size_t i = 0; i < p->more; i++)
        buf_add_char(out, 'x');
}

static void on_heard(void *ctx)
{
    struct peer *p = ctx;
    p->heard++;
}

static const struct roll_events events = {say, on_heard};

static void on_alarm(uv_timer_t *alarm)
{
    fail_msg("nobody waits that long");
}

static void join(struct fixture *f, int i)
{
    static const char *const words[WORKERS] = {"abc", "bc", "c"};
    f->p[i].says = words[i];
    f->p[i].roll = roll_join(f->call, i, &f->turn, &events, &f->p[i]);
}

static void set_up(struct fixture *f, int present)
{
    memset(f, 0, sizeof(*f));
    uv_loop_init(&f->loop);
    turn_init(&f->turn, &f->loop);
    uv_timer_init(&f->loop, &f->alarm);
    uv_timer_start(&f->alarm, on_alarm, 60000, 0);
    arena_init(&f->arena);
    f->call = rollcall_new(WORKERS);
    assert_non_null(f->call);
    assert_int_equal(rollcall_workers(f->call), WORKERS);
    for (int i = 0; i < present; i++)
        join(f, i);
}

static void tear_down(struct fixture *f)
{
    for (int i = 0; i < WORKERS; i++)
        roll_leave(f->p[i].roll);
    uv_close((uv_handle_t *)&f->alarm, NULL);
    turn_fini(&f->turn);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    rollcall_free(f->call);
    arena_fini(&f->arena);
}

/* Until all bells that rang are heard; those that follow, too. */
static void run(struct fixture *f)
{
    for (int i = 0; i < 10; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void check_answer(struct fixture *f, int asker, uint64_t question, int worker,
                         const char *expected)
{
    struct slice text = {0};
    bool said = roll_answer(f->p[asker].roll, question, worker, &f->arena, &text);
    assert_int_equal(said, expected != NULL);
    if (expected)
        assert_true(slice_eq(text, slice_of(expected)));
}

static void test_all_answer(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, WORKERS);
    uint64_t first = roll_ask(f.p[1].roll);
    assert_false(roll_is_complete(f.p[1].roll, first));
    run(&f);
    assert_true(roll_is_complete(f.p[1].roll, first));
    check_answer(&f, 1, first, 0, "abc 1");
    check_answer(&f, 1, first, 1, "bc 1");
    check_answer(&f, 1, first, 2, "c 1");
    assert_true(f.p[1].heard && !f.p[0].heard);
    assert_int_equal(roll_pid(f.p[1].roll, 2), getpid());
    roll_end(f.p[1].roll);
    uint64_t second = roll_ask(f.p[0].roll); /* what was said before does not count */
    assert_false(roll_is_complete(f.p[0].roll, second));
    run(&f);
    check_answer(&f, 0, second, 2, "c 2");
    roll_end(f.p[0].roll);
    tear_down(&f);
}

/* Two at once: whoever answers the second question has answered both. */
static void test_two_ask(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, WORKERS);
    uint64_t first = roll_ask(f.p[0].roll), second = roll_ask(f.p[1].roll);
    run(&f);
    assert_true(roll_is_complete(f.p[0].roll, first) && roll_is_complete(f.p[1].roll, second));
    check_answer(&f, 0, first, 2, "c 1");
    check_answer(&f, 1, second, 2, "c 1");
    assert_true(f.p[0].heard && f.p[1].heard && !f.p[2].heard);
    roll_end(f.p[0].roll);
    roll_end(f.p[1].roll);
    tear_down(&f);
}

static void test_one_is_not_there(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, WORKERS - 1);
    uint64_t question = roll_ask(f.p[0].roll);
    run(&f);
    assert_false(roll_is_complete(f.p[0].roll, question));
    check_answer(&f, 0, question, 1, "bc 1");
    check_answer(&f, 0, question, 2, NULL);
    assert_int_equal(roll_pid(f.p[0].roll, 2), 0);
    join(&f, 2); /* it starts at last: what rang is heard */
    run(&f);
    assert_true(roll_is_complete(f.p[0].roll, question));
    check_answer(&f, 0, question, 2, "c 1");
    roll_end(f.p[0].roll);
    tear_down(&f);
}

static void test_too_much_to_say(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, WORKERS);
    f.p[2].more = ROLLCALL_TEXT_MAX;
    uint64_t question = roll_ask(f.p[0].roll);
    run(&f);
    assert_true(roll_is_complete(f.p[0].roll, question));
    check_answer(&f, 0, question, 2, NULL);
    f.p[2].more = 0; /* another time it has less */
    question = roll_ask(f.p[0].roll);
    run(&f);
    check_answer(&f, 0, question, 2, "c 2");
    roll_end(f.p[0].roll);
    roll_end(f.p[0].roll);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_answer),
        cmocka_unit_test(test_two_ask),
        cmocka_unit_test(test_one_is_not_there),
        cmocka_unit_test(test_too_much_to_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
