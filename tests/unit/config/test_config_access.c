/* Who may call what, and from where: what the configuration says of it. */

#include "check.h"
#include "world.h"

#define MODEL                                                                                      \
    "model_list: [{model_name: m, litellm_params: {model: bedrock/x.y, aws_region_name: r}}]\n"
#define GENERAL MODEL "general_settings:\n"

static struct config *load(const char *text)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(&w, text);
    assert_string_equal(world_problems(c), "");
    return c;
}

static bool has(struct ip_ranges ranges, const char *text)
{
    struct ip ip;
    assert_true(ip_parse(slice_of(text), &ip));
    return ip_is_in_any(&ip, ranges);
}

static void nothing_said(void **state)
{
    struct config *c = load(MODEL);
    (void)state;
    assert_false(c->access.guards || c->access.proxies_known);
    assert_int_equal(c->access.proxies.n + c->access.admin_only_routes.n, 0);
    config_unref(c);
}

static void addresses(void **state)
{
    struct config *c = load(GENERAL "  allowed_ips: [192.0.2.7, 10.0.0.0/8]\n"
                                    "  trusted_proxy_ranges: ['2001:db8::/32']\n"
                                    "  mcp_trusted_proxy_ranges: [10.0.0.0/8]\n");
    (void)state;
    assert_true(c->access.guards && c->access.proxies_known);
    assert_true(has(c->access.allowed_ips, "192.0.2.7") && has(c->access.allowed_ips, "10.9.9.9"));
    assert_false(has(c->access.allowed_ips, "192.0.2.8"));
    assert_true(has(c->access.proxies, "2001:db8::1"));
    assert_false(has(c->access.proxies, "10.0.0.1")); /* the other one counts alone */
    config_unref(c);
    c = load(GENERAL "  mcp_trusted_proxy_ranges: [10.0.0.0/8]\n  use_x_forwarded_for: true\n");
    assert_true(has(c->access.proxies, "10.0.0.1") && !c->access.guards);
    config_unref(c);
    c = load(GENERAL "  trusted_proxy_ranges: []\n");
    assert_true(c->access.proxies_known && !c->access.proxies.n);
    config_unref(c);
    c = load(GENERAL "  trusted_proxy_ranges: [10.0.0.0/8]\n  use_x_forwarded_for: false\n");
    assert_true(c->access.proxies_known && !c->access.proxies.n);
    config_unref(c);
}

static void routes(void **state)
{
    struct config *c = load(GENERAL "  allowed_routes: [llm_api_routes, /v1/*]\n"
                                    "  admin_only_routes: [/model/info]\n"
                                    "  public_routes: []\n");
    (void)state;
    assert_true(c->access.guards);
    assert_int_equal(c->access.allowed_routes.n, 2);
    assert_true(slice_eq(c->access.allowed_routes.v[1], SLICE("/v1/*")));
    assert_true(slice_eq(c->access.admin_only_routes.v[0], SLICE("/model/info")));
    assert_int_equal(c->access.public_routes.n, 0);
    config_unref(c);
}

static void demands(void **state)
{
    struct config *c = load(GENERAL "  enforce_user_param: true\n"
                                    "  enforced_params: [user, metadata.generation_name]\n"
                                    "  service_account_settings: {enforced_params: [model]}\n"
                                    "  missing_session_id: generate\n"
                                    "  user_header_mappings:\n"
                                    "  - {header_name: x-user, litellm_user_role: internal_user}\n"
                                    "  - {header_name: x-guest, litellm_user_role: customer}\n"
                                    "litellm_settings: {blocked_user_list: [u1, u2]}\n");
    const struct request_demands *d = &c->access.demands;
    (void)state;
    assert_true(d->any && d->user && !d->no_tags && d->session == SESSION_MADE);
    assert_int_equal(d->members.n, 2);
    assert_true(slice_eq(d->of_services.v[0], SLICE("model")));
    assert_true(map_get(&d->blocked, SLICE("u2")) && !map_get(&d->blocked, SLICE("u")));
    assert_string_equal(c->access.user_header, "x-user");
    assert_string_equal(c->access.customer_header, "x-guest");
    config_unref(c);
    c = load(GENERAL "  missing_session_id: generate\n");
    assert_false(c->access.demands.any); /* nobody is refused for it */
    config_unref(c);
    c = load(GENERAL "  user_header_mappings: {header_name: a, litellm_user_role: customer}\n");
    assert_string_equal(c->access.customer_header, "a");
    assert_null(c->access.user_header);
    config_unref(c);
}

static void logins(void **state)
{
    struct config *c = load(MODEL);
    (void)state;
    assert_int_equal(c->access.logins.most, 10);
    assert_int_equal(c->access.logins.ms, 300000);
    assert_false(c->access.ui_of_admins || c->access.checks_fallbacks);
    config_unref(c);
    c = load(GENERAL "  max_failed_login_attempts_per_source: 3\n"
                     "  failed_login_window_seconds: 600\n"
                     "  failed_login_block_seconds: 30\n"
                     "  max_failed_login_attempts_per_source_overrides: {10.0.0.0/8: 0}\n"
                     "  ui_access_mode: admin_only\n"
                     "router_settings: {fallback_access_check: true}\n");
    assert_int_equal(c->access.logins.most, 3);
    assert_int_equal(c->access.logins.ms, 600000);
    assert_int_equal(c->access.logins.range_count, 1);
    assert_true(c->access.ui_of_admins && c->access.checks_fallbacks);
    config_unref(c);
}

