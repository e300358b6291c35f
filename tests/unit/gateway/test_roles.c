/* Who may call which route: every route that others than admins of the proxy may call stands here,
 * and each rule is held against each role. A route without a row is for admins alone. */

#include "access.h"
#include "auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ANY         0x100u /* key */
#define OWN         0x200u /* route.own_keys */
#define TEAM_ADMIN  ACCESS_TEAM_ADMIN
#define TEAM_MEMBER ACCESS_TEAM_MEMBER
#define ORG_ADMIN   ACCESS_ORG_ADMIN
#define SELF        ACCESS_SELF
#define ASKS        ACCESS_ASKS

static const struct rule {
    const char *method, *path;
    unsigned who;
} rules[] = {
    {"POST", "/bedrock/{item}", ANY},
    {"GET", "/bedrock/{item}", ANY},
    {"GET", "/v1/responses/{item}/input_items", ANY},
    {"POST", "/v1/responses/{item}/cancel", ANY},
    {"GET", "/v1/responses/{item}", ANY},
    {"DELETE", "/v1/responses/{item}", ANY},
    {"GET", "/openai/v1/responses/{item}/input_items", ANY},
    {"POST", "/openai/v1/responses/{item}/cancel", ANY},
    {"GET", "/openai/v1/responses/{item}", ANY},
    {"DELETE", "/openai/v1/responses/{item}", ANY},
    {"GET", "/responses/{item}/input_items", ANY},
    {"POST", "/responses/{item}/cancel", ANY},
    {"GET", "/responses/{item}", ANY},
    {"DELETE", "/responses/{item}", ANY},
    {"GET", "/v1/models", ANY},
    {"GET", "/models", ANY},
    {"GET", "/v1/models/{model}", ANY},
    {"GET", "/models/{model}", ANY},
    {"GET", "/v1/model/info", ANY},
    {"GET", "/model/info", ANY},
    {"GET", "/v2/model/info", ANY},
    {"GET", "/model_group/info", ANY},
    {"GET", "/utils/supported_openai_params", ANY},
    {"POST", "/utils/transform_request", ANY},
    {"GET", "/ui/session", ANY},
    {"GET", "/guardrails/list", ANY},
    {"GET", "/v2/guardrails/list", ANY},
    {"GET", "/guardrails/{item}/info", ANY},
    {"POST", "/guardrails/apply_guardrail", ANY},
    {"POST", "/key/generate", OWN | ASKS},
    {"POST", "/key/update", OWN | ASKS},
    {"POST", "/key/delete", OWN | ASKS},
    {"POST", "/key/block", ASKS},
    {"POST", "/key/unblock", ASKS},
    {"POST", "/key/regenerate", OWN | ASKS},
    {"POST", "/key/{item}/regenerate", OWN | ASKS},
    {"POST", "/key/service-account/generate", OWN | ASKS},
    {"POST", "/key/{item}/reset_spend", ASKS},
    {"GET", "/key/list", OWN | ASKS},
    {"GET", "/key/aliases", OWN | ASKS},
    {"POST", "/v2/key/info", ANY},
    {"POST", "/key/health", ANY},
    {"GET", "/key/info", ANY},
    {"POST", "/spend/calculate", ANY},
    {"GET", "/key/spend/report", ANY},
    {"GET", "/user/spend/report", ANY},
    {"GET", "/team/spend/report", ANY},
    {"GET", "/organization/spend/report", ASKS},
    {"GET", "/team/spend/by_user", OWN},
    {"GET", "/health/backlog", ANY},
    {"GET", "/health/latest", ANY},
    {"GET", "/cache/ping", ANY},
    {"GET", "/spend/keys", OWN},
    {"GET", "/spend/users", OWN},
    {"GET", "/spend/logs", OWN},
    {"GET", "/spend/logs/v2", OWN},
    {"GET", "/spend/logs/ui", OWN},
    {"GET", "/spend/logs/ui/{item}", OWN},
    {"GET", "/spend/logs/session/ui", OWN},
    {"GET", "/global/spend", OWN},
    {"GET", "/global/spend/logs", OWN},
    {"GET", "/global/spend/models", OWN},
    {"GET", "/global/spend/provider", OWN},
    {"GET", "/global/spend/keys", OWN},
    {"GET", "/global/activity", OWN},
    {"GET", "/global/activity/model", OWN},
    {"GET", "/user/daily/activity", OWN},
    {"GET", "/team/daily/activity", OWN},
    {"GET", "/tag/daily/activity", OWN},
    {"GET", "/user/daily/activity/aggregated", OWN},
    {"GET", "/team/daily/activity/aggregated", OWN},
    {"GET", "/tag/daily/activity/aggregated", OWN},
    {"GET", "/user/daily/activity/aggregated/keys", OWN},
    {"GET", "/user/daily/activity/aggregated/search", OWN},
    {"GET", "/user/daily/activity/aggregated/model_top_keys", OWN},
    {"GET", "/user/daily/activity/aggregated/cache_leakage_keys", OWN},
    {"GET", "/user/daily/activity/export", OWN},
    {"GET", "/team/daily/activity/aggregated/keys", OWN},
    {"GET", "/team/daily/activity/aggregated/search", OWN},
    {"GET", "/team/daily/activity/aggregated/model_top_keys", OWN},
    {"GET", "/team/daily/activity/export", OWN},
    {"GET", "/tag/daily/activity/aggregated/keys", OWN},
    {"GET", "/tag/daily/activity/aggregated/search", OWN},
    {"GET", "/tag/daily/activity/aggregated/model_top_keys", OWN},
    {"GET", "/tag/daily/activity/export", OWN},
    {"GET", "/user/info", SELF},
    {"GET", "/v2/user/info", SELF},
    {"GET", "/user/available_roles", SELF},
    {"GET", "/tag/list", OWN},
    {"POST", "/user/new", ORG_ADMIN},
    {"POST", "/team/new", ORG_ADMIN},
    {"POST", "/model/new", ASKS},
    {"POST", "/model/update", ASKS},
    {"PATCH", "/model/{model}/update", ASKS},
    {"POST", "/model/delete", ASKS},
    {"GET", "/team/info", TEAM_ADMIN | TEAM_MEMBER | ORG_ADMIN},
    {"GET", "/team/list", ASKS},
    {"GET", "/v2/team/list", ASKS},
    {"POST", "/team/update", TEAM_ADMIN | ORG_ADMIN},
    {"POST", "/team/block", ORG_ADMIN},
    {"POST", "/team/unblock", ORG_ADMIN},
    {"POST", "/team/delete", ORG_ADMIN},
    {"POST", "/team/model/add", ORG_ADMIN},
    {"POST", "/team/model/delete", ORG_ADMIN},
    {"GET", "/team/permissions_list", TEAM_ADMIN | TEAM_MEMBER | ORG_ADMIN},
    {"POST", "/team/permissions_update", TEAM_ADMIN | ORG_ADMIN},
    {"GET", "/team/metadata_schema", SELF},
    {"GET", "/team/available", SELF},
    {"POST", "/team/member_add", TEAM_ADMIN | ORG_ADMIN},
    {"POST", "/team/bulk_member_add", TEAM_ADMIN | ORG_ADMIN},
    {"POST", "/team/member_update", TEAM_ADMIN | ORG_ADMIN},
    {"POST", "/team/member_delete", TEAM_ADMIN | ORG_ADMIN},
    {"POST", "/team/{item}/callback", TEAM_ADMIN | ORG_ADMIN},
    {"GET", "/team/{item}/callback", TEAM_ADMIN | ORG_ADMIN},
    {"DELETE", "/team/{item}/callback/{name}", TEAM_ADMIN | ORG_ADMIN},
    {"POST", "/team/{item}/disable_logging", TEAM_ADMIN | ORG_ADMIN},
    {"GET", "/organization/info", ORG_ADMIN},
    {"POST", "/organization/info", ORG_ADMIN},
    {"GET", "/organization/list", ASKS},
    {"POST", "/organization/member_add", ORG_ADMIN},
    {"PATCH", "/organization/member_update", ORG_ADMIN},
    {"DELETE", "/organization/member_delete", ORG_ADMIN},
};
#define RULES (sizeof(rules) / sizeof(*rules))

