/* What the configuration says of new keys; see key_rules.h.
 *
 * Happy path: nothing is configured, and the body stays as it is. Failure modes: a member that must
 * be there is not, one is beyond its bound, or the caller's role makes no keys. */

#include "key_rules.h"

#include "base/duration.h"
#include "wire/crypto.h"

#include <stdio.h>

#define ALIAS_MAX 255

/* ---- who makes keys -------------------------------------------------------------------------- */

static bool is_said(yyjson_val *body, struct slice name)
{
    yyjson_val *v = yyjson_obj_getn(body, name.p, name.n);
    return v && !yyjson_is_null(v);
}

static bool has_needed(struct exchange *ex, yyjson_val *rule, yyjson_val *body)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(rule, "required_params"));
    yyjson_val *name;
    while ((name = yyjson_arr_iter_next(&it))) {
        if (is_said(body, json_slice(name)))
            continue;
        admin_refuse(ex, 400, NULL, "Required param %.*s not in data", SLICE_ARG(json_slice(name)));
        return false;
    }
    return true;
}

static bool refuse_role(struct exchange *ex, const char *what, struct slice role, yyjson_val *roles)
{
    struct slice allowed = json_text_of(roles, &ex->arena);
    admin_refuse(ex, 403, NULL,
                 "%s key creation has been restricted by admin. Allowed roles=%.*s. Your "
                 "role=%.*s",
                 what, SLICE_ARG(allowed), SLICE_ARG(role));
    return false;
}

static bool refuse_own(struct exchange *ex)
{
    admin_refuse(ex, 403, NULL,
                 "Keys without a team_id are made by administrators alone: default_team_disabled.");
    return false;
}

bool key_rules_own_text(struct exchange *ex)
{
    if (!ex->config->settings.rules.no_own_keys)
        return true;
    admin_refuse(
        ex, 403, NULL,
        "{'error': 'Custom API key values are disabled by your administrator. Keys must be "
        "auto-generated.'}");
    return false;
}

bool key_rules_allow(struct exchange *ex, yyjson_val *body, struct slice team_role)
{
    bool team = json_get_slice(body, "team_id").n;
    if (!team && ex->config->settings.rules.teams_only && ex->caller.role != ROLE_PROXY_ADMIN)
        return refuse_own(ex);
    yyjson_val *rule =
        json_get(ex->config->key_rules, team ? "team_key_generation" : "personal_key_generation");
    yyjson_val *roles = json_get(rule, team ? "allowed_team_member_roles" : "allowed_user_roles");
    struct slice role = team ? team_role : slice_of(caller_role_name(ex->caller.role));
    bool free = team && ex->caller.role == ROLE_PROXY_ADMIN;
    if (yyjson_is_arr(roles) && !free && !json_list_has(roles, role))
        return refuse_role(ex, team ? "Team" : "Personal", role, roles);
    return has_needed(ex, rule, body);
}

/* ---- the most -------------------------------------------------------------------------------- */

/* In the unit of the bound: a number, or ms. */
static bool amount(yyjson_val *v, double *value)
{
    int64_t ms = duration_ms(json_slice(v));
    if (!ms)
        return json_double(v, value);
    *value = (double)ms;
    return true;
}

