/* model_list → deployments. */

#include "check.h"
#include "config/clientside.h"
#include "config/routing.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

struct row {
    const char *yaml, *problems;
};

static void entries_that_are_none(void **state)
{
    static const struct row rows[] = {
        {"model_list: []\n", "W1 model_list: there are no models\n"},
        {"model_list:\n- 5\n", "E2 model_list[0]: expected a map, got a number\n"},
        {"model_list:\n- model_name: a\n", "E2 model_list[0].litellm_params: is missing\n"},
        {"model_list:\n- litellm_params: {model: bedrock/a.b}\n",
         "E2 model_list[0].model_name: is missing\n"},
        {"model_list:\n- model_name: ''\n  litellm_params: {}\n",
         "E2 model_list[0].model_name: is missing\n"
         "E3 model_list[0].litellm_params.model: is missing\n"},
        {"model_list:\n- model_name: [a]\n  litellm_params: 5\n",
         "E2 model_list[0].model_name: expected a string, got a list\n"
         "E3 model_list[0].litellm_params: expected a map, got a number\n"},
        {"model_list:\n- model_name: a\n  litellm_params: {model: openai/gpt-4o}\n",
         "E3 model_list[0].litellm_params.model: only Amazon Bedrock is served: write "
         "bedrock/<model id>\n"},
        {"model_list:\n- model_name: a\n  litellm_params: {model: bedrock/a b}\n",
         "E3 model_list[0].litellm_params.model: not a Bedrock model id, inference profile or "
         "ARN\n"},
        {"model_list:\n- model_name: a\n  litellm_params: {model: bedrock/a.b, model_id: a b}\n",
         "E3 model_list[0].litellm_params.model_id: not a Bedrock model id, inference profile or "
         "ARN\n"},
        {"model_list:\n- model: bedrock/a.b\n  model_name: a\n  litellm_params: {model: a.b}\n",
         "W2 model_list[0].model: is ignored here: it belongs under litellm_params\n"
         "E4 model_list[0].litellm_params.model: only Amazon Bedrock is served: write "
         "bedrock/<model id>\n"},
        {"model_list:\n- model_name: a\n  model_info: 5\n  litellm_params: {model: bedrock/a.b, "
         "timeout: -1, stream_timeout: 5000000}\n",
         "E3 model_list[0].model_info: expected a map, got a number\n"
         "E4 model_list[0].litellm_params.timeout: expected a number from 0 to 4000000\n"
         "E4 model_list[0].litellm_params.stream_timeout: expected a number from 0 to 4000000\n"},
    };
    struct world w;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        world_init(&w);
        world_expect(&w, rows[i].yaml, rows[i].problems);
    }
}

static void a_deployment(void **state)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(
        &w, "model_list:\n"
            "  - model_name: claude\n"
            "    litellm_params:\n"
            "      model: bedrock/converse/us.anthropic.claude-3-7-sonnet-20250219-v1:0\n"
            "      aws_region_name: eu-west-1\n"
            "      drop_params: true\n"
            "      timeout: 20\n"
            "      stream_timeout: \"5\"\n"
            "      temperature: 0.70\n"
            "      max_tokens: \"4096\"\n"
            "      stop: [a, '5']\n"
            "      thinking: {type: enabled, budget_tokens: 2048}\n"
            "      guardrailConfig: {guardrailVersion: \"1\"}\n"
            "      top_p:\n"
            "      anthropic_version: bedrock-2023-05-31\n"
            "      input_cost_per_token: 3e-6\n"
            "      output_cost_per_token: \"0.1\"\n"
            "    model_info:\n"
            "      mode: chat\n"
            "      supports_vision: true\n"
            "      output_cost_per_token: 0.000015\n"
            "      cache_read_input_token_cost: 0.3\n"
            "      owner: {team: x}\n"
            "      note:\n"
            "      suports_vision: true\n");
    const struct deployment *d = c->deployments;
    (void)state;
    assert_string_equal(
        world_problems(c),
        "W15 model_list[0].litellm_params.anthropic_version: unknown option, passed to the model "
        "as a request parameter\n");
    assert_int_equal(c->deployment_count, 1);
    assert_string_equal(d->model_name, "claude");
    assert_string_equal(d->model, "bedrock/converse/us.anthropic.claude-3-7-sonnet-20250219-v1:0");
    assert_string_equal(d->bedrock_id, "us.anthropic.claude-3-7-sonnet-20250219-v1:0");
    assert_string_equal(d->region, "eu-west-1");
    assert_string_equal(d->endpoint, "https://bedrock-runtime.eu-west-1.amazonaws.com");
    assert_string_equal(world_json(d->defaults),
                        "{\"temperature\":0.70,\"max_tokens\":4096,\"stop\":[\"a\",\"5\"],"
                        "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048},"
                        "\"guardrailConfig\":{\"guardrailVersion\":\"1\"},"
                        "\"anthropic_version\":\"bedrock-2023-05-31\"}");
    assert_string_equal(world_json(d->model_info),
                        "{\"mode\":\"chat\",\"supports_vision\":true,"
                        "\"output_cost_per_token\":0.000015,\"cache_read_input_token_cost\":0.3,"
                        "\"owner\":{\"team\":\"x\"},\"note\":null,\"suports_vision\":true,"
                        "\"input_cost_per_token\":3e-6}");
    assert_true(d->drop_params);
    assert_float_equal(d->timeout_s, 20, 0);
    assert_float_equal(d->stream_timeout_s, 5, 0);
    assert_non_null(d->signing_key);
    assert_int_equal(d->line, 2);
    config_unref(c);
}

