/* Facts about models: which row an id finds, what is read off it, what an answer costs. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"
#include "provider/models.h"

static struct model_table *table;
static struct arena arena;

static const struct model *find(const char *id, const char *region, const char *own)
{
    yyjson_val *row = own ? json_parse(slice_of(own), &arena, NULL) : NULL;
    return models_find(table, slice_of(id), slice_of(region), row, &arena);
}

static int set_up(void **state)
{
    arena_init(&arena);
    table = model_table_new(slice_make(NULL, 0), NULL);
    return table ? 0 : -1;
}

static int tear_down(void **state)
{
    model_table_free(table);
    arena_fini(&arena);
    return 0;
}

static void assert_price(double got, double expected)
{
    assert_true(fabs(got - expected) < 1e-12);
}

static void ids_find_their_row(void **state)
{
    static const struct {
        const char *id;
        enum model_family family;
        enum model_thinking thinking;
        bool known;
    } rows[] = {
        {"anthropic.claude-3-7-sonnet-20250219-v1:0", FAMILY_CLAUDE, THINKING_BUDGET, true},
        {"us.anthropic.claude-3-7-sonnet-20250219-v1:0", FAMILY_CLAUDE, THINKING_BUDGET, true},
        {"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-4-7", FAMILY_CLAUDE,
         THINKING_ADAPTIVE, true},
        {"global.anthropic.claude-sonnet-4-6", FAMILY_CLAUDE, THINKING_ADAPTIVE_BUDGET, true},
        {"anthropic.claude-sonnet-4-6-20260101-v1:0", FAMILY_CLAUDE, THINKING_ADAPTIVE_BUDGET,
         true},
        {"amazon.nova-pro-v1:0", FAMILY_NOVA, THINKING_NONE, true},
        {"us.amazon.titan-text-express-v1", FAMILY_TITAN, THINKING_NONE, true},
        {"meta.llama3-1-70b-instruct-v1:0", FAMILY_LLAMA, THINKING_NONE, true},
        /* An unknown one is as the newest of its line; a longer version is not the shorter one. */
        {"anthropic.claude-opus-9", FAMILY_CLAUDE, THINKING_ALWAYS, false},
        {"anthropic.claude-opus-5-7", FAMILY_CLAUDE, THINKING_ALWAYS, false},
        {"anthropic.claude-haiku-7-20270101-v1:0", FAMILY_CLAUDE, THINKING_ADAPTIVE, false},
        {"anthropic.claude-saga-6", FAMILY_CLAUDE, THINKING_ADAPTIVE, false},
        {"anthropic.claude-3-haiku-20240307-v1:0", FAMILY_CLAUDE, THINKING_NONE, false},
        {"acme.model-1", FAMILY_OTHER, THINKING_NONE, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct model *m = find(rows[i].id, "us-east-1", NULL);
        assert_int_equal(m->family, rows[i].family);
        assert_int_equal(m->thinking, rows[i].thinking);
        assert_int_equal(m->known, rows[i].known);
    }
}

