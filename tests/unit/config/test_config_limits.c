/* Limits and fixed keys of a configuration. */

#include "check.h"
#include "world.h"

#include "config/limits.h"
#include "wire/crypto.h"

#define MODEL                                                                                      \
    "model_list: [{model_name: m, litellm_params: {model: bedrock/x.y, aws_region_name: r, "       \
    "default_api_key_rpm_limit: 7}}, {model_name: m, litellm_params: {model: bedrock/x.y, "        \
    "aws_region_name: s, default_api_key_rpm_limit: 9, default_api_key_tpm_limit: 90}}]\n"

static struct config *load(const char *text)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(&w, text);
    assert_string_equal(world_problems(c), "");
    return c;
}

static void assert_limits(const struct limit_set *s, int64_t rpm, int64_t tpm, int64_t parallel)
{
    assert_int_equal(s->rpm, rpm);
    assert_int_equal(s->tpm, tpm);
    assert_int_equal(s->parallel, parallel);
}

static void of_all(void **state)
{
    struct config *c = load(MODEL "litellm_settings: {rpm: 1000, tpm: 100000, "
                                  "max_parallel_requests: 100}\n"
                                  "general_settings: {global_max_parallel_requests: 50, "
                                  "max_parallel_requests: 5, token_rate_limit_type: output}\n");
    (void)state;
    assert_limits(&c->limits, 1000, 100000, 50); /* the lower one */
    assert_int_equal(c->parallel_per_key, 5);
    assert_int_equal(c->settings.limit_tokens, TOKENS_OUTPUT);
    assert_int_equal(c->settings.limit_window, 60);
    config_unref(c);
    c = load(MODEL);
    assert_limits(&c->limits, LIMIT_NONE, LIMIT_NONE, LIMIT_NONE);
    assert_int_equal(c->parallel_per_key, LIMIT_NONE);
    assert_int_equal(c->settings.limit_tokens, TOKENS_TOTAL);
    config_unref(c);
}

static void of_groups(void **state)
{
    struct config *c = load(MODEL "router_settings: {model_group_limits: {m: {rpm: 0, "
                                  "max_parallel_requests: 3}}}\n");
    const struct pool *pool = map_get(&c->pools.by_name, SLICE("m"));
    (void)state;
    assert_limits(&pool->limits, 0, LIMIT_NONE, 3);
    assert_limits(&pool->per_key, 7, 90, LIMIT_NONE); /* the first that says something */
    config_unref(c);
}

static void window(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    world_env(&w, "LITELLM_RATE_LIMIT_WINDOW_SIZE", "2");
    struct config *c = world_load(&w, MODEL);
    assert_int_equal(c->settings.limit_window, 2);
    config_unref(c);
    world_env(&w, "LITELLM_RATE_LIMIT_WINDOW_SIZE", "0");
    world_expect(&w, MODEL,
                 "E0 LITELLM_RATE_LIMIT_WINDOW_SIZE: expected a number from 1 to 86400\n");
}

static const struct fixed_key *find(const struct config *c, const char *key)
{
    uint8_t digest[SHA256_SIZE];
    char hash[KEY_HASH_SIZE];
    sha256(slice_of(key), digest);
    hex_encode(digest, sizeof(digest), hash);
    return map_get(&c->keys, slice_of(hash));
}

static void keys(void **state)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(
        &w, MODEL "general_settings:\n"
                  "  master_key: sk-master\n"
                  "  api_keys:\n"
                  "    - {key: sk-a, spend_limit: 100, models: [m, 'claude-*'], key_alias: a}\n"
                  "    - {key: sk-b, rpm: 5, tpm_limit: 50, max_parallel_requests: 2, user_id: u, "
                  "team_id: t,\n"
                  "       model_rpm_limit: {m: 3, n: 4}, model_tpm_limit: {m: 30}}\n");
    const struct fixed_key *a = find(c, "sk-a"), *b = find(c, "sk-b");
    (void)state;
    assert_string_equal(world_problems(c), "");
    assert_true(a && b && !find(c, "sk-master") && !find(c, "sk-"));
    assert_string_equal(c->master_hash,
                        "3b69a285cbd23f85131f55dfcac89d7d58835845072500d7d408898ad9c39e93");
    assert_float_equal(a->spend_limit, 100, 0);
    assert_true(models_allow(a->models, a->model_count, SLICE("claude-x")));
    assert_true(models_allow(a->models, a->model_count, SLICE("m")));
    assert_false(models_allow(a->models, a->model_count, SLICE("mm")));
    assert_true(models_allow(b->models, b->model_count, SLICE("anything")));
    assert_limits(&a->limits, LIMIT_NONE, LIMIT_NONE, LIMIT_NONE);
    assert_limits(&b->limits, 5, 50, 2);
    assert_limits(model_limits_find(&b->model_limits, SLICE("m")), 3, 30, LIMIT_NONE);
    assert_limits(model_limits_find(&b->model_limits, SLICE("n")), 4, LIMIT_NONE, LIMIT_NONE);
    assert_null(model_limits_find(&b->model_limits, SLICE("o")));
    assert_true(b->spend_limit < 0 && slice_eq(b->user, SLICE("u")) &&
                slice_eq(b->team, SLICE("t")));
    config_unref(c);
}

