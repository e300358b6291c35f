/* /key/…: the keys of the database, made, shown, changed and taken away.
 *
 * Happy path: the body's members become cells of the key's row; the row is written, told to the
 * other gateways, and read back for the answer. Only the SHA-256 of a key is kept: it is shown in
 * the clear once, when it is made.
 *
 * Failure modes: no database, members of a wrong type, a key that is not there, or there already.
 */

#include "handlers.h"

#include "admin_budget.h"
#include "audit.h"
#include "auth.h"
#include "io/clock.h"
#include "key_access.h"
#include "key_delete.h"
#include "key_fields.h"
#include "key_rules.h"
#include "query.h"
#include "wire/crypto.h"
#include "worker_private.h"

#include <stdlib.h>

#define DELETE_MAX 300 /* keys in one request */

struct key_question {
    yyjson_val *body;
    struct slice key; /* in the clear, or as it was asked for */
    char hash[KEY_HASH_SIZE];
    struct slice owner; /* of a new one, that the body does not choose; or empty */
    size_t statement;   /* whose rows are the answer: */
    const struct store_rows *rows;
    bool deleted; /* they are of the table of those */
};

/* ---- common ---------------------------------------------------------------------------------- */

static struct key_question *question_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct key_question);
    return ex->own.state;
}

static bool is_clear(struct slice key)
{
    return slice_starts(key, SLICE("sk-"));
}

static bool name_key(struct exchange *ex, struct slice key)
{
    struct key_question *q = question_of(ex);
    q->key = arena_dup(&ex->arena, key);
    return key_hash(q->key, q->hash);
}

static struct store_where where_hash(const struct key_question *q)
{
    return admin_where("token", slice_of(q->hash));
}

static size_t select_key(struct store_job *job, enum store_table_id table,
                         const struct key_question *q)
{
    return admin_select(job, table, "token", slice_of(q->hash));
}

/* The rows of the statement are kept, and what budget they name is asked for. */
static void ask_budget(struct exchange *ex, answer_next *next)
{
    struct key_question *q = question_of(ex);
    q->rows = ask_keep(ex, q->statement);
    admin_budget_ask(ex, q->rows, next);
}

/* ---- POST /key/generate ---------------------------------------------------------------------- */

static bool refuse_text(struct exchange *ex)
{
    admin_refuse(ex, 400, NULL,
                 "{'error': \"Invalid key format. LiteLLM Virtual Key must start with 'sk-'. "
                 "Received: ****\"}");
    return false;
}

static bool choose_key(struct exchange *ex, struct key_question *q)
{
    yyjson_val *own = json_get(q->body, "key");
    struct slice key = json_slice(own);
    if (own && !yyjson_is_null(own) && !is_clear(key))
        return refuse_text(ex);
    if (key.n && !key_rules_own_text(ex))
        return false;
    return name_key(ex, key.n ? key : key_fields_make(&ex->arena));
}

/* What LiteLLM makes of key_type; n == 0: it restricts nothing. */
static struct slice routes_of_type(yyjson_val *body)
{
    static const struct {
        struct slice type, routes;
    } rows[] = {{{"llm_api", 7}, {"[\"llm_api_routes\"]", 18}},
                {{"management", 10}, {"[\"management_routes\"]", 21}},
                {{"read_only", 9}, {"[\"info_routes\"]", 15}}};
    struct slice type = json_get_slice(body, "key_type");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(type, rows[i].type))
            return rows[i].routes;
    return slice_make(NULL, 0);
}

