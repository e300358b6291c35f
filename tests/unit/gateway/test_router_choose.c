/* Which deployment of a group: the distribution of each strategy over thousands of requests, also
 * with a sick deployment among them; tags, order, limits, affinity. */

#include "check.h"
#include "router.h"
#include "world.h"

#include <stdio.h>

#define PICKS 6000
#define MAX   4

struct fixture {
    struct world w;
    struct config *c;
    struct tracker *t;
    struct affinity *kept;
    struct arena arena;
    struct router_query q;
    uint32_t random;
    int64_t now;
};

#define NOVA ", litellm_params: {model: bedrock/amazon.nova-pro-v1:0"

/* Three deployments of the group "g", with what each of them adds. */
static void set_up(struct fixture *f, const char *settings, const char *a, const char *b,
                   const char *c)
{
    static char text[4096];
    const char *more[] = {a, b, c};
    int n = snprintf(text, sizeof(text), "router_settings: {%s}\nmodel_list:\n", settings);
    for (int i = 0; i < 3; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n,
                      "- {model_name: g" NOVA "%s}, model_info: {id: d%d}}\n", more[i], i);
    world_init(&f->w);
    f->c = world_load(&f->w, text);
    assert_string_equal(world_problems(f->c), "");
    f->t = tracker_new();
    f->kept = affinity_new();
    arena_init(&f->arena);
    f->random = 1;
    f->now = 10000000;
    f->q = (struct router_query){.model = SLICE("g"), .tracker = f->t, .now = f->now};
}

static void tear_down(struct fixture *f)
{
    tracker_free(f->t);
    affinity_free(f->kept);
    arena_fini(&f->arena);
    config_unref(f->c);
}

static uint32_t next_random(struct fixture *f)
{
    f->random = f->random * 1664525 + 1013904223;
    return f->random ^ f->random >> 16;
}

static struct tracked *tracked(struct fixture *f, int i)
{
    return tracker_of(f->t, &f->c->deployments[i], f->now);
}

static struct router_pick pick(struct fixture *f)
{
    f->q.now = f->now;
    f->q.random = next_random(f);
    return router_pick(f->c, &f->q, &f->arena);
}

static int picked(struct fixture *f)
{
    struct router_pick p = pick(f);
    assert_non_null(p.deployment);
    return (int)(p.deployment - f->c->deployments);
}

static void finish(struct fixture *f, int i, struct tracked_call *call, enum failure_kind kind,
                   int64_t ms, int64_t tokens)
{
    struct failure why = {.kind = kind, .status = 429, .upstream = true};
    struct call_outcome o = {
        .failure = &why, .total_ms = ms, .output = tokens ? 10 : 0, .tokens = tokens};
    tracked_end(call, &f->c->settings.routing, &f->c->deployments[i], &o, f->now);
}

static void serve(struct fixture *f, int i, enum failure_kind kind, int64_t ms, int64_t tokens)
{
    struct tracked_call call;
    tracked_begin(tracked(f, i), &call, 0, f->now);
    finish(f, i, &call, kind, ms, tokens);
}

/* Shares in percent of picks without calls. */
static void expect_shares(struct fixture *f, int a, int b, int c)
{
    int shares[] = {a, b, c}, counts[MAX] = {0};
    for (int i = 0; i < PICKS; i++)
        counts[picked(f)]++;
    for (int i = 0; i < 3; i++) {
        double percent = 100.0 * counts[i] / PICKS;
        assert_true(shares[i] ? percent > shares[i] - 3 && percent < shares[i] + 3
                              : counts[i] == 0);
    }
}

/* ---- strategies ---------------------------------------------------------------------------- */

