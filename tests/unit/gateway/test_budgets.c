/* A caller's rows → the budgets that a request is held to; and what it is told when one is used
 * up. */

#include "../base/check.h"
#include "budgets.h"
#include "row_world.h"
#include "world.h"

#include <stdio.h>

#define NOW 5000 /* unix ms */
#define MODELS                                                                                     \
    "model_list:\n"                                                                                \
    "- {model_name: claude, litellm_params: {model: bedrock/anthropic.claude-v2}}\n"

struct budget_case {
    struct row_world_caller caller;
    const char *settings; /* of the configuration, more than MODELS; NULL: nothing */
    const char *standard; /* the budget for end users that have none; NULL: there is none */
    double key_limit;     /* spend_limit of a key of the configuration; 0: none */
    const char *says;     /* of each: kind, subject, ledger (r: a row, t: a tally), most, soft */
};

#define KEY(row)                                                                                   \
    {                                                                                              \
        {[HOLDER_KEY] = (row)},                                                                    \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
/* Of each of the others in turn, with a budget of its own. */
#define RICH(id) "{'" id "': 'x', 'max_budget': 3}"

static const struct budget_case cases[] = {
    {.caller = {{0}, {0}}, .says = ""},
    {.caller = KEY("{'token': 'h', 'key_name': 'sk-...1'}"), .says = ""},
    /* a sum of its own, for each holder */
    {.caller = KEY("{'token': 'h', 'key_name': 'sk-...1', 'max_budget': 3}"),
     .says = "0 key(sk-...1) r:h 3 -1\n"},
    {.caller = KEY("{'token': 'h', 'key_alias': 'A', 'max_budget': 0}"),
     .says = "0 A() r:h 0 -1\n"},
    {.caller = {{[HOLDER_USER] = RICH("user_id")}, {0}}, .says = "0 x() r:x 3 -1\n"},
    {.caller = {{[HOLDER_TEAM] = RICH("team_id")}, {0}}, .says = "0 x() r:x 3 -1\n"},
    {.caller = {{[HOLDER_MEMBER] = "{'user_id': 'u', 'team_id': 't', 'budget_id': 'b'}"},
                {[HOLDER_MEMBER] = "{'budget_id': 'b', 'max_budget': 2}"}},
     .says = "0 u() r:t/u 2 -1\n"},
    {.caller = {{[HOLDER_TAGS] = "{'tag_name': 'g', 'budget_id': 'b'}"},
                {[HOLDER_TAGS] = "{'budget_id': 'b', 'max_budget': 2}"}},
     .says = "0 g() r:g 2 -1\n"},
    /* its own comes before that of the budget it names, soft ones likewise */
    {.caller = {{[HOLDER_KEY] = "{'token': 'h', 'max_budget': 1, 'budget_id': 'b'}"},
                {[HOLDER_KEY] = "{'budget_id': 'b', 'max_budget': 9, 'soft_budget': 8}"}},
     .says = "0 key() r:h 1 8\n"},
    {.caller = {{[HOLDER_TEAM] = "{'team_id': 't', 'soft_budget': 1}"}, {0}},
     .says = "0 t() r:t -1 1\n"},
    /* more for a while, and that while is over */
    {.caller = KEY("{'token': 'h', 'max_budget': 1, 'metadata': {'temp_budget_increase': 4, "
                   "'temp_budget_expiry': '1970-01-01T00:00:06Z'}}"),
     .says = "0 key() r:h 5 -1\n"},
    {.caller = KEY("{'token': 'h', 'max_budget': 1, 'metadata': {'temp_budget_increase': 4, "
                   "'temp_budget_expiry': '1970-01-01T00:00:05Z'}}"),
     .says = "0 key() r:h 1 -1\n"},
    /* per model, of the one that is asked for; per period */
    {.caller = KEY("{'token': 'h', 'model_max_budget': {'claude': {'budget_limit': 2, "
                   "'time_period': '1d'}, 'nova': 7}}"),
     .says = "1 key() t:api_key/claude/1d/h 2 -1\n"},
    {.caller = KEY("{'token': 'h', 'budget_limits': [{'budget_duration': '1h', 'max_budget': 4}]}"),
     .says = "2 key() t:api_key//1h/h 4 -1\n"},
    {.caller = {{[HOLDER_ORGANIZATION] = "{'organization_id': 'o', 'budget_id': 'b'}"},
                {[HOLDER_ORGANIZATION] = "{'budget_id': 'b', 'model_max_budget': {'claude': 6}}"}},
     .says = "1 o() t:organization/claude//o 6 -1\n"},
    /* a project's sums are kept nowhere but in its row */
    {.caller = {{[HOLDER_PROJECT] = "{'project_id': 'p', 'budget_id': 'b'}"},
                {[HOLDER_PROJECT] = "{'budget_id': 'b', 'model_max_budget': {'claude': 6}}"}},
     .says = ""},
    /* a user's own does not count for keys of a team, unless that is wanted */
    {.caller = {{[HOLDER_KEY] = "{'token': 'h', 'team_id': 't'}", [HOLDER_USER] = RICH("user_id")},
                {0}},
     .says = ""},
    {.caller = {{[HOLDER_KEY] = "{'token': 'h', 'team_id': 't'}", [HOLDER_USER] = RICH("user_id")},
                {0}},
     .settings = "general_settings: {apply_user_budget_to_team_keys: true}\n",
     .says = "0 x() r:x 3 -1\n"},
    /* end users that have none */
    {.caller = {{[HOLDER_END_USER] = "{'user_id': 'c'}"}, {0}},
     .settings = "litellm_settings: {max_end_user_budget: 0.5}\n",
     .says = "0 c() t:end_user///c 0.5 -1\n"},
    {.caller = {{[HOLDER_END_USER] = "{'user_id': 'c'}"}, {0}},
     .standard = "{'budget_id': 'all', 'max_budget': 2, 'budget_duration': '7d'}",
     .says = "0 c() t:end_user//7d/c 2 -1\n"},
    {.caller = {{[HOLDER_END_USER] = "{'user_id': 'c', 'budget_id': 'b'}"},
                {[HOLDER_END_USER] = "{'budget_id': 'b', 'max_budget': 4}"}},
     .settings = "litellm_settings: {max_end_user_budget: 0.5}\n",
     .says = "0 c() r:c 4 -1\n"},
    /* tags of the configuration: where the row has no budget */
    {.caller = KEY("{'token': 'h', 'metadata': {'tags': ['g', 'other']}}"),
     .settings =
         "litellm_settings: {tag_budget_config: {g: {max_budget: 5, budget_duration: 1d}}}\n",
     .says = "0 g() t:tag//1d/g 5 -1\n"},
    {.caller = {{[HOLDER_TAGS] = "{'tag_name': 'g', 'budget_id': 'b'}"},
                {[HOLDER_TAGS] = "{'budget_id': 'b', 'max_budget': 2}"}},
     .settings =
         "litellm_settings: {tag_budget_config: {g: {max_budget: 5, budget_duration: 1d}}}\n",
     .says = "0 g() r:g 2 -1\n"},
    /* the whole gateway's, and a key's of the configuration */
    {.caller = {{0}, {0}},
     .settings = "litellm_settings: {max_budget: 100, budget_duration: 30d}\n",
     .says = "3 () t:global//30d/ 100 -1\n"},
    {.caller = {{0}, {0}}, .key_limit = 7, .says = "0 key() t:api_key///fixed 7 -1\n"},
};

static const char *describe(const struct budgets *b)
{
    static char text[2000];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < b->n; i++) {
        const struct budget *v = &b->v[i];
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%d %.*s(%.*s) %c:", (int)v->kind,
                              SLICE_ARG(v->who), SLICE_ARG(v->shown),
                              v->ledger == ROW_TALLY ? 't' : 'r');
        for (size_t k = 0; k < v->id.n; k++)
            text[n++] = v->id.p[k] == '\n' ? '/' : v->id.p[k];
        n += (size_t)snprintf(text + n, sizeof(text) - n, " %g %g\n", v->most, v->soft);
    }
    return text;
}

