/* The descriptions of the tables; see the header. Order, names and types of the columns are those
 * of LiteLLM's own migrations, so that either program can go on with what the other made. */

#include "state/store_table.h"

#include <string.h>

/* clang-format off */

static const struct store_column verification_token_columns[] = {
    {"token", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"key_name", STORE_TEXT, 0, NULL},
    {"key_alias", STORE_TEXT, 0, NULL},
    {"soft_budget_cooldown", STORE_BOOL, COLUMN_NEEDED, "false"},
    {"spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
    {"expires", STORE_TIME, COLUMN_NAME, NULL},
    {"models", STORE_TEXTS, 0, NULL},
    {"aliases", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"config", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"user_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"team_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"permissions", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"max_parallel_requests", STORE_INTEGER, COLUMN_NARROW, NULL},
    {"metadata", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"blocked", STORE_BOOL, 0, NULL},
    {"tpm_limit", STORE_INTEGER, 0, NULL},
    {"rpm_limit", STORE_INTEGER, 0, NULL},
    {"max_budget", STORE_FLOAT, 0, NULL},
    {"budget_duration", STORE_TEXT, 0, NULL},
    {"budget_reset_at", STORE_TIME, COLUMN_NAME, NULL},
    {"allowed_cache_controls", STORE_TEXTS, 0, "[]"},
    {"model_spend", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"model_max_budget", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"budget_id", STORE_TEXT, 0, NULL},
    {"organization_id", STORE_TEXT, 0, NULL},
    {"created_at", STORE_TIME, 0, "now"},
    {"created_by", STORE_TEXT, 0, NULL},
    {"updated_at", STORE_TIME, 0, "now"},
    {"updated_by", STORE_TEXT, 0, NULL},
    {"allowed_routes", STORE_TEXTS, 0, "[]"},
    {"object_permission_id", STORE_TEXT, 0, NULL},
    {"auto_rotate", STORE_BOOL, 0, "false"},
    {"key_rotation_at", STORE_TIME, 0, NULL},
    {"last_rotation_at", STORE_TIME, 0, NULL},
    {"rotation_count", STORE_INTEGER, COLUMN_NARROW, "0"},
    {"rotation_interval", STORE_TEXT, 0, NULL},
    {"project_id", STORE_TEXT, 0, NULL},
    {"router_settings", STORE_JSON, 0, "{}"},
    {"policies", STORE_TEXTS, 0, "[]"},
    {"access_group_ids", STORE_TEXTS, 0, "[]"},
    {"last_active", STORE_TIME, 0, NULL},
    {"agent_id", STORE_TEXT, 0, NULL},
    {"budget_limits", STORE_JSON, 0, NULL},
    {"budget_fallbacks", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"key_type", STORE_TEXT, 0, NULL},
    {"settings_updated_at", STORE_TIME, 0, NULL},
    {"tpd_limit", STORE_INTEGER, 0, NULL},
    {"total_spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
};

static const char *const verification_token_key[] = {"token", NULL};

static const char *const verification_token_indexes[] = {"budget_reset_at,expires", "team_id", "user_id,team_id", NULL};

static const struct store_column deprecated_verification_token_columns[] = {
    {"id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"token", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"active_token_id", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"revoke_at", STORE_TIME, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"created_at", STORE_TIME, COLUMN_NEEDED, "now"},
};

static const char *const deprecated_verification_token_key[] = {"token", NULL};

static const char *const deprecated_verification_token_indexes[] = {"!token", "revoke_at", "token,revoke_at", NULL};

static const struct store_column deleted_verification_token_columns[] = {
    {"id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"token", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"key_name", STORE_TEXT, 0, NULL},
    {"key_alias", STORE_TEXT, COLUMN_NAME, NULL},
    {"soft_budget_cooldown", STORE_BOOL, COLUMN_NEEDED, "false"},
    {"spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
    {"expires", STORE_TIME, 0, NULL},
    {"models", STORE_TEXTS, 0, NULL},
    {"aliases", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"config", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"user_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"team_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"permissions", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"max_parallel_requests", STORE_INTEGER, COLUMN_NARROW, NULL},
    {"metadata", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"blocked", STORE_BOOL, 0, NULL},
    {"tpm_limit", STORE_INTEGER, 0, NULL},
    {"rpm_limit", STORE_INTEGER, 0, NULL},
    {"max_budget", STORE_FLOAT, 0, NULL},
    {"budget_duration", STORE_TEXT, 0, NULL},
    {"budget_reset_at", STORE_TIME, 0, NULL},
    {"allowed_cache_controls", STORE_TEXTS, 0, "[]"},
    {"allowed_routes", STORE_TEXTS, 0, "[]"},
    {"model_spend", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"model_max_budget", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"budget_id", STORE_TEXT, 0, NULL},
    {"organization_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"object_permission_id", STORE_TEXT, 0, NULL},
    {"created_at", STORE_TIME, COLUMN_NAME, NULL},
    {"created_by", STORE_TEXT, 0, NULL},
    {"updated_at", STORE_TIME, 0, NULL},
    {"updated_by", STORE_TEXT, 0, NULL},
    {"rotation_count", STORE_INTEGER, COLUMN_NARROW, "0"},
    {"auto_rotate", STORE_BOOL, 0, "false"},
    {"rotation_interval", STORE_TEXT, 0, NULL},
    {"last_rotation_at", STORE_TIME, 0, NULL},
    {"key_rotation_at", STORE_TIME, 0, NULL},
    {"deleted_at", STORE_TIME, COLUMN_NEEDED | COLUMN_NAME, "now"},
    {"deleted_by", STORE_TEXT, 0, NULL},
    {"deleted_by_api_key", STORE_TEXT, 0, NULL},
    {"litellm_changed_by", STORE_TEXT, 0, NULL},
    {"router_settings", STORE_JSON, 0, "{}"},
    {"policies", STORE_TEXTS, 0, "[]"},
    {"access_group_ids", STORE_TEXTS, 0, "[]"},
    {"last_active", STORE_TIME, 0, NULL},
    {"project_id", STORE_TEXT, 0, NULL},
    {"agent_id", STORE_TEXT, 0, NULL},
    {"budget_fallbacks", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"key_type", STORE_TEXT, 0, NULL},
    {"settings_updated_at", STORE_TIME, 0, NULL},
    {"tpd_limit", STORE_INTEGER, 0, NULL},
    {"total_spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
};

static const char *const deleted_verification_token_key[] = {"id", NULL};

static const char *const deleted_verification_token_indexes[] = {"created_at", "deleted_at", "key_alias", "organization_id", "team_id", "token", "user_id", NULL};

static const struct store_column user_table_columns[] = {
    {"user_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"user_alias", STORE_TEXT, 0, NULL},
    {"team_id", STORE_TEXT, 0, NULL},
    {"sso_user_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"organization_id", STORE_TEXT, 0, NULL},
    {"password", STORE_TEXT, 0, NULL},
    {"teams", STORE_TEXTS, 0, "[]"},
    {"user_role", STORE_TEXT, 0, NULL},
    {"max_budget", STORE_FLOAT, 0, NULL},
    {"spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
    {"user_email", STORE_TEXT, 0, NULL},
    {"models", STORE_TEXTS, 0, NULL},
    {"metadata", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"max_parallel_requests", STORE_INTEGER, COLUMN_NARROW, NULL},
    {"tpm_limit", STORE_INTEGER, 0, NULL},
    {"rpm_limit", STORE_INTEGER, 0, NULL},
    {"budget_duration", STORE_TEXT, 0, NULL},
    {"budget_reset_at", STORE_TIME, 0, NULL},
    {"allowed_cache_controls", STORE_TEXTS, 0, "[]"},
    {"model_spend", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"model_max_budget", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"created_at", STORE_TIME, 0, "now"},
    {"updated_at", STORE_TIME, 0, "now"},
    {"object_permission_id", STORE_TEXT, 0, NULL},
    {"policies", STORE_TEXTS, 0, "[]"},
    {"password_reset_required", STORE_BOOL, 0, NULL},
    {"last_breach_check_at", STORE_TIME, 0, NULL},
};

static const char *const user_table_key[] = {"user_id", NULL};

static const char *const user_table_indexes[] = {"!sso_user_id", NULL};

static const struct store_column team_table_columns[] = {
    {"team_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"team_alias", STORE_TEXT, COLUMN_NAME, NULL},
    {"organization_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"admins", STORE_TEXTS, 0, NULL},
    {"members", STORE_TEXTS, 0, NULL},
    {"members_with_roles", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"metadata", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"max_budget", STORE_FLOAT, 0, NULL},
    {"spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
    {"models", STORE_TEXTS, 0, NULL},
    {"max_parallel_requests", STORE_INTEGER, COLUMN_NARROW, NULL},
    {"tpm_limit", STORE_INTEGER, 0, NULL},
    {"rpm_limit", STORE_INTEGER, 0, NULL},
    {"budget_duration", STORE_TEXT, 0, NULL},
    {"budget_reset_at", STORE_TIME, 0, NULL},
    {"blocked", STORE_BOOL, COLUMN_NEEDED, "false"},
    {"created_at", STORE_TIME, COLUMN_NEEDED | COLUMN_NAME, "now"},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"model_spend", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"model_max_budget", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"model_id", STORE_INTEGER, COLUMN_NAME | COLUMN_NARROW, NULL},
    {"team_member_permissions", STORE_TEXTS, 0, "[]"},
    {"object_permission_id", STORE_TEXT, 0, NULL},
    {"router_settings", STORE_JSON, 0, "{}"},
    {"policies", STORE_TEXTS, 0, "[]"},
    {"allow_team_guardrail_config", STORE_BOOL, COLUMN_NEEDED, "false"},
    {"soft_budget", STORE_FLOAT, 0, NULL},
    {"access_group_ids", STORE_TEXTS, 0, "[]"},
    {"budget_limits", STORE_JSON, 0, NULL},
    {"default_team_member_models", STORE_TEXTS, 0, "[]"},
    {"tpd_limit", STORE_INTEGER, 0, NULL},
};

static const char *const team_table_key[] = {"team_id", NULL};

static const char *const team_table_indexes[] = {"created_at", "!model_id", "organization_id", "team_alias", NULL};

static const struct store_column deleted_team_table_columns[] = {
    {"id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"team_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"team_alias", STORE_TEXT, COLUMN_NAME, NULL},
    {"organization_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"object_permission_id", STORE_TEXT, 0, NULL},
    {"admins", STORE_TEXTS, 0, NULL},
    {"members", STORE_TEXTS, 0, NULL},
    {"members_with_roles", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"metadata", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"max_budget", STORE_FLOAT, 0, NULL},
    {"spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
    {"models", STORE_TEXTS, 0, NULL},
    {"max_parallel_requests", STORE_INTEGER, COLUMN_NARROW, NULL},
    {"tpm_limit", STORE_INTEGER, 0, NULL},
    {"rpm_limit", STORE_INTEGER, 0, NULL},
    {"budget_duration", STORE_TEXT, 0, NULL},
    {"budget_reset_at", STORE_TIME, 0, NULL},
    {"blocked", STORE_BOOL, COLUMN_NEEDED, "false"},
    {"model_spend", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"model_max_budget", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"team_member_permissions", STORE_TEXTS, 0, "[]"},
    {"model_id", STORE_INTEGER, COLUMN_NARROW, NULL},
    {"created_at", STORE_TIME, COLUMN_NAME, NULL},
    {"updated_at", STORE_TIME, 0, NULL},
    {"deleted_at", STORE_TIME, COLUMN_NEEDED | COLUMN_NAME, "now"},
    {"deleted_by", STORE_TEXT, 0, NULL},
    {"deleted_by_api_key", STORE_TEXT, 0, NULL},
    {"litellm_changed_by", STORE_TEXT, 0, NULL},
    {"router_settings", STORE_JSON, 0, "{}"},
    {"policies", STORE_TEXTS, 0, "[]"},
    {"allow_team_guardrail_config", STORE_BOOL, COLUMN_NEEDED, "false"},
    {"soft_budget", STORE_FLOAT, 0, NULL},
    {"access_group_ids", STORE_TEXTS, 0, "[]"},
    {"tpd_limit", STORE_INTEGER, 0, NULL},
};

static const char *const deleted_team_table_key[] = {"id", NULL};

static const char *const deleted_team_table_indexes[] = {"created_at", "deleted_at", "organization_id", "team_alias", "team_id", NULL};

static const struct store_column team_membership_columns[] = {
    {"user_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"team_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
    {"budget_id", STORE_TEXT, 0, NULL},
    {"total_spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
};

static const char *const team_membership_key[] = {"user_id", "team_id", NULL};

static const struct store_column organization_table_columns[] = {
    {"organization_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"organization_alias", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"budget_id", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"metadata", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"models", STORE_TEXTS, 0, NULL},
    {"spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
    {"model_spend", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"created_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"created_by", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"updated_by", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"object_permission_id", STORE_TEXT, 0, NULL},
};

static const char *const organization_table_key[] = {"organization_id", NULL};

static const struct store_column organization_membership_columns[] = {
    {"user_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"organization_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"user_role", STORE_TEXT, 0, NULL},
    {"spend", STORE_FLOAT, 0, "0"},
    {"budget_id", STORE_TEXT, 0, NULL},
    {"created_at", STORE_TIME, 0, "now"},
    {"updated_at", STORE_TIME, 0, "now"},
};

static const char *const organization_membership_key[] = {"user_id", "organization_id", NULL};

static const struct store_column project_table_columns[] = {
    {"project_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"project_alias", STORE_TEXT, 0, NULL},
    {"team_id", STORE_TEXT, 0, NULL},
    {"budget_id", STORE_TEXT, 0, NULL},
    {"metadata", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"models", STORE_TEXTS, 0, NULL},
    {"spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
    {"model_spend", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"blocked", STORE_BOOL, COLUMN_NEEDED, "false"},
    {"object_permission_id", STORE_TEXT, 0, NULL},
    {"created_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"created_by", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"updated_by", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"description", STORE_TEXT, 0, NULL},
    {"model_rpm_limit", STORE_JSON, COLUMN_NEEDED, "{}"},
    {"model_tpm_limit", STORE_JSON, COLUMN_NEEDED, "{}"},
};

static const char *const project_table_key[] = {"project_id", NULL};

static const struct store_column budget_table_columns[] = {
    {"budget_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"max_budget", STORE_FLOAT, 0, NULL},
    {"soft_budget", STORE_FLOAT, 0, NULL},
    {"max_parallel_requests", STORE_INTEGER, COLUMN_NARROW, NULL},
    {"tpm_limit", STORE_INTEGER, 0, NULL},
    {"rpm_limit", STORE_INTEGER, 0, NULL},
    {"model_max_budget", STORE_JSON, 0, NULL},
    {"budget_duration", STORE_TEXT, 0, NULL},
    {"budget_reset_at", STORE_TIME, 0, NULL},
    {"created_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"created_by", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"updated_by", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"allowed_models", STORE_TEXTS, 0, "[]"},
    {"tpd_limit", STORE_INTEGER, 0, NULL},
    {"temp_budget_increase", STORE_FLOAT, 0, NULL},
    {"temp_budget_expiry", STORE_TIME, 0, NULL},
};

static const char *const budget_table_key[] = {"budget_id", NULL};

static const struct store_column end_user_table_columns[] = {
    {"user_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"alias", STORE_TEXT, 0, NULL},
    {"spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
    {"allowed_model_region", STORE_TEXT, 0, NULL},
    {"default_model", STORE_TEXT, 0, NULL},
    {"budget_id", STORE_TEXT, 0, NULL},
    {"blocked", STORE_BOOL, COLUMN_NEEDED, "false"},
    {"object_permission_id", STORE_TEXT, 0, NULL},
    {"models", STORE_TEXTS, 0, "[]"},
};

static const char *const end_user_table_key[] = {"user_id", NULL};

static const struct store_column tag_table_columns[] = {
    {"tag_name", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"description", STORE_TEXT, 0, NULL},
    {"models", STORE_TEXTS, 0, NULL},
    {"model_info", STORE_JSON, 0, NULL},
    {"spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
    {"budget_id", STORE_TEXT, 0, NULL},
    {"created_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"created_by", STORE_TEXT, 0, NULL},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, "now"},
};

static const char *const tag_table_key[] = {"tag_name", NULL};

static const struct store_column model_table_columns[] = {
    {"id", STORE_INTEGER, COLUMN_NEEDED | COLUMN_NAME | COLUMN_NARROW | COLUMN_SERIAL, NULL},
    {"aliases", STORE_JSON, 0, NULL},
    {"created_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"created_by", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"updated_by", STORE_TEXT, COLUMN_NEEDED, NULL},
};

static const char *const model_table_key[] = {"id", NULL};

static const struct store_column object_permission_table_columns[] = {
    {"object_permission_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"mcp_servers", STORE_TEXTS, 0, "[]"},
    {"vector_stores", STORE_TEXTS, 0, "[]"},
    {"mcp_access_groups", STORE_TEXTS, 0, "[]"},
    {"mcp_tool_permissions", STORE_JSON, 0, NULL},
    {"agents", STORE_TEXTS, 0, "[]"},
    {"agent_access_groups", STORE_TEXTS, 0, "[]"},
    {"blocked_tools", STORE_TEXTS, 0, "[]"},
    {"models", STORE_TEXTS, 0, "[]"},
    {"mcp_toolsets", STORE_TEXTS, 0, "[]"},
    {"search_tools", STORE_TEXTS, 0, "[]"},
    {"mcp_tool_search_enabled", STORE_BOOL, 0, NULL},
    {"skills", STORE_TEXTS, 0, "[]"},
};

static const char *const object_permission_table_key[] = {"object_permission_id", NULL};

static const struct store_column proxy_model_table_columns[] = {
    {"model_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"model_name", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"litellm_params", STORE_JSON, COLUMN_NEEDED, NULL},
    {"model_info", STORE_JSON, 0, NULL},
    {"created_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"created_by", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"updated_by", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"blocked", STORE_BOOL, COLUMN_NEEDED, "false"},
};

static const char *const proxy_model_table_key[] = {"model_id", NULL};

static const struct store_column credentials_table_columns[] = {
    {"credential_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"credential_name", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"credential_values", STORE_JSON, COLUMN_NEEDED, NULL},
    {"credential_info", STORE_JSON, 0, NULL},
    {"created_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"created_by", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"updated_by", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"display_name", STORE_TEXT, 0, NULL},
};

static const char *const credentials_table_key[] = {"credential_name", NULL};

static const char *const credentials_table_indexes[] = {"!credential_name", NULL};

static const struct store_column config_columns[] = {
    {"param_name", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"param_value", STORE_JSON, 0, NULL},
    {"last_run_at", STORE_TIME, 0, NULL},
    {"reload_revision", STORE_INTEGER, COLUMN_NEEDED, "0"},
};

static const char *const config_key[] = {"param_name", NULL};

static const struct store_column invitation_link_columns[] = {
    {"id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"user_id", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"is_accepted", STORE_BOOL, COLUMN_NEEDED, "false"},
    {"accepted_at", STORE_TIME, 0, NULL},
    {"expires_at", STORE_TIME, COLUMN_NEEDED, NULL},
    {"created_at", STORE_TIME, COLUMN_NEEDED, NULL},
    {"created_by", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, NULL},
    {"updated_by", STORE_TEXT, COLUMN_NEEDED, NULL},
};

static const char *const invitation_link_key[] = {"id", NULL};

static const struct store_column audit_log_columns[] = {
    {"id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"changed_by", STORE_TEXT, COLUMN_NEEDED, ""},
    {"changed_by_api_key", STORE_TEXT, COLUMN_NEEDED, ""},
    {"action", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"table_name", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"object_id", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"before_value", STORE_JSON, 0, NULL},
    {"updated_values", STORE_JSON, 0, NULL},
};

static const char *const audit_log_key[] = {"id", NULL};

static const struct store_column spend_logs_columns[] = {
    {"request_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"call_type", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"api_key", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, ""},
    {"spend", STORE_FLOAT, COLUMN_NEEDED, "0"},
    {"total_tokens", STORE_INTEGER, COLUMN_NEEDED | COLUMN_NARROW, "0"},
    {"prompt_tokens", STORE_INTEGER, COLUMN_NEEDED | COLUMN_NARROW, "0"},
    {"completion_tokens", STORE_INTEGER, COLUMN_NEEDED | COLUMN_NARROW, "0"},
    {"startTime", STORE_TIME, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"endTime", STORE_TIME, COLUMN_NEEDED, NULL},
    {"completionStartTime", STORE_TIME, 0, NULL},
    {"model", STORE_TEXT, COLUMN_NEEDED, ""},
    {"model_id", STORE_TEXT, 0, ""},
    {"model_group", STORE_TEXT, 0, ""},
    {"custom_llm_provider", STORE_TEXT, 0, ""},
    {"api_base", STORE_TEXT, 0, ""},
    {"user", STORE_TEXT, 0, ""},
    {"metadata", STORE_JSON, 0, "{}"},
    {"cache_hit", STORE_TEXT, 0, ""},
    {"cache_key", STORE_TEXT, 0, ""},
    {"request_tags", STORE_JSON, 0, "[]"},
    {"team_id", STORE_TEXT, 0, NULL},
    {"end_user", STORE_TEXT, COLUMN_NAME, NULL},
    {"requester_ip_address", STORE_TEXT, 0, NULL},
    {"messages", STORE_JSON, 0, "{}"},
    {"response", STORE_JSON, 0, "{}"},
    {"proxy_server_request", STORE_JSON, 0, "{}"},
    {"session_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"status", STORE_TEXT, 0, NULL},
    {"mcp_namespaced_tool_name", STORE_TEXT, 0, NULL},
    {"organization_id", STORE_TEXT, 0, NULL},
    {"agent_id", STORE_TEXT, 0, NULL},
    {"request_duration_ms", STORE_INTEGER, COLUMN_NARROW, NULL},
    {"created_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"litellm_call_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"billing_agent_id", STORE_TEXT, 0, NULL},
};

static const char *const spend_logs_key[] = {"request_id", NULL};

static const char *const spend_logs_indexes[] = {"end_user", "session_id", "litellm_call_id", "startTime", "startTime,request_id", "api_key,startTime", NULL};

/* The rows per day differ in whom they are about. */
#define DAILY_COLUMNS \
    {"id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL}, \
    {"date", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL}, \
    {"model", STORE_TEXT, COLUMN_NAME, NULL}, \
    {"model_group", STORE_TEXT, COLUMN_NAME, NULL}, \
    {"custom_llm_provider", STORE_TEXT, COLUMN_NAME, NULL}, \
    {"prompt_tokens", STORE_INTEGER, COLUMN_NEEDED, "0"}, \
    {"completion_tokens", STORE_INTEGER, COLUMN_NEEDED, "0"}, \
    {"spend", STORE_FLOAT, COLUMN_NEEDED, "0"}, \
    {"created_at", STORE_TIME, COLUMN_NEEDED, "now"}, \
    {"updated_at", STORE_TIME, COLUMN_NEEDED, NULL}, \
    {"api_requests", STORE_INTEGER, COLUMN_NEEDED, "0"}, \
    {"failed_requests", STORE_INTEGER, COLUMN_NEEDED, "0"}, \
    {"successful_requests", STORE_INTEGER, COLUMN_NEEDED, "0"}, \
    {"cache_creation_input_tokens", STORE_INTEGER, COLUMN_NEEDED, "0"}, \
    {"cache_read_input_tokens", STORE_INTEGER, COLUMN_NEEDED, "0"}, \
    {"mcp_namespaced_tool_name", STORE_TEXT, COLUMN_NAME, NULL}, \
    {"endpoint", STORE_TEXT, COLUMN_NAME, NULL}, \
    {"compression_saved_tokens", STORE_INTEGER, COLUMN_NEEDED, "0"}, \
    {"compression_savings_spend", STORE_FLOAT, COLUMN_NEEDED, "0"}, \
    {"prompt_caching_savings_spend", STORE_FLOAT, COLUMN_NEEDED, "0"}, \
    {"autorouter_savings_spend", STORE_FLOAT, COLUMN_NEEDED, "0"}, \
    {"gateway_injected_caching_savings_spend", STORE_FLOAT, COLUMN_NEEDED, "0"}, \
    {"total_response_time_ms", STORE_INTEGER, COLUMN_NEEDED, "0"}, \
    {"timed_requests", STORE_INTEGER, COLUMN_NEEDED, "0"}

static const struct store_column daily_user_spend_columns[] = {
    {"user_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"api_key", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    DAILY_COLUMNS
};

static const char *const daily_user_spend_key[] = {"user_id", "date", "api_key", "model", "custom_llm_provider", "mcp_namespaced_tool_name", "endpoint", NULL};

static const char *const daily_user_spend_indexes[] = {"!user_id,date,api_key,model,custom_llm_provider,mcp_namespaced_tool_name,endpoint", "api_key", "date", "model", "user_id,date", NULL};

static const struct store_column daily_team_spend_columns[] = {
    {"team_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"api_key", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"ptu_flat_cost", STORE_FLOAT, COLUMN_NEEDED, "0"},
    DAILY_COLUMNS
};

static const char *const daily_team_spend_key[] = {"team_id", "date", "api_key", "model", "custom_llm_provider", "mcp_namespaced_tool_name", "endpoint", NULL};

static const char *const daily_team_spend_indexes[] = {"!team_id,date,api_key,model,custom_llm_provider,mcp_namespaced_tool_name,endpoint", "api_key", "date", "model", "team_id,date", NULL};

static const struct store_column daily_organization_spend_columns[] = {
    {"organization_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"api_key", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    DAILY_COLUMNS
};

static const char *const daily_organization_spend_key[] = {"organization_id", "date", "api_key", "model", "custom_llm_provider", "mcp_namespaced_tool_name", "endpoint", NULL};

static const char *const daily_organization_spend_indexes[] = {"!organization_id,date,api_key,model,custom_llm_provider,mcp_namespaced_tool_name,endpoint", "api_key", "date", "model", "organization_id,date", NULL};

static const struct store_column daily_end_user_spend_columns[] = {
    {"end_user_id", STORE_TEXT, COLUMN_NAME, NULL},
    {"api_key", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    DAILY_COLUMNS
};

static const char *const daily_end_user_spend_key[] = {"end_user_id", "date", "api_key", "model", "custom_llm_provider", "mcp_namespaced_tool_name", "endpoint", NULL};

static const char *const daily_end_user_spend_indexes[] = {"!end_user_id,date,api_key,model,custom_llm_provider,mcp_namespaced_tool_name,endpoint", "api_key", "date", "end_user_id,date", "model", NULL};

static const struct store_column daily_tag_spend_columns[] = {
    {"tag", STORE_TEXT, COLUMN_NAME, NULL},
    {"api_key", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"request_id", STORE_TEXT, 0, NULL},
    DAILY_COLUMNS
};

static const char *const daily_tag_spend_key[] = {"tag", "date", "api_key", "model", "custom_llm_provider", "mcp_namespaced_tool_name", "endpoint", NULL};

static const char *const daily_tag_spend_indexes[] = {"!tag,date,api_key,model,custom_llm_provider,mcp_namespaced_tool_name,endpoint", "api_key", "date", "model", "tag,date", NULL};

static const struct store_column daily_global_spend_columns[] = {

    DAILY_COLUMNS
};

static const char *const daily_global_spend_key[] = {"date", "model", "model_group", "custom_llm_provider", "mcp_namespaced_tool_name", "endpoint", NULL};

static const char *const daily_global_spend_indexes[] = {"!date,model,model_group,custom_llm_provider,mcp_namespaced_tool_name,endpoint", "date", NULL};

static const struct store_column lintel_migrations_columns[] = {
    {"version", STORE_INTEGER, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"name", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"applied_at", STORE_TIME, COLUMN_NEEDED, "now"},
};

static const char *const lintel_migrations_key[] = {"version", NULL};

static const struct store_column lintel_spool_columns[] = {
    {"spool_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"written", STORE_INTEGER, COLUMN_NEEDED, NULL},
    {"created_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, "now"},
};

static const char *const lintel_spool_key[] = {"spool_id", NULL};

static const struct store_column lintel_changes_columns[] = {
    {"id", STORE_INTEGER, COLUMN_NEEDED | COLUMN_NAME | COLUMN_SERIAL, NULL},
    {"table_name", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"row_key", STORE_TEXT, COLUMN_NEEDED, NULL},
    {"told_by", STORE_TEXT, 0, NULL}, /* a process; none: a version before this column */
    {"created_at", STORE_TIME, COLUMN_NEEDED | COLUMN_NAME, "now"},
};

static const char *const lintel_changes_key[] = {"id", NULL};

static const char *const lintel_changes_indexes[] = {"created_at", NULL};

static const struct store_column lintel_tasks_columns[] = {
    {"name", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"last_run_at", STORE_TIME, COLUMN_NEEDED, "now"},
};

static const char *const lintel_tasks_key[] = {"name", NULL};

static const struct store_column lintel_locks_columns[] = {
    {"name", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"updated_at", STORE_TIME, COLUMN_NEEDED, "now"},
};

static const char *const lintel_locks_key[] = {"name", NULL};

/* What LiteLLM reads from each row of LiteLLM_SpendLogs, by day. */
static const struct store_column lintel_daily_calls_columns[] = {
    {"id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"date", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"api_key", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"call_type", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"model", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"model_group", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"api_base", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"error", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"api_requests", STORE_INTEGER, COLUMN_NEEDED, "0"},
    {"failed_requests", STORE_INTEGER, COLUMN_NEEDED, "0"},
    {"cache_hits", STORE_INTEGER, COLUMN_NEEDED, "0"},
    {"completion_tokens", STORE_INTEGER, COLUMN_NEEDED, "0"},
    {"cached_completion_tokens", STORE_INTEGER, COLUMN_NEEDED, "0"},
};

static const char *const lintel_daily_calls_key[] = {"date", "api_key", "call_type", "model", "model_group", "api_base", "error", NULL};

static const char *const lintel_daily_calls_indexes[] = {"!date,api_key,call_type,model,model_group,api_base,error", "date", NULL};

/* What /v1/responses keeps: dialect/responses.h says what a record is. */
static const struct store_column lintel_responses_columns[] = {
    {"response_id", STORE_TEXT, COLUMN_NEEDED | COLUMN_NAME, NULL},
    {"created_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"expires_at", STORE_TIME, COLUMN_NEEDED, "now"},
    {"record", STORE_TEXT, COLUMN_NEEDED, NULL},
};

static const char *const lintel_responses_key[] = {"response_id", NULL};

static const char *const lintel_responses_indexes[] = {"expires_at", NULL};

/* clang-format on */

#define COLUMNS(list) (list), sizeof(list) / sizeof(*(list))

static const char *const none[] = {NULL};

/* clang-format off */
static const struct store_table tables[STORE_TABLES] = {
    [TABLE_VERIFICATION_TOKEN] = {"LiteLLM_VerificationToken", COLUMNS(verification_token_columns), verification_token_key, NULL, verification_token_indexes},
    [TABLE_DEPRECATED_VERIFICATION_TOKEN] = {"LiteLLM_DeprecatedVerificationToken", COLUMNS(deprecated_verification_token_columns), deprecated_verification_token_key, "id", deprecated_verification_token_indexes},
    [TABLE_DELETED_VERIFICATION_TOKEN] = {"LiteLLM_DeletedVerificationToken", COLUMNS(deleted_verification_token_columns), deleted_verification_token_key, NULL, deleted_verification_token_indexes},
    [TABLE_USER_TABLE] = {"LiteLLM_UserTable", COLUMNS(user_table_columns), user_table_key, NULL, user_table_indexes},
    [TABLE_TEAM_TABLE] = {"LiteLLM_TeamTable", COLUMNS(team_table_columns), team_table_key, NULL, team_table_indexes},
    [TABLE_DELETED_TEAM_TABLE] = {"LiteLLM_DeletedTeamTable", COLUMNS(deleted_team_table_columns), deleted_team_table_key, NULL, deleted_team_table_indexes},
    [TABLE_TEAM_MEMBERSHIP] = {"LiteLLM_TeamMembership", COLUMNS(team_membership_columns), team_membership_key, NULL, none},
    [TABLE_ORGANIZATION_TABLE] = {"LiteLLM_OrganizationTable", COLUMNS(organization_table_columns), organization_table_key, NULL, none},
    [TABLE_ORGANIZATION_MEMBERSHIP] = {"LiteLLM_OrganizationMembership", COLUMNS(organization_membership_columns), organization_membership_key, NULL, none},
    [TABLE_PROJECT_TABLE] = {"LiteLLM_ProjectTable", COLUMNS(project_table_columns), project_table_key, NULL, none},
    [TABLE_BUDGET_TABLE] = {"LiteLLM_BudgetTable", COLUMNS(budget_table_columns), budget_table_key, NULL, none},
    [TABLE_END_USER_TABLE] = {"LiteLLM_EndUserTable", COLUMNS(end_user_table_columns), end_user_table_key, NULL, none},
    [TABLE_TAG_TABLE] = {"LiteLLM_TagTable", COLUMNS(tag_table_columns), tag_table_key, NULL, none},
    [TABLE_MODEL_TABLE] = {"LiteLLM_ModelTable", COLUMNS(model_table_columns), model_table_key, NULL, none},
    [TABLE_OBJECT_PERMISSION_TABLE] = {"LiteLLM_ObjectPermissionTable", COLUMNS(object_permission_table_columns), object_permission_table_key, NULL, none},
    [TABLE_PROXY_MODEL_TABLE] = {"LiteLLM_ProxyModelTable", COLUMNS(proxy_model_table_columns), proxy_model_table_key, NULL, none},
    [TABLE_CREDENTIALS_TABLE] = {"LiteLLM_CredentialsTable", COLUMNS(credentials_table_columns), credentials_table_key, "credential_id", credentials_table_indexes},
    [TABLE_CONFIG] = {"LiteLLM_Config", COLUMNS(config_columns), config_key, NULL, none},
    [TABLE_INVITATION_LINK] = {"LiteLLM_InvitationLink", COLUMNS(invitation_link_columns), invitation_link_key, NULL, none},
    [TABLE_AUDIT_LOG] = {"LiteLLM_AuditLog", COLUMNS(audit_log_columns), audit_log_key, NULL, none},
    [TABLE_SPEND_LOGS] = {"LiteLLM_SpendLogs", COLUMNS(spend_logs_columns), spend_logs_key, NULL, spend_logs_indexes},
    [TABLE_DAILY_USER_SPEND] = {"LiteLLM_DailyUserSpend", COLUMNS(daily_user_spend_columns), daily_user_spend_key, "id", daily_user_spend_indexes},
    [TABLE_DAILY_TEAM_SPEND] = {"LiteLLM_DailyTeamSpend", COLUMNS(daily_team_spend_columns), daily_team_spend_key, "id", daily_team_spend_indexes},
    [TABLE_DAILY_ORGANIZATION_SPEND] = {"LiteLLM_DailyOrganizationSpend", COLUMNS(daily_organization_spend_columns), daily_organization_spend_key, "id", daily_organization_spend_indexes},
    [TABLE_DAILY_END_USER_SPEND] = {"LiteLLM_DailyEndUserSpend", COLUMNS(daily_end_user_spend_columns), daily_end_user_spend_key, "id", daily_end_user_spend_indexes},
    [TABLE_DAILY_TAG_SPEND] = {"LiteLLM_DailyTagSpend", COLUMNS(daily_tag_spend_columns), daily_tag_spend_key, "id", daily_tag_spend_indexes},
    [TABLE_DAILY_GLOBAL_SPEND] = {"LiteLLM_DailyGlobalSpend", COLUMNS(daily_global_spend_columns), daily_global_spend_key, "id", daily_global_spend_indexes},
    [TABLE_LINTEL_MIGRATIONS] = {"lintel_migrations", COLUMNS(lintel_migrations_columns), lintel_migrations_key, NULL, none},
    [TABLE_LINTEL_SPOOL] = {"lintel_spool", COLUMNS(lintel_spool_columns), lintel_spool_key, NULL, none},
    [TABLE_LINTEL_CHANGES] = {"lintel_changes", COLUMNS(lintel_changes_columns), lintel_changes_key, NULL, lintel_changes_indexes},
    [TABLE_LINTEL_TASKS] = {"lintel_tasks", COLUMNS(lintel_tasks_columns), lintel_tasks_key, NULL, none},
    [TABLE_LINTEL_LOCKS] = {"lintel_locks", COLUMNS(lintel_locks_columns), lintel_locks_key, NULL, none},
    [TABLE_LINTEL_DAILY_CALLS] = {"lintel_daily_calls", COLUMNS(lintel_daily_calls_columns), lintel_daily_calls_key, "id", lintel_daily_calls_indexes},
    [TABLE_LINTEL_RESPONSES] = {"lintel_responses", COLUMNS(lintel_responses_columns), lintel_responses_key, NULL, lintel_responses_indexes},
};
/* clang-format on */

const struct store_table *store_table(enum store_table_id id)
{
    return &tables[id];
}

int store_column_find(const struct store_table *table, struct slice name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (slice_eq(slice_of(table->columns[i].name), name))
            return (int)i;
    return -1;
}
