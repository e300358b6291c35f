/* credential_list and litellm_credential_name; entries of model_list that are left out. */

#include "check.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define LIST                                                                                       \
    "credential_list:\n"                                                                           \
    "- credential_name: a\n"                                                                       \
    "  credential_values: {aws_access_key_id: AKIAEXAMPLEEXAMPLE, aws_secret_access_key: short, "  \
    "aws_region_name: eu-west-1}\n"                                                                \
    "  credential_info: {description: ours}\n"

static void a_deployment_names_one(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct config *c =
        world_load(&w, LIST "model_list:\n"
                            "- model_name: m\n"
                            "  litellm_params: {model: bedrock/x.y, litellm_credential_name: a}\n"
                            "- model_name: n\n"
                            "  litellm_params: {model: bedrock/x.y, litellm_credential_name: a, "
                            "aws_region_name: us-east-2}\n");
    assert_string_equal(world_problems(c), "");
    assert_string_equal(c->deployments[0].region, "eu-west-1");
    assert_string_equal(c->deployments[0].credential_source, "litellm_params");
    assert_true(slice_eq(c->deployments[0].credentials.secret_access_key, SLICE("short")));
    assert_string_equal(c->deployments[1].region, "us-east-2"); /* its own word wins */
    assert_int_equal(c->credential_count, 1);
    assert_string_equal(world_json(c->credentials[0].values),
                        "{\"aws_access_key_id\":\"AK****LE\",\"aws_secret_access_key\":\"*****\","
                        "\"aws_region_name\":\"eu-west-1\"}");
    assert_string_equal(world_json(c->credentials[0].info), "{\"description\":\"ours\"}");
    config_unref(c);
}

static void what_is_wrong(void **state)
{
    static const char models[] = "model_list:\n- model_name: m\n  litellm_params: {model: "
                                 "bedrock/x.y, aws_region_name: r, litellm_credential_name: b}\n";
    struct world w;
    (void)state;
    world_init(&w);
    struct config *c = world_load(&w, models);
    assert_non_null(strstr(world_problems(c),
                           "W3 model_list[0].litellm_params.litellm_credential_name: no entry"));
    config_unref(c);
    c = world_load(&w, "credential_list:\n- 5\n- {credential_values: {}}\n"
                       "- {credential_name: a}\n- {credential_name: a, credential_values: {}}\n"
                       "- {credential_name: a, credential_values: {}}\n");
    const char *problems = world_problems(c);
    assert_non_null(strstr(problems, "E2 credential_list[0]: expected a map"));
    assert_non_null(strstr(problems, "E3 credential_list[1]: credential_name is missing"));
    assert_non_null(strstr(problems, "E4 credential_list[2].credential_values: expected a map"));
    assert_non_null(strstr(problems, "W6 credential_list[4]: another credential has this name"));
    config_unref(c);
}

/* The database's are behind the file's, and do not replace them. */
static void of_the_database(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.host.stored = SLICE("{\"credential_list\":[\n{\"credential_name\":\"b\","
                          "\"credential_values\":{\"aws_region_name\":\"eu-west-3\"}}\n,"
                          "{\"credential_name\":\"a\",\"credential_values\":{}}\n]}");
    struct config *c =
        world_load(&w, LIST "model_list:\n- model_name: m\n"
                            "  litellm_params: {model: bedrock/x.y, litellm_credential_name: b}\n");
    assert_string_equal(world_problems(c), "Edatabase:3 credential_list[2]: another credential "
                                           "has this name already\n");
    assert_string_equal(c->deployments[0].region, "eu-west-3");
    assert_true(c->credentials[1].stored && !c->credentials[0].stored);
    config_unref(c);
}

static void model_info_in_params(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct config *c =
        world_load(&w, "model_list:\n- model_name: m\n  model_info: {id: one}\n"
                       "  litellm_params: {model: bedrock/x.y, model_info: {id: two, x: 1}}\n");
    assert_string_equal(c->deployments[0].id, "one");
    assert_string_equal(world_json(c->deployments[0].model_info), "{\"id\":\"one\",\"x\":1}");
    config_unref(c);
}

static void invalid_deployments(void **state)
{
    static const char text[] = "router_settings: {ignore_invalid_deployments: %s}\n"
                               "model_list:\n"
                               "- {model_name: a, litellm_params: {model: openai/gpt-4o}}\n"
                               "- {model_name: b, litellm_params: {model: bedrock/x.y}}\n"
                               "- {model_name: '*', litellm_params: {model: 'bedrock/*', timeout: "
                               "-1}}\n";
    struct world w;
    char yaml[sizeof(text) + 8];
    (void)state;
    world_init(&w);
    snprintf(yaml, sizeof(yaml), text, "false");
    struct config *c = world_load(&w, yaml);
    assert_int_equal(c->errors, 2);
    config_unref(c);
    snprintf(yaml, sizeof(yaml), text, "true");
    c = world_load(&w, yaml);
    assert_int_equal(c->errors, 0);
    assert_int_equal(c->deployment_count, 1);
    assert_string_equal(c->deployments[0].model_name, "b");
    assert_non_null(strstr(world_problems(c), "W3 model_list[0]: is left out"));
    assert_non_null(strstr(world_problems(c), "W5 model_list[2]: is left out"));
    config_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deployment_names_one), cmocka_unit_test(what_is_wrong),
        cmocka_unit_test(of_the_database),        cmocka_unit_test(model_info_in_params),
        cmocka_unit_test(invalid_deployments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
