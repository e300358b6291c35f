/* What /model/info and /model_group/info write. */

#include "check.h"
#include "model_group.h"
#include "model_info.h"
#include "model_list.h"
#include "world.h"

#include <string.h>

static struct arena arena;

static struct config *load(const char *yaml)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(&w, yaml);
    assert_int_equal(c->errors, 0);
    return c;
}

/* The entry of the first deployment of a name. */
static yyjson_val *info_of(const struct config *c, const char *name)
{
    struct model_listed l;
    struct model_entry e = {.deployment = NULL};
    struct model_info_writer info;
    struct buf text;
    struct json_writer w;
    assert_true(model_list_find(c, slice_of(name), &l, &arena));
    for (size_t i = 0; !e.deployment && i < c->deployment_count; i++)
        if (!model_list_entry(c, &l, &c->deployments[i], &e, &arena))
            e.deployment = NULL;
    buf_init(&text, 1 << 20);
    json_begin(&w, &text);
    model_info_init(&info);
    model_info_write(&info, &e, &w);
    model_info_fini(&info);
    yyjson_val *v = json_parse(buf_slice(&text), &arena, NULL);
    assert_non_null(v);
    buf_fini(&text);
    return v;
}

static yyjson_val *group_of(const struct config *c, const char *name)
{
    struct model_listed l;
    struct model_group g;
    struct buf text;
    struct json_writer w;
    assert_true(model_list_find(c, slice_of(name), &l, &arena));
    model_group_read(c, &l, &g, &arena);
    buf_init(&text, 1 << 20);
    json_begin(&w, &text);
    model_group_write(&g, model_group_is_public(c, g.name), &w);
    yyjson_val *v = json_parse(buf_slice(&text), &arena, NULL);
    assert_non_null(v);
    buf_fini(&text);
    return v;
}

/* Members "a.b" of an object, as text; NULL: the member must not be there. */
static void check_member(yyjson_val *v, const char *path, const char *expected)
{
    char part[128];
    for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
        memcpy(part, path, (size_t)(dot - path));
        part[dot - path] = '\0';
        v = json_get(v, part);
    }
    v = json_get(v, path);
    if (!expected)
        assert_null(v);
    else if (strcmp(world_json(v), expected) != 0)
        fail_msg("%s: expected %s, got %s", path, expected, world_json(v));
}

struct member {
    const char *path, *value;
};

static void check_members(yyjson_val *v, const struct member *rows)
{
    for (; rows->path; rows++)
        check_member(v, rows->path, rows->value);
}

#define SONNET "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"

static void what_cline_reads(void **state)
{
    static const struct member rows[] = {
        {"model_name", "\"a\""},
        {"litellm_params.model", "\"" SONNET "\""},
        {"litellm_params.max_tokens", "4096"},
        {"litellm_params.use_in_pass_through", "false"},
        {"model_info.key", "\"us.anthropic.claude-sonnet-4-5-20250929-v1:0\""},
        {"model_info.max_tokens", "64000"},
        {"model_info.max_input_tokens", "200000"},
        {"model_info.max_output_tokens", "64000"},
        {"model_info.supports_vision", "true"},
        {"model_info.supports_prompt_caching", "true"},
        {"model_info.supports_reasoning", "true"},
        {"model_info.input_cost_per_token", "3.3e-06"},
        {"model_info.output_cost_per_token", "1.65e-05"},
        {"model_info.cache_creation_input_token_cost", "4.125e-06"},
        {"model_info.cache_read_input_token_cost", "3.3e-07"},
        {"model_info.cache_creation_input_token_cost_above_1hr_above_200k_tokens", "1.32e-05"},
        {"model_info.litellm_provider", "\"bedrock\""},
        {"model_info.mode", "\"chat\""},
        {"model_info.tpm", "null"},
        {"model_info.db_model", "false"},
        {"model_info.pricing_overrides", "[]"},
        {NULL, NULL},
    };
    struct config *c =
        load("model_list:\n"
             "- {model_name: a, litellm_params: {model: \"" SONNET "\", max_tokens: 4096}}\n");
    (void)state;
    check_members(info_of(c, "a"), rows);
    config_unref(c);
    arena_fini(&arena);
}