static bool is_within(struct exchange *ex, yyjson_val *name, yyjson_val *most, yyjson_val *body)
{
    struct slice key = json_slice(name);
    yyjson_val *v = yyjson_obj_getn(body, key.p, key.n);
    double asked, bound;
    if (!v || !amount(v, &asked) || !amount(most, &bound) || asked <= bound)
        return true;
    admin_refuse(ex, 400, NULL,
                 "%.*s is over max limit set in config - user_value=%.*s; max_value=%.*s",
                 SLICE_ARG(key), SLICE_ARG(json_text_of(v, &ex->arena)),
                 SLICE_ARG(json_text_of(most, &ex->arena)));
    return false;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_plain(struct slice alias)
{
    bool plain = alias.n >= 2 && alias.n <= ALIAS_MAX && is_alnum(alias.p[0]) &&
                 is_alnum(alias.p[alias.n - 1]);
    for (size_t i = 0; plain && i < alias.n; i++)
        plain = is_alnum(alias.p[i]) || (alias.p[i] && strchr("_-/.@", alias.p[i]));
    return plain;
}

/* No pattern makes a path out of the directory, or a line of a log, of it. */
static bool is_harmless(struct slice alias)
{
    bool fine = slice_find(alias, SLICE("..")) < 0;
    size_t characters = 0;
    for (size_t i = 0; fine && i < alias.n; i++) {
        fine = (unsigned char)alias.p[i] >= ' ' && alias.p[i] != 0x7F;
        characters += ((unsigned char)alias.p[i] & 0xC0) != 0x80;
    }
    return fine && characters <= ALIAS_MAX;
}

static bool matches(const struct guard_rules *pattern, struct slice alias)
{
    struct guard_found found = {0};
    struct guard_scan scan;
    struct buf out;
    buf_init(&out, GUARD_WINDOW);
    guard_scan_init(&scan, &pattern, 1, &found);
    guard_scan_text(&scan, alias, &out);
    guard_scan_fini(&scan);
    buf_fini(&out);
    return found.blocked && !found.failed;
}

static bool has_good_alias(struct exchange *ex, yyjson_val *body, struct slice old)
{
    const struct made_rules *rules = &ex->config->settings.rules;
    yyjson_val *v = json_get(body, "key_alias");
    struct slice alias = json_slice(v);
    const struct guard_rules *pattern = ex->config->key_aliases;
    if (!yyjson_is_str(v) || (old.n && slice_eq(alias, old)) ||
        (pattern ? is_harmless(alias) && matches(pattern, alias)
                 : !rules->plain_aliases || is_plain(alias)))
        return true;
    if (pattern)
        admin_refuse(ex, 400, "bad_request_error",
                     "Invalid key_alias format. Must be at most 255 characters and match the "
                     "configured key_alias_pattern: %s",
                     rules->aliases);
    else
        admin_refuse(ex, 400, "bad_request_error",
                     "Invalid key_alias format. Must be 2-255 characters, start/end with "
                     "alphanumeric, and only contain a-zA-Z0-9_-/.@.");
    admin_show_param(ex, "key_alias");
    return false;
}

bool key_rules_bound(struct exchange *ex, yyjson_val *body, struct slice alias)
{
    yyjson_val *name;
    if (!has_good_alias(ex, body, alias))
        return false;
    yyjson_obj_iter it = yyjson_obj_iter_with(ex->config->most_of_key);
    while ((name = yyjson_obj_iter_next(&it)))
        if (!is_within(ex, name, yyjson_obj_iter_get_val(name), body))
            return false;
    return true;
}

yyjson_val *key_rules_complete(struct exchange *ex, yyjson_val *body)
{
    yyjson_val *whole = admin_with_defaults(ex, body, ex->config->new_key);
    if (!whole || !key_rules_bound(ex, whole, SLICE("")))
        return NULL;
    return admin_with_defaults(ex, whole, ex->config->most_of_key);
}

/* ---- aliases --------------------------------------------------------------------------------- */

#define ALIAS_LOCKS 64 /* rows of lintel_locks */

/* Of two transactions that give one alias, one waits here until it can see the other's key. */
static void lock_alias(struct store_job *job, struct slice alias)
{
    char name[32];
    uint8_t digest[SHA256_SIZE];
    sha256(alias, digest);
    snprintf(name, sizeof(name), "key_alias %u", digest[0] % ALIAS_LOCKS);
    struct store_cell lock = {"name", store_text(slice_of(name)), STORE_SET};
    store_upsert(job, TABLE_LINTEL_LOCKS, &lock, 1);
}

#define CLAIM_STATEMENT 1 /* behind the lock */

void key_rules_claim_alias(struct store_job *job, yyjson_val *body, struct slice hash)
{
    struct slice alias = json_get_slice(body, "key_alias");
    struct store_cell same = {"key_alias", store_text(alias), STORE_SET};
    struct store_where others[] = {{"key_alias", STORE_EQ, store_text(alias), 0},
                                   {"token", STORE_NE, store_text(hash), 0}};
    if (!alias.n)
        return;
    lock_alias(job, alias);
    store_update(job, TABLE_VERIFICATION_TOKEN, &same, 1, others, 2);
    store_expect(job, 0);
}

bool key_rules_alias_taken(struct exchange *ex, yyjson_val *body)
{
    struct slice alias = json_get_slice(body, "key_alias");
    if (!alias.n || store_job_status(ex->own.job) != STORE_CONFLICT ||
        store_job_failed(ex->own.job) != CLAIM_STATEMENT)
        return false;
    admin_refuse(ex, 400, "bad_request_error",
                 "Key with alias '%.*s' already exists. Unique key aliases across all keys are "
                 "required.",
                 SLICE_ARG(alias));
    admin_show_param(ex, "key_alias");
    return true;
}
