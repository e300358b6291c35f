/* Which limits hold for a request. */

#include "../config/check.h"
#include "../config/world.h"

#include "auth.h"
#include "limit_asks.h"

#include <stdio.h>

#define MODEL                                                                                      \
    "model_list: [{model_name: m, litellm_params: {model: bedrock/x.y, aws_region_name: r, "       \
    "rpm: 6, tpm: 60, default_api_key_rpm_limit: 7}}]\n"

struct fixture {
    struct config *c;
    struct arena a;
    struct caller caller;
    struct limits limits;
};

static void set_up(struct fixture *f, const char *text)
{
    struct world w;
    world_init(&w);
    f->c = world_load(&w, text);
    assert_string_equal(world_problems(f->c), "");
    arena_init(&f->a);
    caller_init(&f->caller, &f->a);
}

static void tear_down(struct fixture *f)
{
    config_unref(f->c);
    arena_fini(&f->a);
}

/* "rpm:60:api_key:k=5 …", without what all begin with; leases with their own sign. */
static const char *shown(const struct fixture *f)
{
    static char text[2000];
    size_t n = 0;
    *text = '\0';
    for (size_t i = 0; i < f->limits.n; i++) {
        const struct shared_ask *ask = &f->limits.asks[i];
        struct slice tag = SLICE("limit:");
        assert_true(slice_starts(ask->key, tag) && ask->key.n <= SHARED_NAME_MAX);
        assert_int_equal(ask->kind == SHARED_LEASE, f->limits.of[i].unit == LIMIT_PARALLEL);
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s=%d", n ? " " : "",
                              SLICE_ARG(slice_skip(ask->key, tag.n)), (int)ask->limit);
    }
    return text;
}

static const char *of_caller(struct fixture *f, const char *model)
{
    limits_of_caller(&f->limits, f->c, &f->caller, slice_of(model), &f->a);
    return shown(f);
}

static const char *of_deployment(struct fixture *f)
{
    limits_of_deployment(&f->limits, f->c, &f->c->deployments[0], f->c->redis.source, &f->a);
    return shown(f);
}

static void nothing(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, MODEL);
    assert_string_equal(of_caller(&f, "m"), "");
    assert_string_equal(of_caller(&f, "unknown"), "");
    assert_string_equal(of_deployment(&f), ""); /* rpm is a weight */
    f.caller.user = SLICE("u");
    f.caller.team = SLICE("t");
    f.caller.end_user = SLICE("e");
    assert_string_equal(of_caller(&f, "m"), "");
    tear_down(&f);
}

static void all_scopes(void **state)
{
    struct fixture f;
    const struct model_limit models[] = {{SLICE("m"), {8, LIMIT_NONE, LIMIT_NONE}}};
    (void)state;
    set_up(&f, MODEL "litellm_settings: {rpm: 1000, tpm: 2000}\n"
                     "general_settings: {max_parallel_requests: 9}\n");
    f.caller.key = SLICE("k");
    f.caller.of_key = (struct limit_set){1, 2, LIMIT_NONE};
    assert_string_equal(of_caller(&f, "m"),
                        "rpm:60:api_key:k=1 parallel:30:api_key:k=9 tpm:60:api_key:k=2 "
                        "rpm:60:model_per_key:k:m=7 rpm:60:global:all=1000 tpm:60:global:all=2000");
    f.caller.of_key.parallel = 4; /* its own */
    f.caller.of_key_models = (struct model_limits){models, 1};
    f.caller.user = SLICE("u");
    f.caller.of_user.rpm = 10;
    f.caller.team = SLICE("t");
    f.caller.of_team.parallel = 11;
    f.caller.of_team_models = f.caller.of_key_models;
    f.caller.of_member.rpm = 12;
    f.caller.end_user = SLICE("e");
    f.caller.of_end_user.tpm = 13;
    assert_string_equal(
        of_caller(&f, "m"),
        "rpm:60:api_key:k=1 parallel:30:api_key:k=4 tpm:60:api_key:k=2 rpm:60:model_per_key:k:m=8 "
        "rpm:60:user:u=10 parallel:30:team:t=11 rpm:60:model_per_team:t:m=8 "
        "rpm:60:team_member:t:u=12 tpm:60:end_user:e=13 rpm:60:global:all=1000 "
        "tpm:60:global:all=2000");
    tear_down(&f);
}

