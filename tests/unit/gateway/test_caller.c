/* Who calls: the models that each of those behind a key allows, names of models, roles, tags. */

#include "../base/check.h"
#include "row_world.h"
#include "world.h"

static const char models[] =
    "model_list:\n"
    "- {model_name: claude, litellm_params: {model: bedrock/anthropic.claude-v2},"
    " model_info: {access_groups: [dear, old]}}\n"
    "- {model_name: nova, litellm_params: {model: bedrock/amazon.nova-pro-v1:0}}\n";

#define BOTH "{'models': ['claude', 'nova']}"
#define NOVA "{'models': ['nova']}"
#define TEAM "{'token': 'h', 'team_id': 't', 'models': "

/* Who refuses "claude"; NULL: nobody. */
static const struct {
    struct row_world_caller caller;
    const char *refuses;
} cases[] = {
    {{{[HOLDER_KEY] = "{}"}, {0}}, NULL},
    {{{[HOLDER_KEY] = BOTH}, {0}}, NULL},
    {{{[HOLDER_KEY] = NOVA}, {0}}, "key"},
    {{{[HOLDER_KEY] = "{'models': ['claud']}"}, {0}}, "key"},
    {{{[HOLDER_KEY] = "{'models': ['clau*']}"}, {0}}, NULL},
    {{{[HOLDER_KEY] = "{'models': ['all-proxy-models']}"}, {0}}, NULL},
    {{{[HOLDER_KEY] = "{'models': ['old']}"}, {0}}, NULL}, /* an access group */
    {{{[HOLDER_KEY] = "{'models': ['young']}"}, {0}}, "key"},
    {{{[HOLDER_KEY] = "{'models': ['all-team-models']}"}, {0}}, "key"}, /* it has no team */
    {{{[HOLDER_KEY] = TEAM "['all-team-models']}", [HOLDER_TEAM] = BOTH}, {0}}, NULL},
    {{{[HOLDER_KEY] = TEAM "['all-team-models']}", [HOLDER_TEAM] = NOVA}, {0}}, "team"},
    {{{[HOLDER_KEY] = TEAM "['claude']}", [HOLDER_TEAM] = NOVA}, {0}}, "team"},
    {{{[HOLDER_KEY] = TEAM "[]}", [HOLDER_TEAM] = "{'models': ['dear']}"}, {0}}, NULL},
    {{{[HOLDER_KEY] = "{}", [HOLDER_USER] = NOVA}, {0}}, "user"},
    {{{[HOLDER_KEY] = TEAM "[]}", [HOLDER_USER] = NOVA}, {0}}, NULL}, /* the team's business */
    {{{[HOLDER_KEY] = "{}"}, {[HOLDER_MEMBER] = "{'allowed_models': ['nova']}"}}, "team_member"},
    {{{[HOLDER_KEY] = "{}"}, {[HOLDER_MEMBER] = "{'allowed_models': ['claude']}"}}, NULL},
    {{{[HOLDER_KEY] = "{}", [HOLDER_ORGANIZATION] = NOVA}, {0}}, "org"},
    {{{[HOLDER_KEY] = "{}", [HOLDER_PROJECT] = NOVA}, {0}}, "project"},
    {{{[HOLDER_KEY] = BOTH, [HOLDER_ORGANIZATION] = BOTH, [HOLDER_PROJECT] = BOTH}, {0}}, NULL},
};

static void test_models(void **state)
{
    struct world w;
    struct caller c;
    struct arena a;
    const char *whose;
    (void)state;
    world_init(&w);
    arena_init(&a);
    struct config *config = world_load(&w, models);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        row_world_caller(&c, &cases[i].caller, &a);
        bool may = caller_may_call(&c, config, SLICE("claude"), &whose);
        if (may != !cases[i].refuses || (!may && strcmp(whose, cases[i].refuses) != 0))
            fail_msg("case %zu: %d, %s", i, may, whose);
        caller_free(&c);
    }
    config_unref(config);
    arena_fini(&a);
}

/* The team's names come before the key's own. */
static void test_names_of_models(void **state)
{
    static const struct config none;
    static const struct {
        const char *name, *model;
    } names[] = {{"mine", "claude"}, {"ours", "nova"}, {"both", "key's"}, {"plain", "plain"}};
    struct caller c;
    struct arena a;
    (void)state;
    arena_init(&a);
    row_world_caller(
        &c,
        &(struct row_world_caller){
            {[HOLDER_KEY] = "{'aliases': {'mine': 'claude', 'team': 'key\\u0027s'}}"}, {0}},
        &a);
    c.aliases =
        row_world_row(ROW_ALIASES, "{'id': 1, 'aliases': {'ours': 'nova', 'both': 'team'}}");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        check_text(caller_model(&c, &none, slice_of(names[i].name)), names[i].model);
    caller_free(&c);
    check_text(caller_model(&c, &none, SLICE("mine")), "mine");
    arena_fini(&a);
}

