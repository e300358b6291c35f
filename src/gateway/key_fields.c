/* A table of members: which are columns, which lie in metadata, which answers have. */

#include "key_fields.h"

#include "base/json.h"
#include "wire/crypto.h"

#define KEY_BYTES 16 /* of randomness in a key */
#define SHOWN     4  /* characters of a key that its name shows */

static const char *const settable[] = {
    "key_alias",
    "models",
    "aliases",
    "config",
    "user_id",
    "team_id",
    "permissions",
    "max_budget",
    "max_parallel_requests",
    "blocked",
    "tpm_limit",
    "rpm_limit",
    "budget_duration",
    "spend",
    "allowed_cache_controls",
    "model_max_budget",
    "organization_id",
    "allowed_routes",
    "project_id",
    "router_settings",
    "policies",
    "access_group_ids",
    "agent_id",
    "budget_limits",
    "budget_fallbacks",
    "key_type",
    "tpd_limit",
    "budget_id",
    "auto_rotate",
    "rotation_interval",
    NULL,
};

static const char *const in_metadata[] = {
    "model_rpm_limit",
    "model_tpm_limit",
    "mcp_rpm_limit",
    "tag_rpm_limit",
    "guardrails",
    "prompts",
    "tags",
    "enforced_params",
    "disable_global_guardrails",
    "enable_prompt_caching",
    "throttle_on_budget_exceeded",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "allowed_passthrough_routes",
    "denied_passthrough_routes",
    "allowed_vector_store_indexes",
    "rpm_limit_type",
    "tpm_limit_type",
    "end_user_budget_id",
    NULL,
};

static const char *const hidden[] = {"token", NULL};

static const char *const nulls[] = {"litellm_budget_table",  "litellm_organization_table",
                                    "litellm_project_table", "object_permission",
                                    "jwt_key_mappings",      NULL};

const struct admin_fields key_fields = {TABLE_VERIFICATION_TOKEN, settable, in_metadata, hidden,
                                        nulls};

/* An answer to /key/generate leaves out what a key gets to be later. */
static const char *const hidden_new[] = {
    "token",           "auto_rotate", "rotation_count",       "last_rotation_at",
    "key_rotation_at", "model_spend", "soft_budget_cooldown", "total_spend",
    "last_active",     "policies",    "router_settings",      NULL};

static const struct admin_fields fields_new = {TABLE_VERIFICATION_TOKEN, settable, in_metadata,
                                               hidden_new, nulls};

bool key_fields_read(struct exchange *ex, yyjson_val *body, struct slice metadata,
                     struct admin_cells *cells)
{
    cells->n = 0;
    return admin_read(ex, &key_fields, body, metadata, cells) &&
           admin_read_time(ex, body, "duration", "expires", false, cells);
}

struct slice key_fields_make(struct arena *a)
{
    uint8_t bytes[KEY_BYTES];
    char hex[HEX_SIZE(KEY_BYTES)];
    random_bytes(bytes, sizeof(bytes));
    hex_encode(bytes, sizeof(bytes), hex);
    return ARENA_JOIN(a, SLICE("sk-"), slice_of(hex));
}

struct slice key_fields_name(struct slice key, struct arena *a)
{
    size_t shown = key.n > 2 * SHOWN ? SHOWN : 0;
    return ARENA_JOIN(a, SLICE("sk-..."), slice_skip(key, key.n - shown));
}

/* ---- writing --------------------------------------------------------------------------------- */

void key_fields_write(struct json_writer *w, const struct store_rows *rows, size_t row)
{
    admin_write(w, &key_fields, rows, row);
}

void key_fields_write_new(struct json_writer *w, const struct store_rows *rows, struct slice key,
                          yyjson_val *body)
{
    struct slice hash = store_rows_text(rows, 0, "token");
    json_member_string(w, "key", key);
    json_member_string(w, "token", hash);
    json_member_string(w, "token_id", hash);
    admin_write(w, &fields_new, rows, 0);
    json_key(w, "router_settings");
    if (json_get(body, "router_settings"))
        json_value(w, json_get(body, "router_settings"));
    else
        json_raw(w, SLICE("{\"model_group_alias\":{}}"));
    json_key(w, "policies");
    if (json_get(body, "policies"))
        json_value(w, json_get(body, "policies"));
    else
        json_null(w);
    for (const char *const *name = in_metadata; *name; name++) {
        yyjson_val *v = json_get(body, *name);
        json_key_slice(w, slice_of(*name));
        if (v)
            json_value(w, v);
        else
            json_null(w);
    }
    admin_write_null(w, "duration");
}

void key_fields_write_list(struct json_writer *w, const struct store_rows *rows)
{
    json_array(w);
    for (size_t i = 0; i < rows->count; i++) {
        json_object(w);
        json_member_string(w, "token", store_rows_text(rows, i, "token"));
        admin_write(w, &key_fields, rows, i);
        json_object_end(w);
    }
    json_array_end(w);
}
