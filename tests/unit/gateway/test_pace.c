/* The rate that is found against upstreams that take so many calls a second, in simulated time:
 * what gets through, what is sent in vain, and what happens when the limit comes, moves and goes.
 */

#include "check.h"
#include "pace.h"

#include <stdio.h>
#include <string.h>

#define IN_FLIGHT 4096
#define QUEUE_MS  10000 /* of calls that wait; more are sent away */

/* A deployment whose bucket fills with `takes` calls a second (0: no limit; < 0: it takes none),
 * and which tells a refusal `lag` ms later; in front of it clients with `offered` calls a second.
 */
struct side {
    struct pace pace;
    double takes, offered, burst; /* burst: seconds of calls that the bucket holds */
    int64_t lag;
    double bucket, wanting; /* calls */
    unsigned waiting;
    int64_t refusals[IN_FLIGHT]; /* when the calls went that were refused */
    unsigned first, last;
    unsigned sent, good; /* since they were last looked at */
};

static double capacity(const struct side *s)
{
    return s->takes * s->burst > 1 ? s->takes * s->burst : 1;
}

static void call(struct side *s, int64_t now)
{
    bool good = s->takes == 0 || s->bucket >= 1;
    pace_sent(&s->pace, now);
    s->waiting--;
    s->sent++;
    s->good += good;
    if (good)
        s->bucket -= 1;
    else
        s->refusals[s->last++ % IN_FLIGHT] = now;
    assert_true(s->last - s->first < IN_FLIGHT);
}

static void hear(struct side *s, int64_t now)
{
    while (s->first != s->last && s->refusals[s->first % IN_FLIGHT] + s->lag <= now) {
        pace_refused(&s->pace, s->refusals[s->first++ % IN_FLIGHT], now);
        s->waiting++; /* it is tried again */
    }
}

static void tick(struct side *s, int64_t now)
{
    double room = s->pace.rate * QUEUE_MS / 1000;
    s->bucket += s->takes / 1000;
    if (s->bucket > capacity(s))
        s->bucket = capacity(s);
    s->wanting += s->offered / 1000;
    for (; s->wanting >= 1; s->wanting -= 1)
        s->waiting += s->pace.rate <= 0 || s->waiting < room;
    hear(s, now);
    while (s->waiting && !pace_wait(&s->pace, now))
        call(s, now);
}

/* `late`: the clock is looked at every so many ms only, as on a busy machine. */
static void run(struct side *s, int64_t *now, int64_t ms, int64_t late)
{
    s->sent = s->good = 0;
    for (int64_t end = *now + ms; *now < end; ++*now) {
        if (*now % late == 0)
            tick(s, *now);
        else
            s->bucket += s->takes / 1000, s->wanting += s->offered / 1000;
    }
}

