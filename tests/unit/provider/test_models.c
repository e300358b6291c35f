/* Facts about models: which row an id finds, what is read off it, what an answer costs. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
    struct model_cost c = model_cost(m, &u);
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
    assert_price(model_cost(m, &at).total, 200000 * 1e-6 + 2e-6);
    assert_price(model_cost(m, &above).total, 200001 * 3e-6 + 4e-6);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_find_their_row),
        cmocka_unit_test(capabilities_are_read),
        cmocka_unit_test(prices_follow_geography_and_deployment),
        cmocka_unit_test(cost_sums_the_parts),
        cmocka_unit_test(long_prompts_have_their_own_price),
        cmocka_unit_test(an_overlay_wins_over_the_table),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