static void shuffle(void **state)
{
    static const struct {
        const char *a, *b, *c;
        int shares[3], sick[3]; /* without and with a b that rests */
    } rows[] = {
        {"", "", "", {33, 33, 33}, {50, 0, 50}},
        {", weight: 1", ", weight: 2", ", weight: 7", {10, 20, 70}, {12, 0, 88}},
        {", rpm: 10", ", rpm: 30", ", rpm: 60", {10, 30, 60}, {14, 0, 86}},
        {", tpm: 100", ", tpm: 100", ", tpm: 200", {25, 25, 50}, {33, 0, 67}},
        /* weight before rpm before tpm; who lacks it waits for better times */
        {", weight: 1, rpm: 9", ", weight: 3, rpm: 1", ", rpm: 5", {25, 75, 0}, {100, 0, 0}},
        {", weight: 0", ", weight: 1", "", {0, 100, 0}, {50, 0, 50}},
    };
    struct fixture f;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        set_up(&f, "", rows[i].a, rows[i].b, rows[i].c);
        expect_shares(&f, rows[i].shares[0], rows[i].shares[1], rows[i].shares[2]);
        serve(&f, 1, FAILURE_RATE_LIMIT, 0, 0);
        expect_shares(&f, rows[i].sick[0], rows[i].sick[1], rows[i].sick[2]);
        tear_down(&f);
    }
}

static void least_busy(void **state)
{
    struct fixture f;
    struct tracked_call calls[30];
    (void)state;
    set_up(&f, "routing_strategy: least-busy", "", "", "");
    expect_shares(&f, 33, 33, 33);
    for (int i = 0; i < 30; i++)
        tracked_begin(tracked(&f, picked(&f)), &calls[i], 0, f.now);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tracked_running(tracked(&f, i)), 10);
    for (int i = 0; i < 30; i++) /* one hangs, the others are done */
        if (calls[i].of != tracked(&f, 0))
            finish(&f, 1, &calls[i], FAILURE_NONE, 1, 1);
    expect_shares(&f, 0, 50, 50);
    serve(&f, 1, FAILURE_RATE_LIMIT, 0, 0);
    expect_shares(&f, 0, 0, 100);
    tear_down(&f);
}

static void usage(void **state)
{
    static const char *const names[] = {"usage-based-routing", "usage-based-routing-v2"};
    struct fixture f;
    char settings[64];
    (void)state;
    for (int n = 0; n < 2; n++) {
        snprintf(settings, sizeof(settings), "routing_strategy: %s", names[n]);
        set_up(&f, settings, "", "", "");
        expect_shares(&f, 33, 33, 33);
        serve(&f, 0, FAILURE_NONE, 1, 100);
        serve(&f, 1, FAILURE_NONE, 1, 50);
        expect_shares(&f, 0, 0, 100);
        for (int i = 0; i < 300; i++) /* evens out */
            serve(&f, picked(&f), FAILURE_NONE, 1, 10);
        for (int i = 0; i < 3; i++) {
            int64_t tokens = tracked_tokens(tracked(&f, i), f.now);
            assert_true(tokens >= 1040 && tokens <= 1060);
        }
        serve(&f, 1, FAILURE_RATE_LIMIT, 0, 0);
        for (int i = 0; i < 100; i++)
            assert_int_not_equal(picked(&f), 1);
        f.now += 66000; /* another minute */
        expect_shares(&f, 33, 33, 33);
        tear_down(&f);
    }
}

/* As long as one is within its limits by the estimate, nobody goes above; then any may be asked
 * for the exact count, until all have refused. */
static void limits(void **state)
{
    struct fixture f;
    int counts[MAX] = {0};
    (void)state;
    set_up(&f, "routing_strategy: usage-based-routing-v2", ", rpm: 10", ", rpm: 20, tpm: 100000",
           ", tpm: 500");
    f.q.estimated_tokens = 10;
    for (int served = 0; served < 80; served++) {
        int i = picked(&f);
        counts[i]++;
        serve(&f, i, FAILURE_NONE, 1, 10);
    }
    assert_int_equal(counts[0], 10);
    assert_int_equal(counts[1], 20);
    assert_int_equal(counts[2], 50);
    const struct deployment *all[MAX] = {&f.c->deployments[1], &f.c->deployments[0],
                                         &f.c->deployments[2]};
    f.q.passed_over = all;
    f.q.passed_over_count = 2;
    assert_int_equal(picked(&f), 2);
    f.q.passed_over_count = 3;
    assert_int_equal(pick(&f).refusal, ROUTER_LIMITED);
    assert_true(pick(&f).wait_ms > 0);
    tear_down(&f);
    /* rpm is only a weight in simple-shuffle, unless checks are asked for. */
    set_up(&f, "", ", rpm: 1", ", rpm: 1", ", rpm: 100");
    for (int i = 0; i < 30; i++)
        serve(&f, 2, FAILURE_NONE, 1, 10);
    expect_shares(&f, 1, 1, 98);
    tear_down(&f);
    set_up(&f, "optional_pre_call_checks: [enforce_model_rate_limits]", ", rpm: 1", ", rpm: 10",
           ", rpm: 1000");
    for (int i = 0; i < 1000; i++)
        serve(&f, 2, FAILURE_NONE, 1, 10);
    for (int i = 0; i < 11; i++) {
        assert_int_not_equal(picked(&f), 2);
        serve(&f, picked(&f), FAILURE_NONE, 1, 10);
    }
    tear_down(&f);
}

