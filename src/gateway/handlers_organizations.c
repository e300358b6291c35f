/* /organization/…: teams and people under one budget.
 *
 * Happy path: the organization and the budget that it always has are written in one transaction,
 * told to the other gateways, and read back with members and teams. Failure modes: an id that is
 * taken, or that nothing has; a budget that is not there; more teams than are deleted at once. */

#include "handlers_admin.h"

#include "access.h"
#include "admin_budget.h"
#include "audit.h"
#include "detail.h"
#include "key_delete.h"
#include "query.h"
#include "team_fields.h"

#define ID    "organization_id"
#define TABLE TABLE_ORGANIZATION_TABLE

static const char *const settable[] = {"organization_alias", "models", "budget_id", NULL};
static const char *const in_metadata[] = {"model_rpm_limit", "model_tpm_limit", "tags", NULL};
static const char *const nulls[] = {"object_permission", NULL};

const struct admin_fields organization_fields = {
    .table = TABLE, .settable = settable, .in_metadata = in_metadata, .nulls = nulls};
static const struct admin_fields membership = {.table = TABLE_ORGANIZATION_MEMBERSHIP};

struct organization_question {
    struct key_sweep sweep; /* first: see key_delete.h */
    yyjson_val *body;
    struct slice id, ids; /* ids: JSON list, of several */
    struct slice read;    /* the budget that is read with the organization */
    size_t statement;     /* of the organization; its budget is behind */
    struct admin_cells cells, budget;
    struct store_where where[1];
    const struct store_rows *rows, *members, *teams;
    bool all; /* the answer is a list */
};

static struct organization_question *question_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct organization_question);
    return ex->own.state;
}

static void refuse_missing(struct exchange *ex, struct slice id)
{
    detail_refuse_error(
        ex, 404,
        arena_printf(&ex->arena, "Organization not found for organization_id=%.*s", SLICE_ARG(id)));
}

/* ---- new, update ----------------------------------------------------------------------------- */

static void write_change(struct exchange *ex, struct buf *body)
{
    const struct organization_question *q = question_of(ex);
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, q->statement + 1));
    json_begin(&w, body);
    json_object(&w);
    admin_write(&w, &organization_fields, ask_rows(ex, q->statement), 0);
    admin_budget_write(&w, &budgets, store_rows_text(ask_rows(ex, q->statement), 0, "budget_id"));
    json_object_end(&w);
    admin_budgets_fini(&budgets);
}

static void changed(struct exchange *ex, struct buf *body)
{
    enum store_status status = store_job_status(ex->own.job);
    if (status == STORE_OK)
        write_change(ex, body);
    else
        detail_refuse_error(ex, 400,
                            status == STORE_REFERENCE
                                ? SLICE("There is no such budget.")
                                : SLICE("There is such an organization already."));
}

static void ask_changed(struct exchange *ex, struct store_job *job, struct slice budget)
{
    struct organization_question *q = question_of(ex);
    q->statement = admin_select(job, TABLE, ID, q->id);
    admin_select(job, TABLE_BUDGET_TABLE, "budget_id", budget);
    store_tell(job, TABLE, q->id);
    ask_store_conflict(ex, job, changed);
}

void handle_organization_new(struct exchange *ex, struct buf *body)
{
    struct organization_question *q = question_of(ex);
    struct slice budget;
    struct store_job *job;
    q->body = ask_body(ex);
    if (!q->body || !admin_need_text(ex, q->body, "organization_alias").n)
        return;
    admin_set(&q->cells, "models", store_texts(SLICE("[]")));
    if (!admin_read(ex, &organization_fields, q->body, SLICE(""), &q->cells) ||
        !admin_budget_read(ex, q->body, &q->budget) || !(job = ask_new(ex)))
        return;
    q->id = admin_id(ex, q->body, ID);
    budget = json_get_slice(q->body, "budget_id");
    if (!budget.n)
        budget = admin_budget_put(ex, job, SLICE(""), NULL, &q->budget);
    admin_set(&q->cells, ID, store_text(q->id));
    admin_set(&q->cells, "budget_id", store_text(budget));
    admin_set(&q->cells, "created_by", store_text(admin_who(ex)));
    admin_set(&q->cells, "updated_by", store_text(admin_who(ex)));
    store_insert(job, TABLE, q->cells.v, q->cells.n);
    audit_made(ex, job, TABLE, &q->cells);
    ask_changed(ex, job, budget);
}