static void of_deployments(void **state)
{
    struct fixture f;
    char expected[200];
    (void)state;
    set_up(&f, MODEL "router_settings: {optional_pre_call_checks: [enforce_model_rate_limits], "
                     "model_group_limits: {m: {max_parallel_requests: 2}}}\n");
    snprintf(expected, sizeof(expected),
             "rpm:60:deployment:%s=6 tpm:60:deployment:%s=60 parallel:30:model_group:m=2",
             f.c->deployments[0].id, f.c->deployments[0].id);
    assert_string_equal(of_deployment(&f), expected);
    tear_down(&f);
}

/* Where processes share a Redis they share places too. */
static void places(void **state)
{
    struct fixture f;
    char expected[200];
    (void)state;
    set_up(&f, MODEL "router_settings: {default_max_parallel_requests: 8, redis_url: "
                     "'redis://127.0.0.1:1'}\n");
    snprintf(expected, sizeof(expected), "parallel:30:deployment:%s=8", f.c->deployments[0].id);
    assert_string_equal(of_deployment(&f), expected);
    tear_down(&f);
    set_up(&f, MODEL "router_settings: {default_max_parallel_requests: 8}\n");
    assert_string_equal(of_deployment(&f), "");
    tear_down(&f);
}

static void long_names(void **state)
{
    struct fixture f;
    char a[1000], b[1000];
    (void)state;
    memset(a, 'x', sizeof(a));
    memcpy(b, a, sizeof(b));
    b[999] = 'y';
    set_up(&f, MODEL);
    f.caller.of_end_user.rpm = 1;
    f.caller.end_user = slice_make(a, sizeof(a));
    of_caller(&f, "m");
    struct slice key = f.limits.asks[0].key;
    f.caller.end_user = slice_make(b, sizeof(b));
    of_caller(&f, "m");
    assert_false(slice_eq(key, f.limits.asks[0].key));
    assert_true(key.n <= SHARED_NAME_MAX);
    tear_down(&f);
}

/* ---- tokens -------------------------------------------------------------------------------- */

struct tokens {
    int64_t limit, prompt, max_tokens;
    int64_t total, input, output; /* reserved, by type */
};

static const struct tokens tokens[] = {
    {10000, 4, -1, 1028, 4, 1024}, /* LiteLLM's own figures: 8972 of 10000 left */
    {1000, 4, -1, 254, 4, 250},    /* and 746 of 1000 */
    {1000, 100, 50, 150, 100, 50},
    {1000, 100, 5000, 1000, 100, 1000}, /* waits for an empty window */
    {1000, 2000, 0, 1000, 1000, 0},
    {0, 5, 5, 0, 0, 0},
};

static int64_t reserved(struct fixture *f, const struct tokens *t, enum limit_tokens kind)
{
    f->caller.key = SLICE("k");
    f->caller.of_key.tpm = t->limit;
    of_caller(f, "unknown");
    limits_set_tokens(&f->limits, kind, t->prompt, t->max_tokens);
    return f->limits.asks[0].units;
}

static void reserving(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, MODEL);
    for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
        assert_int_equal(reserved(&f, &tokens[i], TOKENS_TOTAL), tokens[i].total);
        assert_int_equal(reserved(&f, &tokens[i], TOKENS_INPUT), tokens[i].input);
        assert_int_equal(reserved(&f, &tokens[i], TOKENS_OUTPUT), tokens[i].output);
    }
    tear_down(&f);
}

static void settling(void **state)
{
    const struct limit_used used = {.tokens = 120};
    struct fixture f;
    (void)state;
    set_up(&f, MODEL);
    f.caller.key = SLICE("k");
    f.caller.of_key = (struct limit_set){5, 1000, 3};
    of_caller(&f, "unknown");
    assert_true(f.limits.tokens);
    limits_set_tokens(&f.limits, TOKENS_TOTAL, 100, 50);
    limits_set_used(&f.limits, &used, true);
    assert_int_equal(f.limits.asks[0].units, 0); /* the request stays taken */
    assert_int_equal(f.limits.asks[2].units, -30);
    of_caller(&f, "unknown");
    limits_set_tokens(&f.limits, TOKENS_TOTAL, 100, 50);
    limits_set_used(&f.limits, &used, false);
    assert_int_equal(f.limits.asks[0].units, -1);
    assert_int_equal(f.limits.asks[2].units, -150);
    tear_down(&f);
}

