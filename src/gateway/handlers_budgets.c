/* /budget/…: limits under a name, which keys, customers, organizations and members share.
 *
 * Happy path: the body becomes cells of a row of LiteLLM_BudgetTable, which is written, told to the
 * other gateways and read back. Failure modes: an id that is taken, or that nothing has. */

#include "handlers_admin.h"

#include "admin_budget.h"
#include "audit.h"
#include "detail.h"
#include "query.h"

struct budget_question {
    struct slice id;
    yyjson_val *body;
    size_t statement; /* whose rows are the answer */
    struct admin_cells cells;
    const struct store_rows *gone;
};

static struct budget_question *question_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct budget_question);
    return ex->own.state;
}

static void refuse_missing(struct exchange *ex, struct slice id)
{
    detail_refuse_error(
        ex, 404, arena_printf(&ex->arena, "Budget with id '%.*s' not found.", SLICE_ARG(id)));
}

/* The first of the rows: each answer but of lists. */
static void write_first(const struct store_rows *rows, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    admin_write(&w, &admin_budget_fields, rows, 0);
    json_object_end(&w);
}

static void write_row(struct exchange *ex, struct buf *body)
{
    const struct budget_question *q = question_of(ex);
    const struct store_rows *rows = ask_rows(ex, q->statement);
    if (rows->count)
        write_first(rows, body);
    else
        refuse_missing(ex, q->id);
}

static void write_list(struct exchange *ex, struct buf *body)
{
    admin_write_list(&admin_budget_fields, ask_rows(ex, 0), body);
}

/* ---- POST /budget/new, /budget/update -------------------------------------------------------- */

static void write_new(struct exchange *ex, struct buf *body)
{
    if (store_job_status(ex->own.job) == STORE_OK)
        write_row(ex, body);
    else
        detail_refuse_error(ex, 400,
                            arena_printf(&ex->arena, "Budget with id '%.*s' already exists.",
                                         SLICE_ARG(question_of(ex)->id)));
}

void handle_budget_new(struct exchange *ex, struct buf *body)
{
    struct budget_question *q = question_of(ex);
    struct admin_cells cells = {.n = 0};
    struct store_job *job;
    q->body = ask_body(ex);
    if (!q->body || !admin_budget_read(ex, q->body, &cells) || !(job = ask_new(ex)))
        return;
    q->id = admin_id(ex, q->body, "budget_id");
    admin_set(&cells, "budget_id", store_text(q->id));
    admin_set(&cells, "created_by", store_text(admin_who(ex)));
    admin_set(&cells, "updated_by", store_text(admin_who(ex)));
    store_insert(job, TABLE_BUDGET_TABLE, cells.v, cells.n);
    audit_made(ex, job, TABLE_BUDGET_TABLE, &cells);
    q->statement = admin_select(job, TABLE_BUDGET_TABLE, "budget_id", q->id);
    store_tell(job, TABLE_BUDGET_TABLE, q->id);
    ask_store_conflict(ex, job, write_new);
}

static void select_budget(struct exchange *ex, answer_next *next)
{
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    admin_budget_select(job, question_of(ex)->id);
    ask_store(ex, job, next);
}

static void update_found(struct exchange *ex, struct buf *body)
{
    struct budget_question *q = question_of(ex);
    const struct store_rows *old = ask_rows(ex, 0);
    struct store_job *job;
    if (!old->count) {
        refuse_missing(ex, q->id);
        return;
    }
    job = ask_new(ex);
    admin_budget_put(ex, job, q->id, old, &q->cells);
    q->statement = admin_budget_select(job, q->id);
    ask_store(ex, job, write_row);
}

void handle_budget_update(struct exchange *ex, struct buf *body)
{
    struct budget_question *q = question_of(ex);
    q->body = ask_body(ex);
    if (!q->body)
        return;
    q->id = json_get_slice(q->body, "budget_id");
    if (!q->id.n) {
        detail_refuse_error(ex, 400, SLICE("budget_id is required"));
        return;
    }
    if (admin_budget_read(ex, q->body, &q->cells))
        select_budget(ex, update_found);
}

/* ---- POST /budget/info, GET /budget/list ----------------------------------------------------- */