static void check_case(size_t i, struct config *config, struct arena *a)
{
    const struct budget_case *k = &cases[i];
    struct caller c;
    struct budgets b;
    struct row *standard = k->standard ? row_world_row(ROW_BUDGET, k->standard) : NULL;
    row_world_caller(&c, &k->caller, a);
    c.key = k->key_limit > 0 ? SLICE("fixed") : c.key;
    c.spend_limit = k->key_limit > 0 ? k->key_limit : -1;
    budgets_of(&b, config, &c, standard, SLICE("claude"), NOW, a);
    if (strcmp(describe(&b), k->says) != 0)
        fail_msg("case %zu says\n%snot\n%s", i, describe(&b), k->says);
    row_unref(standard);
    caller_free(&c);
}

static void test_budgets(void **state)
{
    struct world w;
    struct arena a;
    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        world_init(&w);
        struct slice text = ARENA_JOIN(&a, SLICE(MODELS), slice_of(cases[i].settings));
        struct config *config = world_load(&w, arena_strdup(&a, text));
        assert_string_equal(world_problems(config), "");
        check_case(i, config, &a);
        config_unref(config);
    }
    arena_fini(&a);
}

/* No more than there is room for. */
static void test_a_bound(void **state)
{
    struct world w;
    struct arena a;
    struct caller c;
    struct budgets b;
    char row[4000] = "{'token': 'h', 'budget_limits': [{'max_budget': 1}";
    (void)state;
    for (size_t i = 0; i < 2 * BUDGETS_MAX; i++)
        strcat(row, ",{'max_budget': 1}"); /* NOLINT: it has room */
    strcat(row, "]}");                     /* NOLINT: likewise */
    arena_init(&a);
    world_init(&w);
    struct config *config = world_load(&w, MODELS);
    row_world_caller(&c, &(struct row_world_caller)KEY(row), &a);
    budgets_of(&b, config, &c, NULL, SLICE("claude"), NOW, &a);
    assert_int_equal(b.n, BUDGETS_MAX);
    caller_free(&c);
    config_unref(config);
    arena_fini(&a);
}

