/* What the workers of a machine have in common: over real processes, which die and stop. */

#include "../base/check.h"
#include "../io/world.h"
#include "machine.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 4

static const struct shared_ask window = {SLICE("w"), SHARED_WINDOW, 1000, 60000, 1};
static const struct shared_ask lease = {SLICE("l"), SHARED_LEASE, -1, 60000, 1};

/* ---- the heap -------------------------------------------------------------------------------- */

static void blocks_are_used_again(void **state)
{
    static _Alignas(HEAP_BLOCK_MIN) char memory[4096];
    struct heap h;
    heap_init(&h, memory, sizeof(memory));
    char *a = heap_alloc(&h, 65), *b = heap_alloc(&h, 1);
    assert_int_equal(heap_left(&h), sizeof(memory) - 128 - 64);
    memset(a, 7, 65);
    heap_free(&h, a, 65);
    heap_free(&h, NULL, 65);
    assert_ptr_equal(heap_alloc(&h, 128), a);
    assert_int_equal(a[64], 0);
    assert_int_equal(heap_left(&h), sizeof(memory) - 128 - 64);
    heap_free(&h, b, 1);
}

/* ---- counters -------------------------------------------------------------------------------- */

static bool take_one(struct counters *c, const struct shared_ask *ask)
{
    struct shared_state states;
    struct shared_grant grant;
    return counters_reserve(c, ask, 1, 1000, &states, &grant) < 0;
}

/* As many as there are, in its own process; the exit status is how many hundreds it got. */
static int take_all(struct machine *m)
{
    int got = 0;
    for (int i = 0; i < 1000; i++) {
        struct counters *c = machine_take(m);
        if (c && take_one(c, &window))
            got++;
        if (c)
            machine_release(m);
    }
    return got;
}

static void processes_count_together(void **state)
{
    struct machine *m = machine_new(WORKERS);
    int pipes[2], got, sum = 0;
    assert_int_equal(pipe(pipes), 0);
    for (int i = 0; i < WORKERS; i++)
        if (fork() == 0) {
            got = take_all(m);
            _exit(write(pipes[1], &got, sizeof(got)) != sizeof(got));
        }
    for (int i = 0; i < WORKERS; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
        assert_int_equal(read(pipes[0], &got, sizeof(got)), sizeof(got));
        sum += got;
    }
    assert_int_equal(sum, 1000);
    close(pipes[0]);
    close(pipes[1]);
    machine_free(m);
}

static int used(struct machine *m)
{
    const struct shared_ask look = {SLICE("w"), SHARED_WINDOW, -1, 60000, 0};
    struct shared_state s;
    struct shared_grant grant;
    counters_reserve(machine_take(m), &look, 1, 1000, &s, &grant);
    machine_release(m);
    return (int)s.used;
}

/* What it held may be half done: all begin anew. */
static void killed_while_it_counted(void **state)
{
    struct machine *m = machine_new(WORKERS);
    take_one(machine_take(m), &window);
    machine_release(m);
    assert_int_equal(used(m), 1);
    if (fork() == 0) {
        machine_take(m);
        kill(getpid(), SIGKILL);
    }
    wait(NULL);
    assert_int_equal(used(m), 0);
    take_one(machine_take(m), &window);
    machine_release(m);
    assert_int_equal(used(m), 1);
    machine_free(m);
}

static void memory_is_bounded(void **state)
{
    struct machine *m = machine_new(WORKERS);
    char key[16];
    struct shared_ask ask = lease;
    size_t most = 0;
    for (int i = 0; i < 1000000; i++) {
        ask.key = slice_make(key, (size_t)snprintf(key, sizeof(key), "%d", i % 32));
        struct counters *c = machine_take(m);
        take_one(c, &ask);
        most = counters_count(c) > most ? counters_count(c) : most;
        machine_release(m);
    }
    assert_int_equal(most, 32);
    machine_free(m);
}

/* ---- the back end ---------------------------------------------------------------------------- */

struct pair {
    struct world world;
    struct machine *machine;
    struct shared *shared[2];
    unsigned hears[2];
    char heard[2][32];
    struct shared_answer answer;
};

static void on_heard_first(void *ctx, struct slice message)
{
    struct pair *p = ctx;
    p->hears[0]++;
    snprintf(p->heard[0], sizeof(p->heard[0]), "%.*s", SLICE_ARG(message));
}

static void on_heard_second(void *ctx, struct slice message)
{
    struct pair *p = ctx;
    p->hears[1]++;
    snprintf(p->heard[1], sizeof(p->heard[1]), "%.*s", SLICE_ARG(message));
}

