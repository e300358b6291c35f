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

static bool may_call(const struct config *c, const char *text)
{
    struct ip ip;
    assert_true(ip_parse(slice_of(text), &ip));
    return ip_is_in_any(&ip, c->access.allowed_ips);
}

/* Behind the file's, and alone. */
static void addresses(void **state)
{
    static const char *const files[] = {FILE_MODEL, FILE_MODEL "general_settings: {}\n",
                                        FILE_MODEL "general_settings: {allowed_ips: [10.0.0.1]}\n"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        struct config *c =
            load(files[i], "{\"general_settings\":{\"allowed_ips\":[\n\"10.0.0.2\"\n]}}");
        assert_string_equal(world_problems(c), "");
        assert_int_equal(c->access.allowed_ips.n, i == 2 ? 2 : 1);
        assert_true(may_call(c, "10.0.0.2") && c->access.guards);
        assert_int_equal(may_call(c, "10.0.0.1"), i == 2);
        assert_int_equal(c->access.file_ips, i == 2);
        config_unref(c);
    }
}

/* Nothing of them opens the gateway, or keeps the rest of the database away. */
static void addresses_that_are_none(void **state)
{
    struct config *c = load(FILE_MODEL "general_settings: {use_x_forwarded_for: true}\n",
                            "{\"general_settings\":{\"allowed_ips\":[\n\"localhost\"\n]}}");
    assert_int_equal(c->errors, 0);
    assert_non_null(strstr(world_problems(c), "Wdatabase:2 general_settings.allowed_ips[0]: "));
    assert_non_null(strstr(world_problems(c), "use_x_forwarded_for: needs trusted_proxy_ranges"));
    assert_true(c->access.guards && c->access.allowed_ips.n == 1);
    assert_false(may_call(c, "127.0.0.1") || may_call(c, "::"));
    config_unref(c);
}

static void endpoints(void **state)
{
    struct config *c =
        load(FILE_MODEL "general_settings:\n  pass_through_endpoints:\n"
                        "  - {path: /a, target: 'https://x.example', methods: [GET]}\n",
             "{\"general_settings\":{\"pass_through_endpoints\":[\n"
             "{\"id\":\"1\",\"path\":\"/b\",\"target\":\"https://y.example\"}\n,"
             "{\"path\":\"/a\",\"target\":\"https://y.example\",\"methods\":[\"POST\"]}\n,"
             "{\"path\":\"/a\",\"target\":\"https://y.example\"}\n]}}");
    const struct pass_endpoint *e = c->passes.v;
    assert_string_equal(world_problems(c),
                        "Edatabase:4 general_settings.pass_through_endpoints[3]: "
                        "another endpoint has this path already\n");
    assert_int_equal(c->passes.n, 4);
    assert_true(!e[0].stored && e[1].stored && slice_eq(e[1].id, SLICE("1")));
    config_unref(c);
}

static void what_is_no_configuration(void **state)
{
    static const char *const rows[] = {"[]", "{\"model_list\":5}", "{\"router_settings\":[]}", "{",
                                       "{\"general_settings\":{\"allowed_ips\":5}}"};
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
        cmocka_unit_test(addresses),
        cmocka_unit_test(addresses_that_are_none),
        cmocka_unit_test(endpoints),
        cmocka_unit_test(what_is_no_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