static void test_refusals(void **state)
{
    static const struct {
        struct budget budget;
        int64_t status;
        int said;
        const char *text;
    } refusals[] = {
        {{.who = SLICE("a"), .shown = SLICE("sk-...1"), .most = 1},
         0,
         422,
         "Budget has been exceeded! Key=a (sk-...1) Current cost: 1.5, Max budget: 1"},
        {{.holder = HOLDER_TEAM, .who = SLICE("t"), .most = 1},
         429,
         429,
         "Budget has been exceeded! Team=t Current cost: 1.5, Max budget: 1"},
        {{.holder = HOLDER_USER, .who = SLICE("u"), .most = 1},
         200,
         422,
         "ExceededBudget: User=u over budget. Spend=1.5, Budget=1"},
        {{.holder = HOLDER_END_USER, .who = SLICE("c"), .most = 1},
         500,
         422,
         "ExceededBudget: End User=c over budget. Spend=1.5, Budget=1"},
        {{.kind = BUDGET_OF_MODEL, .who = SLICE("a"), .model = SLICE("m"), .most = 1},
         400,
         400,
         "LiteLLM Virtual Key: a, exceeded budget for model=m. Current cost: 1.5, Max budget: 1"},
        {{.kind = BUDGET_OF_MODEL,
          .holder = HOLDER_TEAM,
          .who = SLICE("t"),
          .model = SLICE("m"),
          .most = 1},
         0,
         422,
         "LiteLLM Team: t, exceeded budget for model=m. Current cost: 1.5, Max budget: 1"},
        {{.kind = BUDGET_OF_PERIOD, .who = SLICE("a"), .period = SLICE("1h"), .most = 1},
         0,
         422,
         "ExceededBudget: Key=a over 1h budget. Spend=1.5, Budget=1"},
        {{.kind = BUDGET_OF_ALL, .most = 1},
         0,
         422,
         "Budget has been exceeded! Current cost: 1.5, Max budget: 1"},
    };
    struct arena a;
    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct failure f = {0};
        budget_refuse(&refusals[i].budget, 1.5, refusals[i].status, &a, &f);
        check_text(f.message, refusals[i].text);
        assert_int_equal(f.status, refusals[i].said);
        assert_string_equal(f.type, "budget_exceeded");
    }
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_a_bound),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