static void what_a_deployment_says_itself(void **state)
{
    static const struct member priced[] = {
        {"litellm_params.input_cost_per_token", "0.5"},
        {"model_info.id", "\"mine\""},
        {"model_info.access_groups", "[\"beta\"]"},
        {"model_info.db_model", "false"},
        {"model_info.input_cost_per_token", "0.5"},
        {"model_info.output_cost_per_token", "0.25"},
        {"model_info.cache_read_input_token_cost", "3.3e-07"},
        {"model_info.max_tokens", "9"},
        {"model_info.max_output_tokens", "9"},
        {"model_info.supports_vision", "false"},
        {"model_info.input_cost_per_token_above_100k_tokens", "1"},
        {"model_info.pricing_overrides",
         "[\"output_cost_per_token\",\"input_cost_per_token_above_100k_tokens\","
         "\"input_cost_per_token\"]"},
        {NULL, NULL},
    };
    static const struct member based[] = {
        {"litellm_params.model",
         "\"bedrock/arn:aws:bedrock:eu-west-1:1:application-inference-profile/x\""},
        {"model_info.base_model", "\"bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0\""},
        {"model_info.key", "\"eu.anthropic.claude-sonnet-4-5-20250929-v1:0\""},
        {"model_info.input_cost_per_token", "3.3e-06"},
        {NULL, NULL},
    };
    struct config *c = load(
        "model_list:\n"
        "- model_name: priced\n"
        "  litellm_params: {model: \"" SONNET "\", input_cost_per_token: 0.5}\n"
        "  model_info: {id: mine, access_groups: [beta], db_model: true, max_output_tokens: 9,\n"
        "    supports_vision: false, output_cost_per_token: 0.25,\n"
        "    input_cost_per_token_above_100k_tokens: 1}\n"
        "- model_name: based\n"
        "  litellm_params:\n"
        "    model: bedrock/arn:aws:bedrock:eu-west-1:1:application-inference-profile/x\n"
        "  model_info: {base_model: bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0}\n");
    (void)state;
    check_members(info_of(c, "priced"), priced);
    check_members(info_of(c, "based"), based);
    config_unref(c);
    arena_fini(&arena);
}

/* Nothing is made up: an older model has nulls, a newer one what it inherits, without prices. */
static void models_nobody_knows(void **state)
{
    static const struct member old[] = {
        {"model_info.key", "\"bedrock/anthropic.claude-3-haiku-20240307-v1:0\""},
        {"model_info.max_tokens", "null"},
        {"model_info.mode", "null"},
        {"model_info.supports_vision", "null"},
        {"model_info.input_cost_per_token", "null"},
        {NULL, NULL},
    };
    static const struct member new[] = {
        {"model_info.key", "\"bedrock/anthropic.claude-opus-9\""},
        {"model_info.mode", "\"chat\""},
        {"model_info.supports_reasoning", "true"},
        {"model_info.input_cost_per_token", "null"},
        {"model_info.cache_read_input_token_cost", "null"},
        {NULL, NULL},
    };
    struct config *c =
        load("model_list:\n"
             "- {model_name: old, litellm_params: {model: "
             "bedrock/anthropic.claude-3-haiku-20240307-v1:0}}\n"
             "- {model_name: \"bedrock/*\", litellm_params: {model: \"bedrock/*\"}}\n");
    (void)state;
    check_members(info_of(c, "old"), old);
    check_members(info_of(c, "bedrock/anthropic.claude-opus-9"), new);
    config_unref(c);
    arena_fini(&arena);
}

static void a_group_is_all_of_its_deployments(void **state)
{
    static const struct member rows[] = {
        {"model_group", "\"g\""},
        {"providers", "[\"bedrock\"]"},
        {"mode", "\"chat\""},
        {"max_input_tokens", "200000"},
        {"max_output_tokens", "64000"},
        {"input_cost_per_token", "3.3e-06"},
        {"rpm", "5"},
        {"tpm", "7"},
        {"itpm", "null"},
        {"supports_vision", "true"},
        {"supports_web_search", "false"},
        {"supported_reasoning_efforts", "null"},
        {"supported_openai_params",
         "[\"max_tokens\",\"max_completion_tokens\",\"stream\",\"stream_options\",\"stop\","
         "\"temperature\",\"top_p\",\"extra_headers\",\"response_format\",\"requestMetadata\","
         "\"service_tier\",\"parallel_tool_calls\",\"tools\"]"},
        {"is_public_model_group", "true"},
        {"health_status", "null"},
        {NULL, NULL},
    };
    struct config *c =
        load("model_list:\n"
             "- {model_name: g, litellm_params: {model: \"" SONNET "\", rpm: 2}}\n"
             "- model_name: g\n"
             "  litellm_params: {model: bedrock/meta.llama3-1-70b-instruct-v1:0, rpm: 3, tpm: 7}\n"
             "litellm_settings: {public_model_groups: [g]}\n");
    (void)state;
    check_members(group_of(c, "g"), rows);
    config_unref(c);
    arena_fini(&arena);
}

