/* spend_logs_metadata_fields, as it is read. */

#include "check.h"
#include "world.h"

#define FIELDS                                                                                     \
    "model_list: [{model_name: m, litellm_params: {model: bedrock/x.y, aws_region_name: r}}]\n"    \
    "general_settings:\n  spend_logs_metadata_fields: "
#define ONE                                                                                        \
    "E3 general_settings.spend_logs_metadata_fields: expected {include: [names]} or {exclude: "    \
    "[names]}, one of them\n"

static void lists(void **state)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(&w, FIELDS "{include: [usage_object, stages]}\n");
    assert_string_equal(world_problems(c), "");
    assert_int_equal(c->row_metadata.n, 2);
    assert_true(slice_eq(c->row_metadata.v[1], SLICE("stages")) && !c->row_metadata_others);
    config_unref(c);
    c = world_load(&w, FIELDS "{exclude: [model_map_information]}\n");
    assert_string_equal(world_problems(c), "");
    assert_true(c->row_metadata.n == 1 && c->row_metadata_others);
    config_unref(c);
    c = world_load(&w, FIELDS "null\n");
    assert_int_equal(c->row_metadata.n, 0);
    config_unref(c);
}

static void what_is_wrong(void **state)
{
    static const char *const rows[][2] = {
        {"{}", ONE},
        {"{include: []}", ONE},
        {"{exclude: stages}", ONE},
        {"{include: [stages], exclude: [attempts]}", ONE},
        {"{excludes: [stages]}", ONE},
        {"{include: [usage_object.cached_tokens]}",
         "E3 general_settings.spend_logs_metadata_fields.include[0]: expected the name of a "
         "member, "
         "without a dot\n"},
        {"{exclude: [stages, [x]]}", "E3 general_settings.spend_logs_metadata_fields.exclude[1]: "
                                     "expected the name of a member, "
                                     "without a dot\n"},
        {"{exclude: [stage]}", "W3 general_settings.spend_logs_metadata_fields.exclude[0]: rows of "
                               "requests have no such member\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world w;
        char text[1024];
        world_init(&w);
        snprintf(text, sizeof(text), FIELDS "%s\n", rows[i][0]);
        world_expect(&w, text, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists), cmocka_unit_test(what_is_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