/* Places that other processes have. */
static void places_elsewhere(void **state)
{
    struct fixture f;
    struct tracked_call call;
    (void)state;
    set_up(&f, "", ", max_parallel_requests: 5", ", max_parallel_requests: 5",
           ", max_parallel_requests: 5");
    tracked_full(tracked(&f, 0), f.now + 100);
    tracked_full(tracked(&f, 1), f.now + 70);
    expect_shares(&f, 0, 0, 100);
    tracked_begin(tracked(&f, 2), &call, 0, f.now);
    tracked_full(tracked(&f, 2), f.now + 200);
    assert_int_equal(pick(&f).refusal, ROUTER_BUSY);
    assert_int_equal(pick(&f).wait_ms, 70);   /* the shortest */
    finish(&f, 2, &call, FAILURE_NONE, 1, 1); /* its place is free for certain */
    expect_shares(&f, 0, 0, 100);
    tracked_full(tracked(&f, 2), f.now + 200);
    f.now += 70;
    expect_shares(&f, 0, 100, 0);
    f.now += 130;
    expect_shares(&f, 33, 33, 33);
    tear_down(&f);
}

/* Calls at once, its own or the router's; alone in its group too. */
static void places(void **state)
{
    struct fixture f;
    struct tracked_call calls[6];
    (void)state;
    set_up(&f, "default_max_parallel_requests: 3", ", max_parallel_requests: 1",
           ", max_parallel_requests: 2", "");
    for (int i = 0; i < 6; i++)
        tracked_begin(tracked(&f, picked(&f)), &calls[i], 0, f.now);
    assert_int_equal(tracked_running(tracked(&f, 0)), 1);
    assert_int_equal(tracked_running(tracked(&f, 1)), 2);
    assert_int_equal(tracked_running(tracked(&f, 2)), 3);
    assert_int_equal(pick(&f).refusal, ROUTER_BUSY);
    finish(&f, 1, &calls[0], FAILURE_NONE, 1, 1);
    assert_non_null(pick(&f).deployment);
    tear_down(&f);
}

static void latency(void **state)
{
    struct fixture f;
    struct tracked_call calls[3];
    bool seen[3] = {false};
    (void)state;
    set_up(&f, "routing_strategy: latency-based-routing", "", "", "");
    for (int i = 0; i < 3; i++) { /* each unknown one is measured by one call */
        int p = picked(&f);
        assert_false(seen[p]);
        seen[p] = true;
        tracked_begin(tracked(&f, p), &calls[i], 0, f.now);
    }
    expect_shares(&f, 33, 33, 33); /* nobody is known yet */
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            if (calls[k].of == tracked(&f, i))
                finish(&f, i, &calls[k], FAILURE_NONE, 100 * (i + 1), 1);
    expect_shares(&f, 100, 0, 0);
    serve(&f, 0, FAILURE_RATE_LIMIT, 0, 0);
    expect_shares(&f, 0, 100, 0);
    f.now += 61000; /* rested; and what was not measured lately is, now and then */
    serve(&f, 1, FAILURE_NONE, 200, 1);
    expect_shares(&f, 98, 0, 2);
    tear_down(&f);
    set_up(&f,
           "routing_strategy: latency-based-routing, routing_strategy_args: "
           "{lowest_latency_buffer: 0.5}",
           "", "", "");
    serve(&f, 0, FAILURE_NONE, 100, 1);
    serve(&f, 1, FAILURE_NONE, 140, 1);
    serve(&f, 2, FAILURE_NONE, 160, 1);
    expect_shares(&f, 50, 50, 0);
    tear_down(&f);
}

/* A timeout counts as a very long answer. */
static void latency_of_a_sick_one(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "routing_strategy: latency-based-routing", "", "", "");
    for (int i = 0; i < 3; i++)
        serve(&f, i, FAILURE_NONE, 100, 1);
    serve(&f, 1, FAILURE_TIMEOUT, 1000, 0);
    expect_shares(&f, 50, 0, 50);
    tear_down(&f);
}

