/* What of litellm_params and model_info clients may read. */

#include "check.h"
#include "config_shown.h"
#include "world.h"

static void names_of_secrets(void **state)
{
    static const char *const secret[] = {
        "api_key",
        "aws_access_key_id",
        "AWS_SECRET_ACCESS_KEY",
        "aws_session_token",
        "Authorization",
        "aws_web_identity_token",
        "aws_role_name",
        "aws_batch_role_arn",
        "aws_external_id",
        "aws_session_name",
        "password",
        "vertex_credentials",
        "extra_headers",
        "apiKey",
        "azure_ad_token",
        "s3_encryption_key_id",
    };
    static const char *const open[] = {
        "model",
        "aws_region_name",
        "aws_profile_name",
        "aws_bedrock_runtime_endpoint",
        "max_tokens",
        "budget_tokens",
        "input_cost_per_token",
        "output_cost_per_token_above_200k_tokens",
        "default_api_key_rpm_limit",
        "token_count_model",
        "role",
        "cache_read_input_token_cost",
        "keepalive_seconds",
        "",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++)
        if (!config_is_secret(slice_of(secret[i])))
            fail_msg("%s is shown", secret[i]);
    for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++)
        if (config_is_secret(slice_of(open[i])))
            fail_msg("%s is not shown", open[i]);
}

static void urls_that_hold_secrets(void **state)
{
    const char *secret[] = {"https://u:p@h/x", "https://h/x?api_key=s", "https://h?v=1&Token=s",
                            "redis://h:1/0?password=s"};
    const char *open[] = {"https://h/x",    "https://h/x?v=1&w=api_key",
                          "https://h/x?",   "api_key",
                          "what?api_key=s", ""};
    (void)state;
    for (size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++)
        if (!config_holds_secret(slice_of(secret[i])))
            fail_msg("%s is shown", secret[i]);
    for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++)
        if (config_holds_secret(slice_of(open[i])))
            fail_msg("%s is not shown", open[i]);
}

static void a_deployment_without_its_secrets(void **state)
{
    struct world w;
    world_init(&w);
    world_env(&w, "KEY", "sk-from-environment");
    struct config *c = world_load(
        &w, "model_list:\n"
            "- model_name: a\n"
            "  litellm_params:\n"
            "    model: bedrock/acme.one\n"
            "    aws_region_name: eu-west-1\n"
            "    aws_access_key_id: AKIASECRET\n"
            "    aws_secret_access_key: sk-secret\n"
            "    timeout: \"5\"\n"
            "    input_cost_per_token: 0.1\n"
            "    stop: null\n"
            "    thinking: {type: enabled, budget_tokens: 2048}\n"
            "    unheard_of: {list: [{deep: {api_key: sk-deep}, seen: 1}], token: os.environ/KEY}\n"
            "    link: https://user:sk-password@host/path\n"
            "  model_info: {tier: paid, owner: {name: x, api_key: sk-owner}, password: sk-info}\n");
    (void)state;
    assert_int_equal(c->errors, 0);
    assert_string_equal(
        world_json(c->deployments[0].params),
        "{\"model\":\"bedrock/acme.one\",\"aws_region_name\":\"eu-west-1\",\"timeout\":5,"
        "\"input_cost_per_token\":0.1,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048},"
        "\"unheard_of\":{\"list\":[{\"deep\":{},\"seen\":1}]},\"link\":\"****\"}");
    assert_string_equal(
        world_json(c->deployments[0].model_info),
        "{\"tier\":\"paid\",\"owner\":{\"name\":\"x\"},\"input_cost_per_token\":0.1}");
    config_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_secrets),
        cmocka_unit_test(urls_that_hold_secrets),
        cmocka_unit_test(a_deployment_without_its_secrets),
    };
    return cmocka_run_group_tests_name("config_shown", tests, NULL, NULL);
}