static void capabilities_are_read(void **state)
{
    const struct model *sonnet =
        find("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "us-east-1", NULL);
    const struct model *opus = find("anthropic.claude-opus-5-5", "us-east-1", NULL);
    const struct model *other = find("acme.model-1", "us-east-1", NULL);
    assert_int_equal(sonnet->max_input_tokens, 200000);
    assert_true(sonnet->sampling && sonnet->prefill && sonnet->forced_tool && sonnet->prompt_cache);
    assert_false(sonnet->cache_ttl || sonnet->native_json_schema);
    assert_false(opus->sampling || opus->prefill || opus->forced_tool);
    assert_int_equal(opus->cache_min_tokens, 512);
    assert_false(find("anthropic.claude-opus-9", "us-east-1", NULL)->has_prices);
    assert_true(other->tools && other->vision && !other->has_prices && !other->prompt_cache);
}

static void prices_follow_geography_and_deployment(void **state)
{
    const struct model *bare = find("anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1", NULL);
    const struct model *eu =
        find("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu-west-1", NULL);
    const struct model *own =
        find("anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1",
             "{\"input_cost_per_token\":0.001,\"output_cost_per_token\":0.002}");
    assert_price(bare->prices.input, 3e-6);
    assert_price(eu->prices.input, 3.3e-6);
    assert_price(own->prices.input, 0.001);
    assert_price(own->prices.output, 0.002);
    assert_price(bare->prices.cache_write_1h, 6e-6);
}

static void cost_sums_the_parts(void **state)
{
    const struct model *m = find("anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1", NULL);
    struct llm_usage u = {.input = 1000,
                          .output = 100,
                          .cache_read = 10000,
                          .cache_write = 300,
                          .cache_write_1h = 100};
    struct model_cost c = model_cost(m, &u, SLICE(""));
    assert_price(c.input, 0.003);
    assert_price(c.output, 0.0015);
    assert_price(c.cache_read, 0.003);
    assert_price(c.cache_write, 200 * 3.75e-6 + 100 * 6e-6);
    assert_price(c.total, c.input + c.output + c.cache_read + c.cache_write);
}

static void long_prompts_have_their_own_price(void **state)
{
    const struct model *m = find("acme.model-1", "us-east-1",
                                 "{\"input_cost_per_token\":1e-6,\"output_cost_per_token\":2e-6,"
                                 "\"input_cost_per_token_above_200k_tokens\":3e-6,"
                                 "\"output_cost_per_token_above_200k_tokens\":4e-6}");
    struct llm_usage at = {.input = 200000, .output = 1}, above = {.input = 200001, .output = 1};
    assert_int_equal(m->long_prompt_tokens, 200000);
    assert_price(model_cost(m, &at, SLICE("default")).total, 200000 * 1e-6 + 2e-6);
    assert_price(model_cost(m, &above, SLICE("")).total, 200001 * 3e-6 + 4e-6);
}

static void tiers_have_their_own_prices(void **state)
{
    const struct model *m = find("acme.model-1", "us-east-1",
                                 "{\"input_cost_per_token\":1e-6,\"output_cost_per_token\":2e-6,"
                                 "\"input_cost_per_token_flex\":5e-7,"
                                 "\"output_cost_per_token_flex\":1e-6}");
    struct llm_usage u = {.input = 1000, .output = 10};
    assert_price(model_cost(m, &u, SLICE("flex")).total, 1000 * 5e-7 + 10 * 1e-6);
    assert_price(model_cost(m, &u, SLICE("priority")).total, 1000 * 1e-6 + 10 * 2e-6);
}

static void beta_flags_by_api(void **state)
{
    const struct model *m = find("anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1",
                                 "{\"supported_betas\":[\"own-2026-01-01\"]}");
    assert_true(model_takes_beta(m, SLICE("context-1m-2025-08-07"), SLICE("converse")));
    assert_true(model_takes_beta(m, SLICE("compact-2026-01-12"), SLICE("invoke")));
    assert_false(model_takes_beta(m, SLICE("compact-2026-01-12"), SLICE("converse")));
    assert_false(model_takes_beta(m, SLICE("claude-code-20250219"), SLICE("invoke")));
    assert_true(model_takes_beta(m, SLICE("own-2026-01-01"), SLICE("converse")));
}

static void beta_flags_by_model(void **state)
{
    const struct slice flag = SLICE("interleaved-thinking-2025-05-14");
    const struct model *m = find("us.anthropic.claude-opus-4-20250514-v1:0", "us-east-1", NULL);
    assert_true(model_takes_beta(m, flag, SLICE("converse")));
    assert_true(model_takes_beta(m, flag, SLICE("invoke")));
    m = find("anthropic.claude-3-7-sonnet-20250219-v1:0", "us-east-1", NULL);
    assert_false(model_takes_beta(m, flag, SLICE("invoke")));
}

static void an_overlay_wins_over_the_table(void **state)
{
    struct json_error error;
    struct slice text =
        SLICE("{\"anthropic.claude-3-5-haiku-20241022-v1:0\":{\"max_input_tokens\":7}}");
    struct model_table *t = model_table_new(text, &error);
    assert_non_null(t);
    const struct model *m = models_find(t, SLICE("anthropic.claude-3-5-haiku-20241022-v1:0"),
                                        SLICE("us-east-1"), NULL, &arena);
    assert_int_equal(m->max_input_tokens, 7);
    assert_price(m->prices.input, 8e-7);
    model_table_free(t);
    assert_null(model_table_new(SLICE("[1]"), &error));
    assert_null(model_table_new(SLICE("{"), &error));
}

/* LiteLLM's map has a row for each profile, and for what holds in one region. */
static void an_overlay_may_name_profiles_and_regions(void **state)
{
    static const struct {
        const char *id, *region;
        int64_t tokens;
    } rows[] = {
        {"anthropic.claude-saga-1", "us-east-1", 1},
        {"eu.anthropic.claude-saga-1", "us-east-1", 2},
        {"eu.anthropic.claude-saga-1-20270101-v1:0", "us-east-1", 2},
        {"us.anthropic.claude-saga-1", "us-east-1", 1},
        {"us.anthropic.claude-saga-1", "sa-east-1", 3},
        {"arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-saga-1",
         "us-east-1", 2},
    };
    struct model_table *t =
        model_table_new(SLICE("{\"bedrock/sa-east-1/anthropic.claude-saga-1\":"
                              "{\"max_input_tokens\":3},"
                              "\"eu.anthropic.claude-saga-1\":{\"max_input_tokens\":2},"
                              "\"anthropic.claude-saga-1\":{\"max_input_tokens\":1}}"),
                        NULL);
    assert_non_null(t);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct model *m =
            models_find(t, slice_of(rows[i].id), slice_of(rows[i].region), NULL, &arena);
        assert_int_equal(m->max_input_tokens, rows[i].tokens);
        assert_true(m->known);
    }
    model_table_free(t);
}