static void cost(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "routing_strategy: cost-based-routing",
           ", input_cost_per_token: 3, output_cost_per_token: 1",
           ", input_cost_per_token: 1, output_cost_per_token: 1",
           ", input_cost_per_token: 0.5, output_cost_per_token: 1.5");
    expect_shares(&f, 0, 50, 50);
    serve(&f, 1, FAILURE_RATE_LIMIT, 0, 0);
    expect_shares(&f, 0, 0, 100);
    serve(&f, 2, FAILURE_RATE_LIMIT, 0, 0);
    expect_shares(&f, 100, 0, 0);
    tear_down(&f);
}

/* ---- what comes before the strategy -------------------------------------------------------- */

static void order(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "", ", order: 2", ", order: 1", "");
    expect_shares(&f, 0, 100, 0);
    serve(&f, 1, FAILURE_RATE_LIMIT, 0, 0);
    expect_shares(&f, 100, 0, 0);
    serve(&f, 0, FAILURE_RATE_LIMIT, 0, 0);
    expect_shares(&f, 0, 0, 100);
    serve(&f, 2, FAILURE_RATE_LIMIT, 0, 0);
    struct router_pick p = pick(&f);
    assert_int_equal(p.refusal, ROUTER_RESTING);
    assert_int_equal(p.wait_ms, 5000);
    assert_null(p.deployment);
    tear_down(&f);
}

static void tried_ones_come_last(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "", ", order: 1", ", order: 1", ", order: 2");
    const struct deployment *tried[3] = {&f.c->deployments[0]};
    f.q.tried = tried;
    f.q.tried_count = 1;
    expect_shares(&f, 0, 100, 0);
    tried[1] = &f.c->deployments[1];
    f.q.tried_count = 2;
    expect_shares(&f, 0, 0, 100);
    tried[2] = &f.c->deployments[2];
    f.q.tried_count = 3;
    expect_shares(&f, 50, 50, 0);
    tear_down(&f);
}

static void user_agents(void **state)
{
    static const struct {
        const char *tags, *agent;
        int shares[3];
    } agents[] = {
        {NULL, "claude-cli/2.0", {0, 0, 100}},
        {NULL, "Claude-CLI/2.0", {0, 100, 0}},
        {NULL, "", {0, 100, 0}},
        {"[\"a\"]", "claude-cli/2.0", {0, 50, 50}},
        {"[\"x\"]", "claude-cli/2.0", {0, 0, 100}},
        {"[\"x\"]", "curl/8", {0, 100, 0}},
    };
    struct fixture f;
    (void)state;
    for (size_t i = 0; i < sizeof(agents) / sizeof(*agents); i++) {
        set_up(&f, "enable_tag_filtering: true", "", ", tags: [a, default]",
               ", tag_regex: [\"^User-Agent: claude-cli/\"]");
        f.q.tags = agents[i].tags ? json_parse(slice_of(agents[i].tags), &f.arena, NULL) : NULL;
        f.q.user_agent = slice_of(agents[i].agent);
        expect_shares(&f, agents[i].shares[0], agents[i].shares[1], agents[i].shares[2]);
        tear_down(&f);
    }
}