static void problems(void **state)
{
    static const struct {
        const char *text, *problems;
    } rows[] = {
        {MODEL "general_settings: {api_keys: [x, {models: []}, {key: ''}]}\n",
         "E2 general_settings.api_keys[0]: expected a map with a key: {key: sk-…, models: […]}\n"
         "E2 general_settings.api_keys[1]: expected a map with a key: {key: sk-…, models: […]}\n"
         "E2 general_settings.api_keys[2]: expected a map with a key: {key: sk-…, models: […]}\n"},
        {MODEL "general_settings: {master_key: k, api_keys: [{key: k}, {key: l}, {key: l}]}\n",
         "E2 general_settings.api_keys[0]: this key is the master key\n"
         "E2 general_settings.api_keys[2]: this key stands in the list twice\n"},
        {MODEL "general_settings: {api_keys: [{key: k, rpm: x, models: m, model_rpm_limit: {m: "
               "-1}, spend: 1}]}\n",
         "W2 general_settings.api_keys[0].spend: unknown option, ignored\n"
         "E2 general_settings.api_keys[0].rpm: expected a number from 0 to 10000000000\n"
         "E2 general_settings.api_keys[0].models: expected a list of model names\n"
         "E2 general_settings.api_keys[0].model_rpm_limit.m: expected a number from 0 to "
         "10000000000\n"},
        {MODEL "router_settings: {model_group_limits: {m: 5, n: {rpm: 1}}}\n",
         "E2 router_settings.model_group_limits.m: expected {rpm, tpm, max_parallel_requests}\n"
         "W2 router_settings.model_group_limits.n: is no group of model_list\n"},
        {MODEL "general_settings: {token_rate_limit_type: both}\n",
         "E2 general_settings.token_rate_limit_type: expected total, input or output\n"},
        {MODEL "router_settings: {provider_budget_config: {bedrock: {budget_limit: 1, time_period: "
               "0d}, openai: {}}}\n",
         "E2 router_settings.provider_budget_config.bedrock.time_period: expected a duration such "
         "as 30d\n"
         "W2 router_settings.provider_budget_config.openai: has no effect: only bedrock is "
         "called\n"},
        {MODEL "router_settings: {provider_budget_config: {bedrock: {budget_limit: 1, time_period: "
               "1000000s}}}\n",
         ""},
        {"model_list: [{model_name: m, litellm_params: {model: bedrock/x.y, aws_region_name: r, "
         "max_budget: 5}}]\n",
         "W1 model_list[0].litellm_params.budget_duration: is missing: a budget without a period "
         "has no effect\n"},
        {"model_list: [{model_name: m, litellm_params: {model: bedrock/x.y, aws_region_name: r, "
         "timeout_by_service_tier: {flex: 0}}}]\n",
         "E1 model_list[0].litellm_params.timeout_by_service_tier.flex: expected a number of "
         "seconds up to 4000000\n"},
        {MODEL "litellm_settings: {rpm: -1}\n",
         "E2 litellm_settings.rpm: expected a number from 0 to 10000000000\n"},
    };
    struct world w;
    (void)state;
    world_init(&w);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        world_expect(&w, rows[i].text, rows[i].problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_all), cmocka_unit_test(of_groups), cmocka_unit_test(window),
        cmocka_unit_test(keys),   cmocka_unit_test(problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
