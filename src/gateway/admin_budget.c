#include "admin_budget.h"

#include "audit.h"

#define ID "budget_id"

static const char *const settable[] = {
    ID, /* not of the budgets that other rows get */
    "max_budget",
    "soft_budget",
    "max_parallel_requests",
    "tpm_limit",
    "rpm_limit",
    "tpd_limit",
    "model_max_budget",
    "budget_duration",
    "budget_reset_at",
    "allowed_models",
    "temp_budget_increase",
    "temp_budget_expiry",
    NULL,
};

static const char *const relations[] = {
    "organization",
    "projects",
    "keys",
    "end_users",
    "tags",
    "model_access_groups",
    "team_membership",
    "organization_membership",
    NULL,
};

static const char *const hidden[] = {"created_by", "updated_at", "updated_by", NULL};

const struct admin_fields admin_budget_fields = {
    .table = TABLE_BUDGET_TABLE, .settable = settable, .nulls = relations};

static const struct admin_fields part = {
    .table = TABLE_BUDGET_TABLE, .settable = settable + 1, .hidden = hidden};

bool admin_budget_read(struct exchange *ex, yyjson_val *body, struct admin_cells *cells)
{
    cells->n = 0;
    return admin_read(ex, &part, body, SLICE(""), cells);
}

bool admin_budget_unread(struct exchange *ex, const struct admin_cells *cells, struct slice id,
                         struct slice *read)
{
    if (!audit_wanted(ex) || !cells->n || slice_eq(id, *read))
        return false;
    *read = arena_dup(&ex->arena, id);
    return true;
}

size_t admin_budget_select(struct store_job *job, struct slice read)
{
    return admin_select(job, TABLE_BUDGET_TABLE, ID, read);
}

void admin_budget_ask_with(struct exchange *ex, enum store_table_id table, const char *column,
                           struct slice text, struct slice read, answer_next *next)
{
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    admin_select(job, table, column, text);
    admin_budget_select(job, read);
    ask_store(ex, job, next);
}

struct slice admin_budget_put(struct exchange *ex, struct store_job *job, struct slice id,
                              const struct store_rows *old, struct admin_cells *cells)
{
    struct slice to = id.n ? id : admin_id(ex, NULL, "");
    struct store_where where = admin_where(ID, to);
    size_t row;
    admin_set(cells, "updated_by", store_text(admin_who(ex)));
    if (id.n) {
        store_update(job, TABLE_BUDGET_TABLE, cells->v, cells->n, &where, 1);
        if (old && admin_find(old, ID, id, &row))
            audit_changed(ex, job, TABLE_BUDGET_TABLE, old, row, cells);
    } else {
        admin_set(cells, ID, store_text(to));
        admin_set(cells, "created_by", store_text(admin_who(ex)));
        store_insert(job, TABLE_BUDGET_TABLE, cells->v, cells->n);
        audit_made(ex, job, TABLE_BUDGET_TABLE, cells);
    }
    store_tell(job, TABLE_BUDGET_TABLE, to);
    return to;
}

struct slice admin_budget_join(struct exchange *ex, struct store_job *job, struct slice id,
                               const struct store_rows *old, struct admin_cells *budget,
                               struct admin_cells *cells)
{
    struct slice to = budget->n ? admin_budget_put(ex, job, id, old, budget) : id;
    if (to.n)
        admin_set(cells, ID, store_text(to));
    return to;
}

void admin_budgeted_ask(struct exchange *ex, const struct admin_budgeted *row, answer_next *next)
{
    admin_budget_ask_with(ex, row->table, row->column, row->id, row->read, next);
}

void admin_budgeted_submit(struct exchange *ex, struct admin_budgeted *row, struct store_job *job,
                           struct slice budget, answer_next *next)
{
    row->statement = admin_select(job, row->table, row->column, row->id);
    admin_budget_select(job, budget);
    store_tell(job, row->table, row->id);
    ask_store_conflict(ex, job, next);
}

void admin_budgeted_update(struct exchange *ex, struct admin_budgeted *row, struct slice budget,
                           answer_next *again, answer_next *next)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    struct store_where where = admin_where(row->column, row->id);
    struct store_job *job;
    if (!budget.n)
        budget = store_rows_text(rows, 0, ID);
    if (admin_budget_unread(ex, &row->budget, budget, &row->read)) {
        admin_budgeted_ask(ex, row, again);
        return;
    }
    job = ask_new(ex);
    budget = admin_budget_join(ex, job, budget, ask_rows(ex, 1), &row->budget, &row->cells);
    if (row->cells.n) {
        store_update(job, row->table, row->cells.v, row->cells.n, &where, 1);
        audit_changed(ex, job, row->table, rows, 0, &row->cells);
    }
    admin_budgeted_submit(ex, row, job, budget, next);
}

/* More names than one question may hold: then all there are. */
void admin_budget_ask(struct exchange *ex, const struct store_rows *rows, answer_next *next)
{
    struct store_job *job = ask_new(ex);
    if (rows->count > STORE_LIST_MAX)
        store_select(job, &(struct store_query){.table = TABLE_BUDGET_TABLE});
    else
        admin_select_in(job, TABLE_BUDGET_TABLE, ID, admin_column(rows, ID, &ex->arena));
    ask_store(ex, job, next);
}

void admin_budgets_init(struct admin_budgets *b, const struct store_rows *rows)
{
    b->rows = rows;
    admin_index(&b->by_id, rows, ID);
}

void admin_budgets_fini(struct admin_budgets *b)
{
    map_fini(&b->by_id);
}

static void write_as(struct json_writer *w, const struct admin_budgets *b, struct slice id,
                     const struct admin_fields *fields)
{
    size_t row;
    if (!b || !id.n || !admin_look_up(&b->by_id, id, &row)) {
        admin_write_null(w, "litellm_budget_table");
        return;
    }
    json_key(w, "litellm_budget_table");
    json_object(w);
    admin_write(w, fields, b->rows, row);
    json_object_end(w);
}

void admin_budget_write(struct json_writer *w, const struct admin_budgets *b, struct slice id)
{
    write_as(w, b, id, &part);
}

void admin_budget_write_whole(struct json_writer *w, const struct admin_budgets *b, struct slice id)
{
    write_as(w, b, id, &admin_budget_fields);
}
