/* /tag/…: names that requests carry, with budgets and the models they may be used with.
 *
 * Happy path: as with customers (handlers_customers.c), in LiteLLM_TagTable. /tag/list also tells
 * of tags that requests brought along by themselves. Failure modes: a name that is taken, or that
 * nothing has. */

#include "handlers_admin.h"

#include "admin_budget.h"
#include "audit.h"
#include "detail.h"
#include "report.h"

#define TABLE TABLE_TAG_TABLE
#define ID    "tag_name"

static const char *const settable[] = {"description", "models", "budget_id", NULL};
static const char *const hidden[] = {ID, "spend", "model_info", NULL};

const struct admin_fields tag_fields = {.table = TABLE, .settable = settable, .hidden = hidden};

struct tag_question {
    yyjson_val *body;
    struct admin_budgeted row;
    const struct store_rows *rows, *used; /* tags; names that requests used */
};

static struct tag_question *question_of(struct exchange *ex)
{
    struct tag_question *q = ex->own.state;
    if (!q) {
        q = ex->own.state = ARENA_NEW(&ex->arena, struct tag_question);
        q->row.table = TABLE;
        q->row.column = ID;
    }
    return q;
}

static void refuse(struct exchange *ex, int status, const char *format, struct slice name)
{
    struct slice parts[] = {SLICE("Tag "), name, slice_of(format)};
    detail_refuse(ex, status, arena_join(&ex->arena, parts, 3));
}

/* ---- answers --------------------------------------------------------------------------------- */

static void write_tag(struct json_writer *w, const struct store_rows *rows, size_t row,
                      const struct admin_budgets *budgets)
{
    const struct store_value *info = store_rows_at(rows, row, "model_info");
    json_object(w);
    json_member_string(w, "name", store_rows_text(rows, row, ID));
    admin_write(w, &tag_fields, rows, row);
    json_key(w, "model_info");
    if (info->null)
        json_raw(w, SLICE("{}"));
    else
        store_value_write(w, info);
    admin_budget_write(w, budgets, store_rows_text(rows, row, "budget_id"));
    json_object_end(w);
}

static void write_change(struct exchange *ex, struct buf *body)
{
    const struct tag_question *q = question_of(ex);
    bool new = slice_ends(slice_of(ex->route->path), SLICE("/new"));
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, q->row.statement + 1));
    json_begin(&w, body);
    json_object(&w);
    json_member_string(
        &w, "message",
        ARENA_JOIN(&ex->arena, SLICE("Tag "), q->row.id,
                   new ? SLICE(" created successfully") : SLICE(" updated successfully")));
    json_key(&w, "tag");
    write_tag(&w, ask_rows(ex, q->row.statement), 0, &budgets);
    json_object_end(&w);
    admin_budgets_fini(&budgets);
}

/* ---- new, update ----------------------------------------------------------------------------- */

static bool read_body(struct exchange *ex, struct tag_question *q)
{
    q->body = ask_body(ex);
    if (!q->body)
        return false;
    q->row.id = admin_need_text(ex, q->body, "name");
    return q->row.id.n && admin_budget_read(ex, q->body, &q->row.budget) &&
           admin_read(ex, &tag_fields, q->body, SLICE(""), &q->row.cells);
}

static void write_new(struct exchange *ex, struct buf *body)
{
    enum store_status status = store_job_status(ex->own.job);
    if (status == STORE_OK)
        write_change(ex, body);
    else
        refuse(ex, 400, status == STORE_REFERENCE ? ": there is no such budget" : " already exists",
               question_of(ex)->row.id);
}

void handle_tag_new(struct exchange *ex, struct buf *body)
{
    struct tag_question *q = question_of(ex);
    struct slice budget;
    struct store_job *job;
    if (!read_body(ex, q) || !(job = ask_new(ex)))
        return;
    budget = json_get_slice(q->body, "budget_id");
    if (!budget.n && q->row.budget.n)
        budget = admin_budget_put(ex, job, SLICE(""), NULL, &q->row.budget);
    if (budget.n)
        admin_set(&q->row.cells, "budget_id", store_text(budget));
    admin_set(&q->row.cells, ID, store_text(q->row.id));
    admin_set(&q->row.cells, "created_by", store_text(admin_who(ex)));
    store_insert(job, TABLE, q->row.cells.v, q->row.cells.n);
    audit_made(ex, job, TABLE, &q->row.cells);
    admin_budgeted_submit(ex, &q->row, job, budget, write_new);
}

static void update_found(struct exchange *ex, struct buf *body)
{
    struct tag_question *q = question_of(ex);
    if (ask_rows(ex, 0)->count)
        admin_budgeted_update(ex, &q->row, json_get_slice(q->body, "budget_id"), update_found,
                              write_new);
    else
        refuse(ex, 404, " not found", q->row.id);
}

void handle_tag_update(struct exchange *ex, struct buf *body)
{
    struct tag_question *q = question_of(ex);
    if (read_body(ex, q))
        admin_budgeted_ask(ex, &q->row, update_found);
}

/* ---- info ------------------------------------------------------------------------------------ */

static void write_info(struct exchange *ex, struct buf *body)
{
    const struct tag_question *q = question_of(ex);
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, 0));
    json_begin(&w, body);
    json_object(&w);
    for (size_t i = 0; i < q->rows->count; i++) {
        json_key_slice(&w, store_rows_text(q->rows, i, ID));
        write_tag(&w, q->rows, i, &budgets);
    }
    json_object_end(&w);
    admin_budgets_fini(&budgets);
}