static void update_found(struct exchange *ex, struct buf *body)
{
    struct organization_question *q = question_of(ex);
    const struct store_rows *rows = ask_rows(ex, 0);
    struct store_where where = admin_where(ID, q->id);
    struct slice budget = json_get_slice(q->body, "budget_id");
    struct store_job *job;
    if (!rows->count) {
        refuse_missing(ex, q->id);
        return;
    }
    if (!admin_read(ex, &organization_fields, q->body, store_rows_text(rows, 0, "metadata"),
                    &q->cells) ||
        !admin_budget_read(ex, q->body, &q->budget))
        return;
    if (!budget.n)
        budget = store_rows_text(rows, 0, "budget_id");
    if (admin_budget_unread(ex, &q->budget, budget, &q->read)) {
        admin_budget_ask_with(ex, TABLE, ID, q->id, q->read, update_found);
        return;
    }
    job = ask_new(ex);
    if (q->budget.n)
        admin_budget_put(ex, job, budget, ask_rows(ex, 1), &q->budget);
    admin_set(&q->cells, "updated_by", store_text(admin_who(ex)));
    store_update(job, TABLE, q->cells.v, q->cells.n, &where, 1);
    audit_changed(ex, job, TABLE, rows, 0, &q->cells);
    ask_changed(ex, job, budget);
}

void handle_organization_update(struct exchange *ex, struct buf *body)
{
    struct organization_question *q = question_of(ex);
    q->body = ask_body(ex);
    if (!q->body)
        return;
    q->id = admin_need_text(ex, q->body, ID);
    if (q->id.n)
        admin_budget_ask_with(ex, TABLE, ID, q->id, q->read, update_found);
}

/* ---- info, list ------------------------------------------------------------------------------ */

/* The rows of one organization. */
static void
write_part(struct json_writer *w, const char *name, const struct store_rows *rows, struct slice id,
           void (*write)(struct json_writer *w, const struct store_rows *rows, size_t row))
{
    json_key_slice(w, slice_of(name));
    json_array(w);
    for (size_t i = 0; i < rows->count; i++) {
        if (!slice_eq(store_rows_text(rows, i, ID), id))
            continue;
        json_object(w);
        write(w, rows, i);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_member(struct json_writer *w, const struct store_rows *rows, size_t row)
{
    admin_write(w, &membership, rows, row);
}

static void write_organizations(struct exchange *ex, struct buf *body)
{
    const struct organization_question *q = question_of(ex);
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, 0));
    json_begin(&w, body);
    if (q->all)
        json_array(&w);
    for (size_t i = 0; i < q->rows->count; i++) {
        struct slice id = store_rows_text(q->rows, i, ID);
        json_object(&w);
        admin_write(&w, &organization_fields, q->rows, i);
        admin_budget_write(&w, &budgets, store_rows_text(q->rows, i, "budget_id"));
        write_part(&w, "members", q->members, id, write_member);
        write_part(&w, "teams", q->teams, id, team_fields_write);
        json_object_end(&w);
    }
    if (q->all)
        json_array_end(&w);
    admin_budgets_fini(&budgets);
}

static void related_found(struct exchange *ex, struct buf *body)
{
    struct organization_question *q = question_of(ex);
    q->teams = ask_rows(ex, 1);
    q->members = ask_keep(ex, 0);
    admin_budget_ask(ex, q->rows, write_organizations);
}

static void found(struct exchange *ex, struct buf *body)
{
    struct organization_question *q = question_of(ex);
    struct slice ids;
    struct store_job *job;
    q->rows = ask_keep(ex, 0);
    if (!q->rows->count && !q->all) {
        refuse_missing(ex, q->id);
        return;
    }
    job = ask_new(ex);
    ids = admin_column(q->rows, ID, &ex->arena);
    admin_select_in(job, TABLE_ORGANIZATION_MEMBERSHIP, ID, ids);
    admin_select_in(job, TABLE_TEAM_TABLE, ID, ids);
    ask_store(ex, job, related_found);
}

/* GET with organization_id; POST with a list of "organizations", as LiteLLM had it before. */
void handle_organization_info(struct exchange *ex, struct buf *body)
{
    struct organization_question *q = question_of(ex);
    struct store_job *job;
    q->all = slice_eq(slice_of(ex->route->method), SLICE("POST"));
    q->body = q->all ? ask_body(ex) : NULL;
    if (q->all && (!q->body || !admin_need_texts(ex, q->body, "organizations")))
        return;
    q->id = query_get(ex->head->query, ID, &ex->arena);
    if (!q->all && !q->id.n) {
        detail_refuse_input(ex, "query", ID, "Field required");
        return;
    }
    if (!(job = ask_new(ex)))
        return;
    if (q->all)
        admin_select_in(job, TABLE, ID,
                        json_text_of(json_get(q->body, "organizations"), &ex->arena));
    else
        admin_select(job, TABLE, ID, q->id);
    ask_store(ex, job, found);
}