static void params_of_families(void **state)
{
    static const struct {
        const char *id;
        enum bedrock_api api;
        const char *has, *lacks, *efforts; /* NULL: not known */
    } rows[] = {
        {"us.anthropic.claude-3-7-sonnet-20250219-v1:0", BEDROCK_AUTO, "output_config",
         "cache_control", NULL},
        {"us.anthropic.claude-3-7-sonnet-20250219-v1:0", BEDROCK_INVOKE, "cache_control",
         "output_config", NULL},
        {"anthropic.claude-3-5-sonnet-20241022-v2:0", BEDROCK_AUTO, "context_management",
         "thinking", "[]"},
        {"us.anthropic.claude-opus-4-6-v1", BEDROCK_AUTO, "thinking", "user",
         "[\"none\",\"minimal\",\"low\",\"medium\",\"high\",\"max\"]"},
        {"anthropic.claude-opus-5-5", BEDROCK_AUTO, "thinking", "user",
         "[\"minimal\",\"low\",\"medium\",\"high\",\"xhigh\",\"max\"]"},
        {"openai.gpt-6-sol", BEDROCK_AUTO, "reasoning_effort", "thinking",
         "[\"none\",\"low\",\"medium\",\"high\",\"xhigh\",\"max\"]"},
        {"us.amazon.nova-pro-v1:0", BEDROCK_AUTO, "web_search_options", "thinking", "[]"},
        {"us.deepseek.r1-v1:0", BEDROCK_AUTO, "parallel_tool_calls", "tools", NULL},
        {"amazon.titan-text-express-v1", BEDROCK_AUTO, "stop", "stream_options", "[]"},
        {"cohere.embed-english-v3", BEDROCK_AUTO, "seed", "service_tier", "[]"},
        {"meta.llama3-1-70b-instruct-v1:0", BEDROCK_AUTO, "tools", "tool_choice", "[]"},
        {"arn:aws:bedrock:us-east-1:1:application-inference-profile/x", BEDROCK_AUTO,
         "output_config", "context_management", NULL},
        {"anthropic.claude-3-haiku-20240307-v1:0", BEDROCK_AUTO, "tools", "tool_choice", NULL},
    };
    struct config *c =
        load("model_list: [{model_name: a, litellm_params: {model: bedrock/x.y}}]\n");
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct model *m =
            models_find(c->models, slice_of(rows[i].id), slice_make(NULL, 0), NULL, &arena);
        struct model_params p = model_params_of(m, rows[i].api), efforts;
        bool known = model_params_efforts(m, &efforts), has = false;
        struct buf text;
        struct json_writer w;
        for (size_t k = 0; k < p.n; k++) {
            has = has || strcmp(p.v[k], rows[i].has) == 0;
            assert_string_not_equal(p.v[k], rows[i].lacks);
        }
        assert_true(has);
        assert_int_equal(known, rows[i].efforts != NULL);
        buf_init(&text, 4096);
        json_begin(&w, &text);
        model_params_write(&efforts, &w);
        assert_true(!known || slice_eq(buf_slice(&text), slice_of(rows[i].efforts)));
        buf_fini(&text);
    }
    config_unref(c);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cline_reads),    cmocka_unit_test(what_a_deployment_says_itself),
        cmocka_unit_test(models_nobody_knows), cmocka_unit_test(a_group_is_all_of_its_deployments),
        cmocka_unit_test(params_of_families),
    };
    return cmocka_run_group_tests_name("model_info", tests, NULL, NULL);
}
