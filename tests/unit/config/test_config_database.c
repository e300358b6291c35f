/* database_extra_connection_params: what becomes of database_url. */

#include "check.h"
#include "world.h"

#define GENERAL                                                                                    \
    "model_list: [{model_name: m, litellm_params: {model: bedrock/x.y, aws_region_name: r}}]\n"    \
    "general_settings:\n"
#define PARAMETERS "  database_extra_connection_params: "

static void addresses(void **state)
{
    static const char *const rows[][3] = {
        {"postgresql://u:p@h/d", "{sslmode: require, a b: 'c&d', e: 5, f: null}",
         "postgresql://u:p@h/d?sslmode=require&a%20b=c%26d&e=5&"},
        {"postgresql://h/d?sslmode=disable&x=y", "{sslmode: require}",
         "postgresql://h/d?sslmode=require&sslmode=disable&x=y"},
        {"mysql://h/d", "{}", "mysql://h/d"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world w;
        char text[1024];
        world_init(&w);
        snprintf(text, sizeof(text), GENERAL "  database_url: '%s'\n" PARAMETERS "%s\n", rows[i][0],
                 rows[i][1]);
        struct config *c = world_load(&w, text);
        assert_string_equal(world_problems(c), "");
        assert_string_equal(c->settings.database_url, rows[i][2]);
        config_unref(c);
    }
}

static void of_the_environment(void **state)
{
    struct world w;
    world_init(&w);
    world_env(&w, "DATABASE_URL", "postgresql://h/d");
    struct config *c = world_load(&w, GENERAL PARAMETERS "{a: b}\n");
    assert_string_equal(c->settings.database_url, "postgresql://h/d?a=b&");
    config_unref(c);
}

static void what_is_wrong(void **state)
{
    static const char *const urls[] = {"sqlite", "sqlite:///f", "file:f"};
    struct world w;
    world_init(&w);
    world_expect(&w, GENERAL "  database_url: postgresql://h/d\n" PARAMETERS "{a: [b]}\n",
                 "E4 general_settings.database_extra_connection_params.a: expected a text or a "
                 "number\n");
    world_expect(&w, GENERAL PARAMETERS "{a: b}\n",
                 "W3 general_settings.database_extra_connection_params: has no meaning without a "
                 "database server\n");
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        char text[1024];
        snprintf(text, sizeof(text), GENERAL "  database_url: '%s'\n" PARAMETERS "{a: b}\n",
                 urls[i]);
        struct config *c = world_load(&w, text);
        assert_int_equal(c->warnings, 1);
        assert_string_equal(c->settings.database_url, urls[i]);
        config_unref(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses),
                                       cmocka_unit_test(of_the_environment),
                                       cmocka_unit_test(what_is_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
