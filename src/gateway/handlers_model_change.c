/* /model/new, update, delete, block, unblock: models that lie in the database (stored.h), and those
 * of single teams among them (team_models.h).
 *
 * Happy path: the model is tried as if it stood in the configuration file; what the loader accepts
 * is written, its strings sealed, and taken over at once; other gateways are told. Failure modes:
 * no database, or not store_model_in_db; a model that the loader refuses (400, with its words); an
 * id that is taken, is the file's, or that nothing has. */

#include "handlers_admin.h"

#include "audit.h"
#include "stored.h"
#include "team_fields.h"
#include "team_models.h"
#include "wire/crypto.h"
#include "worker_private.h"

#define ID    "model_id"
#define TABLE TABLE_PROXY_MODEL_TABLE

struct model_change {
    yyjson_val *body;
    struct slice id, name;
    unsigned tries;
    size_t statement;             /* of the model; all that is stored is behind */
    struct slice team;            /* whose model it is; empty: everybody's */
    struct slice inside, was;     /* its name in the team, and before */
    const struct store_rows *row; /* of a model that is there */
    struct admin_cells cells;     /* that it gets */
    size_t inserted;
};

static struct model_change *change_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct model_change);
    return ex->own.state;
}

/* ---- refusals: type and param are LiteLLM's -------------------------------------------------- */

static void refuse(struct exchange *ex, int status, const char *before, struct slice text,
                   const char *after)
{
    admin_refuse(ex, status, "auth_error", "%s%.*s%s", before, SLICE_ARG(text), after);
    admin_show_param(ex, "None");
}

/* How the gateway is set up is told to its admins only. */
bool admin_may_store(struct exchange *ex)
{
    bool on = ex->worker->store && ex->worker->stored && ex->worker->config->settings.stored.on;
    if (!on && !team_model_may_manage(ex, SLICE("")))
        return false;
    if (!ex->worker->store)
        refuse(ex, 500, "No DB Connected. Set general_settings.database_url (or DATABASE_URL).",
               SLICE(""), "");
    else if (!ex->worker->stored || !ex->worker->config->settings.stored.on)
        refuse(ex, 500,
               "Set general_settings.store_model_in_db (or STORE_MODEL_IN_DB=True) to enable this.",
               SLICE(""), "");
    return ex->failure.kind == FAILURE_NONE;
}

static const struct deployment *find_deployment(struct exchange *ex, struct slice id)
{
    const struct config *c = ex->worker->config;
    for (size_t i = 0; i < c->deployment_count; i++)
        if (slice_eq(slice_of(c->deployments[i].id), id))
            return &c->deployments[i];
    return NULL;
}

static void refuse_missing(struct exchange *ex, int status, struct slice id)
{
    const struct deployment *d = find_deployment(ex, id);
    if (d && !d->stored)
        refuse(ex, 400, "Model ", id, " is defined in the configuration file: change it there.");
    else
        refuse(ex, status, "Model with id=", id, " not found in db");
}

/* ---- answers --------------------------------------------------------------------------------- */

/* What clients may see of litellm_params: as the configuration shows it. */
static void write_params(struct exchange *ex, struct json_writer *w)
{
    const struct deployment *d = find_deployment(ex, change_of(ex)->id);
    json_key(w, "litellm_params");
    if (d && d->params)
        json_value(w, d->params);
    else
        json_raw(w, SLICE("{}"));
}

static void write_info(struct json_writer *w, const struct store_rows *row)
{
    struct slice info = store_rows_text(row, 0, "model_info");
    json_key(w, "model_info");
    json_raw(w, info.n ? info : SLICE("{}"));
}

static void written(struct exchange *ex, struct buf *body)
{
    static const char *const hidden[] = {"litellm_params", "model_info", NULL};
    static const struct admin_fields fields = {.table = TABLE, .hidden = hidden};
    const struct model_change *c = change_of(ex);
    const struct store_rows *row = ask_rows(ex, c->statement);
    struct json_writer w;
    stored_take(ex->worker->stored, ex->own.job, c->statement + 1);
    json_begin(&w, body);
    json_object(&w);
    admin_write(&w, &fields, row, 0);
    write_params(ex, &w);
    write_info(&w, row);
    json_object_end(&w);
}

