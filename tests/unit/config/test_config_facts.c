/* general_settings.model_facts_file: facts laid over the built-in table, errors at their line. */

#include "check.h"
#include "world.h"

#define CONFIG                                                                                     \
    "general_settings: {model_facts_file: facts.json}\n"                                           \
    "model_list:\n"                                                                                \
    "- {model_name: a, litellm_params: {model: bedrock/acme.one, aws_region_name: r}}\n"           \
    "- model_name: b\n"                                                                            \
    "  litellm_params: {model: bedrock/us.acme.one, aws_region_name: r, output_cost_per_token: "   \
    "7}\n"

static void facts_are_laid_over(void **state)
{
    struct world w;
    world_init(&w);
    world_file(&w, "facts.json",
               "{\n"
               "  \"sample_spec\": {\"max_tokens\": \"what it means\"},\n"
               "  \"gpt-4o\": {\"litellm_provider\": \"openai\", \"max_tokens\": \"many\"},\n"
               "  \"acme.one\": {\"litellm_provider\": \"bedrock_converse\", \"mode\": \"chat\",\n"
               "               \"input_cost_per_token\": 3e-06, \"output_cost_per_token\": \"4\",\n"
               "               \"max_input_tokens\": 1000.0, \"supports_vision\": false,\n"
               "               \"off_peak_pricing\": {\"from\": 1}},\n"
               "  \"us.acme.one\": {\"input_cost_per_token\": 5, \"output_cost_per_token\": 6}\n"
               "}\n");
    struct config *c = world_load(&w, CONFIG);
    const struct model *a = c->deployments[0].facts, *b = c->deployments[1].facts;
    (void)state;
    assert_string_equal(world_problems(c), "");
    assert_true(a->known && a->has_prices && !a->vision);
    assert_float_equal(a->prices.input, 3e-6, 0);
    assert_float_equal(a->prices.output, 4, 0);
    assert_int_equal(a->max_input_tokens, 1000);
    assert_float_equal(b->prices.input, 5, 0);
    assert_float_equal(b->prices.output, 7, 0); /* the deployment's own price wins */
    assert_int_equal(b->max_input_tokens, 1000);
    config_unref(c);
}

/* YAML will do too, and the name is relative to the file that says it. */
static void yaml_beside_an_included_file(void **state)
{
    struct world w;
    world_init(&w);
    world_file(&w, "sub/settings.yaml", "general_settings: {model_facts_file: facts.yaml}\n");
    world_file(&w, "sub/facts.yaml", "acme.one:\n  max_output_tokens: 9\n");
    struct config *c = world_load(&w, "include: [sub/settings.yaml]\n"
                                      "model_list: [{model_name: a, litellm_params: {model: "
                                      "bedrock/acme.one, aws_region_name: r}}]\n");
    (void)state;
    assert_string_equal(world_problems(c), "");
    assert_int_equal(c->deployments[0].facts->max_output_tokens, 9);
    config_unref(c);
}

static void problems_have_a_line(void **state)
{
    static const struct {
        const char *facts, *problems;
    } rows[] = {
        {NULL, "E1 general_settings.model_facts_file: cannot read facts.json: No such file or "
               "directory\n"},
        {"[1]\n",
         "Efacts.json:1 the file must be a map, of sections (model_list …) or of models\n"},
        {"{\n\"acme.one\": 5,\n\"acme.two\": [\n", NULL},
        {"{\n\"acme.one\": 5\n}\n", "Efacts.json:2 acme.one: expected a map, got a number\n"},
        {"{\n\"acme.one\": {\n\"input_cost_per_token\": \"dear\",\n\"max_input_tokens\": [1],\n"
         "\"output_cost_per_token\": -1,\n\"mode\": {},\n\"max_tokens\": null}\n}\n",
         "Efacts.json:3 acme.one.input_cost_per_token: expected a number, got a string\n"
         "Efacts.json:4 acme.one.max_input_tokens: expected a number, got a list\n"
         "Efacts.json:5 acme.one.output_cost_per_token: a price is 0 or more\n"
         "Efacts.json:6 acme.one.mode: expected a string, got a map\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world w;
        world_init(&w);
        if (rows[i].facts)
            world_file(&w, "facts.json", rows[i].facts);
        struct config *c = world_load(&w, CONFIG);
        assert_true(c->errors > 0);
        if (rows[i].problems)
            assert_string_equal(world_problems(c), rows[i].problems);
        else
            assert_memory_equal(world_problems(c), "Efacts.json:4 not valid YAML", 28);
        config_unref(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_laid_over),
        cmocka_unit_test(yaml_beside_an_included_file),
        cmocka_unit_test(problems_have_a_line),
    };
    return cmocka_run_group_tests_name("config_facts", tests, NULL, NULL);
}
