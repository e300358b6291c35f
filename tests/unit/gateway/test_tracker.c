/* When a deployment rests and how it recovers; what is known of its minute and its latency. */

#include "check.h"
#include "tracker.h"
#include "world.h"

#include <stdio.h>

#define MODEL(name, more)                                                                          \
    "- {model_name: " name ", litellm_params: {model: bedrock/amazon.nova-pro-v1:0" more "}}\n"

static const char models[] = "model_list:\n" MODEL("one", "") MODEL("two", "") MODEL(
    "two",
    ", cooldown_time: 30") "- {model_name: \"w/*\", litellm_params: {model: \"bedrock/us.*\"}}\n"
                           "- {model_name: \"w/*\", litellm_params: {model: \"bedrock/eu.*\"}}\n";

struct fixture {
    struct world w;
    struct config *c;
    struct tracker *t;
    int64_t now;
};

enum { ONE, TWO_A, TWO_B, WILD };

static void set_up(struct fixture *f, const char *settings)
{
    static char text[4096];
    world_init(&f->w);
    snprintf(text, sizeof(text), "%srouter_settings: {%s}\n", models, settings);
    f->c = world_load(&f->w, text);
    assert_string_equal(world_problems(f->c), "");
    f->t = tracker_new();
    f->now = 1000000;
}

static void tear_down(struct fixture *f)
{
    tracker_free(f->t);
    config_unref(f->c);
}

static struct tracked *of(struct fixture *f, int i)
{
    return tracker_of(f->t, &f->c->deployments[i], f->now);
}

static struct failure failure(enum failure_kind kind, int status)
{
    return (struct failure){.kind = kind, .status = status, .upstream = true};
}

static void begin(struct fixture *f, int i, struct tracked_call *call)
{
    tracked_begin(of(f, i), call, 0, f->now);
}

static int64_t end(struct fixture *f, int i, struct tracked_call *call, enum failure_kind kind,
                   int status)
{
    struct failure why = failure(kind, status);
    struct call_outcome o = {.failure = &why, .total_ms = 100, .output = 10, .tokens = 50};
    return tracked_end(call, &f->c->settings.routing, &f->c->deployments[i], &o, f->now);
}

static int64_t call(struct fixture *f, int i, enum failure_kind kind, int status)
{
    struct tracked_call c;
    begin(f, i, &c);
    return end(f, i, &c, kind, status);
}

static void good(struct fixture *f, int i)
{
    assert_int_equal(call(f, i, FAILURE_NONE, 0), 0);
}