static void banned_words(void **state)
{
    struct config *c = load(MODEL "litellm_settings: {banned_keywords_list: [secret]}\n");
    const struct guard *g = guards_find(&c->guards, SLICE("banned_keywords"));
    (void)state;
    assert_true(g && g->default_on && g->kind == GUARD_FILTER);
    assert_int_equal(g->modes, GUARD_BEFORE | GUARD_AFTER);
    config_unref(c);
}

#define FORWARDED                                                                                  \
    "general_settings.use_x_forwarded_for: needs trusted_proxy_ranges, the addresses of the "      \
    "proxies in front: anybody else could write any address into that header\n"
#define RANGE "expected an address or a range, such as 192.0.2.7 or 10.0.0.0/8\n"
#define EMPTY "an empty list would refuse everybody: leave it out, or say who may\n"
#define TOKENS                                                                                     \
    "tokens of an identity provider are no keys here: give out keys (/key/generate); single "      \
    "sign-on is for the admin pages\n"
#define PYTHON                                                                                     \
    "runs Python code, which Lintel has not: without it calls would pass that it is there to "     \
    "stop; "
#define ROLES                                                                                      \
    "roles of tokens are not there: say it with allowed_routes and models of keys, teams and "     \
    "users, or admin_only_routes\n"

static void problems(void **state)
{
    static const struct {
        const char *text, *problems;
    } rows[] = {
        {GENERAL "  allowed_ips: []\n", "E3 general_settings.allowed_ips: " EMPTY},
        {GENERAL "  allowed_routes: []\n", "E3 general_settings.allowed_routes: " EMPTY},
        {GENERAL "  allowed_ips:\n  - 10.0.0.0/33\n  - host.example\n  - [x]\n",
         "E4 general_settings.allowed_ips[0]: " RANGE "E5 general_settings.allowed_ips[1]: " RANGE
         "E6 general_settings.allowed_ips[2]: " RANGE},
        {GENERAL "  trusted_proxy_ranges: [10.0.0.0/8, '']\n",
         "E3 general_settings.trusted_proxy_ranges[1]: " RANGE},
        {GENERAL "  public_routes: [{a: b}]\n",
         "E3 general_settings.public_routes[0]: expected a name\n"},
        {GENERAL "  use_x_forwarded_for: true\n", "W3 " FORWARDED},
        {GENERAL "  use_x_forwarded_for: true\n  allowed_ips: [10.0.0.1]\n", "E3 " FORWARDED},
        {GENERAL "  use_x_forwarded_for: true\n  trusted_proxy_ranges: []\n", "W3 " FORWARDED},
        {GENERAL "  missing_session_id: always\n",
         "E3 general_settings.missing_session_id: expected generate or reject\n"},
        {GENERAL "  user_header_mappings: [{header_name: a, litellm_user_role: boss}]\n",
         "E3 general_settings.user_header_mappings[0]: expected {header_name, litellm_user_role: "
         "customer or internal_user}\n"},
        {GENERAL "  ui_access_mode: {type: restricted_sso_group}\n",
         "E3 general_settings.ui_access_mode: expected all or admin_only: groups of the provider "
         "are not looked at\n"},
        {GENERAL "  max_failed_login_attempts_per_source_overrides: {host: 1}\n",
         "E3 general_settings.max_failed_login_attempts_per_source_overrides.host: expected an "
         "address or a range, and how many tries it has\n"},
        {MODEL "litellm_settings: {blocked_user_list: /none}\n",
         "E2 litellm_settings.blocked_user_list: No such file or directory\n"},
        {MODEL "litellm_settings: {banned_keywords_list: {a: b}}\n",
         "E2 litellm_settings.banned_keywords_list: expected a list of names, or the path of a "
         "file "
         "of them\n"},
        {GENERAL "  enable_jwt_auth: true\n", "E3 general_settings.enable_jwt_auth: " TOKENS},
        {GENERAL "  enable_oauth2_auth: true\n", "E3 general_settings.enable_oauth2_auth: " TOKENS},
        {GENERAL "  enable_oauth2_proxy_auth: true\n",
         "E3 general_settings.enable_oauth2_proxy_auth: a proxy's word for who calls is no key "
         "here: give out keys (/key/generate)\n"},
        {GENERAL "  custom_auth: auth.check\n",
         "E3 general_settings.custom_auth: " PYTHON
         "give out keys (/key/generate, or general_settings.api_keys)\n"},
        {GENERAL "  custom_key_generate: keys.check\n",
         "E3 general_settings.custom_key_generate: " PYTHON
         "key_generation_settings says who may make which keys\n"},
        {GENERAL "  custom_ui_sso_sign_in_handler: sso.check\n",
         "E3 general_settings.custom_ui_sso_sign_in_handler: " PYTHON
         "set up single sign-on (docs/ui.md)\n"},
        {GENERAL "  enforce_rbac: true\n", "E3 general_settings.enforce_rbac: " ROLES},
        {GENERAL "  role_permissions: [{role: team}]\n",
         "E3 general_settings.role_permissions: " ROLES},
        {GENERAL "  enable_jwt_auth: false\n  custom_auth:\n  role_permissions: []\n"
                 "  enforce_rbac: false\n",
         ""},
    };
    struct world w;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        world_init(&w);
        world_expect(&w, rows[i].text, rows[i].problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said), cmocka_unit_test(addresses),    cmocka_unit_test(demands),
        cmocka_unit_test(logins),       cmocka_unit_test(banned_words), cmocka_unit_test(routes),
        cmocka_unit_test(problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
