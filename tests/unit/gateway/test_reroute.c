#include "../base/check.h"

#include "reroute.h"

/* A router with these lists, written as in the configuration. */
struct fixture {
    struct arena arena;
    struct config config;
    struct llm_request request;
    struct reroute r;
    struct deployment d;
};

static yyjson_val *json(struct fixture *x, const char *text)
{
    return text ? json_parse(slice_of(text), &x->arena, NULL) : NULL;
}

static void open_fixture(struct fixture *x, const char *fallbacks)
{
    memset(x, 0, sizeof(*x));
    arena_init(&x->arena);
    llm_request_init(&x->request);
    x->config.fallbacks = json(x, fallbacks);
    x->config.max_fallbacks = 5;
    x->config.num_retries = 0;
    x->config.num_retries_per_request = -1;
    x->d.num_retries = -1;
    reroute_begin(&x->r, &x->config, &x->request, SLICE("a"), &x->arena);
}

static struct failure failed(enum failure_kind kind, int status, bool retryable)
{
    return (struct failure){.kind = kind, .status = status, .retryable = retryable};
}

static enum reroute_kind next(struct fixture *x, const struct failure *f)
{
    bool has = reroute_has_fallback(&x->r, f);
    enum reroute_kind kind = reroute_next(&x->r, &x->d, f, false, 12345).kind;
    if (kind != REROUTE_RETRY)
        assert_int_equal(has, kind == REROUTE_FALLBACK); /* what was foretold */
    return kind;
}

/* The groups tried after "a", joined, when everything fails alike. */
static struct slice walk(struct fixture *x, const struct failure *f)
{
    struct slice all = SLICE("");
    for (int i = 0; i < 100 && next(x, f) == REROUTE_FALLBACK; i++)
        all = ARENA_JOIN(&x->arena, all, x->r.group, SLICE(" "));
    return all;
}

static void fallbacks_in_order(void **state)
{
    static const struct {
        const char *fallbacks, *defaults, *expected;
    } rows[] = {
        {"[{\"a\":[\"b\",\"c\"]}]", NULL, "b c "},
        {"[{\"model\":\"a\",\"fallback\":\"b\"}]", NULL, "b "},
        {"[{\"model\":\"a\",\"fallback\":[\"b\",{\"model\":\"c\"}]}]", NULL, "b c "},
        {"[{\"a\":\"b\"}]", NULL, "b "},
        /* a fallback's own fallbacks come before those that wait */
        {"[{\"a\":[\"b\",\"d\"]},{\"b\":[\"c\"]}]", NULL, "b c d "},
        /* loops */
        {"[{\"a\":[\"a\"]}]", NULL, ""},
        {"[{\"a\":[\"b\"]},{\"b\":[\"a\",\"b\"]}]", NULL, "b "},
        {"[{\"a\":[\"b\"]},{\"b\":[\"c\"]},{\"c\":[\"a\"]}]", NULL, "b c "},
        {"[{\"*\":[\"b\",\"c\"]}]", NULL, "b c "},
        {"[{\"*\":[\"b\"]},{\"a\":[\"z\"]}]", NULL, "z b "},
        {NULL, "[\"b\"]", "b "},
        {"[{\"other\":[\"b\"]}]", NULL, ""},
        {"[{\"a\":[\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"]}]", NULL, "b c d e f "},
        {"[5,null,\"a\",{\"a\":7}]", NULL, ""},
    };
    const struct failure f = failed(FAILURE_BAD_REQUEST, 400, false);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct fixture x;
        open_fixture(&x, rows[i].fallbacks);
        x.config.default_fallbacks = json(&x, rows[i].defaults);
        check_text(walk(&x, &f), rows[i].expected);
        arena_fini(&x.arena);
    }
}

static void lists_by_failure(void **state)
{
    struct fixture x;
    const struct failure window = failed(FAILURE_CONTEXT_WINDOW, 400, false);
    const struct failure policy = failed(FAILURE_CONTENT_POLICY, 400, false);
    open_fixture(&x, "[{\"a\":[\"b\"]}]");
    check_text(walk(&x, &window), ""); /* not where the prompt would be too long again */
    x.config.context_window_fallbacks = json(&x, "[{\"a\":[\"big\"]}]");
    x.config.content_policy_fallbacks = json(&x, "[{\"a\":[\"mild\"]}]");
    check_text(walk(&x, &window), "big ");
    reroute_begin(&x.r, &x.config, &x.request, SLICE("a"), &x.arena);
    check_text(walk(&x, &policy), "mild ");
    x.request.routing.context_fallbacks = json(&x, "{\"a\":\"own\"}");
    reroute_begin(&x.r, &x.config, &x.request, SLICE("a"), &x.arena);
    check_text(walk(&x, &window), "own ");
    arena_fini(&x.arena);
}