static const struct rule *rule_of(const struct route *r)
{
    for (size_t i = 0; i < RULES; i++)
        if (strcmp(rules[i].method, r->method) == 0 && strcmp(rules[i].path, r->path) == 0)
            return &rules[i];
    return NULL;
}

static unsigned who_of(const struct route *r)
{
    if (!r->admin)
        return ANY;
    return (r->own_keys ? OWN : 0) | r->also;
}

static void every_route_has_its_rule(void **state)
{
    for (size_t i = 0; routes_at(i); i++) {
        const struct route *r = routes_at(i);
        const struct rule *rule = rule_of(r);
        unsigned expected = rule ? rule->who : 0;
        if (r->open || (!r->admin && !r->handle)) /* of everybody; a model is called */
            continue;
        if (who_of(r) != expected)
            fail_msg("%s %s: who may call it is 0x%x, the table says 0x%x", r->method, r->path,
                     who_of(r), expected);
    }
}

static void every_rule_has_its_route(void **state)
{
    for (size_t i = 0; i < RULES; i++) {
        size_t n = 0;
        for (size_t k = 0; routes_at(k); k++)
            n += rule_of(routes_at(k)) == &rules[i];
        if (n != 1)
            fail_msg("%s %s: %zu routes", rules[i].method, rules[i].path, n);
    }
}