void handle_organization_list(struct exchange *ex, struct buf *body)
{
    static const struct store_order order = {"created_at", false};
    struct slice id = query_get(ex->head->query, "org_id", &ex->arena);
    struct slice alias = query_get(ex->head->query, "org_alias", &ex->arena);
    struct store_where where[3];
    size_t n = 0;
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    question_of(ex)->all = true;
    if (id.n)
        where[n++] = admin_where(ID, id);
    if (ex->access)
        where[n++] = admin_where_in(ID, access_organizations(ex));
    if (alias.n)
        where[n++] = (struct store_where){"organization_alias", STORE_HOLDS, store_text(alias), 0};
    store_select(job, &(struct store_query){.table = TABLE,
                                            .where = where,
                                            .where_count = n,
                                            .order = &order,
                                            .order_count = 1,
                                            .limit = STORE_LIST_MAX});
    ask_store(ex, job, found);
}

/* ---- delete: its keys, its teams with theirs, its members ------------------------------------ */

static void deleted(struct exchange *ex, struct buf *body)
{
    admin_write_list(&organization_fields, question_of(ex)->rows, body);
}

static void delete_all(struct exchange *ex, struct buf *body)
{
    struct organization_question *q = question_of(ex);
    struct store_where where = admin_where_in(ID, q->ids);
    struct store_where of_teams =
        admin_where_in("team_id", admin_column(q->teams, "team_id", &ex->arena));
    struct store_job *job = ask_new(ex);
    for (size_t i = 0; i < q->teams->count; i++) {
        struct admin_cells cells = {.n = 0};
        admin_copy_deleted(ex, q->teams, i, TABLE_DELETED_TEAM_TABLE, &cells);
        store_insert(job, TABLE_DELETED_TEAM_TABLE, cells.v, cells.n);
        audit_gone(ex, job, TABLE_TEAM_TABLE, q->teams, i);
        store_tell(job, TABLE_TEAM_TABLE, store_rows_text(q->teams, i, "team_id"));
    }
    store_delete(job, TABLE_TEAM_MEMBERSHIP, &of_teams, 1);
    store_delete(job, TABLE_TEAM_TABLE, &where, 1);
    store_delete(job, TABLE_ORGANIZATION_MEMBERSHIP, &where, 1);
    store_delete(job, TABLE, &where, 1);
    for (size_t i = 0; i < q->rows->count; i++) {
        audit_gone(ex, job, TABLE, q->rows, i);
        store_tell(job, TABLE, store_rows_text(q->rows, i, ID));
    }
    ask_store(ex, job, deleted);
}

static void sweep_team_keys(struct exchange *ex, struct buf *body)
{
    struct organization_question *q = question_of(ex);
    q->where[0] = admin_where_in("team_id", admin_column(q->teams, "team_id", &ex->arena));
    key_sweep_begin(ex, q->where, 1, delete_all);
}

static void delete_found(struct exchange *ex, struct buf *body)
{
    struct organization_question *q = question_of(ex);
    yyjson_val *id;
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(q->body, "organization_ids"));
    size_t row;
    q->teams = ask_rows(ex, 1);
    q->rows = ask_keep(ex, 0);
    while ((id = yyjson_arr_iter_next(&it)))
        if (!admin_find(q->rows, ID, json_slice(id), &row)) {
            refuse_missing(ex, json_slice(id));
            return;
        }
    if (q->teams->count > ADMIN_IDS_MAX) {
        detail_refuse_error(ex, 400, SLICE("It has too many teams: delete them first."));
        return;
    }
    q->where[0] = admin_where_in(ID, q->ids);
    key_sweep_begin(ex, q->where, 1, sweep_team_keys);
}

void handle_organization_delete(struct exchange *ex, struct buf *body)
{
    struct organization_question *q = question_of(ex);
    yyjson_val *ids;
    struct store_job *job;
    q->body = ask_body(ex);
    ids = q->body ? admin_need_texts(ex, q->body, "organization_ids") : NULL;
    if (!ids || !(job = ask_new(ex)))
        return;
    q->ids = json_text_of(ids, &ex->arena);
    admin_select_in(job, TABLE, ID, q->ids);
    admin_select_in(job, TABLE_TEAM_TABLE, ID, q->ids);
    ask_store(ex, job, delete_found);
}