static void the_price_of_a_profile_holds_for_its_arn(void **state)
{
    const struct model *m = find("arn:aws:bedrock:eu-west-1:123456789012:inference-profile/"
                                 "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
                                 "eu-west-1", NULL);
    assert_price(m->prices.input, 3.3e-6);
}

static void an_heir_is_told_from_a_forebear(void **state)
{
    assert_true(find("anthropic.claude-opus-9", "us-east-1", NULL)->heir);
    assert_true(find("anthropic.claude-saga-6", "us-east-1", NULL)->heir);
    assert_false(find("anthropic.claude-3-haiku-20240307-v1:0", "us-east-1", NULL)->heir);
    assert_false(find("anthropic.claude-v2:1", "us-east-1", NULL)->heir);
    assert_false(find("anthropic.claude-opus-4-7", "us-east-1", NULL)->heir);
    assert_false(find("acme.model-1", "us-east-1", NULL)->heir);
}

/* An own price says nothing of what a model can do. */
static void a_price_keeps_the_inheritance(void **state)
{
    const struct model *plain = find("anthropic.claude-opus-9", "us-east-1", NULL);
    const struct model *priced =
        find("anthropic.claude-opus-9", "us-east-1", "{\"input_cost_per_token\":2}");
    const struct model *profile =
        find("arn:aws:bedrock:us-east-1:1:application-inference-profile/x", "us-east-1",
             "{\"input_cost_per_token\":2}");
    double price = 0;
    assert_false(plain->has_prices);
    assert_true(priced->has_prices && priced->heir);
    assert_price(priced->prices.input, 2);
    assert_price(priced->prices.cache_read, 0.2); /* not the relative's */
    assert_int_equal(priced->thinking, plain->thinking);
    assert_int_equal(priced->tools, plain->tools);
    assert_true(profile->tools && profile->vision && profile->has_prices);
    assert_non_null(model_fact(priced, "max_output_tokens"));
    assert_null(model_fact(priced, "output_cost_per_token"));
    assert_true(json_double(model_fact(priced, "input_cost_per_token"), &price));
    assert_null(model_fact(find("anthropic.claude-3-haiku-20240307-v1:0", "us-east-1", NULL),
                           "max_output_tokens"));
}

