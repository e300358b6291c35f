/* A row of the database → what it says of its holder; and cells that say nothing, or nonsense. */

#include "../base/check.h"
#include "row_world.h"

#include <stdarg.h>
#include <stdio.h>

static void __attribute__((format(printf, 2, 3))) say(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    b->n += (size_t)vsnprintf(b->p + b->n, b->size - b->n, format, args);
    va_end(args);
}

/* What a row says, as text: only what differs from an empty one. */
static void tell_list(struct buf *b, const char *name, const struct slice *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        say(b, "%s%.*s", i ? "," : name, SLICE_ARG(v[i]));
    if (n)
        buf_add_char(b, ' ');
}

static void tell_text(struct buf *b, const char *name, struct slice v)
{
    if (v.n)
        say(b, "%s%.*s ", name, SLICE_ARG(v));
}

static void tell_limits(struct buf *b, const struct limit_set *l)
{
    if (l->rpm != LIMIT_NONE)
        say(b, "rpm:%d ", (int)l->rpm);
    if (l->tpm != LIMIT_NONE)
        say(b, "tpm:%d ", (int)l->tpm);
    if (l->parallel != LIMIT_NONE)
        say(b, "parallel:%d ", (int)l->parallel);
}

static void tell_money(struct buf *b, const struct row *r)
{
    if (r->budget >= 0)
        say(b, "budget:%g ", r->budget);
    if (r->soft >= 0)
        say(b, "soft:%g ", r->soft);
    if (r->spend != 0)
        say(b, "spend:%g ", r->spend);
    if (r->extra != 0)
        say(b, "extra:%g until %lld ", r->extra, (long long)r->extra_until);
    tell_text(b, "period:", r->period);
    if (r->reset_at)
        say(b, "reset:%lld ", (long long)r->reset_at);
    for (size_t i = 0; i < r->budget_count; i++)
        say(b, "[%.*s %.*s %g] ", SLICE_ARG(r->budgets[i].model), SLICE_ARG(r->budgets[i].period),
            r->budgets[i].most);
}

static void tell_names(struct buf *b, const struct row *r)
{
    tell_text(b, "id:", r->id);
    tell_text(b, "alias:", r->alias);
    tell_text(b, "name:", r->name);
    tell_text(b, "user:", r->user);
    tell_text(b, "team:", r->team);
    tell_text(b, "org:", r->organization);
    tell_text(b, "project:", r->project);
    tell_text(b, "budget_id:", r->budget_id);
    tell_text(b, "role:", r->role);
    tell_text(b, "model_table:", r->model_table);
}

static void tell(struct buf *b, const struct row *r)
{
    tell_names(b, r);
    say(b, "%s%s%s", r->blocked ? "blocked " : "", r->sees_spend ? "sees_spend " : "",
        r->no_global_guards ? "no_global_guards " : "");
    if (r->expires)
        say(b, "expires:%lld ", (long long)r->expires);
    tell_list(b, "models:", r->models, r->model_count);
    tell_list(b, "routes:", r->routes, r->route_count);
    tell_list(b, "tags:", r->tags, r->tag_count);
    tell_list(b, "guards:", r->guards, r->guard_count);
    tell_list(b, "unheard:", r->unheard, r->unheard_count);
    tell_list(b, "admins:", r->admins, r->admin_count);
    tell_list(b, "permissions:", r->permissions, r->permission_count);
    for (size_t i = 0; i < r->alias_count; i++)
        say(b, "%.*s=>%.*s ", SLICE_ARG(r->aliases[i].name), SLICE_ARG(r->aliases[i].model));
    tell_limits(b, &r->limits);
    for (size_t i = 0; i < r->of_models.n; i++) {
        say(b, "%.*s: ", SLICE_ARG(r->of_models.v[i].model));
        tell_limits(b, &r->of_models.v[i].limits);
    }
    tell_money(b, r);
}