static void set_initial(struct exchange *ex, const struct key_question *q,
                        struct admin_cells *cells)
{
    admin_set(cells, "token", store_text(slice_of(q->hash)));
    admin_set(cells, "key_name", store_text(key_fields_name(q->key, &ex->arena)));
    if (q->owner.n)
        admin_set(cells, "user_id", store_text(q->owner));
    admin_set(cells, "created_by", store_text(admin_who(ex)));
    admin_set(cells, "updated_by", store_text(admin_who(ex)));
    if (!json_get(q->body, "models"))
        admin_set(cells, "models", store_texts(SLICE("[]")));
    if (!json_get(q->body, "key_type"))
        admin_set(cells, "key_type", store_text(SLICE("default")));
    if (!json_get(q->body, "allowed_routes") && routes_of_type(q->body).n)
        admin_set(cells, "allowed_routes", store_texts(routes_of_type(q->body)));
}

static void write_new(struct exchange *ex, struct buf *body)
{
    const struct key_question *q = question_of(ex);
    key_fields_write_new(body, q->rows, q->key, q->body, ask_rows(ex, 0));
}

static void key_made(struct exchange *ex, struct buf *body)
{
    if (store_job_status(ex->own.job) == STORE_OK)
        ask_budget(ex, write_new);
    else if (!key_rules_alias_taken(ex, question_of(ex)->body))
        admin_refuse(ex, 400, NULL, "{'error': 'There is such a key already.'}");
}

/* It has no column: LiteLLM makes a budget that the key names. */
static void add_soft_budget(struct exchange *ex, struct store_job *job, yyjson_val *body,
                            struct admin_cells *cells)
{
    double soft = ex->config->settings.rules.soft_budget;
    bool said = json_double(json_get(body, "soft_budget"), &soft);
    struct admin_cells budget = {.n = 0};
    if ((!said && soft <= 0) || json_get_slice(body, "budget_id").n)
        return;
    admin_set(&budget, "soft_budget", store_number(soft));
    admin_set(&budget, "model_max_budget", store_json(SLICE("{}")));
    admin_set(cells, "budget_id", store_text(admin_budget_put(ex, job, SLICE(""), NULL, &budget)));
}

/* The keys of services belong to a team, and to nobody in it. */
static bool is_complete(struct exchange *ex, yyjson_val *body)
{
    bool service = slice_eq(slice_of(ex->route->path), SLICE("/key/service-account/generate"));
    if (!service)
        return true;
    if (!json_get_slice(body, "team_id").n) {
        admin_refuse(ex, 400, NULL,
                     "team_id is required for service account keys. Please specify "
                     "`team_id` in the request body.");
        return false;
    }
    if (!json_get_slice(body, "user_id").n)
        return true;
    admin_refuse(ex, 400, NULL, "user_id is not for service account keys.");
    return false;
}

void handle_key_generate(struct exchange *ex, struct buf *body)
{
    struct key_question *q = question_of(ex);
    struct admin_cells cells;
    struct store_job *job;
    q->body = ask_body(ex);
    if (!q->body || !is_complete(ex, q->body) || !key_may_make(ex, q->body, &q->owner) ||
        !(q->body = key_rules_complete(ex, q->body)) || !choose_key(ex, q) ||
        !key_fields_read(ex, q->body, SLICE(""), &cells))
        return;
    job = ask_new(ex);
    if (!job)
        return;
    key_rules_claim_alias(job, q->body, slice_of(q->hash));
    set_initial(ex, q, &cells);
    add_soft_budget(ex, job, q->body, &cells);
    store_insert(job, TABLE_VERIFICATION_TOKEN, cells.v, cells.n);
    audit_made(ex, job, TABLE_VERIFICATION_TOKEN, &cells);
    q->statement = select_key(job, TABLE_VERIFICATION_TOKEN, q);
    store_tell(job, TABLE_VERIFICATION_TOKEN, slice_of(q->hash));
    ask_store_conflict(ex, job, key_made);
}

/* ---- GET /key/info --------------------------------------------------------------------------- */

static void write_info(struct exchange *ex, struct buf *body)
{
    const struct key_question *q = question_of(ex);
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, 0));
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "key", q->key);
    json_key(&w, "info");
    json_object(&w);
    if (q->deleted)
        key_fields_write_deleted(&w, q->rows, 0);
    else
        key_fields_write(&w, q->rows, 0, &budgets);
    json_member_string(&w, "status", q->deleted ? SLICE("deleted") : SLICE("active"));
    json_object_end(&w);
    json_object_end(&w);
    admin_budgets_fini(&budgets);
}

