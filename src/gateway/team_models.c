/* See team_models.h.
 *
 * Happy path: an admin of the team gives a model with credentials of its own; it is written with
 * the team's list of models in one transaction.
 *
 * Failure modes: somebody else's team (403); parameters that would reach the environment or the
 * credentials of the gateway, or another host (403); none of its own (400). */

#include "team_models.h"

#include "access.h"
#include "audit.h"
#include "wire/crypto.h"

#define TEAM        TABLE_TEAM_TABLE
#define MODELS      TABLE_PROXY_MODEL_TABLE
#define ENVIRONMENT "os.environ/"
#define NO_MODELS   "no-default-models"
#define DEEPEST     32

static bool refuse(struct exchange *ex, int status, struct slice text)
{
    admin_refuse(ex, status, "auth_error", "%.*s", SLICE_ARG(text));
    admin_show_param(ex, "None");
    return false;
}

bool team_model_may_manage(struct exchange *ex, struct slice team)
{
    if (!ex->access || (team.n && access_is_team_admin(ex, team)))
        return true;
    return refuse(ex, 403,
                  SLICE("Only admins of the proxy, and of the team that model_info.team_id names, "
                        "may manage this model."));
}

/* ---- what an admin of a team may say --------------------------------------------------------- */

static bool names_environment(yyjson_val *v, unsigned depth)
{
    yyjson_val *child;
    if (depth > DEEPEST)
        return true;
    if (yyjson_is_str(v))
        return slice_find(json_slice(v), SLICE(ENVIRONMENT)) >= 0;
    if (yyjson_is_arr(v)) {
        yyjson_arr_iter it = yyjson_arr_iter_with(v);
        while ((child = yyjson_arr_iter_next(&it)))
            if (names_environment(child, depth + 1))
                return true;
    }
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    while ((child = yyjson_obj_iter_next(&it)))
        if (names_environment(yyjson_obj_iter_get_val(child), depth + 1))
            return true;
    return false;
}

/* Nothing that says whose credentials, or which host. */
static bool is_harmless(struct slice param)
{
    static const char *const names[] = {"model",
                                        "custom_llm_provider",
                                        "aws_access_key_id",
                                        "aws_secret_access_key",
                                        "api_key",
                                        "aws_session_token",
                                        "aws_region_name",
                                        "rpm",
                                        "tpm",
                                        "max_parallel_requests",
                                        "timeout",
                                        "stream_timeout",
                                        "weight",
                                        "order",
                                        "max_retries",
                                        "num_retries",
                                        "temperature",
                                        "top_p",
                                        "max_tokens",
                                        "stop",
                                        "drop_params",
                                        "merge_reasoning_content_in_choices",
                                        "thinking",
                                        "reasoning_effort",
                                        "service_tier",
                                        "additional_drop_params"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq(param, slice_of(names[i])))
            return true;
    return false;
}

static bool has_own_credentials(yyjson_val *params)
{
    return json_get_slice(params, "api_key").n ||
           (json_get_slice(params, "aws_access_key_id").n &&
            json_get_slice(params, "aws_secret_access_key").n);
}

static bool are_harmless(struct exchange *ex, yyjson_val *params)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(params);
    yyjson_val *name;
    while ((name = yyjson_obj_iter_next(&it)))
        if (!is_harmless(json_slice(name)))
            return refuse(ex, 403,
                          ARENA_JOIN(&ex->arena, SLICE("litellm_params."), json_slice(name),
                                     SLICE(" is for admins of the proxy: models of a team call "
                                           "Bedrock itself, with credentials of their own.")));
    if (has_own_credentials(params))
        return true;
    return refuse(ex, 400,
                  SLICE("litellm_params needs credentials of the team's own: aws_access_key_id and "
                        "aws_secret_access_key, or api_key. Those of the gateway are not used."));
}

/* A name of a model for all would, once the team's own is gone, lead to that one. */
static bool is_taken(const struct exchange *ex, struct slice name)
{
    return map_get(&ex->config->pools.by_name, name) ||
           yyjson_obj_getn(ex->config->model_group_alias, name.p, name.n);
}