static void info_found(struct exchange *ex, struct buf *body)
{
    struct tag_question *q = question_of(ex);
    yyjson_val *name;
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(q->body, "names"));
    size_t row;
    q->rows = ask_keep(ex, 0);
    while ((name = yyjson_arr_iter_next(&it)))
        if (!admin_find(q->rows, ID, json_slice(name), &row)) {
            refuse(ex, 404, " not found", json_slice(name));
            return;
        }
    admin_budget_ask(ex, q->rows, write_info);
}

void handle_tag_info(struct exchange *ex, struct buf *body)
{
    struct tag_question *q = question_of(ex);
    yyjson_val *names;
    struct store_job *job;
    q->body = ask_body(ex);
    names = q->body ? admin_need_texts(ex, q->body, "names") : NULL;
    if (!names || !(job = ask_new(ex)))
        return;
    admin_select_in(job, TABLE, ID, json_text_of(names, &ex->arena));
    ask_store(ex, job, info_found);
}

/* ---- list ------------------------------------------------------------------------------------ */

/* Tags that only requests brought. */
static void write_used(struct json_writer *w, const struct tag_question *q)
{
    struct map stored;
    size_t row;
    admin_index(&stored, q->rows, ID);
    for (size_t i = 0; i < q->used->count; i++) {
        struct slice name = store_rows_text(q->used, i, "tag");
        if (!name.n || admin_look_up(&stored, name, &row))
            continue;
        json_object(w);
        json_member_string(w, "name", name);
        json_member_string(w, "description",
                           SLICE("Requests brought this tag along; it decides nothing."));
        admin_write_null(w, "models");
        json_object_end(w);
    }
    map_fini(&stored);
}

static void write_list(struct exchange *ex, struct buf *body)
{
    const struct tag_question *q = question_of(ex);
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, 0));
    json_begin(&w, body);
    json_array(&w);
    for (size_t i = 0; i < q->rows->count; i++)
        write_tag(&w, q->rows, i, &budgets);
    write_used(&w, q);
    json_array_end(&w);
    admin_budgets_fini(&budgets);
}

static void list_found(struct exchange *ex, struct buf *body)
{
    struct tag_question *q = question_of(ex);
    q->used = ask_rows(ex, 1);
    q->rows = ask_keep(ex, 0);
    admin_budget_ask(ex, q->rows, write_list);
}

/* Of those tags: all, or the ones with that name. */
static void select_tags(struct store_job *job, const struct store_where *where, size_t n)
{
    static const struct store_order order = {ID, false};
    store_select(
        job,
        &(struct store_query){
            .table = TABLE, .where = where, .where_count = n, .order = &order, .order_count = 1});
}

/* Names that requests used: of all, or those that fit. */
static void select_used(struct store_job *job, const struct store_where *where, size_t n)
{
    static const char *const by[] = {"tag"};
    const struct store_query used = {
        .table = TABLE_DAILY_TAG_SPEND, .where = where, .where_count = n};
    store_report(job, &(struct store_report){.query = used, .by = by, .by_count = 1});
}

static void own_list_found(struct exchange *ex, struct buf *body)
{
    struct tag_question *q = question_of(ex);
    q->rows = ask_keep(ex, 0);
    admin_budget_ask(ex, q->rows, write_list);
}

static void own_used_found(struct exchange *ex, struct buf *body)
{
    struct tag_question *q = question_of(ex);
    q->used = ask_keep(ex, 0);
    struct store_where where = admin_where_in(ID, report_list_of(ex, q->used, "tag"));
    struct store_job *job = ask_new(ex);
    select_tags(job, &where, 1);
    ask_store(ex, job, own_list_found);
}

static void own_keys_found(struct exchange *ex, struct buf *body)
{
    struct store_where where =
        admin_where_in("api_key", report_list_of(ex, ask_rows(ex, 0), "token"));
    struct store_job *job = ask_new(ex);
    select_used(job, &where, 1);
    ask_store(ex, job, own_used_found);
}

/* Who does not see everybody's spend sees the tags that requests with its own keys had. */
void handle_tag_list(struct exchange *ex, struct buf *body)
{
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    if (report_sees_all(ex)) {
        select_tags(job, NULL, 0);
        select_used(job, NULL, 0);
        ask_store(ex, job, list_found);
    } else {
        admin_select(job, TABLE_VERIFICATION_TOKEN, "user_id", ex->caller.user);
        ask_store(ex, job, own_keys_found);
    }
}

/* ---- delete ---------------------------------------------------------------------------------- */

static void write_deleted(struct exchange *ex, struct buf *body)
{
    struct slice name = question_of(ex)->row.id;
    struct json_writer w;
    if (store_job_status(ex->own.job) != STORE_OK) { /* somebody else was faster */
        refuse(ex, 404, " not found", name);
        return;
    }
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "message",
                       ARENA_JOIN(&ex->arena, SLICE("Tag "), name, SLICE(" deleted successfully")));
    json_object_end(&w);
}

static void delete_found(struct exchange *ex, struct buf *body)
{
    const struct tag_question *q = question_of(ex);
    struct store_where where = admin_where(ID, q->row.id);
    struct store_job *job;
    if (!ask_rows(ex, 0)->count) {
        refuse(ex, 404, " not found", q->row.id);
        return;
    }
    job = ask_new(ex);
    store_delete(job, TABLE, &where, 1);
    store_expect(job, 1);
    audit_gone(ex, job, TABLE, ask_rows(ex, 0), 0);
    store_tell(job, TABLE, q->row.id);
    ask_store_conflict(ex, job, write_deleted);
}

void handle_tag_delete(struct exchange *ex, struct buf *body)
{
    struct tag_question *q = question_of(ex);
    q->body = ask_body(ex);
    if (!q->body)
        return;
    q->row.id = admin_need_text(ex, q->body, "name");
    if (q->row.id.n)
        admin_budgeted_ask(ex, &q->row, delete_found);
}
