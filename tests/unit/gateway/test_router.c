/* Model name → deployment: groups, aliases, wildcards with their route words. */

#include "check.h"
#include "router.h"
#include "world.h"

static struct arena arena;

static struct router_pick look_up(const struct config *c, const char *model)
{
    return router_pick(c, &(struct router_query){.model = slice_of(model)}, &arena);
}

static void check_pick(const struct config *c, const char *model, const char *group, const char *id,
                       enum bedrock_api api)
{
    struct router_pick pick = look_up(c, model);
    assert_true(slice_eq(pick.group, slice_of(group)));
    assert_true(slice_eq(pick.model_id, slice_of(id)));
    assert_int_equal(pick.api, api);
    assert_int_equal(pick.deployment != NULL, group != NULL);
}

static void picks(void **state)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(
        &w, "model_list:\n"
            "- {model_name: plain, litellm_params: {model: bedrock/amazon.nova-pro-v1:0}}\n"
            "- {model_name: own, litellm_params: {model: bedrock/invoke/x.y}}\n"
            "- {model_name: \"claude-*\", litellm_params: {model: bedrock/anthropic.claude-v2}}\n"
            "- {model_name: \"bedrock/*\", litellm_params: {model: \"bedrock/*\"}}\n"
            "- {model_name: \"eu/*\", litellm_params: {model: \"bedrock/converse/eu.*\"}}\n"
            "- {model_name: \"*-v1\", litellm_params: {model: \"bedrock/meta.*-v1:0\"}}\n"
            "router_settings:\n"
            "  model_group_alias: {other: own, hidden: {model: plain, hidden: true},\n"
            "    far: eu/a.b, nowhere: gone}\n");
    (void)state;
    check_pick(c, "plain", "plain", "amazon.nova-pro-v1:0", BEDROCK_AUTO);
    check_pick(c, "own", "own", "x.y", BEDROCK_INVOKE);
    check_pick(c, "other", "own", "x.y", BEDROCK_INVOKE);
    check_pick(c, "hidden", "plain", "amazon.nova-pro-v1:0", BEDROCK_AUTO);
    check_pick(c, "claude-x", "claude-*", "anthropic.claude-v2", BEDROCK_AUTO);
    check_pick(c, "bedrock/a.b", "bedrock/*", "a.b", BEDROCK_AUTO);
    check_pick(c, "bedrock/invoke/a.b", "bedrock/*", "a.b", BEDROCK_INVOKE);
    check_pick(c, "bedrock/converse/a.b", "bedrock/*", "a.b", BEDROCK_CONVERSE);
    check_pick(c, "eu/a.b", "eu/*", "eu.a.b", BEDROCK_CONVERSE);
    check_pick(c, "llama3-v1", "*-v1", "meta.llama3-v1:0", BEDROCK_AUTO);
    check_pick(c, "far", "eu/*", "eu.a.b", BEDROCK_CONVERSE);
    check_pick(c, "nowhere", NULL, NULL, BEDROCK_AUTO);
    check_pick(c, "unknown", NULL, NULL, BEDROCK_AUTO);
    check_pick(c, "eu/*", "eu/*", "eu.*", BEDROCK_CONVERSE); /* its own name */
    config_unref(c);
    arena_fini(&arena);
}

/* The pattern that says most serves, wherever it stands in the file. */
static void precision(void **state)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(
        &w, "model_list:\n"
            "- {model_name: \"*\", litellm_params: {model: \"bedrock/*\"}}\n"
            "- {model_name: \"bedrock/*\", litellm_params: {model: \"bedrock/us.*\"}}\n"
            "- {model_name: \"bedrock/eu/*\", litellm_params: {model: \"bedrock/eu.*\"}}\n"
            "- {model_name: \"bedrock/us/*\", litellm_params: {model: \"bedrock/us.*\"}}\n");
    (void)state;
    check_pick(c, "a.b", "*", "a.b", BEDROCK_AUTO);
    check_pick(c, "bedrock/a.b", "bedrock/*", "us.a.b", BEDROCK_AUTO);
    check_pick(c, "bedrock/eu/a.b", "bedrock/eu/*", "eu.a.b", BEDROCK_AUTO);
    check_pick(c, "bedrock/us/a.b", "bedrock/us/*", "us.a.b", BEDROCK_AUTO);
    config_unref(c);
    arena_fini(&arena);
}

/* What a wildcard calls is known only with the request; so are its facts. */
static void facts(void **state)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(
        &w, "model_list:\n"
            "- {model_name: plain, litellm_params: {model: bedrock/amazon.nova-pro-v1:0}}\n"
            "- model_name: \"eu/*\"\n"
            "  litellm_params: {model: \"bedrock/eu.*\", output_cost_per_token: 0.5}\n");
    (void)state;
    struct router_pick plain = look_up(c, "plain");
    struct router_pick wild = look_up(c, "eu/amazon.nova-pro-v1:0");
    assert_ptr_equal(router_facts(c, plain.deployment, plain.model_id, &arena),
                     c->deployments[0].facts);
    const struct model *m = router_facts(c, wild.deployment, wild.model_id, &arena);
    assert_string_equal(m->id, "amazon.nova-pro-v1:0");
    assert_string_equal(m->key, "eu.amazon.nova-pro-v1:0");
    assert_true(m->known);
    assert_float_equal(m->prices.output, 0.5, 0);
    assert_ptr_equal(router_facts(c, wild.deployment, wild.model_id, &arena), m); /* kept */
    m = router_facts(c, wild.deployment, SLICE("eu.acme.new"), &arena);
    assert_string_equal(m->key, "eu.acme.new");
    assert_false(m->known);
    config_unref(c);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(picks), cmocka_unit_test(precision),
                                       cmocka_unit_test(facts)};
    return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