void handle_budget_info(struct exchange *ex, struct buf *body)
{
    yyjson_val *json = ask_body(ex), *ids = json_get(json, "budgets");
    struct store_job *job;
    if (!json)
        return;
    if (yyjson_is_arr(ids) && !yyjson_arr_size(ids)) {
        detail_refuse_error(ex, 400, SLICE("Specify list of budget id's to query. Passed in=[]"));
        return;
    }
    if (!admin_need_texts(ex, json, "budgets") || !(job = ask_new(ex)))
        return;
    admin_select_in(job, TABLE_BUDGET_TABLE, "budget_id", json_text_of(ids, &ex->arena));
    ask_store(ex, job, write_list);
}

void handle_budget_list(struct exchange *ex, struct buf *body)
{
    static const struct store_order order = {"created_at", true};
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    store_select(
        job, &(struct store_query){.table = TABLE_BUDGET_TABLE, .order = &order, .order_count = 1});
    ask_store(ex, job, write_list);
}

/* ---- POST /budget/delete --------------------------------------------------------------------- */

static void write_deleted(struct exchange *ex, struct buf *body)
{
    const struct budget_question *q = question_of(ex);
    enum store_status status = store_job_status(ex->own.job);
    if (status == STORE_OK)
        write_first(q->gone, body);
    else if (status == STORE_CONFLICT) /* somebody else was faster */
        refuse_missing(ex, q->id);
    else
        detail_refuse_error(ex, 400, SLICE("The budget is in use."));
}

static void delete_found(struct exchange *ex, struct buf *body)
{
    struct budget_question *q = question_of(ex);
    struct store_where where = admin_where("budget_id", q->id);
    struct store_job *job;
    q->gone = ask_keep(ex, 0);
    if (!q->gone->count) {
        refuse_missing(ex, q->id);
        return;
    }
    job = ask_new(ex);
    store_delete(job, TABLE_BUDGET_TABLE, &where, 1);
    store_expect(job, 1);
    audit_gone(ex, job, TABLE_BUDGET_TABLE, q->gone, 0);
    store_tell(job, TABLE_BUDGET_TABLE, q->id);
    ask_store_conflict(ex, job, write_deleted);
}

void handle_budget_delete(struct exchange *ex, struct buf *body)
{
    struct budget_question *q = question_of(ex);
    q->body = ask_body(ex);
    if (!q->body)
        return;
    q->id = admin_need_text(ex, q->body, "id");
    if (q->id.n)
        select_budget(ex, delete_found);
}

/* ---- GET /budget/settings -------------------------------------------------------------------- */

static void write_setting(struct json_writer *w, const char *name, const char *type,
                          const char *description, const struct store_rows *rows)
{
    json_object(w);
    json_member_string(w, "field_name", slice_of(name));
    json_member_string(w, "field_type", slice_of(type));
    json_member_string(w, "field_description", slice_of(description));
    json_key(w, "field_value");
    if (rows->count)
        store_value_write(w, store_rows_at(rows, 0, name));
    else
        json_null(w);
    json_member_bool(w, "stored_in_db", true);
    admin_write_null(w, "field_default_value");
    json_object_end(w);
}

static void write_settings(struct exchange *ex, struct buf *body)
{
    static const struct {
        const char *name, *type, *description;
    } rows[] = {
        {"max_budget", "Float", "Requests will fail if this budget (in USD) is exceeded."},
        {"soft_budget", "Float",
         "Requests will NOT fail if this is exceeded. Will fire alerting though."},
        {"max_parallel_requests", "Integer", "Max concurrent requests allowed for this budget id."},
        {"tpm_limit", "Integer", "Max tokens per minute, allowed for this budget id."},
        {"rpm_limit", "Integer", "Max requests per minute, allowed for this budget id."},
        {"budget_duration", "String",
         "Max duration budget should be set for (e.g. '1hr', '1d', '28d')"},
        {"model_max_budget", "Object", "Max budget for each model."},
    };
    struct json_writer w;
    json_begin(&w, body);
    json_array(&w);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        write_setting(&w, rows[i].name, rows[i].type, rows[i].description, ask_rows(ex, 0));
    json_array_end(&w);
}

void handle_budget_settings(struct exchange *ex, struct buf *body)
{
    struct slice id = query_get(ex->head->query, "budget_id", &ex->arena);
    struct store_job *job;
    if (!id.n) {
        detail_refuse_input(ex, "query", "budget_id", "Field required");
        return;
    }
    if (!(job = ask_new(ex)))
        return;
    admin_select(job, TABLE_BUDGET_TABLE, "budget_id", id);
    ask_store(ex, job, write_settings);
}