#define OWN(team, id)                                                                              \
    "  - {model_name: model_name_" team "_" id                                                     \
    ", litellm_params: {model: bedrock/a.b, aws_region_name: r}, "                                 \
    "model_info: {id: " team id ", team_id: " team ", team_public_model_name: own}}\n"

/* Two of one team and one name are one group; others do not get there by any name. */
static void test_models_of_a_team(void **state)
{
    static const struct {
        const char *key, *asked, *model, *refuses;
    } rows[] = {
        {"{'team_id': 't'}", "own", "model_name_t_1", NULL},
        {"{'team_id': 't'}", "model_name_t_1", "model_name_t_1", NULL},
        {"{'team_id': 't', 'models': ['own']}", "own", "model_name_t_1", NULL},
        {"{'team_id': 't', 'models': ['model_name_t_1']}", "own", "model_name_t_1", NULL},
        {"{'team_id': 't', 'models': ['other']}", "own", "model_name_t_1", "key"},
        {"{'team_id': 'u'}", "own", "model_name_u_1", NULL},
        {"{'team_id': 'u'}", "model_name_t_1", "model_name_t_1", "team"},
        {"{'team_id': 'v'}", "own", "own", NULL},
        {"{}", "own", "own", NULL},
        {"{}", "model_name_t_1", "model_name_t_1", "team"},
    };
    struct world w;
    struct arena a;
    const char *whose;
    (void)state;
    world_init(&w);
    arena_init(&a);
    struct config *config =
        world_load(&w, "model_list:\n" OWN("t", "1") OWN("t", "2") OWN("u", "1"));
    assert_int_equal(config->errors, 0);
    assert_string_equal(config->deployments[1].model_name, "model_name_t_1");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct caller c;
        row_world_caller(&c, &(struct row_world_caller){{[HOLDER_KEY] = rows[i].key}, {0}}, &a);
        struct slice model = caller_model(&c, config, slice_of(rows[i].asked));
        check_text(model, rows[i].model);
        bool may = caller_may_call(&c, config, model, &whose);
        assert_int_equal(may, !rows[i].refuses);
        if (!may)
            assert_string_equal(whose, rows[i].refuses);
        caller_free(&c);
    }
    config_unref(config);
    arena_fini(&a);
}

static void test_roles(void **state)
{
    (void)state;
    for (enum caller_role r = 0; r < ROLES; r++)
        assert_int_equal(caller_role_find(slice_of(caller_role_name(r))), r);
    assert_int_equal(caller_role_find(SLICE("emperor")), ROLE_NONE);
    assert_int_equal(caller_role_find(SLICE("")), ROLE_NONE);
}

static void test_admins_of_a_team(void **state)
{
    static const struct {
        const char *user;
        bool is;
    } people[] = {{"boss", true}, {"member", false}, {"stranger", false}, {"", false}};
    static const struct row_world_caller from = {
        {[HOLDER_TEAM] = "{'members_with_roles': [{'user_id': 'member', 'role': 'user'}, "
                         "{'user_id': 'boss', 'role': 'admin'}, {'role': 'admin'}]}"},
        {0}};
    struct arena a;
    struct caller c;
    (void)state;
    arena_init(&a);
    row_world_caller(&c, &from, &a);
    for (size_t i = 0; i < sizeof(people) / sizeof(*people); i++) {
        c.user = slice_of(people[i].user);
        assert_int_equal(caller_is_team_admin(&c), people[i].is);
    }
    caller_free(&c);
    c.user = SLICE("boss");
    assert_false(caller_is_team_admin(&c));
    arena_fini(&a);
}

/* Each once, CALLER_TAGS_MAX of them; those of the key come first. */
static void test_tags(void **state)
{
    struct arena a;
    struct caller c;
    (void)state;
    arena_init(&a);
    row_world_caller(&c,
                     &(struct row_world_caller){
                         {[HOLDER_KEY] = "{'metadata': {'tags': ['red', 'blue', 'red']}}"}, {0}},
                     &a);
    assert_int_equal(c.tag_count, 2);
    check_text(c.tags[0].id, "red");
    check_text(c.tags[1].id, "blue");
    caller_add_tag(&c, SLICE(""));
    caller_add_tag(&c, SLICE("blue"));
    assert_int_equal(c.tag_count, 2);
    for (int i = 0; i < 2 * CALLER_TAGS_MAX; i++)
        caller_add_tag(&c, arena_printf(&a, "tag %d", i));
    assert_int_equal(c.tag_count, CALLER_TAGS_MAX);
    caller_free(&c);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),           cmocka_unit_test(test_names_of_models),
        cmocka_unit_test(test_models_of_a_team), cmocka_unit_test(test_roles),
        cmocka_unit_test(test_admins_of_a_team), cmocka_unit_test(test_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