/* How many failures in a row it takes until a deployment rests, 0: it never does. */
static const struct row {
    const char *settings;
    int deployment;
    enum failure_kind kind;
    int status;
    int fails;
    int64_t rests_ms;
} rows[] = {
    /* LiteLLM's rules: of several */
    {"", TWO_A, FAILURE_RATE_LIMIT, 429, 1, 5000},
    {"", TWO_B, FAILURE_RATE_LIMIT, 429, 1, 30000}, /* its own time wins */
    {"", TWO_A, FAILURE_AUTHENTICATION, 401, 1, 5000},
    {"", TWO_A, FAILURE_PERMISSION, 403, 1, 5000},
    {"", TWO_A, FAILURE_NOT_FOUND, 404, 1, 5000},
    {"", TWO_A, FAILURE_UNAVAILABLE, 500, 5, 5000},
    {"", TWO_A, FAILURE_UNAVAILABLE, 503, 5, 5000},
    {"", TWO_A, FAILURE_TIMEOUT, 408, 5, 5000},
    {"", TWO_A, FAILURE_BAD_GATEWAY, 502, 5, 5000},
    {"", TWO_A, FAILURE_BAD_REQUEST, 400, 0, 0},
    {"", TWO_A, FAILURE_CONTEXT_WINDOW, 400, 0, 0},
    {"", TWO_A, FAILURE_MODEL, 424, 0, 0},
    /* A model that a wildcard stands for is not the deployment. */
    {"", WILD, FAILURE_NOT_FOUND, 404, 0, 0},
    {"", WILD, FAILURE_PERMISSION, 403, 0, 0},
    {"", WILD, FAILURE_RATE_LIMIT, 429, 1, 5000},
    /* There is no other: only when nothing goes well at all. */
    {"adaptive_pacing: false", ONE, FAILURE_RATE_LIMIT, 429, 1000, 5000},
    {"", ONE, FAILURE_NOT_FOUND, 404, 1000, 5000},
    {"", ONE, FAILURE_BAD_REQUEST, 400, 0, 0},
    /* Settings */
    {"cooldown_time: 60", TWO_A, FAILURE_RATE_LIMIT, 429, 1, 60000},
    {"cooldown_time: 60", TWO_B, FAILURE_RATE_LIMIT, 429, 1, 30000},
    {"cooldown_time: 0", TWO_A, FAILURE_RATE_LIMIT, 429, 0, 0},
    {"disable_cooldowns: true", TWO_A, FAILURE_RATE_LIMIT, 429, 0, 0},
    {"allowed_fails: 0", TWO_A, FAILURE_UNAVAILABLE, 500, 1, 5000},
    {"allowed_fails: 2", TWO_A, FAILURE_RATE_LIMIT, 429, 3, 5000},
    {"allowed_fails: 2", ONE, FAILURE_UNAVAILABLE, 500, 3, 5000}, /* asked for: holds alone too */
    {"allowed_fails: 9, allowed_fails_policy: {RateLimitErrorAllowedFails: 1}", TWO_A,
     FAILURE_RATE_LIMIT, 429, 2, 5000},
    {"allowed_fails: 9, allowed_fails_policy: {RateLimitErrorAllowedFails: 1}", TWO_A,
     FAILURE_TIMEOUT, 408, 10, 5000},
    {"allowed_fails_policy: {InternalServerErrorAllowedFails: 0}", TWO_A, FAILURE_UNAVAILABLE, 500,
     1, 5000},
    {"allowed_fails_policy: {InternalServerErrorAllowedFails: 0}", TWO_A, FAILURE_UNAVAILABLE, 503,
     5, 5000},
    {"allowed_fails_policy: {BadRequestErrorAllowedFails: 0}", TWO_A, FAILURE_BAD_REQUEST, 400, 0,
     0},
};

static void check_row(const struct row *row)
{
    struct fixture f;
    int fails = 0, limit = row->fails ? row->fails : 1100;
    int64_t rests = 0;
    set_up(&f, row->settings);
    while (!rests && fails < limit) {
        assert_int_equal(tracked_rests(of(&f, row->deployment), f.now), 0);
        rests = call(&f, row->deployment, row->kind, row->status);
        fails++;
    }
    assert_int_equal(rests, row->rests_ms);
    assert_int_equal(rests ? fails : 0, row->fails);
    assert_int_equal(tracked_rests(of(&f, row->deployment), f.now), row->rests_ms);
    tear_down(&f);
}

static void rests_by_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_row(&rows[i]);
}

/* Half of the calls fail: that is not more than half. */
static void share_of_failures(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "");
    for (int i = 0; i < 20; i++) {
        good(&f, TWO_A);
        assert_int_equal(call(&f, TWO_A, FAILURE_UNAVAILABLE, 503), 0);
    }
    assert_int_equal(call(&f, TWO_A, FAILURE_UNAVAILABLE, 503), 5000);
    tear_down(&f);
}

static void failures_age(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "");
    for (int i = 0; i < 4; i++)
        assert_int_equal(call(&f, TWO_A, FAILURE_UNAVAILABLE, 503), 0);
    f.now += 66000;
    assert_int_equal(call(&f, TWO_A, FAILURE_UNAVAILABLE, 503), 0);
    assert_int_equal(tracked_requests(of(&f, TWO_A), f.now), 1);
    tear_down(&f);
}