/* Whether it is worth while to look at the length of a prompt before the call. */
static void somewhere_longer(void **state)
{
    struct fixture x;
    const struct failure window = failed(FAILURE_CONTEXT_WINDOW, 400, false);
    open_fixture(&x, "[{\"a\":[\"b\"]}]");
    assert_false(reroute_has_longer(&x.r));
    x.config.context_window_fallbacks = json(&x, "[{\"a\":[\"a\",\"big\"]},{\"big\":\"huge\"}]");
    assert_true(reroute_has_longer(&x.r));
    assert_int_equal(next(&x, &window), REROUTE_FALLBACK);
    assert_true(reroute_has_longer(&x.r));
    x.config.max_fallbacks = 1;
    assert_false(reroute_has_longer(&x.r));
    x.config.max_fallbacks = 5;
    x.request.routing.disable_fallbacks = true;
    assert_false(reroute_has_longer(&x.r));
    x.request.routing.disable_fallbacks = false;
    assert_int_equal(next(&x, &window), REROUTE_FALLBACK);
    check_text(x.r.group, "huge");
    assert_false(reroute_has_longer(&x.r)); /* the last one is called, whatever the estimate says */
    arena_fini(&x.arena);
}

static void the_client_decides(void **state)
{
    struct fixture x;
    const struct failure f = failed(FAILURE_UNAVAILABLE, 503, true);
    open_fixture(&x, "[{\"a\":[\"b\"]},{\"own\":[\"c\"]}]");
    x.request.routing.fallbacks = json(&x, "[\"own\"]");
    check_text(walk(&x, &f), "own c ");
    reroute_begin(&x.r, &x.config, &x.request, SLICE("a"), &x.arena);
    x.request.routing.disable_fallbacks = true;
    check_text(walk(&x, &f), "");
    arena_fini(&x.arena);
}

static unsigned retries_of(struct fixture *x, const struct failure *f)
{
    unsigned n = 0;
    reroute_begin(&x->r, &x->config, &x->request, SLICE("a"), &x->arena);
    while (n < 1000 && next(x, f) == REROUTE_RETRY)
        n++;
    return n;
}

static void how_many_retries(void **state)
{
    struct fixture x;
    const struct failure slow = failed(FAILURE_RATE_LIMIT, 429, true);
    const struct failure down = failed(FAILURE_UNAVAILABLE, 503, true);
    const struct failure bad = failed(FAILURE_BAD_REQUEST, 400, false);
    open_fixture(&x, NULL);
    x.config.num_retries = 2;
    assert_int_equal(retries_of(&x, &slow), 2);
    assert_int_equal(retries_of(&x, &bad), 0);
    x.config.retry_policy = json(&x, "{\"RateLimitErrorRetries\":5,\"BadRequestErrorRetries\":5}");
    assert_int_equal(retries_of(&x, &slow), 5);
    assert_int_equal(retries_of(&x, &down), 2);
    assert_int_equal(retries_of(&x, &bad), 0); /* never for what cannot succeed */
    x.config.model_group_retry_policy = json(&x, "{\"a\":{\"RateLimitErrorRetries\":1}}");
    assert_int_equal(retries_of(&x, &slow), 1);
    x.d.num_retries = 3;
    assert_int_equal(retries_of(&x, &slow), 3);
    x.request.routing.num_retries = 4;
    assert_int_equal(retries_of(&x, &slow), 4);
    x.request.routing.num_retries = INT64_MAX;
    assert_int_equal(retries_of(&x, &slow), REROUTE_RETRIES_MAX);
    arena_fini(&x.arena);
}

/* What one group used up the next does not have. */
static void one_budget(void **state)
{
    struct fixture x;
    const struct failure f = failed(FAILURE_UNAVAILABLE, 503, true);
    open_fixture(&x, "[{\"a\":[\"b\"]}]");
    x.config.num_retries = 2;
    assert_int_equal(next(&x, &f), REROUTE_RETRY);
    assert_int_equal(next(&x, &f), REROUTE_RETRY);
    assert_int_equal(next(&x, &f), REROUTE_FALLBACK);
    assert_int_equal(next(&x, &f), REROUTE_GIVE_UP);
    assert_int_equal(x.r.retries_total, 2);
    assert_int_equal(x.r.fallbacks, 1);
    arena_fini(&x.arena);
}

