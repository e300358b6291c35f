/* Which names clients may ask for, and which deployment each stands for. */

#include "check.h"
#include "model_list.h"
#include "world.h"

#include <string.h>

static struct arena arena;

static struct config *load(void)
{
    struct world w;
    world_init(&w);
    world_file(&w, "facts.yaml",
               "acme.one: {input_cost_per_token: 1}\n"
               "us.acme.one: {input_cost_per_token: 2}\n"
               "acme.two: {input_cost_per_token: 3}\n");
    struct config *c = world_load(
        &w, "general_settings: {model_facts_file: facts.yaml}\n"
            "model_list:\n"
            "- {model_name: pair, litellm_params: {model: bedrock/acme.one}}\n"
            "- {model_name: pair, litellm_params: {model: bedrock/invoke/acme.two}}\n"
            "- {model_name: \"any-*\", litellm_params: {model: bedrock/acme.one}}\n"
            "- {model_name: \"us/*\", litellm_params: {model: \"bedrock/converse/us.acme.*\"}}\n"
            "- {model_name: \"acme/*\", litellm_params: {model: \"bedrock/acme.*\"}}\n"
            "- {model_name: acme/two, litellm_params: {model: bedrock/us.acme.one}}\n"
            "router_settings:\n"
            "  model_group_alias: {short: pair, far: us/one, pair: acme/two, lost: gone,\n"
            "    secret: {model: pair, hidden: true}, shown: {model: pair}}\n");
    assert_string_equal(world_problems(c), "");
    return c;
}

static void check_names(unsigned what, const char *names)
{
    struct config *c = load();
    struct model_list list = model_list_new(c, what, &arena);
    char text[512] = "";
    for (size_t i = 0; i < list.n; i++) {
        strncat(text, list.v[i].name.p, list.v[i].name.n);
        strcat(text, i + 1 == list.aliases ? " | " : " ");
    }
    assert_string_equal(text, names);
    config_unref(c);
    arena_fini(&arena);
}

static void names(void **state)
{
    (void)state;
    check_names(0, "short far shown | pair us/one acme/one acme/two ");
    check_names(LIST_WILDCARDS,
                "short far shown | pair any-* us/* us/one acme/* acme/one acme/two ");
    check_names(LIST_FIXED_WILDCARDS, "short far shown | pair any-* us/one acme/one acme/two ");
}

/* "name: model at price, model at price" */
static void check_entries(const struct config *c, const char *name, const char *expected)
{
    struct model_listed l;
    struct model_entry e;
    char text[512];
    struct buf b = {.p = text, .size = sizeof(text), .cap = sizeof(text) - 1};
    if (model_list_find(c, slice_of(name), &l, &arena))
        for (size_t i = 0; i < c->deployment_count; i++)
            if (model_list_entry(c, &l, &c->deployments[i], &e, &arena))
                buf_addf(&b, "%.*s: %.*s at %g api %d\n", SLICE_ARG(e.name), SLICE_ARG(e.model),
                         e.facts->prices.input, e.api);
    text[b.n] = '\0';
    assert_string_equal(text, expected);
}

static void entries(void **state)
{
    struct config *c = load();
    (void)state;
    check_entries(c, "pair",
                  "pair: bedrock/acme.one at 1 api 0\npair: bedrock/invoke/acme.two at 3 api 2\n");
    check_entries(c, "secret",
                  "secret: bedrock/acme.one at 1 api 0\n"
                  "secret: bedrock/invoke/acme.two at 3 api 2\n");
    check_entries(c, "us/one", "us/one: bedrock/converse/us.acme.one at 2 api 1\n");
    check_entries(c, "far", "far: bedrock/converse/us.acme.one at 2 api 1\n");
    check_entries(c, "acme/one", "acme/one: bedrock/acme.one at 1 api 0\n");
    check_entries(c, "acme/two", "acme/two: bedrock/us.acme.one at 2 api 0\n");
    check_entries(c, "any-thing", "any-thing: bedrock/acme.one at 1 api 0\n");
    check_entries(c, "acme/unheard", "acme/unheard: bedrock/acme.unheard at 0 api 0\n");
    check_entries(c, "lost", "");
    check_entries(c, "nobody", "");
    config_unref(c);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(entries)};
    return cmocka_run_group_tests_name("model_list", tests, NULL, NULL);
}