static void longer_waits_of_bedrock_count(void **state)
{
    struct fixture f;
    struct tracked_call c;
    struct failure why = failure(FAILURE_RATE_LIMIT, 429);
    struct call_outcome o = {.failure = &why};
    (void)state;
    set_up(&f, "");
    why.retry_after_s = 20;
    begin(&f, TWO_A, &c);
    assert_int_equal(tracked_end(&c, &f.c->settings.routing, &f.c->deployments[TWO_A], &o, f.now),
                     20000);
    tear_down(&f);
}

/* After the rest one call goes through, and the others when it says something. */
static void recovery_is_probed(void **state)
{
    struct fixture f;
    struct tracked_call probe, second;
    (void)state;
    set_up(&f, "");
    assert_int_equal(call(&f, TWO_A, FAILURE_RATE_LIMIT, 429), 5000);
    f.now += 4999;
    assert_int_equal(tracked_rests(of(&f, TWO_A), f.now), 1);
    f.now += 1;
    assert_int_equal(tracked_rests(of(&f, TWO_A), f.now), 0);
    begin(&f, TWO_A, &probe);
    assert_true(tracked_rests(of(&f, TWO_A), f.now) > 0);
    f.now += TRACKER_PROBE_MS; /* slow, but perhaps well: the next one may try */
    assert_int_equal(tracked_rests(of(&f, TWO_A), f.now), 0);
    begin(&f, TWO_A, &second);
    assert_true(tracked_rests(of(&f, TWO_A), f.now) > 0);
    tracked_spoke(&probe);
    assert_int_equal(tracked_rests(of(&f, TWO_A), f.now), 0);
    assert_int_equal(end(&f, TWO_A, &probe, FAILURE_NONE, 0), 0);
    assert_int_equal(end(&f, TWO_A, &second, FAILURE_NONE, 0), 0);
    assert_int_equal(tracked_running(of(&f, TWO_A)), 0);
    /* What was before is forgiven. */
    assert_int_equal(call(&f, TWO_A, FAILURE_UNAVAILABLE, 503), 0);
    tear_down(&f);
}

static void failed_probe_rests_again(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "");
    assert_int_equal(call(&f, TWO_A, FAILURE_RATE_LIMIT, 429), 5000);
    f.now += 5000;
    assert_int_equal(call(&f, TWO_A, FAILURE_UNAVAILABLE, 503), 5000);
    f.now += 5000;
    assert_int_equal(call(&f, TWO_A, FAILURE_BAD_REQUEST, 400), 0); /* it answers */
    struct tracked_call a, b;
    begin(&f, TWO_A, &a);
    assert_int_equal(tracked_rests(of(&f, TWO_A), f.now), 0);
    begin(&f, TWO_A, &b);
    end(&f, TWO_A, &a, FAILURE_NONE, 0);
    end(&f, TWO_A, &b, FAILURE_NONE, 0);
    tear_down(&f);
}

/* A storm of calls that began before the rest does not make it longer. */
static void late_failures_do_not_prolong(void **state)
{
    struct fixture f;
    struct tracked_call calls[10];
    (void)state;
    set_up(&f, "");
    for (int i = 0; i < 10; i++)
        begin(&f, TWO_A, &calls[i]);
    f.now += 10;
    assert_int_equal(end(&f, TWO_A, &calls[0], FAILURE_RATE_LIMIT, 429), 5000);
    f.now += 3000;
    for (int i = 1; i < 9; i++)
        assert_int_equal(end(&f, TWO_A, &calls[i], FAILURE_RATE_LIMIT, 429), 0);
    assert_int_equal(tracked_rests(of(&f, TWO_A), f.now), 2000);
    f.now += 2000;
    end(&f, TWO_A, &calls[9], FAILURE_NONE, 0); /* nor does a good one end the probing */
    begin(&f, TWO_A, &calls[0]);
    assert_true(tracked_rests(of(&f, TWO_A), f.now) > 0);
    end(&f, TWO_A, &calls[0], FAILURE_NONE, 0);
    tear_down(&f);
}