/* Of the prompt and the answer by themselves, and what is spent. */
static void budgets(void **state)
{
    static const char text[] =
        "model_list: [{model_name: m, litellm_params: {model: bedrock/x.y, aws_region_name: r, "
        "itpm: 100, otpm: 50, max_budget: 2, budget_duration: 1d}, model_info: {id: d}}]\n"
        "router_settings: {optional_pre_call_checks: [enforce_model_rate_limits], "
        "provider_budget_config: {bedrock: {budget_limit: 1.0e-12, time_period: 1h}}}\n";
    const struct limit_used used = {.tokens = 90, .input = 70, .output = 20, .spend = 5};
    struct fixture f;
    (void)state;
    set_up(&f, text);
    assert_string_equal(of_deployment(&f), "itpm:60:deployment:d=100 otpm:60:deployment:d=50 "
                                           "usd:86400:deployment:d=2000000000 "
                                           "usd:3600:provider:bedrock=1");
    assert_true(f.limits.tokens && f.limits.spend);
    limits_set_tokens(&f.limits, TOKENS_TOTAL, 80, 30);
    assert_int_equal(f.limits.asks[0].units, 80);
    assert_int_equal(f.limits.asks[1].units, 30);
    assert_int_equal(f.limits.asks[2].units, 0);
    limits_set_used(&f.limits, &used, true);
    assert_int_equal(f.limits.asks[0].units, -10);
    assert_int_equal(f.limits.asks[1].units, -10);
    assert_int_equal(f.limits.asks[2].units, 5);
    assert_int_equal(f.limits.asks[3].units, 5);
    limits_of_provider(&f.limits, f.c, &f.a);
    assert_int_equal(f.limits.n, 1);
    assert_int_equal(f.limits.asks[0].limit, LIMIT_NONE);
    tear_down(&f);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool check(struct fixture *f, const char *key, struct failure *failure)
{
    char value[64];
    snprintf(value, sizeof(value), "Bearer %s", key);
    struct http_header h = {SLICE("authorization"), slice_of(value)};
    struct http_head head = {.headers = {&h, *key ? 1 : 0}};
    *failure = (struct failure){0};
    caller_init(&f->caller, &f->a);
    return auth_check(f->c, &head, &f->caller, &f->a, failure);
}

static void callers(void **state)
{
    struct fixture f;
    struct failure failure;
    (void)state;
    set_up(&f, MODEL "general_settings: {master_key: sk-master, api_keys: [{key: sk-a, models: "
                     "[m], key_alias: a, rpm: 3}]}\n");
    assert_true(check(&f, "sk-master", &failure) && f.caller.master);
    assert_string_equal(f.caller.key.p, f.c->master_hash);
    assert_true(auth_check_model(&f.caller, f.c, SLICE("any"), &f.a, &failure));
    assert_true(check(&f, "sk-a", &failure) && !f.caller.master);
    assert_int_equal(f.caller.of_key.rpm, 3);
    assert_true(slice_eq(f.caller.alias, SLICE("a")) && f.caller.key.n == 64);
    assert_true(auth_check_model(&f.caller, f.c, SLICE("m"), &f.a, &failure));
    assert_false(auth_check_model(&f.caller, f.c, SLICE("n"), &f.a, &failure));
    assert_int_equal(failure.status, 403);
    assert_string_equal(failure.type, "key_model_access_denied");
    assert_false(check(&f, "sk-b", &failure));
    assert_int_equal(failure.status, 401);
    assert_false(check(&f, "", &failure));
    tear_down(&f);
    set_up(&f, MODEL "general_settings: {api_keys: [{key: sk-a}]}\n"); /* keys, but no master */
    assert_false(check(&f, "", &failure));
    assert_true(check(&f, "sk-a", &failure) && !f.caller.master);
    tear_down(&f);
    set_up(&f, MODEL);
    assert_true(check(&f, "", &failure) && f.caller.master && !f.caller.key.n);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing),  cmocka_unit_test(all_scopes), cmocka_unit_test(of_deployments),
        cmocka_unit_test(places),   cmocka_unit_test(long_names), cmocka_unit_test(reserving),
        cmocka_unit_test(settling), cmocka_unit_test(budgets),    cmocka_unit_test(callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
