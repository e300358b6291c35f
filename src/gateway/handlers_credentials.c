/* /credentials: sets of litellm_params under a name that deployments may name
 * (litellm_credential_name), of the configuration file and of the database (stored.h).
 *
 * Happy path: those that hold are shown from the snapshot, their secrets masked; a change is tried
 * as if it stood in the file, written with its strings sealed, and taken over at once.
 *
 * Failure modes: no database, or not store_model_in_db; a name that is taken, is the file's, or
 * that nothing has; values that the loader refuses. */

#include "handlers_admin.h"

#include "admin.h"
#include "audit.h"
#include "stored.h"
#include "worker_private.h"

#define NAME  "credential_name"
#define TABLE TABLE_CREDENTIALS_TABLE

struct credential_change {
    yyjson_val *body;
    struct slice name; /* of the row; PATCH: before */
    const char *done;
    unsigned tries;
    size_t statement; /* of all that is stored */
};

static struct credential_change *change_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct credential_change);
    return ex->own.state;
}

static void refuse(struct exchange *ex, int status, const char *before, struct slice text)
{
    admin_refuse(ex, status, NULL, "%s%.*s", before, SLICE_ARG(text));
    admin_show_param(ex, "None");
}

static void refuse_taken(struct exchange *ex, struct slice name)
{
    refuse(ex, 400, "There is a credential of this name already: ", name);
}

/* ---- showing --------------------------------------------------------------------------------- */

static const struct named_credential *find(const struct config *c, struct slice name)
{
    for (size_t i = 0; i < c->credential_count; i++)
        if (slice_eq(c->credentials[i].name, name))
            return &c->credentials[i];
    return NULL;
}

static void write_credential(struct json_writer *w, const struct named_credential *c)
{
    json_object(w);
    json_member_string(w, "credential_name", c->name);
    json_key(w, "credential_values"), json_value(w, c->values);
    json_key(w, "credential_info");
    if (c->info)
        json_value(w, c->info);
    else
        json_raw(w, SLICE("{}"));
    json_object_end(w);
}

void handle_credentials(struct exchange *ex, struct buf *body)
{
    const struct config *c = ex->config;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_bool(&w, "success", true);
    json_key(&w, "credentials"), json_array(&w);
    for (size_t i = 0; i < c->credential_count; i++)
        write_credential(&w, &c->credentials[i]);
    json_array_end(&w);
    json_object_end(&w);
}

void handle_credential(struct exchange *ex, struct buf *body)
{
    struct slice name = percent_decode(ex->route_item, &ex->arena);
    const struct named_credential *c = find(ex->config, name);
    struct json_writer w;
    if (!c) {
        refuse(ex, 404, "Credential not found. Got credential name: ", name);
        return;
    }
    json_begin(&w, body);
    write_credential(&w, c);
}

/* Not of a model's credentials: the rest of litellm_params. */
static bool is_no_credential(struct slice name)
{
    return !slice_starts(name, SLICE("aws_")) && !slice_eq(name, SLICE("region_name")) &&
           !slice_eq(name, SLICE("litellm_credential_name"));
}

void handle_credential_of_model(struct exchange *ex, struct buf *body)
{
    struct slice id = percent_decode(ex->route_item, &ex->arena);
    const struct config *c = ex->config;
    const struct deployment *d = NULL;
    struct json_writer w;
    for (size_t i = 0; !d && i < c->deployment_count; i++)
        if (slice_eq(slice_of(c->deployments[i].id), id))
            d = &c->deployments[i];
    if (!d) {
        refuse(ex, 404, "Model not found", SLICE(""));
        return;
    }
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, NAME,
                       ARENA_JOIN(&ex->arena, slice_of(d->model_name), SLICE("-credential-"), id));
    json_key(&w, "credential_values"), json_object(&w);
    json_members_but(&w, d->params, is_no_credential);
    json_object_end(&w);
    json_key(&w, "credential_info"), json_raw(&w, SLICE("{}"));
    json_object_end(&w);
}

/* ---- changing -------------------------------------------------------------------------------- */

static bool read_body(struct exchange *ex)
{
    static const char *const objects[] = {"credential_values", "credential_info"};
    struct credential_change *c = change_of(ex);
    c->body = ask_body(ex);
    if (!c->body || !admin_may_store(ex))
        return false;
    for (size_t i = 0; i < 2; i++) {
        yyjson_val *v = json_get(c->body, objects[i]);
        if (v && !yyjson_is_null(v) && !yyjson_is_obj(v))
            return failure_bad_param(&ex->failure, &ex->arena, objects[i],
                                     "%s: an object is wanted", objects[i]);
    }
    return true;
}

/* The cells of a row, once the loader accepts it. False: the failure is set. */
static bool try_credential(struct exchange *ex, struct slice name, yyjson_val *values,
                           yyjson_val *info, struct admin_cells *cells)
{
    struct stored_change change = {"credential_list", name,
                                   stored_credential_json(name, values, info, &ex->arena)};
    struct slice problem = stored_check(ex->worker->stored, &change, &ex->arena);
    if (problem.n) {
        refuse(ex, 400, "The credential cannot be used: ", problem);
        return false;
    }
    admin_set(cells, NAME, store_text(name));
    admin_set(cells, "credential_values",
              store_json(stored_seal(ex->worker->config, values, &ex->arena)));
    admin_set(cells, "credential_info",
              store_json(info ? json_text_of(info, &ex->arena) : SLICE("{}")));
    admin_set(cells, "updated_by", store_text(admin_who(ex)));
    return true;
}