static void what_clients_may_say(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct config *c =
        world_load(&w, "model_list:\n- model_name: a\n  litellm_params: {model: bedrock/a.b, "
                       "configurable_clientside_auth_params: [api_key, aws_region_name, {api_base: "
                       "'https://x'}]}\n"
                       "- {model_name: b, litellm_params: {model: bedrock/a.b}}\n");
    const struct route_params *p = c->deployments[0].routing;
    assert_int_equal(p->clientside, 1u << CLIENTSIDE_API_KEY | 1u << CLIENTSIDE_REGION);
    assert_non_null(p->bases);
    p = c->deployments[1].routing;
    assert_true(!p->clientside && !p->bases);
    config_unref(c);
    world_expect(
        &w,
        "model_list:\n- model_name: a\n  litellm_params: {model: bedrock/a.b, "
        "configurable_clientside_auth_params: [aws_role_name, {base: y}, {api_base: '('}]}\n",
        "W3 model_list[0].litellm_params.configurable_clientside_auth_params[0]: is not "
        "taken from clients\n"
        "E3 model_list[0].litellm_params.configurable_clientside_auth_params[1]: expected "
        "the name of a parameter, or {api_base: pattern}\n"
        "E3 model_list[0].litellm_params.configurable_clientside_auth_params[2]: missing "
        "closing parenthesis (at byte 1)\n");
}

static void model_ids(void **state)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(
        &w, "model_list:\n"
            "- model_name: a\n"
            "  litellm_params: &p\n"
            "    model: bedrock/us-east-2/amazon.nova-pro-v1:0\n"
            "    model_id: arn:aws:bedrock:ap-south-1:1:provisioned-model/x\n"
            "    aws_region_name: eu-west-1\n"
            "- model_name: b\n"
            "  litellm_params: {<<: *p, model_id: my-model}\n"
            "- model_name: \"bedrock/*\"\n"
            "  litellm_params: {model: \"bedrock/*\", aws_region_name: cn-north-1}\n"
            "- {model_name: d, litellm_params: {model: x.y, custom_llm_provider: bedrock}}\n");
    (void)state;
    assert_string_equal(world_problems(c), "");
    assert_int_equal(c->deployment_count, 4);
    assert_string_equal(c->deployments[0].bedrock_id,
                        "arn:aws:bedrock:ap-south-1:1:provisioned-model/x");
    assert_string_equal(c->deployments[0].region, "ap-south-1");
    assert_string_equal(c->deployments[1].bedrock_id, "my-model");
    assert_string_equal(c->deployments[1].region, "us-east-2");
    assert_string_equal(c->deployments[2].bedrock_id, "*");
    assert_string_equal(c->deployments[2].endpoint,
                        "https://bedrock-runtime.cn-north-1.amazonaws.com.cn");
    assert_null(c->deployments[2].defaults);
    assert_null(c->deployments[2].model_info);
    assert_string_equal(c->deployments[3].region, "us-west-2");
    config_unref(c);
}

static void ids(void **state)
{
    static const char yaml[] = "model_list:\n"
                               "- {model_name: a, litellm_params: &p {model: bedrock/x.y}}\n"
                               "- {model_name: a, litellm_params: {<<: *p, timeout: 5}}\n"
                               "- {model_name: b, litellm_params: *p}\n"
                               "- {model_name: a, litellm_params: *p, model_info: {id: mine}}\n"
                               "- {model_name: a, litellm_params: *p, model_info: {id: mine}}\n"
                               "- {model_name: a, litellm_params: *p, model_info: {id: 7}}\n";
    struct world w;
    (void)state;
    world_init(&w);
    struct config *one = world_load(&w, yaml), *two = world_load(&w, yaml);
    assert_string_equal(world_problems(one),
                        "W6 model_list[4].model_info.id: another model has this id already; a "
                        "derived one is used instead\n");
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(one->deployments[i].id, two->deployments[i].id);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(one->deployments[i].id, one->deployments[k].id);
    }
    assert_int_equal(strlen(one->deployments[0].id), 64);
    assert_string_equal(one->deployments[3].id, "mine");
    assert_string_equal(one->deployments[5].id, "7");
    config_unref(one);
    config_unref(two);
}