static void count_fact(void *ctx, struct slice name, yyjson_val *value)
{
    map_put(ctx, name, value);
}

static void each_fact_once_more_specific_last(void **state)
{
    struct map facts;
    double price = 0;
    map_init(&facts);
    model_each_fact(find("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu-west-1",
                         "{\"output_cost_per_token\":7}"),
                    count_fact, &facts);
    assert_true(json_double(map_get(&facts, SLICE("input_cost_per_token")), &price));
    assert_price(price, 3.3e-6);
    assert_true(json_double(map_get(&facts, SLICE("output_cost_per_token")), &price));
    assert_price(price, 7);
    map_fini(&facts);
}

static void facts_have_names(void **state)
{
    const struct model *m = find("us.amazon.nova-2-lite-v1:0", "us-east-1",
                                 "{\"tier\":\"free\",\"supports_vision\":null}");
    double price = 0;
    assert_true(json_double(model_fact(m, "output_cost_per_token_flex"), &price));
    assert_price(price, 1.375e-6);
    assert_true(slice_eq(json_slice(model_fact(m, "tier")), SLICE("free")));
    assert_null(model_fact(m, "supports_vision"));
    assert_null(model_fact(m, "no_such_fact"));
}

static void note_id(void *ctx, struct slice id)
{
    map_put(ctx, arena_dup(&arena, id), ctx);
}

static void ids_are_listed(void **state)
{
    static const char *const there[] = {
        "anthropic.claude-3-5-haiku-20241022-v1:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.anthropic.claude-mythos-5",
        "eu.acme.one",
        "acme.two",
    };
    static const char *const absent[] = {
        "anthropic.claude-mythos-5", /* sold as a profile only */
        "gpt-4o",
        "vertex/one",
        "sample_spec",
        "bedrock/us-east-1/acme.two",
    };
    struct map ids;
    struct model_table *t = model_table_new(
        SLICE("{\"eu.acme.one\":{},\"acme.two\":{\"litellm_provider\":\"bedrock_converse\"},"
              "\"gpt-4o\":{\"litellm_provider\":\"openai\"},\"vertex/one\":{},"
              "\"bedrock/us-east-1/acme.two\":{},\"sample_spec\":5,"
              "\"us.anthropic.claude-mythos-5\":{}}"),
        NULL);
    size_t count = 0;
    map_init(&ids);
    assert_non_null(t);
    models_each_id(table, note_id, &ids);
    count = ids.count;
    models_each_id(t, note_id, &ids);
    assert_int_equal(ids.count, count + 2);
    for (size_t i = 0; i < sizeof(there) / sizeof(*there); i++)
        assert_non_null(map_get(&ids, slice_of(there[i])));
    for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++)
        assert_null(map_get(&ids, slice_of(absent[i])));
    map_fini(&ids);
    model_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_find_their_row),
        cmocka_unit_test(capabilities_are_read),
        cmocka_unit_test(prices_follow_geography_and_deployment),
        cmocka_unit_test(cost_sums_the_parts),
        cmocka_unit_test(long_prompts_have_their_own_price),
        cmocka_unit_test(tiers_have_their_own_prices),
        cmocka_unit_test(beta_flags_by_api),
        cmocka_unit_test(beta_flags_by_model),
        cmocka_unit_test(an_overlay_wins_over_the_table),
        cmocka_unit_test(an_overlay_may_name_profiles_and_regions),
        cmocka_unit_test(the_price_of_a_profile_holds_for_its_arn),
        cmocka_unit_test(an_heir_is_told_from_a_forebear),
        cmocka_unit_test(a_price_keeps_the_inheritance),
        cmocka_unit_test(each_fact_once_more_specific_last),
        cmocka_unit_test(facts_have_names),
        cmocka_unit_test(ids_are_listed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