/* ---- rules × roles --------------------------------------------------------------------------- */

static void each_role(void **state)
{
    static const struct route shown = {"GET", "/x", .admin = true},
                              changed = {"POST", "/x", .admin = true},
                              own = {"GET", "/x", .admin = true, .own_keys = true},
                              own_changed = {"POST", "/x", .admin = true, .own_keys = true},
                              named = {"GET", "/x", .admin = true, .also = TEAM_ADMIN},
                              named_changed = {"POST", "/x", .admin = true, .also = TEAM_ADMIN},
                              any = {"POST", "/x"};
    static const struct route *const routes[] = {&shown, &changed,       &own, &own_changed,
                                                 &named, &named_changed, &any};
    /* in the order of `routes`; without a user only any key's routes are left */
    static const struct {
        enum caller_role role;
        const char *may;
    } rows[] = {{ROLE_PROXY_ADMIN, "yyyyyyy"},   {ROLE_PROXY_ADMIN_VIEWER, "ynynyny"},
                {ROLE_INTERNAL_USER, "nnyyyyy"}, {ROLE_INTERNAL_USER_VIEWER, "nnynyny"},
                {ROLE_ORG_ADMIN, "nnyyyyy"},     {ROLE_TEAM, "nnnnnny"},
                {ROLE_CUSTOMER, "nnnnnny"},      {ROLE_NONE, "nnnnyyy"}};
    struct arena a;
    arena_init(&a);
    assert_int_equal(sizeof(rows) / sizeof(*rows), ROLES);
    for (size_t i = 0; i < ROLES; i++)
        for (size_t k = 0; rows[i].may[k]; k++) {
            struct failure f = {0};
            struct caller c;
            caller_init(&c, &a);
            c.role = rows[i].role;
            c.user = SLICE("someone");
            bool may = auth_check_route(&c, routes[k], SLICE("/x"), &a, &f);
            if (may != (rows[i].may[k] == 'y') || may != (f.kind == FAILURE_NONE))
                fail_msg("%s, route %zu: %d", caller_role_name(c.role), k, may);
            assert_true(may || f.status == 401);
        }
    arena_fini(&a);
}

static void nobody(void **state)
{
    static const struct route listed = {"GET", "/x", .admin = true, .own_keys = true, .also = ASKS},
                              made = {"POST", "/x", .admin = true, .own_keys = true, .also = ASKS};
    struct failure of_listed = {0}, of_made = {0};
    struct caller c;
    struct arena a;
    arena_init(&a);
    caller_init(&c, &a);
    assert_false(auth_check_route(&c, &listed, SLICE("/x"), &a, &of_listed));
    assert_int_equal(of_listed.status, 403);
    assert_false(auth_check_route(&c, &made, SLICE("/x"), &a, &of_made));
    assert_int_equal(of_made.status, 401);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_has_its_rule),
        cmocka_unit_test(every_rule_has_its_route),
        cmocka_unit_test(each_role),
        cmocka_unit_test(nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