bool team_model_may_have(struct exchange *ex, struct slice team, struct slice name,
                         yyjson_val *params, yyjson_val *info)
{
    if (!team_model_may_manage(ex, team))
        return false;
    if (!ex->access)
        return true;
    if (names_environment(params, 0) || names_environment(info, 0) ||
        slice_find(name, SLICE(ENVIRONMENT)) >= 0)
        return refuse(ex, 403, SLICE(ENVIRONMENT " is for admins of the proxy."));
    if (is_taken(ex, name))
        return refuse(ex, 400,
                      ARENA_JOIN(&ex->arena, SLICE("The gateway has a model '"), name,
                                 SLICE("' for all: choose another model_name.")));
    return are_harmless(ex, params);
}

/* ---- what is stored -------------------------------------------------------------------------- */

yyjson_val *team_model_params(struct exchange *ex, yyjson_val *params)
{
    if (!ex->access || json_get(params, "api_key"))
        return params;
    return admin_merge(ex, params, json_parse(SLICE("{\"api_key\":\"\"}"), &ex->arena, NULL));
}

yyjson_val *team_model_info(struct exchange *ex, yyjson_val *info, struct slice team,
                            struct slice name)
{
    struct slice own = admin_json_with(ex, SLICE("{}"), "team_id", team);
    own = admin_json_with(ex, own, "team_public_model_name", name);
    return admin_merge(ex, info, json_parse(own, &ex->arena, NULL));
}

struct slice team_model_make_name(struct slice team, struct arena *a)
{
    char id[UUID_SIZE];
    random_uuid(id);
    return arena_printf(a, "model_name_%.*s_%s", SLICE_ARG(team), id);
}

bool team_model_list(struct exchange *ex, struct store_job *job, const struct store_rows *team,
                     struct slice more, struct slice less)
{
    yyjson_val *old = json_parse(store_rows_text(team, 0, "models"), &ex->arena, NULL), *v;
    yyjson_arr_iter it = yyjson_arr_iter_with(old);
    struct admin_cells cells = {.n = 0};
    struct admin_texts t;
    size_t kept = 0;
    bool add = more.n && !json_list_has(old, more);
    if (!yyjson_arr_size(old) || (!add && !(less.n && json_list_has(old, less))))
        return false;
    admin_texts_begin(&t);
    while ((v = yyjson_arr_iter_next(&it))) {
        if (slice_eq(json_slice(v), less))
            continue;
        admin_texts_add(&t, json_slice(v));
        kept++;
    }
    if (add || !kept)
        admin_texts_add(&t, add ? more : SLICE(NO_MODELS));
    admin_set(&cells, "models", store_texts(admin_texts_end(&t, &ex->arena)));
    admin_update_same(job, &cells, "team_id", TEAM, team, 0);
    audit_changed(ex, job, TEAM, team, 0, &cells);
    store_tell(job, TEAM, store_rows_text(team, 0, "team_id"));
    return true;
}

bool team_model_is_other(const struct exchange *ex, struct slice team, struct slice name,
                         struct slice id)
{
    for (size_t i = 0; i < ex->config->deployment_count; i++) {
        const struct deployment *d = &ex->config->deployments[i];
        if (slice_eq(json_get_slice(d->model_info, "team_id"), team) &&
            slice_eq(json_get_slice(d->model_info, "team_public_model_name"), name) &&
            !slice_eq(slice_of(d->id), id))
            return true;
    }
    return false;
}

/* ---- a team that is deleted ------------------------------------------------------------------ */

static struct store_where of_team(struct slice team)
{
    return (struct store_where){"model_info.team_id", STORE_EQ, store_text(team), 0};
}

size_t team_models_select(struct store_job *job, struct slice team)
{
    struct store_where where = of_team(team);
    return store_select(job,
                        &(struct store_query){.table = MODELS, .where = &where, .where_count = 1});
}

void team_models_delete(struct exchange *ex, struct store_job *job, const struct store_rows *models,
                        struct slice team)
{
    struct store_where where = of_team(team);
    if (!models->count)
        return;
    store_delete(job, MODELS, &where, 1);
    for (size_t i = 0; i < models->count; i++)
        audit_gone(ex, job, MODELS, models, i);
    store_tell(job, MODELS, team);
}