static void tags(void **state)
{
    static const struct {
        const char *settings, *json, *list;
        int shares[3]; /* of: none, [a, default], [a, b] */
    } rows[] = {
        {"enable_tag_filtering: true", "[\"a\"]", "", {0, 50, 50}},
        {"enable_tag_filtering: true", "[\"b\"]", "", {0, 0, 100}},
        {"enable_tag_filtering: true", "[\"x\", \"b\"]", "", {0, 0, 100}},
        {"enable_tag_filtering: true", "[\"x\"]", "", {0, 100, 0}}, /* the default */
        {"enable_tag_filtering: true", NULL, "", {0, 100, 0}},
        {"enable_tag_filtering: true", NULL, "x, b", {0, 0, 100}},
        {"enable_tag_filtering: true, tag_filtering_match_any: false",
         "[\"a\", \"b\"]",
         "",
         {0, 0, 100}},
        {"enable_tag_filtering: true, tag_filtering_match_any: false", "[\"a\"]", "b", {0, 0, 100}},
        {"enable_tag_filtering: true, tag_filtering_match_any: false",
         "[\"a\", \"x\"]",
         "",
         {0, 100, 0}},
        {"", "[\"b\"]", "", {33, 33, 33}},
        {"enable_tag_filtering: true", "[\"!b\"]", "", {0, 100, 0}},
        {"enable_tag_filtering: true", "[\"&a\", \"!b\"]", "", {0, 100, 0}},
        {"enable_tag_filtering: true", "[\"&a\"]", "", {0, 50, 50}},
        {"enable_tag_filtering: true", "[\"a\"]", "!b", {0, 100, 0}},
        {"enable_tag_filtering: true", "[\"x\", \"&b\", \"!\", \"&\"]", "a", {0, 0, 100}},
        {"enable_tag_filtering: true, tag_routing_prefix: \"route:\"",
         "[\"route:b\"]",
         "",
         {0, 0, 100}},
        {"enable_tag_filtering: true, tag_routing_prefix: \"route:\"",
         NULL,
         "route:!b, a",
         {0, 100, 0}},
    };
    struct fixture f;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        set_up(&f, rows[i].settings, "", ", tags: [a, default]", ", tags: [a, b]");
        f.q.tags = rows[i].json ? json_parse(slice_of(rows[i].json), &f.arena, NULL) : NULL;
        f.q.tag_list = slice_of(rows[i].list);
        expect_shares(&f, rows[i].shares[0], rows[i].shares[1], rows[i].shares[2]);
        tear_down(&f);
    }
    set_up(&f, "enable_tag_filtering: true", "", ", tags: [a]", ", tags: [b]");
    expect_shares(&f, 33, 33, 33); /* no tags, no default */
    f.q.tag_list = SLICE("x");
    assert_int_equal(pick(&f).refusal, ROUTER_NO_TAGS);
    f.q.tag_list = SLICE("&a, &b");
    assert_int_equal(pick(&f).refusal, ROUTER_NO_TAGS);
    f.q.tag_list = SLICE("a");
    serve(&f, 1, FAILURE_RATE_LIMIT, 0, 0);
    assert_int_equal(pick(&f).refusal, ROUTER_RESTING); /* not: somebody else's */
    tear_down(&f);
}

/* By the estimate; what is not known fits. */
static void context_window(void **state)
{
    struct fixture f;
    struct world w;
    (void)state;
    set_up(&f, "", "", "", "");
    world_init(&w);
    struct config *c =
        world_load(&w, "model_list:\n"
                       "- {model_name: a" NOVA "}, model_info: {max_input_tokens: 100}}\n"
                       "- {model_name: a" NOVA "}, model_info: {max_input_tokens: 1000}}\n"
                       "router_settings: {enable_pre_call_checks: true}\n");
    struct router_query q = {.model = SLICE("a"), .tracker = f.t, .now = f.now, .must_fit = true};
    for (q.estimated_tokens = 101; q.estimated_tokens <= 1000; q.estimated_tokens++, q.random++)
        assert_ptr_equal(router_pick(c, &q, &f.arena).deployment, &c->deployments[1]);
    assert_int_equal(router_pick(c, &q, &f.arena).refusal, ROUTER_TOO_LONG);
    config_unref(c);
    tear_down(&f);
}

/* By region_name, by the AWS region, by its first part. */
static void regions(void **state)
{
    struct fixture f;
    struct world w;
    (void)state;
    set_up(&f, "", "", "", "");
    world_init(&w);
    struct config *c =
        world_load(&w, "model_list:\n"
                       "- {model_name: a" NOVA ", aws_region_name: us-east-1}}\n"
                       "- {model_name: a" NOVA ", aws_region_name: eu-central-1}}\n"
                       "- {model_name: a" NOVA ", aws_region_name: us-west-2, region_name: moon}}\n"
                       "router_settings: {enable_pre_call_checks: true}\n");
    static const char *const names[] = {"us", "eu", "moon", "us-east-1", "eu-central-1"};
    static const unsigned found[] = {0, 1, 2, 0, 1};
    struct router_query q = {.model = SLICE("a"), .tracker = f.t, .now = f.now};
    for (size_t i = 0; i < 5; i++) {
        q.region = slice_of(names[i]);
        for (q.random = 0; q.random < 10; q.random++)
            assert_ptr_equal(router_pick(c, &q, &f.arena).deployment, &c->deployments[found[i]]);
    }
    q.region = SLICE("ap");
    assert_int_equal(router_pick(c, &q, &f.arena).refusal, ROUTER_NO_REGION);
    config_unref(c);
    tear_down(&f);
}