static void ends_once(void **state)
{
    struct fixture f;
    struct tracked_call c;
    struct call_outcome left = {.abandoned = true, .tokens = 7};
    (void)state;
    set_up(&f, "");
    tracked_begin(of(&f, ONE), &c, 1000, f.now);
    assert_int_equal(tracked_tokens(of(&f, ONE), f.now), 1000); /* expected */
    assert_int_equal(tracked_running(of(&f, ONE)), 1);
    tracked_end(&c, &f.c->settings.routing, &f.c->deployments[ONE], &left, f.now);
    tracked_end(&c, &f.c->settings.routing, &f.c->deployments[ONE], &left, f.now);
    assert_int_equal(tracked_running(of(&f, ONE)), 0);
    assert_int_equal(tracked_tokens(of(&f, ONE), f.now), 7);
    assert_int_equal(tracked_requests(of(&f, ONE), f.now), 1);
    tear_down(&f);
}

static void latency(void **state)
{
    struct fixture f;
    struct tracked_call c;
    int64_t age;
    (void)state;
    set_up(&f, "routing_strategy_args: {ttl: 100, max_latency_list_size: 2}");
    const struct routing *r = &f.c->settings.routing;
    assert_true(tracked_latency(of(&f, ONE), r, false, f.now, &age) < 0);
    for (int i = 1; i <= 3; i++) {
        struct call_outcome o = {
            .streamed = true, .first_ms = 100 * i, .total_ms = 1000 * i, .output = 10};
        begin(&f, ONE, &c);
        tracked_end(&c, r, &f.c->deployments[ONE], &o, f.now);
    }
    f.now += 500;
    assert_float_equal(tracked_latency(of(&f, ONE), r, true, f.now, &age), 0.25, 1e-9);
    assert_float_equal(tracked_latency(of(&f, ONE), r, false, f.now, &age), 0.25, 1e-9);
    assert_int_equal(age, 500);
    call(&f, ONE, FAILURE_TIMEOUT, 408);
    assert_true(tracked_latency(of(&f, ONE), r, true, f.now, &age) > 400);
    f.now += 100001;
    assert_true(tracked_latency(of(&f, ONE), r, true, f.now, &age) < 0);
    tear_down(&f);
}

static void count_one(void *ctx, const struct tracked_stats *s)
{
    *(int *)ctx += 1;
}

/* By id: another snapshot finds the same; what nobody asks for is forgotten. */
static void outlives_a_reload(void **state)
{
    struct fixture f, g;
    int count = 0;
    (void)state;
    set_up(&f, "");
    set_up(&g, "");
    good(&f, ONE);
    good(&f, TWO_A);
    assert_ptr_equal(tracker_of(f.t, &g.c->deployments[ONE], f.now), of(&f, ONE));
    f.now += 3600001;
    good(&f, ONE);
    good(&f, TWO_B); /* new: makes room */
    tracker_each(f.t, f.now, count_one, &count);
    assert_int_equal(count, 2);
    assert_int_equal(tracked_requests(of(&f, TWO_A), f.now), 0);
    assert_int_equal(tracked_requests(of(&f, ONE), f.now), 1);
    tear_down(&f);
    tear_down(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rests_by_table),
        cmocka_unit_test(share_of_failures),
        cmocka_unit_test(failures_age),
        cmocka_unit_test(longer_waits_of_bedrock_count),
        cmocka_unit_test(recovery_is_probed),
        cmocka_unit_test(failed_probe_rests_again),
        cmocka_unit_test(late_failures_do_not_prolong),
        cmocka_unit_test(ends_once),
        cmocka_unit_test(latency),
        cmocka_unit_test(outlives_a_reload),
    };
    return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