/* What ends the job of a change. */
static void ask_written(struct exchange *ex, struct store_job *job, answer_next *next)
{
    struct model_change *c = change_of(ex);
    c->statement = admin_select(job, TABLE, ID, c->id);
    stored_select(job);
    store_tell(job, TABLE, c->id);
    ask_store_conflict(ex, job, next);
}

/* ---- trying and writing ---------------------------------------------------------------------- */

/* The cells of the model, once the loader accepts it. False: the failure is set. */
static bool try_model(struct exchange *ex, yyjson_val *params, yyjson_val *info)
{
    struct model_change *c = change_of(ex);
    struct admin_cells *cells = &c->cells;
    cells->n = 0;
    if (!team_model_may_have(ex, c->team, c->inside, params, info))
        return false;
    params = team_model_params(ex, params);
    if (c->team.n)
        info = team_model_info(ex, info, c->team, c->inside);
    struct stored_change change = {
        "model_list", c->id, stored_model_json(c->id, c->name, params, info, false, &ex->arena)};
    struct slice problem = stored_check(ex->worker->stored, &change, &ex->arena);
    if (problem.n) {
        refuse(ex, 400, "The model cannot be used: ", problem, "");
        return false;
    }
    info = json_get(json_parse(change.json, &ex->arena, NULL), "model_info");
    admin_set(cells, "model_name", store_text(c->name));
    admin_set(cells, "litellm_params",
              store_json(stored_seal(ex->worker->config, params, &ex->arena)));
    admin_set(cells, "model_info", store_json(json_text_of(info, &ex->arena)));
    admin_set(cells, "updated_by", store_text(admin_who(ex)));
    return admin_read_member(ex, TABLE, c->body, "blocked", "blocked", cells);
}

static bool need_object(struct exchange *ex, const char *name)
{
    yyjson_val *v = json_get(change_of(ex)->body, name);
    if (v && !yyjson_is_null(v) && !yyjson_is_obj(v))
        return failure_bad_param(&ex->failure, &ex->arena, name, "%s: an object is wanted", name);
    return true;
}

static bool read_body(struct exchange *ex)
{
    struct model_change *c = change_of(ex);
    c->body = ask_body(ex);
    return c->body && admin_may_store(ex) && need_object(ex, "litellm_params") &&
           need_object(ex, "model_info");
}

/* ---- a model's team -------------------------------------------------------------------------- */

static void ask_team(struct exchange *ex, answer_next *next)
{
    struct store_job *job = ask_new(ex);
    admin_select(job, TABLE_TEAM_TABLE, "team_id", change_of(ex)->team);
    ask_store(ex, job, next);
}

/* Its list of models, in the job that changes the model. */
static void put_in_team(struct exchange *ex, struct store_job *job, const struct store_rows *team)
{
    const struct model_change *c = change_of(ex);
    if (team && team->count)
        team_model_list(ex, job, team, c->inside,
                        team_model_is_other(ex, c->team, c->was, c->id) ? SLICE("") : c->was);
}

/* ---- POST /model/new ------------------------------------------------------------------------- */

static void insert_into_team(struct exchange *ex, struct buf *body);

static void inserted(struct exchange *ex, struct buf *body)
{
    struct model_change *c = change_of(ex);
    bool team_changed = store_job_status(ex->own.job) == STORE_CONFLICT &&
                        store_job_failed(ex->own.job) != c->inserted;
    if (store_job_status(ex->own.job) == STORE_OK)
        written(ex, body);
    else if (!team_changed)
        refuse(ex, 400, "Model with id=", c->id, " already exists");
    else if (admin_again(ex, &c->tries))
        ask_team(ex, insert_into_team);
}

static void insert_model(struct exchange *ex, const struct store_rows *team)
{
    struct model_change *c = change_of(ex);
    struct store_job *job = ask_new(ex);
    c->inserted = store_insert(job, TABLE, c->cells.v, c->cells.n);
    audit_made(ex, job, TABLE, &c->cells);
    put_in_team(ex, job, team);
    ask_written(ex, job, inserted);
}