static const struct {
    enum row_kind kind;
    const char *row, *says;
} cases[] = {
    /* whose it is */
    {ROW_KEY,
     "{'token': 'h', 'key_alias': 'a', 'key_name': 'sk-...abcd', 'user_id': 'u', 'team_id': 't', "
     "'organization_id': 'o', 'project_id': 'p', 'budget_id': 'b'}",
     "id:h alias:a name:sk-...abcd user:u team:t org:o project:p budget_id:b "},
    {ROW_USER, "{'user_id': 'u', 'user_alias': 'U', 'user_role': 'internal_user'}",
     "id:u alias:U user:u role:internal_user "},
    {ROW_TEAM, "{'team_id': 't', 'team_alias': 'T', 'organization_id': 'o', 'model_id': 7}",
     "id:t alias:T team:t org:o model_table:7 "},
    {ROW_MEMBER, "{'user_id': 'u', 'team_id': 't', 'budget_id': 'b', 'spend': 2}",
     "id:t\nu user:u team:t budget_id:b spend:2 "},
    {ROW_ORGANIZATION, "{'organization_id': 'o', 'organization_alias': 'O', 'budget_id': 'b'}",
     "id:o alias:O org:o budget_id:b "},
    {ROW_PROJECT, "{'project_id': 'p', 'project_alias': 'P'}", "id:p alias:P project:p "},
    {ROW_END_USER, "{'user_id': 'c', 'alias': 'C', 'blocked': true}",
     "id:c alias:C user:c blocked "},
    {ROW_TAG, "{'tag_name': 'g', 'budget_id': 'b'}", "id:g budget_id:b "},
    /* what it may */
    {ROW_KEY, "{'models': ['claude', 'x/*'], 'allowed_routes': ['/v1/models'], 'blocked': true}",
     "blocked models:claude,x/* routes:/v1/models "},
    {ROW_BUDGET, "{'budget_id': 'b', 'allowed_models': ['nova']}", "id:b budget_id:b models:nova "},
    {ROW_KEY, "{'permissions': {'get_spend_routes': true}}", "sees_spend "},
    {ROW_KEY, "{'permissions': {'get_spend_routes': 'yes'}}", ""},
    {ROW_KEY, "{'expires': '2026-01-02T00:00:00Z'}", "expires:1767312000000 "},
    {ROW_TEAM,
     "{'members_with_roles': [{'role': 'user', 'user_id': 'a'}, {'role': 'admin', 'user_id': 'b'}, "
     "{'role': 'admin', 'user_email': 'c@d'}, 5], 'team_member_permissions': ['/key/generate']}",
     "admins:b permissions:/key/generate "},
    {ROW_KEY,
     "{'metadata': {'tags': ['x', 5, 'y'], 'guardrails': ['pii'], "
     "'disable_global_guardrails': true, 'litellm_disabled_callbacks': ['langfuse']}}",
     "no_global_guards tags:x,y guards:pii unheard:langfuse "},
    /* names of models: of keys an object, of teams also one as a text */
    {ROW_KEY, "{'aliases': {'mine': 'claude', 'none': 5}}", "mine=>claude "},
    {ROW_ALIASES, "{'id': 3, 'aliases': '{\\\"ours\\\": \\\"nova\\\"}'}", "ours=>nova "},
    /* limits */
    {ROW_KEY, "{'rpm_limit': 0, 'tpm_limit': 5, 'max_parallel_requests': 2}",
     "rpm:0 tpm:5 parallel:2 "},
    {ROW_KEY,
     "{'metadata': {'model_rpm_limit': {'a': 1, 'b': 'many'}, 'model_tpm_limit': {'c': 3, 'a': "
     "2}}}",
     "a: rpm:1 tpm:2 c: tpm:3 "},
    {ROW_PROJECT, "{'model_rpm_limit': {'a': 4}}", "a: rpm:4 "},
    {ROW_PROJECT, "{'model_rpm_limit': {'a': 4}, 'metadata': {'model_rpm_limit': {'a': 1}}}",
     "a: rpm:1 "},
    /* budgets */
    {ROW_USER,
     "{'max_budget': 0, 'spend': 1.5, 'budget_duration': '1d', "
     "'budget_reset_at': '1970-01-01T00:00:05Z'}",
     "budget:0 spend:1.5 period:1d reset:5000 "},
    {ROW_TEAM, "{'soft_budget': 3}", "soft:3 "},
    {ROW_KEY,
     "{'model_max_budget': {'a': 5, 'b': {'budget_limit': 6, 'time_period': '1d'}, "
     "'c': {'max_budget': 7, 'budget_duration': '30d'}, 'd': 'much'}}",
     "[a  5] [b 1d 6] [c 30d 7] "},
    {ROW_KEY,
     "{'budget_limits': [{'budget_duration': '1h', 'max_budget': 1}, {'budget_duration': '2h'}]}",
     "[ 1h 1] "},
    {ROW_KEY,
     "{'metadata': {'temp_budget_increase': 4, 'temp_budget_expiry': '1970-01-01T00:00:09Z'}}",
     "extra:4 until 9000 "},
    {ROW_KEY, "{'metadata': {'temp_budget_increase': 4, 'temp_budget_expiry': 'soon'}}",
     "extra:4 until 0 "},
    /* nothing, and nonsense */
    {ROW_KEY, "{}", ""},
    {ROW_KEY, "{'aliases': [], 'metadata': 5, 'permissions': 'x', 'model_max_budget': []}", ""},
};

static void test_rows(void **state)
{
    char text[500];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct row *r = row_world_row(cases[i].kind, cases[i].row);
        struct buf b = {.p = text, .size = sizeof(text), .cap = sizeof(text)};
        tell(&b, r);
        if (!slice_eq(buf_slice(&b), slice_of(cases[i].says)))
            fail_msg("%s\nsays  %.*s\nnot   %s", cases[i].row, SLICE_ARG(buf_slice(&b)),
                     cases[i].says);
        row_unref(r);
    }
}

static void test_aliases_are_found(void **state)
{
    struct row *r = row_world_row(ROW_KEY, "{'aliases': {'mine': 'claude', 'yours': 'nova'}}");
    (void)state;
    check_text(row_alias_find(r, SLICE("yours")), "nova");
    assert_null(row_alias_find(r, SLICE("claude")).p);
    assert_null(row_alias_find(NULL, SLICE("mine")).p);
    row_unref(r);
}

/* Whoever has a reference has the row. */
static void test_references(void **state)
{
    struct row *r = row_new_tally(SLICE("sum"), 2.5, 7), *other = row_ref(r);
    (void)state;
    row_unref(r);
    check_text(other->id, "sum");
    assert_true(other->kind == ROW_TALLY && other->spend == 2.5 && other->reset_at == 7);
    assert_true(other->budget < 0 && other->limits.rpm == LIMIT_NONE);
    row_unref(other);
    row_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_aliases_are_found),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
