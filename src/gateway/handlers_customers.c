/* /customer/…, /end_user/…: whom requests name as their user.
 *
 * Happy path: the body's members become cells of LiteLLM_EndUserTable and of the customer's own
 * budget; both are written in one transaction, told to the other gateways, and read back. Failure
 * modes: an id that is taken, or that nothing has; a budget that is not there. */

#include "handlers_admin.h"

#include "admin_budget.h"
#include "audit.h"
#include "detail.h"
#include "query.h"

#define ID    "user_id"
#define TABLE TABLE_END_USER_TABLE

static const char *const settable[] = {"alias",         "spend",     "allowed_model_region",
                                       "default_model", "budget_id", "blocked",
                                       "models",        NULL};
static const char *const nulls[] = {"object_permission", NULL};

const struct admin_fields customer_fields = {.table = TABLE, .settable = settable, .nulls = nulls};

struct customer_question {
    yyjson_val *body;
    struct admin_budgeted row;
    const struct store_rows *rows; /* customers */
    size_t statement;              /* of several that were written */
};

static struct customer_question *question_of(struct exchange *ex)
{
    struct customer_question *q = ex->own.state;
    if (!q) {
        q = ex->own.state = ARENA_NEW(&ex->arena, struct customer_question);
        q->row.table = TABLE;
        q->row.column = ID;
    }
    return q;
}

static void refuse_missing(struct exchange *ex, struct slice id, const char *param)
{
    admin_refuse(ex, 404, "not_found", "End User Id=%.*s does not exist in db", SLICE_ARG(id));
    admin_show_param(ex, param);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void write_customer(struct json_writer *w, const struct store_rows *rows, size_t row,
                           const struct admin_budgets *budgets)
{
    json_object(w);
    admin_write(w, &customer_fields, rows, row);
    admin_budget_write(w, budgets, store_rows_text(rows, row, "budget_id"));
    json_object_end(w);
}

/* The first of the rows alone, or all of them. */
static void write_rows(struct buf *body, const struct store_rows *rows,
                       const struct store_rows *budget_rows, bool all)
{
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, budget_rows);
    json_begin(&w, body);
    if (all)
        json_array(&w);
    for (size_t i = 0; i < rows->count && (all || !i); i++)
        write_customer(&w, rows, i, &budgets);
    if (all)
        json_array_end(&w);
    admin_budgets_fini(&budgets);
}

static void write_written(struct exchange *ex, struct buf *body)
{
    const struct customer_question *q = question_of(ex);
    write_rows(body, ask_rows(ex, q->row.statement), ask_rows(ex, q->row.statement + 1), false);
}

static void write_found(struct exchange *ex, struct buf *body)
{
    write_rows(body, question_of(ex)->rows, ask_rows(ex, 0), false);
}

static void write_list(struct exchange *ex, struct buf *body)
{
    write_rows(body, question_of(ex)->rows, ask_rows(ex, 0), true);
}

/* ---- new, update ----------------------------------------------------------------------------- */

static bool read_body(struct exchange *ex, struct customer_question *q)
{
    q->body = ask_body(ex);
    if (!q->body)
        return false;
    q->row.id = admin_need_text(ex, q->body, ID);
    return q->row.id.n && admin_budget_read(ex, q->body, &q->row.budget) &&
           admin_read(ex, &customer_fields, q->body, SLICE(""), &q->row.cells);
}

static struct slice budget_of(const struct customer_question *q)
{
    return json_get_slice(q->body, "budget_id");
}

static void write_new(struct exchange *ex, struct buf *body)
{
    enum store_status status = store_job_status(ex->own.job);
    struct slice id = question_of(ex)->row.id;
    if (status == STORE_OK) {
        write_written(ex, body);
    } else if (status == STORE_REFERENCE) {
        admin_refuse(ex, 400, "bad_request", "There is no such budget.");
    } else {
        admin_refuse(ex, 400, "bad_request",
                     "Customer already exists, passed user_id=%.*s. Please pass a new user_id.",
                     SLICE_ARG(id));
        admin_show_param(ex, ID);
    }
}

void handle_customer_new(struct exchange *ex, struct buf *body)
{
    struct customer_question *q = question_of(ex);
    struct store_job *job;
    struct slice budget;
    if (!read_body(ex, q) || !(job = ask_new(ex)))
        return;
    budget = q->row.budget.n ? SLICE("") : budget_of(q);
    budget = admin_budget_join(ex, job, budget, NULL, &q->row.budget, &q->row.cells);
    admin_set(&q->row.cells, ID, store_text(q->row.id));
    store_insert(job, TABLE, q->row.cells.v, q->row.cells.n);
    audit_made(ex, job, TABLE, &q->row.cells);
    admin_budgeted_submit(ex, &q->row, job, budget, write_new);
}

static void write_updated(struct exchange *ex, struct buf *body)
{
    if (store_job_status(ex->own.job) == STORE_OK)
        write_written(ex, body);
    else
        admin_refuse(ex, 400, "bad_request", "There is no such budget.");
}

static void update_found(struct exchange *ex, struct buf *body)
{
    struct customer_question *q = question_of(ex);
    if (ask_rows(ex, 0)->count)
        admin_budgeted_update(ex, &q->row, budget_of(q), update_found, write_updated);
    else
        refuse_missing(ex, q->row.id, ID);
}

void handle_customer_update(struct exchange *ex, struct buf *body)
{
    struct customer_question *q = question_of(ex);
    if (read_body(ex, q))
        admin_budgeted_ask(ex, &q->row, update_found);
}

/* ---- info, list ------------------------------------------------------------------------------ */