static void insert_into_team(struct exchange *ex, struct buf *body)
{
    const struct store_rows *team = ask_keep(ex, 0);
    if (team->count)
        insert_model(ex, team);
    else
        team_fields_refuse_missing(ex, change_of(ex)->team);
}

void handle_model_new(struct exchange *ex, struct buf *body)
{
    struct model_change *c = change_of(ex);
    yyjson_val *params, *info;
    if (!read_body(ex))
        return;
    params = json_get(c->body, "litellm_params");
    info = json_get(c->body, "model_info");
    c->name = admin_need_text(ex, c->body, "model_name");
    c->id = admin_id(ex, info, "id");
    if (!c->name.n)
        return;
    if (!yyjson_is_obj(params)) {
        failure_missing_param(&ex->failure, &ex->arena, "litellm_params");
        return;
    }
    c->team = json_get_slice(info, "team_id");
    if (c->team.n) {
        c->inside = c->name;
        c->name = team_model_make_name(c->team, &ex->arena);
    }
    if (!try_model(ex, admin_merge(ex, NULL, params), info))
        return;
    admin_set(&c->cells, ID, store_text(c->id));
    admin_set(&c->cells, "created_by", store_text(admin_who(ex)));
    if (c->team.n)
        ask_team(ex, insert_into_team);
    else
        insert_model(ex, NULL);
}

/* ---- POST /model/update, PATCH /model/{id}/update -------------------------------------------- */

static void update_found(struct exchange *ex, struct buf *body);

static void select_model(struct exchange *ex, answer_next *next)
{
    struct store_job *job = ask_new(ex);
    admin_select(job, TABLE, ID, change_of(ex)->id);
    ask_store(ex, job, next);
}

static void updated(struct exchange *ex, struct buf *body)
{
    if (store_job_status(ex->own.job) == STORE_OK)
        written(ex, body);
    else if (admin_again(ex, &change_of(ex)->tries))
        select_model(ex, update_found);
}

static void update_model(struct exchange *ex, const struct store_rows *team)
{
    struct model_change *c = change_of(ex);
    struct store_job *job = ask_new(ex);
    admin_update_same(job, &c->cells, ID, TABLE, c->row, 0);
    audit_changed(ex, job, TABLE, c->row, 0, &c->cells);
    put_in_team(ex, job, team);
    ask_written(ex, job, updated);
}

static void update_in_team(struct exchange *ex, struct buf *body)
{
    update_model(ex, ask_keep(ex, 0));
}

/* Whose model it is, and the names that it has, from its row. */
static bool read_row(struct exchange *ex, int missing)
{
    struct model_change *c = change_of(ex);
    c->row = ask_keep(ex, 0);
    if (!c->row->count) {
        refuse_missing(ex, missing, c->id);
        return false;
    }
    yyjson_val *info = json_parse(store_rows_text(c->row, 0, "model_info"), &ex->arena, NULL);
    c->team = json_get_slice(info, "team_id");
    c->was = c->inside = json_get_slice(info, "team_public_model_name");
    c->name = store_rows_text(c->row, 0, "model_name");
    return team_model_may_manage(ex, c->team);
}

/* A team's model keeps the name that it is stored under: another one is its name in the team. */
static bool rename_model(struct exchange *ex)
{
    struct model_change *c = change_of(ex);
    struct slice name = json_get_slice(c->body, "model_name");
    yyjson_val *team = json_get(json_get(c->body, "model_info"), "team_id");
    if (team && !slice_eq(json_slice(team), c->team)) {
        refuse(ex, 400, "A model stays with its team, or without one (", c->id,
               "): make another one with model_info.team_id.");
        return false;
    }
    if (name.n && !c->team.n)
        c->name = name;
    else if (name.n && !slice_eq(name, c->name))
        c->inside = name;
    return true;
}

static void update_found(struct exchange *ex, struct buf *body)
{
    struct model_change *c = change_of(ex);
    yyjson_val *params, *info;
    if (!read_row(ex, 400) || !rename_model(ex))
        return;
    params =
        stored_open(ex->worker->config, store_rows_text(c->row, 0, "litellm_params"), &ex->arena);
    info = json_parse(store_rows_text(c->row, 0, "model_info"), &ex->arena, NULL);
    if (!try_model(ex, admin_merge(ex, params, json_get(c->body, "litellm_params")),
                   admin_merge(ex, info, json_get(c->body, "model_info"))))
        return;
    if (slice_eq(c->was, c->inside)) {
        c->was = c->inside = SLICE("");
        update_model(ex, NULL);
    } else {
        ask_team(ex, update_in_team);
    }
}