static void finds_the_rate(void **state)
{
    static const struct {
        double takes, offered, burst;
        int64_t lag, late;
        double good, sent; /* of what it takes: at least, at most */
    } rows[] = {
        {20, 60, 0.25, 5, 1, 0.95, 1.1},     {20, 60, 0.25, 50, 1, 0.95, 1.1},
        {20, 60, 0.25, 300, 1, 0.92, 1.2},   {40, 120, 0.25, 5, 1, 0.95, 1.1},
        {40, 120, 0.25, 50, 20, 0.93, 1.1},  {40, 120, 1, 50, 1, 0.95, 1.15},
        {30, 33, 0.25, 50, 1, 0.95, 1.1},    {300, 900, 0.25, 50, 1, 0.95, 1.1},
        {300, 6000, 0.25, 5, 10, 0.95, 1.1}, {300, 900, 1, 300, 1, 0.9, 1.15},
        {4, 12, 0.5, 50, 1, 0.85, 1.2},      {2, 10, 1, 50, 1, 0.8, 1.4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct side s = {.takes = rows[i].takes,
                         .offered = rows[i].offered,
                         .burst = rows[i].burst,
                         .lag = rows[i].lag};
        int64_t now = 1000000;
        run(&s, &now, 4000, rows[i].late);
        for (int window = 0; window < 4; window++) {
            run(&s, &now, 6000, rows[i].late);
            double good = s.good / rows[i].takes / 6, sent = s.sent / rows[i].takes / 6;
            if (good < rows[i].good || sent > rows[i].sent)
                fail_msg("row %zu, window %d: good %.3f, sent %.3f, rate %.2f", i, window, good,
                         sent, s.pace.rate);
        }
    }
}

static void costs_nothing_without_refusals(void **state)
{
    struct side s = {.offered = 5000};
    int64_t now = 1000000;
    (void)state;
    run(&s, &now, 20000, 1);
    assert_int_equal(s.good, 100000);
    assert_true(s.pace.rate == 0 && s.waiting == 0);
}

static void follows_a_limit_that_moves(void **state)
{
    static const double takes[] = {40, 10, 80, 20};
    struct side s = {.offered = 200, .burst = 0.25, .lag = 50};
    int64_t now = 1000000;
    (void)state;
    for (size_t i = 0; i < sizeof(takes) / sizeof(*takes); i++) {
        s.takes = takes[i];
        run(&s, &now, 12000, 1);
        run(&s, &now, 6000, 1);
        assert_true(s.good > 0.93 * 6 * takes[i] && s.sent < 1.15 * 6 * takes[i]);
    }
}

/* Everything is refused for a minute, then nothing is. */
static void recovers_from_a_storm(void **state)
{
    struct side s = {.takes = -1, .offered = 50, .burst = 0.25, .lag = 30};
    int64_t now = 1000000;
    (void)state;
    run(&s, &now, 10000, 1);
    run(&s, &now, 50000, 1);
    assert_in_range(s.sent, 45, 55); /* one a second */
    assert_true(s.pace.rate <= PACE_LEAST);
    s.takes = 0;
    run(&s, &now, 15000, 1);
    run(&s, &now, 5000, 1);
    assert_true(s.good >= 250 && s.good == s.sent); /* all that is offered */
}

static void forgets(void **state)
{
    struct side s = {.takes = 20, .offered = 60, .burst = 0.25, .lag = 30};
    int64_t now = 1000000;
    (void)state;
    run(&s, &now, 5000, 1);
    assert_true(s.pace.rate > 0);
    s.takes = 0;
    s.offered = 5;
    run(&s, &now, PACE_FORGET_MS + 20000, 1);
    assert_true(s.pace.rate == 0);
}

/* A deployment that is seldom called and once refused is not slowed down. */
static void one_refusal_is_no_limit(void **state)
{
    struct pace p = {0};
    int64_t now = 1000000;
    (void)state;
    pace_sent(&p, now);
    assert_false(pace_refused(&p, now, now + 20));
    for (int i = 0; i < 20; i++) {
        now += 300;
        assert_int_equal(pace_wait(&p, now), 0);
        pace_sent(&p, now);
    }
}

/* What tells a deployment that is found from one that is down. */
static void says_whether_it_copes(void **state)
{
    struct pace p = {0};
    int64_t now = 1000000;
    (void)state;
    for (int i = 0; i < 40; i++, now += 50)
        pace_sent(&p, now);
    assert_false(pace_refused(&p, now - 50, now));  /* not paced yet */
    assert_false(pace_refused(&p, now - 100, now)); /* sent before the cut */
    for (int i = 0; i < 20; i++, now += 100)
        pace_sent(&p, now);
    assert_true(pace_refused(&p, now - 100, now));
    for (int i = 0; i < 40; i++, now += 100) {
        pace_sent(&p, now);
        bool copes = pace_refused(&p, now, now + 10);
        assert_true(i < 30 || !copes);
    }
    now += 100000;
    pace_sent(&p, now);
    assert_false(pace_refused(&p, now - 90000, now)); /* told very late: harmless */
}

/* Each finds its own. */
static void several(void **state)
{
    struct side a = {.takes = 20, .offered = 60, .burst = 0.25, .lag = 30};
    struct side b = {.takes = 50, .offered = 60, .burst = 0.25, .lag = 80}, c = {.offered = 60};
    int64_t start = 1000000, t;
    struct side *all[] = {&a, &b, &c};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        t = start;
        run(all[i], &t, 4000, 1);
        run(all[i], &t, 6000, 1);
    }
    assert_in_range(a.good, 114, 126);
    assert_in_range(b.good, 285, 315);
    assert_int_equal(c.good, 360);
}

/* Two processes share what one deployment takes. */
static void two_processes(void **state)
{
    struct side a = {.takes = 40, .offered = 60, .burst = 0.25, .lag = 30}, b = a;
    unsigned sent = 0, good = 0;
    (void)state;
    for (int64_t now = 1000000; now < 1030000; now++) {
        a.bucket = b.bucket = a.bucket < b.bucket ? a.bucket : b.bucket;
        tick(&a, now);
        b.bucket = a.bucket - b.takes / 1000; /* tick adds it */
        tick(&b, now);
        if (now == 1010000)
            sent = a.sent + b.sent, good = a.good + b.good;
    }
    assert_true(a.good + b.good - good > 0.93 * 40 * 20);
    assert_true(a.sent + b.sent - sent < 1.15 * 40 * 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_rate),
        cmocka_unit_test(costs_nothing_without_refusals),
        cmocka_unit_test(follows_a_limit_that_moves),
        cmocka_unit_test(recovers_from_a_storm),
        cmocka_unit_test(forgets),
        cmocka_unit_test(one_refusal_is_no_limit),
        cmocka_unit_test(says_whether_it_copes),
        cmocka_unit_test(several),
        cmocka_unit_test(two_processes),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
