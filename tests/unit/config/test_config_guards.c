#include "check.h"
#include "world.h"

#define MODEL                                                                                      \
    "model_list: [{model_name: m, litellm_params: {model: bedrock/a.b, aws_region_name: r}}]\n"
#define ENTRY(params)  "guardrails: [{guardrail_name: g, litellm_params: {" params "}}]\n"
#define FILTER(params) ENTRY("guardrail: litellm_content_filter, mode: pre_call, " params)

static void test_problems(void **state)
{
    static const struct {
        const char *yaml, *problems;
    } rows[] = {
        {"guardrails: []\n", NULL},
        {FILTER("patterns: [{pattern_type: prebuilt, pattern_name: email, action: MASK}]"), NULL},
        {ENTRY("guardrail: presidio, mode: pre_call"),
         "E2 guardrails[0].litellm_params.guardrail: expected bedrock, generic_guardrail_api or "
         "litellm_content_filter: a guard that is not known here cannot be left out silently\n"},
        {"guardrails: [{litellm_params: {}}]\n",
         "E2 guardrails[0]: expected guardrail_name and litellm_params\n"},
        {ENTRY("guardrail: litellm_content_filter, mode: before"),
         "E2 guardrails[0].litellm_params.mode: expected pre_call, during_call, post_call or "
         "logging_only, or a list of them\n"},
        {FILTER("patterns: [{pattern_type: regex, pattern: '(', action: MASK}]"),
         "E2 guardrails[0].litellm_params.patterns[0]: missing closing parenthesis (at byte 1)\n"},
        {FILTER("patterns: [{pattern_type: prebuilt, pattern_name: x, action: MASK}]"),
         "E2 guardrails[0].litellm_params.patterns[0]: there is no prebuilt pattern of that "
         "name\n"},
        {FILTER("patterns: [{pattern_type: regex, pattern: a, action: STOP}]"),
         "E2 guardrails[0].litellm_params.patterns[0]: expected action: BLOCK, MASK or LOG\n"},
        {FILTER("blocked_words: [{word: a}]"),
         "E2 guardrails[0].litellm_params.blocked_words: expected a list of {keyword, action: "
         "BLOCK, MASK or LOG}\n"},
        {FILTER("categories: [a]"), "E2 guardrails[0].litellm_params.categories: is not known "
                                    "here: give patterns and blocked_words\n"},
        {FILTER("colour: red"),
         "W2 guardrails[0].litellm_params.colour: unknown option, ignored\n"},
        {ENTRY("guardrail: generic_guardrail_api, mode: pre_call, api_base: 'ftp://x'"),
         "E2 guardrails[0].litellm_params.api_base: expected http(s)://host[:port][/path]\n"},
        {ENTRY("guardrail: generic_guardrail_api, mode: logging_only, api_base: 'http://x'"),
         "E2 guardrails[0].litellm_params.mode: logging_only is for litellm_content_filter\n"},
        {ENTRY("guardrail: bedrock, mode: pre_call, guardrailIdentifier: a, aws_region_name: "
               "eu-west-1"),
         "E2 guardrails[0].litellm_params.guardrailVersion: is missing\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world w;
        char text[1000];
        world_init(&w);
        snprintf(text, sizeof(text), MODEL "%s", rows[i].yaml);
        world_expect(&w, text, rows[i].problems);
    }
}

static void test_values(void **state)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(
        &w, MODEL "guardrails:\n"
                  "  - guardrail_name: hook\n"
                  "    litellm_params: {guardrail: generic_guardrail_api, mode: [pre_call, "
                  "post_call], api_base: 'http://h/', timeout: 2.5, unreachable_fallback: "
                  "fail_open, api_key: sk-secret}\n"
                  "  - guardrail_name: pii\n"
                  "    litellm_params: {guardrail: bedrock, mode: during_call, default_on: true, "
                  "guardrailIdentifier: a, guardrailVersion: 1, aws_region_name: eu-west-1, "
                  "mask_request_content: true}\n");
    assert_string_equal(world_problems(c), "");
    assert_int_equal(c->guards.n, 2);
    const struct guard *hook = guards_find(&c->guards, SLICE("hook"));
    assert_string_equal(hook->url, "http://h/beta/litellm_basic_guardrail_api");
    assert_int_equal(hook->modes, GUARD_BEFORE | GUARD_AFTER);
    assert_true(hook->fail_open && !hook->errors_pass && !hook->default_on && !hook->monitor);
    assert_true(hook->timeout > 2.4 && hook->timeout < 2.6);
    assert_null(strstr(world_json(hook->shown), "secret"));
    const struct guard *pii = guards_find(&c->guards, SLICE("pii"));
    assert_string_equal(pii->at->region, "eu-west-1");
    assert_string_equal(pii->version, "1");
    assert_true(pii->default_on && pii->mask_request && !pii->mask_response);
    assert_null(guards_find(&c->guards, SLICE("none")));
    config_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