static void default_params(void **state)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(&w, "router_settings:\n"
                                      "  default_litellm_params:\n"
                                      "    aws_region_name: eu-west-3\n"
                                      "    temperature: 0.5\n"
                                      "    unheard_of_parameter: 1\n"
                                      "model_list:\n"
                                      "- model_name: a\n"
                                      "  litellm_params: {model: bedrock/x.y}\n"
                                      "- model_name: b\n"
                                      "  litellm_params: {model: bedrock/x.y, temperature: 1}\n");
    (void)state;
    assert_string_equal(world_problems(c),
                        "W5 model_list[0].litellm_params.unheard_of_parameter: unknown option, "
                        "passed to the model as a request parameter\n");
    assert_string_equal(c->deployments[0].region, "eu-west-3");
    assert_string_equal(world_json(c->deployments[0].defaults),
                        "{\"temperature\":0.5,\"unheard_of_parameter\":1}");
    assert_string_equal(world_json(c->deployments[1].defaults),
                        "{\"temperature\":1,\"unheard_of_parameter\":1}");
    config_unref(c);
}

static void defaults_under_other_names(void **state)
{
    static const char *const rows[][2] = {
        {"max_completion_tokens: 5", "{\"max_tokens\":5}"},
        {"max_completion_tokens: 5, max_tokens: 6", "{\"max_tokens\":6}"},
        {"max_tokens: null, max_completion_tokens: 5", "{\"max_tokens\":5}"},
        {"extra_body: {top_k: 5, temperature: 1}, temperature: 0",
         "{\"top_k\":5,\"temperature\":0}"},
        {"additionalModelRequestFields: {a: {b: '1'}}", "{\"a\":{\"b\":\"1\"}}"},
        {"extra_body: {a: 1}, additionalModelRequestFields: {a: 2, b: 3}", "{\"a\":1,\"b\":3}"},
        {"extra_body: {}", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world w;
        char yaml[256];
        world_init(&w);
        snprintf(yaml, sizeof(yaml),
                 "model_list: [{model_name: a, litellm_params: {model: bedrock/x.y, %s}}]\n",
                 rows[i][0]);
        struct config *c = world_load(&w, yaml);
        assert_string_equal(world_problems(c), "");
        assert_string_equal(world_json(c->deployments[0].defaults), rows[i][1]);
        config_unref(c);
    }
}

/* An option without effect, or a slip, that stands in an anchor is reported once. */
static void aliases_report_once(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    world_expect(
        &w,
        "model_list:\n"
        "- model_name: a\n"
        "  litellm_params: &p\n"
        "    model: bedrock/x.y\n"
        "    max_file_size_mb: 5\n"
        "    temprature: 1\n"
        "    timeout: soon\n"
        "- {model_name: b, litellm_params: {<<: *p}}\n"
        "- {model_name: c, litellm_params: {<<: *p, max_file_size_mb: 6}}\n",
        "W5 model_list[0].litellm_params.max_file_size_mb: is accepted but has no effect yet\n"
        "W6 model_list[0].litellm_params.temprature: unknown option, ignored: did you "
        "mean temperature?\n"
        "E7 model_list[0].litellm_params.timeout: expected a number, got a string\n");
}

static void broken_utf8_from_the_environment(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    world_env(&w, "BAD", "\xff\xfe");
    world_expect(&w,
                 "model_list:\n- model_name: a\n  litellm_params:\n    model: bedrock/x.y\n"
                 "    stop: os.environ/BAD\n",
                 "E4 model_list[0]: not valid UTF-8, or too large\n");
}

/* Whom a call is for must not depend on a header that says who calls, or that breaks it. */
static void the_header_of_a_session(void **state)
{
    static const struct {
        const char *name;
        bool may;
    } rows[] = {{"X-Conversation-Id", true},
                {"x_session.id", true},
                {"Cookie", false},
                {"x-api-key", false},
                {"x-litellm-key", false},
                {"Keep-Alive", false},
                {"host", false},
                {"User-Agent", false},
                {"x-amz-date", false},
                {"proxy-any", false},
                {"content-type", false},
                {"a b", false},
                {"a/b", false}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world w;
        char text[256];
        world_init(&w);
        snprintf(text, sizeof(text),
                 "model_list:\n- model_name: a\n  litellm_params:\n    model: bedrock/x.y\n"
                 "    provider_affinity_header: '%s'\n",
                 rows[i].name);
        world_expect(&w, text,
                     rows[i].may ? NULL
                                 : "E4 model_list[0].litellm_params.provider_affinity_header: "
                                   "expected the name of a header that carries no key and frames "
                                   "no call\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_that_are_none),
        cmocka_unit_test(a_deployment),
        cmocka_unit_test(what_clients_may_say),
        cmocka_unit_test(model_ids),
        cmocka_unit_test(ids),
        cmocka_unit_test(default_params),
        cmocka_unit_test(defaults_under_other_names),
        cmocka_unit_test(aliases_report_once),
        cmocka_unit_test(broken_utf8_from_the_environment),
        cmocka_unit_test(the_header_of_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
