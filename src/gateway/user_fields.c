#include "user_fields.h"

const struct user_role user_roles[USER_ROLES] = {
    {"proxy_admin", "admin over litellm proxy, has all permissions", "Admin (All Permissions)"},
    {"proxy_admin_viewer", "view all keys, view all spend", "Admin (View Only)"},
    {"internal_user", "can login, view/create/delete their own keys, view their spend",
     "Internal User (Create/Delete/View)"},
    {"internal_user_viewer", "can login, view their own keys, view their own spend",
     "Internal User (View Only)"},
};

static const char *const settable[] = {
    "user_alias",
    "user_email",
    "user_role",
    "sso_user_id",
    "team_id",
    "organization_id",
    "max_budget",
    "spend",
    "models",
    "max_parallel_requests",
    "tpm_limit",
    "rpm_limit",
    "budget_duration",
    "allowed_cache_controls",
    "model_max_budget",
    "policies",
    NULL,
};

static const char *const in_metadata[] = {
    "model_rpm_limit", "model_tpm_limit", "guardrails", "prompts", "tags", NULL,
};

static const char *const hidden[] = {"password", NULL};
static const char *const nulls[] = {"litellm_organization_table", "object_permission", NULL};

const struct admin_fields user_fields = {TABLE_USER_TABLE, settable, in_metadata, hidden, nulls};

static bool check_role(struct exchange *ex, yyjson_val *role)
{
    for (size_t i = 0; i < USER_ROLES; i++)
        if (slice_eq(json_slice(role), slice_of(user_roles[i].name)))
            return true;
    return !role || yyjson_is_null(role) ||
           failure_bad_param(&ex->failure, &ex->arena, "user_role",
                             "user_role: proxy_admin, proxy_admin_viewer, internal_user or "
                             "internal_user_viewer is wanted");
}

bool user_fields_read(struct exchange *ex, yyjson_val *body, struct slice metadata,
                      struct admin_cells *cells)
{
    cells->n = 0;
    return check_role(ex, json_get(body, "user_role")) &&
           admin_read(ex, &user_fields, body, metadata, cells);
}

void user_fields_write(struct json_writer *w, const struct store_rows *rows, size_t row)
{
    admin_write(w, &user_fields, rows, row);
}

void user_fields_write_some(struct json_writer *w, const struct store_rows *rows, size_t row,
                            const char *const *names)
{
    for (; *names; names++) {
        const struct store_value *v = store_rows_at(rows, row, *names);
        json_key_slice(w, slice_of(*names));
        if (v->null && v->type == STORE_TEXTS)
            json_raw(w, SLICE("[]"));
        else
            admin_write_value(w, slice_of(*names), v);
    }
}
