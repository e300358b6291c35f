#include "team_fields.h"

#include "wire/crypto.h"

#define MEMBER_BUDGET "team_member_budget_id"

static const char *const settable[] = {
    "team_alias",
    "organization_id",
    "admins",
    "members",
    "max_budget",
    "soft_budget",
    "spend",
    "models",
    "max_parallel_requests",
    "tpm_limit",
    "rpm_limit",
    "tpd_limit",
    "budget_duration",
    "blocked",
    "model_max_budget",
    "team_member_permissions",
    "router_settings",
    "policies",
    "access_group_ids",
    "budget_limits",
    "default_team_member_models",
    "allow_team_guardrail_config",
    NULL,
};

static const char *const in_metadata[] = {
    "model_rpm_limit",
    "model_tpm_limit",
    "tag_rpm_limit",
    "mcp_rpm_limit",
    "rpm_limit_type",
    "tpm_limit_type",
    "guardrails",
    "prompts",
    "tags",
    "logging",
    "secret_manager_settings",
    "disable_global_guardrails",
    "enforced_params",
    "allowed_passthrough_routes",
    "allowed_vector_store_indexes",
    "team_member_key_duration",
    "throttle_on_budget_exceeded",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    NULL,
};

static const char *const nulls[] = {"object_permission", NULL};

const struct admin_fields team_fields = {
    .table = TABLE_TEAM_TABLE, .settable = settable, .in_metadata = in_metadata, .nulls = nulls};

static const struct admin_fields membership = {.table = TABLE_TEAM_MEMBERSHIP};

/* What each member gets, in the team's words and the budget's. */
static bool read_member_budget(struct exchange *ex, yyjson_val *body, struct admin_cells *budget)
{
    static const struct {
        const char *name, *column;
    } rows[] = {{"team_member_budget", "max_budget"},
                {"team_member_rpm_limit", "rpm_limit"},
                {"team_member_tpm_limit", "tpm_limit"},
                {"team_member_budget_duration", "budget_duration"}};
    budget->n = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (!admin_read_member(ex, TABLE_BUDGET_TABLE, body, rows[i].name, rows[i].column, budget))
            return false;
    return admin_read_time(ex, body, "team_member_budget_duration", "budget_reset_at", true,
                           budget);
}

bool team_fields_read(struct exchange *ex, yyjson_val *body, struct slice metadata,
                      struct admin_cells *cells, struct admin_cells *budget)
{
    yyjson_val *aliases = json_get(body, "model_aliases");
    cells->n = 0;
    if (aliases && !yyjson_is_null(aliases) && !yyjson_is_obj(aliases))
        return failure_bad_param(&ex->failure, &ex->arena, "model_aliases",
                                 "model_aliases: an object is wanted");
    return admin_read(ex, &team_fields, body, metadata, cells) &&
           read_member_budget(ex, body, budget);
}

/* The database counts the ids of such rows from 1: these are out of its way. */
static int64_t make_alias_id(void)
{
    uint32_t id;
    random_bytes(&id, sizeof(id));
    return (int64_t)(id >> 2) + (1 << 30);
}

void team_fields_put_aliases(struct exchange *ex, struct store_job *job, yyjson_val *body,
                             const struct store_rows *team, struct admin_cells *cells)
{
    yyjson_val *aliases = json_get(body, "model_aliases");
    const struct store_value *old = team ? store_rows_at(team, 0, "model_id") : NULL;
    bool new = !old || old->null;
    int64_t id = new ? make_alias_id() : old->integer;
    struct store_where where = {"id", STORE_EQ, store_integer(id), 0};
    struct admin_cells row = {.n = 0};
    if (!aliases)
        return;
    admin_set(&row, "aliases",
              store_json(yyjson_is_obj(aliases) ? json_text_of(aliases, &ex->arena) : SLICE("{}")));
    admin_set(&row, "updated_by", store_text(admin_who(ex)));
    if (new) {
        admin_set(&row, "id", store_integer(id));
        admin_set(&row, "created_by", store_text(admin_who(ex)));
        store_insert(job, TABLE_MODEL_TABLE, row.v, row.n);
        admin_set(cells, "model_id", store_integer(id));
    } else {
        store_update(job, TABLE_MODEL_TABLE, row.v, row.n, &where, 1);
    }
    store_tell(job, TABLE_MODEL_TABLE, arena_integer(&ex->arena, id));
}

void team_fields_set_member_budget(struct exchange *ex, struct slice metadata, struct slice id,
                                   struct admin_cells *cells)
{
    for (size_t i = 0; i < cells->n; i++)
        if (slice_eq(slice_of(cells->v[i].column), SLICE("metadata")))
            metadata = cells->v[i].value.text;
    admin_set(cells, "metadata", store_json(admin_json_with(ex, metadata, MEMBER_BUDGET, id)));
}

struct slice team_fields_member_budget(struct exchange *ex, struct slice metadata)
{
    return json_get_slice(json_parse(metadata, &ex->arena, NULL), MEMBER_BUDGET);
}

yyjson_val *team_fields_members(struct exchange *ex, const struct store_rows *rows, size_t row)
{
    yyjson_val *v = json_parse(store_rows_text(rows, row, "members_with_roles"), &ex->arena, NULL);
    return yyjson_is_arr(v) ? v : NULL;
}

void team_fields_write(struct json_writer *w, const struct store_rows *rows, size_t row)
{
    admin_write(w, &team_fields, rows, row);
}

void team_fields_write_memberships(struct json_writer *w, const struct store_rows *rows,
                                   struct slice team, const struct admin_budgets *budgets)
{
    json_array(w);
    for (size_t i = 0; i < rows->count; i++) {
        if (team.n && !slice_eq(store_rows_text(rows, i, "team_id"), team))
            continue;
        json_object(w);
        admin_write(w, &membership, rows, i);
        admin_budget_write(w, budgets, store_rows_text(rows, i, "budget_id"));
        json_object_end(w);
    }
    json_array_end(w);
}

void team_fields_refuse_missing(struct exchange *ex, struct slice team)
{
    admin_refuse(ex, 404, "auth_error", "Team not found, passed team id: %.*s.", SLICE_ARG(team));
    admin_show_param(ex, "None");
}