void handle_model_update(struct exchange *ex, struct buf *body)
{
    struct model_change *c = change_of(ex);
    if (!read_body(ex))
        return;
    c->id = ex->route_model.n ? percent_decode(ex->route_model, &ex->arena)
                              : json_get_slice(json_get(c->body, "model_info"), "id");
    if (c->id.n)
        select_model(ex, update_found);
    else
        failure_missing_param(&ex->failure, &ex->arena, "model_info.id");
}

/* ---- POST /model/block, /model/unblock ------------------------------------------------------- */

static void block_found(struct exchange *ex, struct buf *body);

static void blocked(struct exchange *ex, struct buf *body)
{
    if (store_job_status(ex->own.job) == STORE_OK)
        written(ex, body);
    else if (admin_again(ex, &change_of(ex)->tries))
        select_model(ex, block_found);
}

static void block_found(struct exchange *ex, struct buf *body)
{
    const struct store_rows *row = ask_rows(ex, 0);
    bool block = slice_ends(slice_of(ex->route->path), SLICE("/block"));
    struct admin_cells cells = {.n = 0};
    struct store_job *job;
    if (!row->count) {
        refuse_missing(ex, 404, change_of(ex)->id);
        return;
    }
    admin_set(&cells, "blocked", store_flag(block));
    admin_set(&cells, "updated_by", store_text(admin_who(ex)));
    job = ask_new(ex);
    admin_update_same(job, &cells, ID, TABLE, row, 0);
    audit_changed(ex, job, TABLE, row, 0, &cells);
    ask_written(ex, job, blocked);
}

void handle_model_block(struct exchange *ex, struct buf *body)
{
    struct model_change *c = change_of(ex);
    if (!read_body(ex))
        return;
    c->id = admin_need_text(ex, c->body, ID);
    if (c->id.n)
        select_model(ex, block_found);
}

/* ---- POST /model/delete ---------------------------------------------------------------------- */

static void delete_found(struct exchange *ex, struct buf *body);

static void deleted(struct exchange *ex, struct buf *body)
{
    struct model_change *c = change_of(ex);
    struct json_writer w;
    if (store_job_status(ex->own.job) != STORE_OK) {
        if (admin_again(ex, &c->tries))
            select_model(ex, delete_found);
        return;
    }
    if (!ask_rows(ex, 0)->changed) {
        refuse_missing(ex, 400, c->id);
        return;
    }
    stored_take(ex->worker->stored, ex->own.job, c->statement + 1);
    json_begin(&w, body);
    json_object(&w);
    json_member_string(
        &w, "message",
        ARENA_JOIN(&ex->arena, SLICE("Model: "), c->id, SLICE(" deleted successfully")));
    json_object_end(&w);
}

static void delete_model(struct exchange *ex, const struct store_rows *team)
{
    const struct model_change *c = change_of(ex);
    struct store_where where = admin_where(ID, c->id);
    struct store_job *job = ask_new(ex);
    store_delete(job, TABLE, &where, 1);
    audit_gone(ex, job, TABLE, c->row, 0);
    put_in_team(ex, job, team);
    ask_written(ex, job, deleted);
}

static void delete_in_team(struct exchange *ex, struct buf *body)
{
    delete_model(ex, ask_keep(ex, 0));
}

static void delete_found(struct exchange *ex, struct buf *body)
{
    struct model_change *c = change_of(ex);
    if (!read_row(ex, 400))
        return;
    c->inside = SLICE("");
    if (c->team.n)
        ask_team(ex, delete_in_team);
    else
        delete_model(ex, NULL);
}

void handle_model_delete(struct exchange *ex, struct buf *body)
{
    struct model_change *c = change_of(ex);
    if (!read_body(ex))
        return;
    c->id = admin_need_text(ex, c->body, "id");
    if (c->id.n)
        select_model(ex, delete_found);
}