static void info_found(struct exchange *ex, struct buf *body)
{
    struct key_question *q = question_of(ex);
    q->deleted = !ask_rows(ex, 0)->count;
    q->statement = q->deleted;
    if (!ask_rows(ex, q->statement)->count)
        key_refuse_missing(ex, "Key not found in database");
    else if (key_may_see(ex, ask_rows(ex, q->statement), 0))
        ask_budget(ex, write_info);
}

/* Everybody may look at the key that is shown. */
void handle_key_info(struct exchange *ex, struct buf *body)
{
    struct key_question *q = question_of(ex);
    struct slice key = query_get(ex->head->query, "key", &ex->arena);
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    if (!name_key(ex, key.n ? key : auth_key(ex->config, ex->head))) {
        key_refuse_missing(ex, "Key not found in database");
    } else {
        select_key(job, TABLE_VERIFICATION_TOKEN, q);
        select_key(job, TABLE_DELETED_VERIFICATION_TOKEN, q);
        ask_store(ex, job, info_found);
        return;
    }
    store_job_free(job);
}

/* ---- POST /key/delete ------------------------------------------------------------------------ */

static void write_deleted(struct exchange *ex, struct buf *body)
{
    const struct key_question *q = question_of(ex);
    yyjson_val *keys = json_get(q->body, "keys");
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "deleted_keys");
    json_value(&w, yyjson_arr_size(keys) ? keys : json_get(q->body, "key_aliases"));
    json_object_end(&w);
}

static void delete_found(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    struct store_job *job;
    if (!rows->count) {
        failure_set(&ex->failure, &ex->arena, FAILURE_NOT_FOUND, 404, "{'error': 'No keys found'}");
        ex->failure.type = "internal_server_error";
        return;
    }
    for (size_t i = 0; i < rows->count; i++)
        if (!key_may_change(ex, rows, i))
            return;
    job = ask_new(ex);
    for (size_t i = 0; i < rows->count; i++)
        key_delete(ex, job, rows, i);
    ask_store(ex, job, write_deleted);
}

/* ["sk-…", "<hash>"] → ["<hash>", "<hash>"] */
static struct slice hashes_of(struct exchange *ex, yyjson_val *keys)
{
    struct admin_texts t;
    yyjson_val *key;
    size_t i, n;
    admin_texts_begin(&t);
    yyjson_arr_foreach(keys, i, n, key) if (name_key(ex, json_slice(key)))
        admin_texts_add(&t, slice_of(question_of(ex)->hash));
    return admin_texts_end(&t, &ex->arena);
}

void handle_key_delete(struct exchange *ex, struct buf *body)
{
    struct key_question *q = question_of(ex);
    struct store_where where = {.column = "token", .test = STORE_IN};
    struct store_job *job;
    yyjson_val *keys, *aliases;
    q->body = ask_body(ex);
    keys = json_get(q->body, "keys");
    aliases = json_get(q->body, "key_aliases");
    if (q->body && (yyjson_arr_size(keys) > DELETE_MAX || yyjson_arr_size(aliases) > DELETE_MAX))
        failure_bad_param(&ex->failure, &ex->arena, "keys", "keys: at most %d at once", DELETE_MAX);
    else if (q->body && !yyjson_arr_size(keys) && !yyjson_arr_size(aliases))
        failure_missing_param(&ex->failure, &ex->arena, "keys");
    if (ex->failure.kind != FAILURE_NONE || !(job = ask_new(ex)))
        return;
    if (yyjson_arr_size(keys)) {
        where.value = store_texts(hashes_of(ex, keys));
    } else {
        where.column = "key_alias";
        where.value = store_texts(json_text_of(aliases, &ex->arena));
    }
    store_select(job, &(struct store_query){.table = TABLE_VERIFICATION_TOKEN,
                                            .where = &where,
                                            .where_count = 1,
                                            .limit = DELETE_MAX});
    ask_store(ex, job, delete_found);
}

