#include "key_access.h"

#include "admin.h"
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

static bool is_own(const struct exchange *ex, const struct store_rows *rows, size_t row)
{
    const struct caller *c = &ex->caller;
    if (c->user.n && slice_eq(store_rows_text(rows, row, "user_id"), c->user))
        return true;
    return caller_is_team_admin(c) && slice_eq(store_rows_text(rows, row, "team_id"), c->team);
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

static bool may_make(struct exchange *ex, yyjson_val *body, struct slice *owner)
{
    const struct caller *c = &ex->caller;
    bool of_team = caller_is_team_admin(c) && slice_eq(json_get_slice(body, "team_id"), c->team);
    *owner = slice_make(NULL, 0);
    if (key_is_admin(ex, true))
        return true;
    if (!of_team)
        *owner = c->user;
    return (of_team || is_mine(ex, body, "user_id", c->user)) &&
           is_mine(ex, body, "team_id", c->team) &&
           is_mine(ex, body, "organization_id", c->organization) &&
           is_mine(ex, body, "project_id", c->project) &&
           (!is_given(body, "budget_id") || refuse_member(ex, "budget_id")) &&
           (!is_given(body, "spend") || refuse_member(ex, "spend"));
}

bool key_may_make(struct exchange *ex, yyjson_val *body, struct slice *owner)
{
    const struct caller *c = &ex->caller;
    bool mine = slice_eq(json_get_slice(body, "team_id"), c->team);
    struct slice role = !mine                     ? SLICE("")
                        : caller_is_team_admin(c) ? SLICE("admin")
                                                  : SLICE("user");
    return may_make(ex, body, owner) && key_rules_allow(ex, body, role);
}

/* What an admin decided of it is not its holder's to change. */
bool key_may_say(struct exchange *ex, yyjson_val *body)
{
    static const char *const free_ones[] = {"key",     "key_alias",    "aliases",
                                            "new_key", "grace_period", NULL};
    yyjson_val *name;
    yyjson_obj_iter it = yyjson_obj_iter_with(body);
    while (!key_is_admin(ex, true) && (name = yyjson_obj_iter_next(&it))) {
        size_t i = 0;
        while (free_ones[i] && !slice_eq(json_slice(name), slice_of(free_ones[i])))
            i++;
        if (!free_ones[i])
            return refuse_member(ex, arena_strdup(&ex->arena, json_slice(name)));
    }
    return true;
}
