/* /organization/member_…: who belongs to an organization, in which role.
 *
 * Happy path: the organization and the users are read; users that are not there yet are made, and
 * the rows of LiteLLM_OrganizationMembership are written. Failure modes: no such organization or
 * member, a role that organizations do not have. */

#include "handlers_admin.h"

#include "admin_budget.h"
#include "audit.h"
#include "team_members.h"
#include "user_fields.h"

#define ID    "organization_id"
#define TABLE TABLE_ORGANIZATION_MEMBERSHIP

struct member_question {
    yyjson_val *body;
    struct slice id;   /* of the organization */
    struct slice read; /* the budget that is read with it */
    struct team_members members;
    struct admin_cells budget;
    size_t statement; /* of the memberships that are the answer; the users are behind */
    const struct store_rows *memberships;
};

static const struct admin_fields membership = {.table = TABLE};

static struct member_question *question_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct member_question);
    return ex->own.state;
}

/* As LiteLLM answers here: type and param of an authentication error. */
static void refuse(struct exchange *ex, int status, const char *text, struct slice about)
{
    admin_refuse(ex, status, "auth_error", "%s%.*s", text, SLICE_ARG(about));
    admin_show_param(ex, "None");
}

static bool check_roles(struct exchange *ex, const struct team_members *m)
{
    static const char *const roles[] = {"org_admin", "internal_user", "internal_user_viewer"};
    for (size_t i = 0; i < m->n; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof(roles) / sizeof(*roles); k++)
            known = known || slice_eq(m->v[i].role, slice_of(roles[k]));
        if (!known)
            return failure_bad_param(&ex->failure, &ex->arena, "role",
                                     "role: org_admin, internal_user or internal_user_viewer is "
                                     "wanted");
    }
    return true;
}

static bool read_body(struct exchange *ex, struct member_question *q)
{
    q->body = ask_body(ex);
    if (!q->body)
        return false;
    q->id = admin_need_text(ex, q->body, ID);
    return q->id.n && admin_read_member(ex, TABLE_BUDGET_TABLE, q->body,
                                        "max_budget_in_organization", "max_budget", &q->budget);
}

static void ask_members(struct exchange *ex, answer_next *next)
{
    struct member_question *q = question_of(ex);
    struct store_job *job = team_members_job(ex, TABLE_ORGANIZATION_TABLE, ID, q->id, &q->members);
    if (!job)
        return;
    admin_select(job, TABLE, ID, q->id);
    admin_budget_select(job, q->read);
    ask_store(ex, job, next);
}

static bool is_there(struct exchange *ex)
{
    struct member_question *q = question_of(ex);
    if (!ask_rows(ex, 0)->count)
        refuse(ex, 404, "Organization not found for organization_id=", q->id);
    else
        team_members_resolve(ex, 1, &q->members);
    return ex->failure.kind == FAILURE_NONE;
}

/* Reads the memberships of those in the request, and the users, back. */
static void ask_written(struct exchange *ex, struct store_job *job, answer_next *next)
{
    struct member_question *q = question_of(ex);
    struct admin_texts t;
    struct slice ids;
    admin_texts_begin(&t);
    for (size_t i = 0; i < q->members.n; i++)
        admin_texts_add(&t, q->members.v[i].id);
    ids = admin_texts_end(&t, &ex->arena);
    struct store_where where[] = {admin_where(ID, q->id), admin_where_in("user_id", ids)};
    q->statement =
        store_select(job, &(struct store_query){.table = TABLE, .where = where, .where_count = 2});
    admin_select_in(job, TABLE_USER_TABLE, "user_id", ids);
    for (size_t i = 0; i < q->members.n; i++)
        store_tell(job, TABLE_USER_TABLE, q->members.v[i].id);
    store_tell(job, TABLE_ORGANIZATION_TABLE, q->id);
    ask_store(ex, job, next);
}

static void put(struct exchange *ex, struct store_job *job, const struct team_member *one,
                struct slice budget)
{
    const struct member_question *q = question_of(ex);
    const struct store_rows *old = ask_rows(ex, 3);
    struct admin_cells cells = {.n = 0};
    size_t row;
    admin_set(&cells, "user_id", store_text(one->id));
    admin_set(&cells, ID, store_text(q->id));
    if (one->role.n)
        admin_set(&cells, "user_role", store_text(one->role));
    if (budget.n)
        admin_set(&cells, "budget_id", store_text(budget));
    store_upsert(job, TABLE, cells.v, cells.n);
    if (admin_find(old, "user_id", one->id, &row))
        audit_changed(ex, job, TABLE, old, row, &cells);
    else
        audit_made(ex, job, TABLE, &cells);
}

/* ---- member_add ------------------------------------------------------------------------------ */

static void write_added(struct exchange *ex, struct buf *body)
{
    const struct member_question *q = question_of(ex);
    const struct store_rows *users = ask_rows(ex, q->statement + 1);
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, ID, q->id);
    json_key(&w, "updated_users");
    json_array(&w);
    for (size_t i = 0; i < users->count; i++) {
        json_object(&w);
        user_fields_write(&w, users, i);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_key(&w, "updated_organization_memberships");
    admin_write_array(&w, &membership, ask_rows(ex, q->statement));
    json_object_end(&w);
}