/* Only a model that goes on with a given beginning. */
static void prefill(void **state)
{
    struct fixture f;
    struct world w;
    (void)state;
    set_up(&f, "", "", "", "");
    world_init(&w);
    struct config *c = world_load(
        &w, "model_list:\n"
            "- {model_name: a" NOVA "}}\n"
            "- {model_name: a" NOVA "}, model_info: {supports_assistant_prefill: false}}\n"
            "- {model_name: b" NOVA "}, model_info: {supports_assistant_prefill: false}}\n");
    struct router_query q = {.model = SLICE("a"), .tracker = f.t, .now = f.now, .prefill = true};
    for (; q.random < 10; q.random++)
        assert_ptr_equal(router_pick(c, &q, &f.arena).deployment, &c->deployments[0]);
    q.model = SLICE("b");
    assert_int_equal(router_pick(c, &q, &f.arena).refusal, ROUTER_NO_PREFILL);
    q.prefill = false;
    assert_ptr_equal(router_pick(c, &q, &f.arena).deployment, &c->deployments[2]);
    config_unref(c);
    tear_down(&f);
}

static void affinity(void **state)
{
    struct fixture f;
    int first;
    (void)state;
    set_up(&f, "", "", "", "");
    f.q.kept = f.kept;
    f.q.affinity_ttl = 60000;
    f.q.affinity = 42;
    first = picked(&f);
    for (int i = 0; i < 100; i++) {
        f.now += 59000;
        assert_int_equal(picked(&f), first);
    }
    serve(&f, first, FAILURE_RATE_LIMIT, 0, 0); /* moves, and stays there */
    int second = picked(&f);
    assert_int_not_equal(second, first);
    f.now += 5000;
    for (int i = 0; i < 100; i++)
        assert_int_equal(picked(&f), second);
    for (uint64_t i = 0; i < PICKS; i++) { /* others spread */
        f.q.affinity = 1000 + i;
        picked(&f);
    }
    f.q.affinity = 0;
    expect_shares(&f, 33, 33, 33);
    tear_down(&f);
}

static void one_alone(void **state)
{
    struct fixture f;
    struct world w;
    (void)state;
    set_up(&f, "", "", "", "");
    world_init(&w);
    struct config *c = world_load(&w, "model_list: [{model_name: a" NOVA "}}]\n"
                                      "router_settings: {allowed_fails: 0}\n");
    struct router_query q = {.model = SLICE("a"), .tracker = f.t, .now = f.now};
    struct tracked_call call;
    struct failure why = {.kind = FAILURE_UNAVAILABLE, .status = 500, .upstream = true};
    struct call_outcome o = {.failure = &why};
    assert_ptr_equal(router_pick(c, &q, &f.arena).deployment, &c->deployments[0]);
    assert_int_equal(f.arena.total, 0); /* takes no memory */
    tracked_begin(tracker_of(f.t, &c->deployments[0], f.now), &call, 0, f.now);
    tracked_end(&call, &c->settings.routing, &c->deployments[0], &o, f.now);
    assert_int_equal(router_pick(c, &q, &f.arena).refusal, ROUTER_RESTING);
    assert_int_equal(router_pick(c, &q, &f.arena).wait_ms, 5000);
    q.model = SLICE("b");
    assert_int_equal(router_pick(c, &q, &f.arena).refusal, ROUTER_NO_MODEL);
    config_unref(c);
    tear_down(&f);
}

/* Until the deployment throttles, twenty calls a second. */
static void throttle(struct fixture *f, const struct config *c, int i)
{
    const struct deployment *d = &c->deployments[i];
    struct tracked *t = tracker_of(f->t, d, f->now);
    struct failure why = {.kind = FAILURE_RATE_LIMIT, .status = 429, .upstream = true};
    struct call_outcome bad = {.failure = &why}, good = {.total_ms = 10};
    struct tracked_call call;
    for (int n = 0; n < 40; n++, f->now += 50) {
        tracked_begin(t, &call, 0, f->now);
        tracked_end(&call, &c->settings.routing, d, n < 39 ? &good : &bad, f->now);
    }
}