/* num_retries_per_request: whatever the others say. */
static void one_limit_for_all(void **state)
{
    struct fixture x;
    const struct failure f = failed(FAILURE_UNAVAILABLE, 503, true);
    open_fixture(&x, "[{\"a\":[\"b\"]}]");
    x.config.num_retries = 3;
    x.config.num_retries_per_request = 2;
    assert_int_equal(retries_of(&x, &f), 2);
    reroute_begin(&x.r, &x.config, &x.request, SLICE("a"), &x.arena);
    x.config.num_retries_per_request = 0;
    assert_int_equal(next(&x, &f), REROUTE_FALLBACK);
    arena_fini(&x.arena);
}

/* enable_weighted_failover: the group's others come first, and cost no retry. */
static void failover(void **state)
{
    struct fixture x;
    const struct failure f = failed(FAILURE_UNAVAILABLE, 503, true);
    const struct failure final = failed(FAILURE_BAD_REQUEST, 400, false);
    open_fixture(&x, "[{\"a\":[\"b\"]}]");
    x.config.settings.routing.failover = true;
    x.config.max_fallbacks = 2;
    assert_int_equal(reroute_next(&x.r, &x.d, &final, true, 1).kind, REROUTE_FALLBACK);
    reroute_begin(&x.r, &x.config, &x.request, SLICE("a"), &x.arena);
    for (int i = 0; i < 2; i++)
        assert_int_equal(reroute_next(&x.r, &x.d, &f, true, 1).kind, REROUTE_RETRY);
    assert_int_equal(reroute_next(&x.r, &x.d, &f, true, 1).kind, REROUTE_FALLBACK);
    reroute_begin(&x.r, &x.config, &x.request, SLICE("a"), &x.arena);
    x.config.num_retries = 1; /* of the last one, once there are no others */
    assert_int_equal(reroute_next(&x.r, &x.d, &f, true, 1).kind, REROUTE_RETRY);
    assert_int_equal(reroute_next(&x.r, &x.d, &f, false, 1).kind, REROUTE_RETRY);
    assert_int_equal(reroute_next(&x.r, &x.d, &f, false, 1).kind, REROUTE_FALLBACK);
    arena_fini(&x.arena);
}

static void waits(void **state)
{
    struct fixture x;
    struct failure f = failed(FAILURE_RATE_LIMIT, 429, true);
    int64_t most[] = {500, 1000, 2000, 4000, 8000, 8000};
    open_fixture(&x, NULL);
    x.config.num_retries = 100;
    for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++) {
        int64_t sum = 0;
        for (uint32_t k = 0; k < 1000; k++) {
            x.r.retries = (unsigned)i;
            x.r.retries_total = 0;
            struct reroute_step s = reroute_next(&x.r, &x.d, &f, false, k * 2654435761u);
            assert_true(s.kind == REROUTE_RETRY && s.wait_ms >= 0 && s.wait_ms < most[i]);
            sum += s.wait_ms;
        }
        assert_in_range(sum / 1000, most[i] * 4 / 10, most[i] * 6 / 10); /* all of it is used */
    }
    x.r.retries_total = 0;
    assert_int_equal(reroute_next(&x.r, &x.d, &f, true, 7).wait_ms, 0); /* another deployment */
    x.config.retry_after = 2.5;
    assert_true(reroute_next(&x.r, &x.d, &f, true, 0).wait_ms == 2500);
    f.retry_after_s = 20;
    assert_int_equal(reroute_next(&x.r, &x.d, &f, false, 7).wait_ms, 20000);
    f.retry_after_s = 600; /* the client may wait for so long, the gateway does not */
    assert_int_equal(reroute_next(&x.r, &x.d, &f, false, 7).kind, REROUTE_GIVE_UP);
    arena_fini(&x.arena);
}

static void mocked(void **state)
{
    struct fixture x;
    open_fixture(&x, "[{\"a\":[\"b\"]}]");
    assert_int_equal(reroute_mocked(&x.r, &x.arena).kind, FAILURE_NONE);
    x.request.routing.mock = LLM_MOCK_CONTEXT;
    struct failure f = reroute_mocked(&x.r, &x.arena);
    assert_int_equal(f.kind, FAILURE_CONTEXT_WINDOW);
    x.request.routing.mock = LLM_MOCK_FALLBACK;
    f = reroute_mocked(&x.r, &x.arena);
    assert_int_equal(next(&x, &f), REROUTE_FALLBACK);
    assert_int_equal(reroute_mocked(&x.r, &x.arena).kind, FAILURE_NONE); /* once */
    arena_fini(&x.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fallbacks_in_order),
        cmocka_unit_test(lists_by_failure),
        cmocka_unit_test(somewhere_longer),
        cmocka_unit_test(the_client_decides),
        cmocka_unit_test(how_many_retries),
        cmocka_unit_test(one_budget),
        cmocka_unit_test(one_limit_for_all),
        cmocka_unit_test(failover),
        cmocka_unit_test(waits),
        cmocka_unit_test(mocked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