/* Whoever is not there yet. */
static void make_user(struct exchange *ex, struct store_job *job, const struct team_member *one)
{
    struct admin_cells cells = {.n = 0};
    size_t row;
    if (admin_find(ask_rows(ex, 1), "user_id", one->id, &row) ||
        admin_find(ask_rows(ex, 2), "user_id", one->id, &row))
        return;
    admin_set(&cells, "user_id", store_text(one->id));
    if (one->email.n)
        admin_set(&cells, "user_email", store_text(one->email));
    admin_set(&cells, "user_role", store_text(SLICE("internal_user")));
    admin_set(&cells, "models", store_texts(SLICE("[]")));
    store_insert_new(job, TABLE_USER_TABLE, cells.v, cells.n);
    audit_made(ex, job, TABLE_USER_TABLE, &cells);
}

static void add_found(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    struct slice budget = SLICE("");
    struct store_job *job;
    size_t row;
    if (!is_there(ex))
        return;
    for (size_t i = 0; i < q->members.n; i++)
        if (admin_find(ask_rows(ex, 3), "user_id", q->members.v[i].id, &row)) {
            refuse(ex, 400, "User is already in this organization: ", q->members.v[i].id);
            return;
        }
    job = ask_new(ex);
    if (q->budget.n)
        budget = admin_budget_put(ex, job, SLICE(""), NULL, &q->budget);
    for (size_t i = 0; i < q->members.n; i++) {
        make_user(ex, job, &q->members.v[i]);
        put(ex, job, &q->members.v[i], budget);
    }
    ask_written(ex, job, write_added);
}

void handle_organization_member_add(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    if (!read_body(ex, q))
        return;
    if (!json_get(q->body, "member"))
        failure_missing_param(&ex->failure, &ex->arena, "member");
    else if (team_members_read(ex, json_get(q->body, "member"), "member", &q->members) &&
             check_roles(ex, &q->members))
        ask_members(ex, add_found);
}

/* ---- member_update, member_delete ------------------------------------------------------------ */

static void write_updated(struct exchange *ex, struct buf *body)
{
    const struct member_question *q = question_of(ex);
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, 0));
    json_begin(&w, body);
    json_object(&w);
    admin_write(&w, &membership, q->memberships, 0);
    admin_budget_write(&w, &budgets, store_rows_text(q->memberships, 0, "budget_id"));
    json_object_end(&w);
    admin_budgets_fini(&budgets);
}

static void updated(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    q->memberships = ask_keep(ex, q->statement);
    admin_budget_ask(ex, q->memberships, write_updated);
}

static bool find_one(struct exchange *ex, size_t *row)
{
    struct member_question *q = question_of(ex);
    if (!is_there(ex))
        return false;
    if (admin_find(ask_rows(ex, 3), "user_id", q->members.v[0].id, row))
        return true;
    refuse(ex, 404, "Member not found in organization: ", q->members.v[0].id);
    return false;
}

static void update_found(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    struct slice budget;
    struct store_job *job;
    size_t row;
    if (!find_one(ex, &row))
        return;
    budget = store_rows_text(ask_rows(ex, 3), row, "budget_id");
    if (admin_budget_unread(ex, &q->budget, budget, &q->read)) {
        ask_members(ex, update_found);
        return;
    }
    job = ask_new(ex);
    if (q->budget.n)
        budget = admin_budget_put(ex, job, budget, ask_rows(ex, 4), &q->budget);
    put(ex, job, &q->members.v[0], budget);
    ask_written(ex, job, updated);
}

static void write_deleted(struct exchange *ex, struct buf *body)
{
    const struct member_question *q = question_of(ex);
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    admin_write(&w, &membership, ask_rows(ex, q->statement), 0);
    json_object_end(&w);
}

static void delete_found(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    struct store_job *job;
    size_t row;
    if (!find_one(ex, &row))
        return;
    struct store_where where[] = {admin_where(ID, q->id),
                                  admin_where("user_id", q->members.v[0].id)};
    job = ask_new(ex);
    store_select(job, &(struct store_query){.table = TABLE, .where = where, .where_count = 2});
    store_delete(job, TABLE, where, 2);
    audit_gone(ex, job, TABLE, ask_rows(ex, 3), row);
    store_tell(job, TABLE_USER_TABLE, q->members.v[0].id);
    store_tell(job, TABLE_ORGANIZATION_TABLE, q->id);
    q->statement = 0;
    ask_store(ex, job, write_deleted);
}

/* The one member that a body names, `role` being optional. */
static bool read_one(struct exchange *ex, struct member_question *q)
{
    struct slice role;
    if (!read_body(ex, q) || !team_members_read(ex, q->body, "user_id", &q->members))
        return false;
    role = json_get_slice(q->body, "role");
    q->members.v[0].role = role;
    return !role.n || check_roles(ex, &q->members);
}

void handle_organization_member_update(struct exchange *ex, struct buf *body)
{
    if (read_one(ex, question_of(ex)))
        ask_members(ex, update_found);
}

void handle_organization_member_delete(struct exchange *ex, struct buf *body)
{
    if (read_one(ex, question_of(ex)))
        ask_members(ex, delete_found);
}
