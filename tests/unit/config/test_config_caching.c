#include "check.h"
#include "world.h"

#define MODEL                                                                                      \
    "model_list: [{model_name: m, litellm_params: {model: bedrock/a.b, aws_region_name: r}}]\n"

static void test_values(void **state)
{
    static const struct {
        const char *text;
        struct caching c;
    } rows[] = {
        {"", {.calls = CACHING_ALL, .ttl = 600, .shared = true}},
        {"litellm_settings: {cache: true}\n",
         {.on = true, .calls = CACHING_ALL, .ttl = 600, .shared = true}},
        {"router_settings: {cache_responses: true, cache_kwargs: {ttl: 9}}\n",
         {.on = true, .calls = CACHING_ALL, .ttl = 9, .shared = true}},
        {"litellm_settings: {cache: false}\nrouter_settings: {cache_responses: true}\n",
         {.calls = CACHING_ALL, .ttl = 600, .shared = true}},
        {"litellm_settings: {cache: true, default_in_memory_ttl: 5, cache_params: {type: local}}\n",
         {.on = true, .calls = CACHING_ALL, .ttl = 5}},
        {"litellm_settings: {cache_params: {type: local, ttl: 7, default_in_memory_ttl: 8,\n"
         "  default_in_redis_ttl: 9}}\n",
         {.calls = CACHING_ALL, .ttl = 8}},
        {"litellm_settings: {default_redis_ttl: 4, cache_params: {type: redis, host: h}}\n",
         {.calls = CACHING_ALL, .ttl = 4, .shared = true}},
        {"litellm_settings: {cache_params: {type: redis, host: h, ttl: 7,\n"
         "  default_in_redis_ttl: 9}}\n",
         {.calls = CACHING_ALL, .ttl = 9, .shared = true}},
        {"litellm_settings: {cache_params: {mode: default_off, scope: all,\n"
         "  supported_call_types: [acompletion, embedding, atext_completion]}}\n",
         {.calls = CACHING_CHAT | CACHING_EMBEDDINGS | CACHING_COMPLETIONS,
          .ttl = 600,
          .shared = true,
          .opt_in = true,
          .scope = CACHING_FOR_ALL}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world w;
        char text[1000];
        world_init(&w);
        snprintf(text, sizeof(text), MODEL "%s", rows[i].text);
        struct config *config = world_load(&w, text);
        const struct caching *c = &config->settings.caching, *e = &rows[i].c;
        if (*world_problems(config))
            fail_msg("%s%s", text, world_problems(config));
        if (c->on != e->on || c->shared != e->shared || c->opt_in != e->opt_in ||
            c->calls != e->calls || c->scope != e->scope || c->ttl < e->ttl || c->ttl > e->ttl)
            fail_msg("%s", text);
        assert_true(c->single_flight);
        assert_int_equal(c->size_mb, 64);
        assert_int_equal(c->entry_kb, 1024);
        config_unref(config);
    }
}

static void test_more_values(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct config *config = world_load(
        &w, MODEL "litellm_settings: {cache_params: {namespace: ns, single_flight: false,\n"
                  "  max_size_mb: 5, max_entry_kb: 6}}\n"
                  "router_settings: {caching_groups: [[a, b], [c]]}\n");
    const struct caching *c = &config->settings.caching;
    assert_string_equal(world_problems(config), "");
    assert_string_equal(c->name_space, "ns");
    assert_false(c->single_flight);
    assert_int_equal(c->size_mb, 5);
    assert_int_equal(c->entry_kb, 6);
    assert_string_equal(world_json(c->groups), "[[\"a\",\"b\"],[\"c\"]]");
    config_unref(config);
}

static void test_problems(void **state)
{
    static const char *const rows[][2] = {
        {"litellm_settings: {cache_params: {type: memory}}\n",
         "E2 litellm_settings.cache_params.type: expected local or redis\n"},
        {"litellm_settings: {cache_params: {type: s3}}\n",
         "W2 litellm_settings.cache_params.type: is not supported: answers are kept in memory, for "
         "equal requests\n"},
        {"litellm_settings: {cache_params: {mode: on_demand}}\n",
         "E2 litellm_settings.cache_params.mode: expected default_on or default_off\n"},
        {"litellm_settings: {cache_params: {scope: planet}}\n",
         "E2 litellm_settings.cache_params.scope: expected key, team or all\n"},
        {"litellm_settings: {cache_params: {ttl: -1}}\n",
         "E2 litellm_settings.cache_params.ttl: expected a number from 0 to 4000000\n"},
        {"litellm_settings: {cache_params: {max_size_mb: 0}}\n",
         "E2 litellm_settings.cache_params.max_size_mb: expected a number from 1 to 65536\n"},
        {"litellm_settings: {cache_params: {supported_call_types: [completion, arerank]}}\n",
         "W2 litellm_settings.cache_params.supported_call_types[1]: no such calls are cached: "
         "completion, text_completion, embedding, anthropic_messages and responses are\n"},
        {"router_settings: {caching_groups: [a, b]}\n",
         "E2 router_settings.caching_groups[0]: expected a list of model groups\n"
         "E2 router_settings.caching_groups[1]: expected a list of model groups\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world w;
        char text[1000];
        world_init(&w);
        snprintf(text, sizeof(text), MODEL "%s", rows[i][0]);
        world_expect(&w, text, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_more_values),
        cmocka_unit_test(test_problems),
    };
    return cmocka_run_group_tests_name("config/caching", tests, NULL, NULL);
}