static void info_found(struct exchange *ex, struct buf *body)
{
    struct customer_question *q = question_of(ex);
    q->rows = ask_keep(ex, 0);
    if (q->rows->count)
        admin_budget_ask(ex, q->rows, write_found);
    else
        refuse_missing(ex, q->row.id, "end_user_id");
}

void handle_customer_info(struct exchange *ex, struct buf *body)
{
    struct customer_question *q = question_of(ex);
    struct store_job *job;
    q->row.id = query_get(ex->head->query, "end_user_id", &ex->arena);
    if (!q->row.id.n) {
        detail_refuse_input(ex, "query", "end_user_id", "Field required");
        return;
    }
    if (!(job = ask_new(ex)))
        return;
    admin_select(job, TABLE, ID, q->row.id);
    ask_store(ex, job, info_found);
}

static void list_found(struct exchange *ex, struct buf *body)
{
    struct customer_question *q = question_of(ex);
    q->rows = ask_keep(ex, 0);
    admin_budget_ask(ex, q->rows, write_list);
}

void handle_customer_list(struct exchange *ex, struct buf *body)
{
    static const struct store_order order = {ID, false};
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    store_select(job, &(struct store_query){.table = TABLE, .order = &order, .order_count = 1});
    ask_store(ex, job, list_found);
}

/* ---- several at once: delete, block, unblock ------------------------------------------------- */

static void tell_all(struct store_job *job, yyjson_val *ids)
{
    yyjson_val *id;
    yyjson_arr_iter it = yyjson_arr_iter_with(ids);
    while ((id = yyjson_arr_iter_next(&it)))
        store_tell(job, TABLE, json_slice(id));
}

static void write_deleted(struct exchange *ex, struct buf *body)
{
    const struct customer_question *q = question_of(ex);
    yyjson_val *ids = json_get(q->body, "user_ids"), *id;
    yyjson_arr_iter it = yyjson_arr_iter_with(ids);
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_integer(&w, "deleted_customers", ask_rows(ex, 0)->changed);
    json_key(&w, "message");
    json_string_begin(&w);
    json_string_part(&w, SLICE("Successfully deleted customers with ids: ["));
    for (const char *comma = ""; (id = yyjson_arr_iter_next(&it)); comma = ", ") {
        json_string_part(&w, slice_of(comma));
        json_string_part(&w, SLICE("'"));
        json_string_part(&w, json_slice(id));
        json_string_part(&w, SLICE("'"));
    }
    json_string_part(&w, SLICE("]"));
    json_string_end(&w);
    json_object_end(&w);
}

static void delete_found(struct exchange *ex, struct buf *body)
{
    const struct customer_question *q = question_of(ex);
    yyjson_val *ids = json_get(q->body, "user_ids"), *id;
    yyjson_arr_iter it = yyjson_arr_iter_with(ids);
    struct store_where where = admin_where_in(ID, json_text_of(ids, &ex->arena));
    struct store_job *job;
    size_t row;
    while ((id = yyjson_arr_iter_next(&it)))
        if (!admin_find(ask_rows(ex, 0), ID, json_slice(id), &row)) {
            admin_refuse(ex, 404, "not_found", "End User Id(s)=%.*s do not exist in db",
                         SLICE_ARG(json_slice(id)));
            admin_show_param(ex, "user_ids");
            return;
        }
    job = ask_new(ex);
    store_delete(job, TABLE, &where, 1);
    tell_all(job, ids);
    for (row = 0; row < ask_rows(ex, 0)->count; row++)
        audit_gone(ex, job, TABLE, ask_rows(ex, 0), row);
    ask_store(ex, job, write_deleted);
}

static void write_blocked(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, question_of(ex)->statement);
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "blocked_users");
    admin_write_array(&w, &customer_fields, rows);
    json_object_end(&w);
}

/* The customers that the body names, as they are. */
static void read_ids(struct exchange *ex, answer_next *next)
{
    struct customer_question *q = question_of(ex);
    yyjson_val *ids;
    struct store_job *job;
    q->body = ask_body(ex);
    ids = q->body ? admin_need_texts(ex, q->body, "user_ids") : NULL;
    if (!ids || !(job = ask_new(ex)))
        return;
    admin_select_in(job, TABLE, ID, json_text_of(ids, &ex->arena));
    ask_store(ex, job, next);
}

void handle_customer_delete(struct exchange *ex, struct buf *body)
{
    read_ids(ex, delete_found);
}

/* Those that are not there yet are made: they may not begin to call. */
static void block_found(struct exchange *ex, struct buf *body)
{
    bool block = !slice_ends(slice_of(ex->route->path), SLICE("/unblock"));
    yyjson_val *ids = json_get(question_of(ex)->body, "user_ids"), *id;
    yyjson_arr_iter it = yyjson_arr_iter_with(ids);
    struct store_job *job = ask_new(ex);
    size_t row;
    while ((id = yyjson_arr_iter_next(&it))) {
        struct admin_cells cells = {.n = 0};
        admin_set(&cells, ID, store_text(json_slice(id)));
        admin_set(&cells, "blocked", store_flag(block));
        store_upsert(job, TABLE, cells.v, cells.n);
        if (admin_find(ask_rows(ex, 0), ID, json_slice(id), &row))
            audit_changed(ex, job, TABLE, ask_rows(ex, 0), row, &cells);
        else
            audit_made(ex, job, TABLE, &cells);
    }
    tell_all(job, ids);
    question_of(ex)->statement = admin_select_in(job, TABLE, ID, json_text_of(ids, &ex->arena));
    ask_store(ex, job, write_blocked);
}

void handle_customer_block(struct exchange *ex, struct buf *body)
{
    read_ids(ex, block_found);
}
