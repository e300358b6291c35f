/* What a database adds to the files: behind them, and never instead of them. */

#include "check.h"
#include "world.h"

#define PARAMS "\"litellm_params\":{\"model\":\"bedrock/x.y\",\"aws_region_name\":\"r\"}"
#define FILE_MODEL                                                                                 \
    "model_list: [{model_name: a, litellm_params: {model: bedrock/x.y, aws_region_name: r}, "      \
    "model_info: {id: one}}]\n"

static struct config *load(const char *text, const char *stored)
{
    static struct world w;
    world_init(&w);
    w.host.stored = slice_of(stored);
    return world_load(&w, text);
}

static void models(void **state)
{
    struct config *c = load(FILE_MODEL, "{\"model_list\":[\n{\"model_name\":\"b\"," PARAMS
                                        ",\"model_info\":{\"id\":\"two\"}}\n]}");
    assert_string_equal(world_problems(c), "");
    assert_int_equal(c->deployment_count, 2);
    assert_string_equal(c->deployments[0].id, "one");
    assert_false(c->deployments[0].stored);
    assert_string_equal(c->deployments[1].id, "two");
    assert_string_equal(c->deployments[1].model_name, "b");
    assert_true(c->deployments[1].stored);
    config_unref(c);
}

static void models_alone(void **state)
{
    struct config *c = load("general_settings: {master_key: k}\n",
                            "{\"model_list\":[{\"model_name\":\"b\"," PARAMS "}]}");
    assert_string_equal(world_problems(c), "");
    assert_int_equal(c->deployment_count, 1);
    config_unref(c);
}

/* The file's models keep their ids; what is wrong is told by its line. */
static void refusals(void **state)
{
    struct config *c =
        load(FILE_MODEL, "{\"model_list\":[\n{\"model_name\":\"b\"," PARAMS
                         ",\"model_info\":{\"id\":\"one\"}}\n,{\"model_name\":\"c\",\n"
                         "\"litellm_params\":{\"model\":\"openai/x\"}}]}");
    const char *problems = world_problems(c);
    assert_non_null(strstr(problems, "Edatabase:2 model_list[1].model_info.id: another model has "
                                     "this id already\n"));
    assert_non_null(strstr(problems, "Edatabase:4 "));
    assert_int_equal(c->errors, 2);
    config_unref(c);
}

static void settings(void **state)
{
    struct config *c = load(FILE_MODEL "router_settings: {num_retries: 2}\n",
                            "{\"litellm_settings\":{\"drop_params\":true},\n"
                            "\"router_settings\":{\"cooldown_time\":9}}");
    assert_string_equal(world_problems(c), "");
    assert_true(c->settings.drop_params);
    assert_int_equal(c->num_retries, 2);
    assert_float_equal(c->settings.routing.cooldown_time, 9, 0);
    config_unref(c);
}

static void settings_of_the_file_count(void **state)
{
    struct config *c = load(FILE_MODEL "router_settings: {num_retries: 2}\n",
                            "{\"router_settings\":{\n\"num_retries\":7}}");
    assert_string_equal(world_problems(c), "Edatabase:2 router_settings.num_retries: the "
                                           "configuration file says it, and counts\n");
    config_unref(c);
}

static void what_is_no_configuration(void **state)
{
    static const char *const rows[] = {"[]", "{\"model_list\":5}", "{\"router_settings\":[]}", "{"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        config_unref(load(FILE_MODEL, rows[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models),
        cmocka_unit_test(models_alone),
        cmocka_unit_test(refusals),
        cmocka_unit_test(settings),
        cmocka_unit_test(settings_of_the_file_count),
        cmocka_unit_test(what_is_no_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