static void written(struct exchange *ex, struct buf *body)
{
    const struct credential_change *c = change_of(ex);
    struct json_writer w;
    stored_take(ex->worker->stored, ex->own.job, c->statement);
    json_begin(&w, body);
    json_object(&w);
    json_member_bool(&w, "success", true);
    json_member_string(&w, "message", slice_of(c->done));
    json_object_end(&w);
}

/* What ends the job of a change. */
static void ask_written(struct exchange *ex, struct store_job *job, answer_next *next)
{
    struct credential_change *c = change_of(ex);
    c->statement = stored_select(job);
    store_tell(job, TABLE, c->name);
    ask_store_conflict(ex, job, next);
}

static void inserted(struct exchange *ex, struct buf *body)
{
    if (store_job_status(ex->own.job) == STORE_OK)
        written(ex, body);
    else
        refuse_taken(ex, change_of(ex)->name);
}

void handle_credential_new(struct exchange *ex, struct buf *body)
{
    struct credential_change *c = change_of(ex);
    struct admin_cells cells = {.n = 0};
    struct store_job *job;
    (void)body;
    if (!read_body(ex))
        return;
    yyjson_val *values = admin_merge(ex, NULL, json_get(c->body, "credential_values"));
    c->done = "Credential created successfully";
    c->name = admin_need_text(ex, c->body, NAME);
    if (!c->name.n)
        return;
    if (!yyjson_is_obj(json_get(c->body, "credential_values"))) {
        failure_missing_param(&ex->failure, &ex->arena, "credential_values");
        return;
    }
    if (find(ex->config, c->name)) {
        refuse_taken(ex, c->name);
        return;
    }
    if (!try_credential(ex, c->name, values, json_get(c->body, "credential_info"), &cells))
        return;
    job = ask_new(ex);
    admin_set(&cells, "credential_id", store_text(admin_id(ex, NULL, "id")));
    admin_set(&cells, "created_by", store_text(admin_who(ex)));
    store_insert(job, TABLE, cells.v, cells.n);
    audit_made(ex, job, TABLE, &cells);
    ask_written(ex, job, inserted);
}

/* ---- PATCH ----------------------------------------------------------------------------------- */

static void update_found(struct exchange *ex, struct buf *body);

static void select_credential(struct exchange *ex, answer_next *next)
{
    struct store_job *job = ask_new(ex);
    admin_select(job, TABLE, NAME, change_of(ex)->name);
    ask_store(ex, job, next);
}

static void refuse_missing(struct exchange *ex)
{
    const struct named_credential *c = find(ex->config, change_of(ex)->name);
    if (c && !c->stored)
        refuse(ex, 400, "It is defined in the configuration file, change it there: ", c->name);
    else
        refuse(ex, 404, "Credential not found in DB.", SLICE(""));
}

static void updated(struct exchange *ex, struct buf *body)
{
    if (store_job_status(ex->own.job) == STORE_OK)
        written(ex, body);
    else if (admin_again(ex, &change_of(ex)->tries))
        select_credential(ex, update_found);
}

static void update_found(struct exchange *ex, struct buf *body)
{
    struct credential_change *c = change_of(ex);
    const struct store_rows *row = ask_rows(ex, 0);
    struct slice name = json_get_slice(c->body, NAME);
    struct admin_cells cells = {.n = 0};
    struct store_job *job;
    (void)body;
    if (!row->count) {
        refuse_missing(ex);
        return;
    }
    if (!name.n)
        name = c->name;
    yyjson_val *values =
        stored_open(ex->worker->config, store_rows_text(row, 0, "credential_values"), &ex->arena);
    yyjson_val *info = json_parse(store_rows_text(row, 0, "credential_info"), &ex->arena, NULL);
    if (!slice_eq(name, c->name) && find(ex->config, name)) {
        refuse_taken(ex, name);
        return;
    }
    if (!try_credential(ex, name, admin_merge(ex, values, json_get(c->body, "credential_values")),
                        admin_merge(ex, info, json_get(c->body, "credential_info")), &cells))
        return;
    job = ask_new(ex);
    admin_update_same(job, &cells, NAME, TABLE, row, 0);
    audit_changed(ex, job, TABLE, row, 0, &cells);
    ask_written(ex, job, updated);
}

void handle_credential_update(struct exchange *ex, struct buf *body)
{
    struct credential_change *c = change_of(ex);
    (void)body;
    if (!read_body(ex))
        return;
    c->name = percent_decode(ex->route_item, &ex->arena);
    c->done = "Credential updated successfully";
    select_credential(ex, update_found);
}

/* ---- DELETE ---------------------------------------------------------------------------------- */

static void deleted(struct exchange *ex, struct buf *body)
{
    if (store_job_status(ex->own.job) == STORE_OK)
        written(ex, body);
    else /* somebody else was faster */
        refuse_missing(ex);
}

static void delete_found(struct exchange *ex, struct buf *body)
{
    struct store_where where = admin_where(NAME, change_of(ex)->name);
    struct store_job *job;
    (void)body;
    if (!ask_rows(ex, 0)->count) {
        refuse_missing(ex);
        return;
    }
    job = ask_new(ex);
    store_delete(job, TABLE, &where, 1);
    store_expect(job, 1);
    audit_gone(ex, job, TABLE, ask_rows(ex, 0), 0);
    ask_written(ex, job, deleted);
}

void handle_credential_delete(struct exchange *ex, struct buf *body)
{
    struct credential_change *c = change_of(ex);
    (void)body;
    if (!admin_may_store(ex))
        return;
    c->name = percent_decode(ex->route_item, &ex->arena);
    c->done = "Credential deleted successfully";
    select_credential(ex, delete_found);
}