/* ---- POST /key/update, /key/block, /key/unblock ---------------------------------------------- */

static void write_updated(struct exchange *ex, struct buf *body)
{
    const struct key_question *q = question_of(ex);
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, 0));
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "key", q->key);
    json_member_string(&w, "token", slice_of(q->hash));
    key_fields_write(&w, q->rows, 0, &budgets);
    json_object_end(&w);
    admin_budgets_fini(&budgets);
}

static void updated(struct exchange *ex, struct buf *body)
{
    if (!key_rules_alias_taken(ex, question_of(ex)->body))
        ask_budget(ex, write_updated);
}

static void write_cells(struct exchange *ex, struct admin_cells *cells)
{
    struct key_question *q = question_of(ex);
    struct store_where where = where_hash(q);
    struct store_job *job = ask_new(ex);
    admin_set(cells, "updated_by", store_text(admin_who(ex)));
    admin_set(cells, "settings_updated_at", store_time(clock_unix_ms()));
    key_rules_claim_alias(job, q->body, slice_of(q->hash));
    store_update(job, TABLE_VERIFICATION_TOKEN, cells->v, cells->n, &where, 1);
    audit_changed(ex, job, TABLE_VERIFICATION_TOKEN, ask_rows(ex, 0), 0, cells);
    q->statement = select_key(job, TABLE_VERIFICATION_TOKEN, q);
    store_tell(job, TABLE_VERIFICATION_TOKEN, slice_of(q->hash));
    ask_store_conflict(ex, job, updated);
}

static void update_found(struct exchange *ex, struct buf *body)
{
    const struct key_question *q = question_of(ex);
    const struct store_rows *rows = ask_rows(ex, 0);
    struct admin_cells cells;
    if (!rows->count)
        key_refuse_missing(ex, "Key not found.");
    else if (key_may_change(ex, rows, 0) && key_may_say(ex, q->body, rows, 0) &&
             key_rules_bound(ex, q->body, store_rows_text(rows, 0, "key_alias")) &&
             key_fields_read(ex, q->body, store_rows_text(rows, 0, "metadata"), &cells))
        write_cells(ex, &cells);
}

static void block_found(struct exchange *ex, struct buf *body)
{
    struct admin_cells cells = {.n = 0};
    bool block = slice_eq(slice_of(ex->route->path), SLICE("/key/block"));
    if (!ask_rows(ex, 0)->count) {
        key_refuse_missing(ex, "Key not found.");
        return;
    }
    if (!key_may_change(ex, ask_rows(ex, 0), 0) ||
        !key_may_say(ex, json_parse(SLICE("{\"blocked\":true}"), &ex->arena, NULL), ask_rows(ex, 0),
                     0))
        return;
    admin_set(&cells, "blocked", store_flag(block));
    write_cells(ex, &cells);
}

static void change(struct exchange *ex, answer_next *next)
{
    struct key_question *q = question_of(ex);
    struct store_job *job;
    q->body = ask_body(ex);
    if (!q->body)
        return;
    if (!json_get(q->body, "key")) {
        failure_missing_param(&ex->failure, &ex->arena, "key");
        return;
    }
    job = ask_new(ex);
    if (!job)
        return;
    if (!name_key(ex, json_get_slice(q->body, "key"))) {
        store_job_free(job);
        key_refuse_missing(ex, "Key not found.");
        return;
    }
    select_key(job, TABLE_VERIFICATION_TOKEN, q);
    ask_store(ex, job, next);
}

void handle_key_update(struct exchange *ex, struct buf *body)
{
    change(ex, update_found);
}

void handle_key_block(struct exchange *ex, struct buf *body)
{
    change(ex, block_found);
}
