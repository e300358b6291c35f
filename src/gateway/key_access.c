#include "key_access.h"

#include "access.h"
#include "key_rules.h"

bool key_hash(struct slice key, char hash[KEY_HASH_SIZE])
{
    bool clear = slice_starts(key, SLICE("sk-"));
    if (!clear && key.n != KEY_HASH_SIZE - 1)
        return false;
    if (clear) {
        sha256_hex(key, hash);
    } else {
        memcpy(hash, key.p, key.n);
        hash[key.n] = 0;
    }
    return true;
}

void key_refuse_missing(struct exchange *ex, const char *text)
{
    failure_set(&ex->failure, &ex->arena, FAILURE_NOT_FOUND, 404, "%s", text);
    ex->failure.type = "not_found_error";
    ex->failure.param = SLICE("key");
    ex->failure.param_shown = true;
}

bool key_is_admin(const struct exchange *ex, bool change)
{
    return ex->caller.role == ROLE_PROXY_ADMIN ||
           (!change && ex->caller.role == ROLE_PROXY_ADMIN_VIEWER);
}

/* ---- whose it is ----------------------------------------------------------------------------- */

/* Of a team, or an organization, that the caller is an admin of. */
static bool is_ruled(const struct exchange *ex, const struct store_rows *rows, size_t row)
{
    return access_is_team_admin(ex, store_rows_text(rows, row, "team_id")) ||
           access_is_org_admin(ex, store_rows_text(rows, row, "organization_id"));
}

static bool is_own(const struct exchange *ex, const struct store_rows *rows, size_t row)
{
    const struct caller *c = &ex->caller;
    return (c->user.n && slice_eq(store_rows_text(rows, row, "user_id"), c->user)) ||
           is_ruled(ex, rows, row);
}

bool key_may_see(struct exchange *ex, const struct store_rows *rows, size_t row)
{
    if (key_is_admin(ex, false) || is_own(ex, rows, row) ||
        slice_eq(ex->caller.key, store_rows_text(rows, row, "token")))
        return true;
    return failure_set(&ex->failure, &ex->arena, FAILURE_PERMISSION, 403,
                       "You are not allowed to access this key's info. Your role=%s",
                       ex->caller.role ? caller_role_name(ex->caller.role) : "None");
}

bool key_may_change(struct exchange *ex, const struct store_rows *rows, size_t row)
{
    if (key_is_admin(ex, true) || is_own(ex, rows, row))
        return true;
    return failure_set(&ex->failure, &ex->arena, FAILURE_PERMISSION, 403,
                       "You are not allowed to change this key. Your role=%s",
                       caller_role_name(ex->caller.role));
}

/* ---- what may be said of it ------------------------------------------------------------------ */

static bool refuse_member(struct exchange *ex, const char *name)
{
    return failure_set(&ex->failure, &ex->arena, FAILURE_PERMISSION, 403,
                       "Only proxy admins may set '%s' so. Your role=%s", name,
                       caller_role_name(ex->caller.role));
}

static bool is_given(yyjson_val *body, const char *name)
{
    yyjson_val *v = json_get(body, name);
    return v && !yyjson_is_null(v);
}

/* Nothing, or what the caller is itself. */
static bool is_mine(struct exchange *ex, yyjson_val *body, const char *name, struct slice mine)
{
    if (!is_given(body, name) || (mine.n && slice_eq(json_get_slice(body, name), mine)))
        return true;
    return refuse_member(ex, name);
}

/* The key's own team, or one that lets its members make keys. */
static bool may_use_team(struct exchange *ex, yyjson_val *body)
{
    struct slice team = json_get_slice(body, "team_id");
    return !team.n || slice_eq(team, ex->caller.team) ||
           access_team_permits(ex, team, slice_of(ex->route->path)) || refuse_member(ex, "team_id");
}

static bool may_use_organization(struct exchange *ex, yyjson_val *body)
{
    return access_is_org_admin(ex, json_get_slice(body, "organization_id")) ||
           is_mine(ex, body, "organization_id", ex->caller.organization);
}

static bool may_make(struct exchange *ex, yyjson_val *body, struct slice *owner)
{
    const struct caller *c = &ex->caller;
    bool of_team = access_is_team_admin(ex, json_get_slice(body, "team_id"));
    *owner = slice_make(NULL, 0);
    if (key_is_admin(ex, true))
        return true;
    if (!of_team)
        *owner = c->user;
    return (of_team || (is_mine(ex, body, "user_id", c->user) && may_use_team(ex, body))) &&
           may_use_organization(ex, body) && is_mine(ex, body, "project_id", c->project) &&
           (!is_given(body, "budget_id") || refuse_member(ex, "budget_id")) &&
           (!is_given(body, "spend") || refuse_member(ex, "spend"));
}

bool key_may_make(struct exchange *ex, yyjson_val *body, struct slice *owner)
{
    struct slice role = access_team_role(ex, json_get_slice(body, "team_id"));
    return may_make(ex, body, owner) && key_rules_allow(ex, body, role);
}

static bool is_among(const char *const *names, struct slice name)
{
    while (*names && !slice_eq(name, slice_of(*names)))
        names++;
    return *names;
}

static bool may_say(struct exchange *ex, yyjson_val *body, const char *const *names, bool listed)
{
    yyjson_val *name;
    yyjson_obj_iter it = yyjson_obj_iter_with(body);
    while ((name = yyjson_obj_iter_next(&it)))
        if (is_among(names, json_slice(name)) != listed)
            return refuse_member(ex, arena_strdup(&ex->arena, json_slice(name)));
    return true;
}

bool key_may_say_only(struct exchange *ex, yyjson_val *body, const char *const *names)
{
    return may_say(ex, body, names, true);
}

/* What an admin decided of it is not its holder's to change; nor whose it is, its team's. */
bool key_may_say(struct exchange *ex, yyjson_val *body, const struct store_rows *rows, size_t row)
{
    static const char *const free_ones[] = {"key",     "key_alias",    "aliases",
                                            "new_key", "grace_period", NULL};
    static const char *const fixed_ones[] = {
        "team_id", "organization_id", "project_id", "user_id", "budget_id", "spend", NULL};
    if (key_is_admin(ex, true))
        return true;
    return is_ruled(ex, rows, row) ? may_say(ex, body, fixed_ones, false)
                                   : may_say(ex, body, free_ones, true);
}