static int setup(void **state)
{
    static struct pair p;
    memset(&p, 0, sizeof(p));
    world_open(&p.world);
    p.machine = machine_new(2);
    for (int i = 0; i < 2; i++)
        p.shared[i] = shared_machine_new(&p.world.turn, p.machine, i, 1 << 20);
    p.shared[0]->hearer = (struct shared_hearer){on_heard_first, &p};
    p.shared[1]->hearer = (struct shared_hearer){on_heard_second, &p};
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    for (int i = 0; i < 2; i++)
        p->shared[i]->ops->free(p->shared[i]);
    machine_free(p->machine);
    world_close(&p->world);
    return 0;
}

static void on_reserved(void *user, const struct shared_answer *answer)
{
    struct pair *p = user;
    p->answer = *answer;
}

static bool reserve(struct pair *p, int who, const struct shared_ask *ask)
{
    p->shared[who]->ops->reserve(p->shared[who], ask, 1, 0, on_reserved, p);
    return p->answer.refused < 0;
}

static void limits_are_common(void **state)
{
    struct pair *p = *state;
    struct shared_ask one = {SLICE("l"), SHARED_LEASE, 1, 60000, 1};
    assert_true(reserve(p, 0, &one));
    struct shared_grant grant = p->answer.grant;
    assert_int_equal(grant.local, 0);
    assert_false(reserve(p, 1, &one));
    p->shared[0]->ops->renew(p->shared[0], &grant, &one, 1, 0);
    assert_false(reserve(p, 1, &one));
    p->shared[0]->ops->settle(p->shared[0], &grant, &one, 1, 0);
    assert_true(reserve(p, 1, &one));
}

static void without_the_counters_each_counts_alone(void **state)
{
    struct pair *p = *state;
    struct shared_ask one = {SLICE("l"), SHARED_LEASE, 1, 60000, 1};
    struct shared_stats stats;
    int pipes[2];
    char word;
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        machine_take(p->machine);
        _exit(write(pipes[1], "x", 1) != 1 || pause());
    }
    assert_int_equal(read(pipes[0], &word, 1), 1);
    assert_true(reserve(p, 0, &one));
    assert_int_equal(p->answer.grant.local, 1);
    struct shared_grant grant = p->answer.grant;
    p->shared[0]->ops->renew(p->shared[0], &grant, &one, 1, 0);
    assert_false(reserve(p, 0, &one));
    p->shared[0]->ops->settle(p->shared[0], &grant, &one, 1, 0);
    assert_true(reserve(p, 0, &one));
    p->shared[0]->ops->stats(p->shared[0], &stats);
    assert_int_equal(stats.alone, 3);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_true(reserve(p, 0, &one));
    assert_int_equal(p->answer.grant.local, 0);
    close(pipes[0]);
    close(pipes[1]);
}

static void word_goes_round(void **state)
{
    struct pair *p = *state;
    p->shared[0]->ops->publish(p->shared[0], SLICE("hello"));
    assert_int_equal(p->hears[0], 1);
    WORLD_UNTIL(&p->world, p->hears[1]);
    assert_string_equal(p->heard[1], "hello");
    p->shared[1]->ops->publish(p->shared[1], SLICE("you too"));
    WORLD_UNTIL(&p->world, p->hears[0] == 2);
    assert_string_equal(p->heard[0], "you too");
    assert_int_equal(p->hears[1], 2);
}

/* Who does not listen for long hears the latest. */
static void the_board_is_bounded(void **state)
{
    struct pair *p = *state;
    static char large[MACHINE_WORD_MAX];
    memset(large, 'x', sizeof(large));
    for (int i = 0; i < 20; i++)
        p->shared[0]->ops->publish(p->shared[0], slice_make(large, sizeof(large) - (size_t)i));
    p->shared[0]->ops->publish(p->shared[0], SLICE("the last"));
    WORLD_UNTIL(&p->world, p->hears[1]);
    assert_int_equal(p->hears[1], 5); /* as many as there is room for */
    assert_string_equal(p->heard[1], "the last");
    assert_false(machine_post(p->machine, 0, slice_make(large, MACHINE_WORD_MAX + 1)));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_used_again),
        cmocka_unit_test(processes_count_together),
        cmocka_unit_test(killed_while_it_counted),
        cmocka_unit_test(memory_is_bounded),
        CASE(limits_are_common),
        CASE(without_the_counters_each_counts_alone),
        CASE(word_goes_round),
        CASE(the_board_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