/* Of several LiteLLM's rest holds; when it is over, the calls are paced, and further refusals are
 * only the price of the search. */
static void paced_ones_are_busy(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "", "", "", "");
    for (int i = 0; i < 3; i++) {
        throttle(&f, f.c, i);
        assert_true(tracked_rests(tracked(&f, i), f.now) > 0);
        assert_true(tracked_pace(tracked(&f, i)) > 15);
    }
    assert_int_equal(pick(&f).refusal, ROUTER_RESTING);
    f.now += 10000;
    for (int i = 0; i < 3; i++) {
        serve(&f, i, FAILURE_NONE, 10, 1); /* the probe */
        serve(&f, i, FAILURE_NONE, 10, 1);
    }
    struct router_pick p = pick(&f);
    assert_int_equal(p.refusal, ROUTER_BUSY);
    assert_in_range(p.wait_ms, 1, 120);
    assert_true(p.pace > 45 && p.pace < 60); /* of all three */
    f.now += 200;
    assert_int_equal(pick(&f).refusal, ROUTER_PICKED);
    for (int i = 0; i < 20; i++, f.now += 100)
        serve(&f, 0, FAILURE_NONE, 10, 1);
    serve(&f, 0, FAILURE_RATE_LIMIT, 0, 0);
    assert_int_equal(tracked_rests(tracked(&f, 0), f.now), 0);
    f.c->settings.routing.adaptive_pacing = false;
    serve(&f, 0, FAILURE_NONE, 10, 1);
    assert_int_equal(tracked_pace_wait(tracked(&f, 0), &f.c->settings.routing, f.now), 0);
    serve(&f, 0, FAILURE_RATE_LIMIT, 0, 0);
    assert_true(tracked_rests(tracked(&f, 0), f.now) > 0);
    tear_down(&f);
}

/* One alone is paced and does not rest, whatever is allowed of failures in general. */
static void one_alone_is_paced(void **state)
{
    static const struct {
        const char *settings;
        bool rests;
    } rows[] = {{"allowed_fails: 0", false},
                {"allowed_fails: 0, adaptive_pacing: false", true},
                {"allowed_fails_policy: {RateLimitErrorAllowedFails: 0}", true}};
    struct fixture f;
    struct world w;
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        set_up(&f, "", "", "", "");
        world_init(&w);
        snprintf(text, sizeof(text),
                 "model_list: [{model_name: a" NOVA "}}]\nrouter_settings: {%s}\n",
                 rows[i].settings);
        struct config *c = world_load(&w, text);
        struct router_query q = {.model = SLICE("a"), .tracker = f.t};
        throttle(&f, c, 0);
        struct tracked *t = tracker_of(f.t, &c->deployments[0], f.now);
        assert_int_equal(tracked_rests(t, f.now) > 0, rows[i].rests);
        struct tracked_call call;
        tracked_begin(t, &call, 0, f.now);
        q.now = f.now;
        struct router_pick p = router_pick(c, &q, &f.arena);
        assert_int_equal(p.refusal, rows[i].rests ? ROUTER_RESTING : ROUTER_BUSY);
        assert_true(rows[i].rests || (p.wait_ms > 0 && p.wait_ms < 70 && p.pace > 15));
        config_unref(c);
        tear_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paced_ones_are_busy),
        cmocka_unit_test(one_alone_is_paced),
        cmocka_unit_test(shuffle),
        cmocka_unit_test(least_busy),
        cmocka_unit_test(usage),
        cmocka_unit_test(limits),
        cmocka_unit_test(places),
        cmocka_unit_test(places_elsewhere),
        cmocka_unit_test(latency),
        cmocka_unit_test(latency_of_a_sick_one),
        cmocka_unit_test(cost),
        cmocka_unit_test(order),
        cmocka_unit_test(tried_ones_come_last),
        cmocka_unit_test(tags),
        cmocka_unit_test(user_agents),
        cmocka_unit_test(context_window),
        cmocka_unit_test(regions),
        cmocka_unit_test(prefill),
        cmocka_unit_test(affinity),
        cmocka_unit_test(one_alone),
    };
    return cmocka_run_group_tests_name("router_choose", tests, NULL, NULL);
}
