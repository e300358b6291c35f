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
    "temp_budget_increase",
    "temp_budget_expiry",
    NULL,
};

static const char *const hidden[] = {"token", NULL};

static const char *const nulls[] = {"litellm_organization_table", "litellm_project_table",
                                    "object_permission", "jwt_key_mappings", NULL};

const struct admin_fields key_fields = {TABLE_VERIFICATION_TOKEN, settable, in_metadata, hidden,
                                        nulls};

/* An answer to /key/generate leaves out what a key gets to be later. */
static const char *const hidden_new[] = {"token",
                                         "auto_rotate",
                                         "rotation_count",
                                         "rotation_interval",
                                         "last_rotation_at",
                                         "key_rotation_at",
                                         "model_spend",
                                         "soft_budget_cooldown",
                                         "total_spend",
                                         "last_active",
                                         "settings_updated_at",
                                         "budget_reset_at",
                                         "object_permission_id",
                                         "policies",
                                         "router_settings",
                                         NULL};

static const char *const nulls_new[] = {"object_permission", "duration", NULL};

static const struct admin_fields fields_new = {TABLE_VERIFICATION_TOKEN, settable, in_metadata,
                                               hidden_new, nulls_new};

/* A list tells of keys as LiteLLM tells itself of whoever calls: what is behind the key is left
 * empty there. */
static const char *const hidden_listed[] = {"token", "policies", NULL};

static const char *const nulls_listed[] = {"org_id",
                                           "object_permission",
                                           "team_spend",
                                           "team_alias",
                                           "team_tpm_limit",
                                           "team_rpm_limit",
                                           "team_tpd_limit",
                                           "team_max_budget",
                                           "team_soft_budget",
                                           "team_model_max_budget",
                                           "soft_budget",
                                           "team_model_aliases",
                                           "team_member",
                                           "team_metadata",
                                           "user_role",
                                           "user_email",
                                           "user",
                                           "created_by_user",
                                           NULL};

static const struct admin_fields fields_listed = {TABLE_VERIFICATION_TOKEN, settable, in_metadata,
                                                  hidden_listed, nulls_listed};

static const char *const nulls_deleted[] = {"litellm_budget_table", "org_id", "object_permission",
                                            NULL};

static const struct admin_fields fields_deleted = {TABLE_DELETED_VERIFICATION_TOKEN, settable,
                                                   in_metadata, hidden_listed, nulls_deleted};

bool key_fields_read(struct exchange *ex, yyjson_val *body, struct slice metadata,
                     struct admin_cells *cells)
{
    cells->n = 0;
    return admin_read(ex, &key_fields, body, metadata, cells) &&
           admin_read_time(ex, body, "duration", "expires", false, cells) &&
           admin_read_time(ex, body, "rotation_interval", "key_rotation_at", false, cells);
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

void key_fields_write(struct json_writer *w, const struct store_rows *rows, size_t row,
                      const struct admin_budgets *budgets)
{
    admin_write(w, &key_fields, rows, row);
    admin_budget_write_whole(w, budgets, store_rows_text(rows, row, "budget_id"));
}

void key_fields_write_listed(struct json_writer *w, const struct store_rows *rows, size_t row,
                             const struct admin_budgets *budgets)
{
    json_member_string(w, "token", store_rows_text(rows, row, "token"));
    admin_write(w, &fields_listed, rows, row);
    admin_budget_write_whole(w, budgets, store_rows_text(rows, row, "budget_id"));
    json_key(w, "team_models"), json_raw(w, SLICE("[]"));
    json_member_bool(w, "team_blocked", false);
    json_member_bool(w, "is_session_token", false);
}

void key_fields_write_deleted(struct json_writer *w, const struct store_rows *rows, size_t row)
{
    admin_write(w, &fields_deleted, rows, row);
}

/* Where the client gave none: all that LiteLLM knows of. */
#define ROUTER_SETTINGS                                                                            \
    "{\"routing_strategy_args\":null,\"routing_strategy\":null,\"routing_groups\":null,"           \
    "\"retry_policy\":null,\"model_group_retry_policy\":null,"                                     \
    "\"model_group_affinity_config\":null,\"allowed_fails\":null,\"cooldown_time\":null,"          \
    "\"num_retries\":null,\"timeout\":null,\"max_retries\":null,\"retry_after\":null,"             \
    "\"fallbacks\":null,\"context_window_fallbacks\":null,\"model_group_alias\":{},"               \
    "\"enable_tag_filtering\":null,\"weights\":null,\"tag_routing_prefix\":null,"                  \
    "\"optional_pre_call_checks\":null}"

static void write_new(struct json_writer *w, const struct store_rows *rows, struct slice key,
                      yyjson_val *body, const struct admin_budgets *budgets)
{
    struct slice hash = store_rows_text(rows, 0, "token");
    json_member_string(w, "key", key);
    json_member_string(w, "token", hash);
    json_member_string(w, "token_id", hash);
    admin_write(w, &fields_new, rows, 0);
    admin_budget_write_whole(w, budgets, store_rows_text(rows, 0, "budget_id"));
    json_key(w, "router_settings");
    if (json_get(body, "router_settings"))
        json_value(w, json_get(body, "router_settings"));
    else
        json_raw(w, SLICE(ROUTER_SETTINGS));
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
}

void key_fields_write_new(struct buf *body, const struct store_rows *rows, struct slice key,
                          yyjson_val *asked, const struct store_rows *budgets)
{
    struct admin_budgets by_id;
    struct json_writer w;
    admin_budgets_init(&by_id, budgets);
    json_begin(&w, body);
    json_object(&w);
    write_new(&w, rows, key, asked, &by_id);
    json_object_end(&w);
    admin_budgets_fini(&by_id);
}

void key_fields_write_list(struct json_writer *w, const struct store_rows *rows)
{
    json_array(w);
    for (size_t i = 0; i < rows->count; i++) {
        json_object(w);
        json_member_string(w, "token", store_rows_text(rows, i, "token"));
        key_fields_write(w, rows, i, NULL);
        json_object_end(w);
    }
    json_array_end(w);
}
