/* /team/member_…: who comes into a team, changes in it, and leaves it.
 *
 * Happy path: the team and the users are read, and all that says who belongs to it is changed in
 * one transaction (team_members.h). Failure modes: no such team or member, one that is in the team
 * already; changes at the same time (the request begins again). */

#include "handlers_admin.h"

#include "audit.h"
#include "key_delete.h"
#include "team_fields.h"
#include "team_members.h"
#include "user_fields.h"

#define ID "team_id"

struct member_question {
    struct key_sweep sweep; /* first: see key_delete.h */
    yyjson_val *body;
    struct slice id;   /* of the team */
    struct slice read; /* the member's budget that is read with it */
    unsigned tries;
    struct team_members members;
    struct admin_cells budget;
    struct store_where where[2];
    size_t statement; /* of the team that is the answer; users and memberships are behind */
    const struct store_rows *team, *users, *memberships;
};

static struct member_question *question_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct member_question);
    return ex->own.state;
}

static bool read_body(struct exchange *ex, struct member_question *q)
{
    q->body = ask_body(ex);
    if (!q->body)
        return false;
    q->id = admin_need_text(ex, q->body, ID);
    return q->id.n != 0;
}

/* What a member may spend in the team, in the request's words and the budget's. */
static bool read_budget(struct exchange *ex, struct member_question *q)
{
    static const struct {
        const char *name, *column;
    } rows[] = {{"max_budget_in_team", "max_budget"},
                {"tpm_limit", "tpm_limit"},
                {"rpm_limit", "rpm_limit"},
                {"budget_duration", "budget_duration"},
                {"allowed_models", "allowed_models"},
                {"temp_budget_increase", "temp_budget_increase"},
                {"temp_budget_expiry", "temp_budget_expiry"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (!admin_read_member(ex, TABLE_BUDGET_TABLE, q->body, rows[i].name, rows[i].column,
                               &q->budget))
            return false;
    return admin_read_time(ex, q->body, "budget_duration", "budget_reset_at", true, &q->budget);
}

/* ---- member_add, bulk_member_add ------------------------------------------------------------- */

static void read_for_add(struct exchange *ex);

static void write_user(struct json_writer *w, const struct store_rows *rows, size_t row)
{
    json_object(w);
    user_fields_write(w, rows, row);
    json_object_end(w);
}

static void write_added(struct exchange *ex, struct buf *body)
{
    const struct member_question *q = question_of(ex);
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, 0));
    json_begin(&w, body);
    json_object(&w);
    team_fields_write(&w, q->team, 0);
    json_key(&w, "updated_users");
    json_array(&w);
    for (size_t i = 0; i < q->users->count; i++)
        write_user(&w, q->users, i);
    json_array_end(&w);
    json_key(&w, "updated_team_memberships");
    team_fields_write_memberships(&w, q->memberships, SLICE(""), &budgets);
    json_object_end(&w);
    admin_budgets_fini(&budgets);
}

static void write_result(struct json_writer *w, const struct member_question *q, size_t row)
{
    json_object(w);
    json_member_string(w, "user_id", store_rows_text(q->users, row, "user_id"));
    json_member_bool(w, "success", true);
    json_key(w, "updated_user");
    write_user(w, q->users, row);
    json_object_end(w);
}

static void write_bulk(struct exchange *ex, struct buf *body)
{
    const struct member_question *q = question_of(ex);
    int64_t n = (int64_t)q->users->count;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, ID, q->id);
    json_key(&w, "results");
    json_array(&w);
    for (size_t i = 0; i < q->users->count; i++)
        write_result(&w, q, i);
    json_array_end(&w);
    json_member_integer(&w, "total_requested", n);
    json_member_integer(&w, "successful_additions", n);
    json_member_integer(&w, "failed_additions", 0);
    json_key(&w, "updated_team");
    json_object(&w);
    team_fields_write(&w, q->team, 0);
    json_object_end(&w);
    json_object_end(&w);
}

static void added(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    bool bulk = slice_ends(slice_of(ex->route->path), SLICE("bulk_member_add"));
    if (store_job_status(ex->own.job) != STORE_OK) {
        if (admin_again(ex, &q->tries))
            read_for_add(ex);
        return;
    }
    q->users = ask_rows(ex, q->statement + 1);
    q->memberships = ask_rows(ex, q->statement + 2);
    q->team = ask_keep(ex, q->statement);
    admin_budget_ask(ex, q->memberships, bulk ? write_bulk : write_added);
}

static bool refuse_twice(struct exchange *ex, yyjson_val *old)
{
    const struct member_question *q = question_of(ex);
    for (size_t i = 0; i < q->members.n; i++) {
        const struct team_member *one = &q->members.v[i];
        if (!team_members_find(old, one->id, one->email))
            continue;
        admin_refuse(ex, 400, "team_member_already_in_team",
                     "User already in team. Member: user_id=%.*s, user_email=%.*s",
                     SLICE_ARG(one->id), SLICE_ARG(one->email));
        return true;
    }
    return false;
}

static void add_found(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    const struct store_rows *team = ask_rows(ex, 0);
    struct admin_cells cells = {.n = 0};
    struct admin_cells budget = q->budget; /* begins anew with each try */
    struct admin_texts ids;
    struct slice budget_id, list;
    yyjson_val *old;
    struct store_job *job;
    if (!team->count) {
        team_fields_refuse_missing(ex, q->id);
        return;
    }
    old = team_fields_members(ex, team, 0);
    team_members_resolve(ex, 1, &q->members);
    if (refuse_twice(ex, old))
        return;
    job = ask_new(ex);
    budget_id = budget.n ? admin_budget_put(ex, job, SLICE(""), NULL, &budget)
                         : team_fields_member_budget(ex, store_rows_text(team, 0, "metadata"));
    admin_set(&cells, "members_with_roles",
              store_json(team_members_json(ex, old, NULL, &q->members)));
    admin_update_same(job, &cells, ID, TABLE_TEAM_TABLE, team, 0);
    audit_changed(ex, job, TABLE_TEAM_TABLE, team, 0, &cells);
    team_members_join(ex, job, 1, &q->members, q->id, budget_id);
    admin_texts_begin(&ids);
    for (size_t i = 0; i < q->members.n; i++)
        admin_texts_add(&ids, q->members.v[i].id);
    list = admin_texts_end(&ids, &ex->arena);
    struct store_where where[] = {admin_where(ID, q->id), admin_where_in("user_id", list)};
    q->statement = admin_select(job, TABLE_TEAM_TABLE, ID, q->id);
    admin_select_in(job, TABLE_USER_TABLE, "user_id", list);
    store_select(job, &(struct store_query){
                          .table = TABLE_TEAM_MEMBERSHIP, .where = where, .where_count = 2});
    store_tell(job, TABLE_TEAM_TABLE, q->id);
    ask_store_conflict(ex, job, added);
}

static void read_for_add(struct exchange *ex)
{
    struct member_question *q = question_of(ex);
    struct store_job *job = team_members_job(ex, TABLE_TEAM_TABLE, ID, q->id, &q->members);
    if (!job)
        return;
    ask_store(ex, job, add_found);
}

void handle_member_add(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    bool bulk = slice_ends(slice_of(ex->route->path), SLICE("bulk_member_add"));
    const char *name = bulk ? "members" : "member";
    if (!read_body(ex, q))
        return;
    if (!json_get(q->body, name))
        failure_missing_param(&ex->failure, &ex->arena, name);
    else if (team_members_read(ex, json_get(q->body, name), name, &q->members) &&
             read_budget(ex, q))
        read_for_add(ex);
}

/* ---- one member: member_update, member_delete ------------------------------------------------ */

static void refuse_no_member(struct exchange *ex)
{
    const struct team_member *one = &question_of(ex)->members.v[0];
    admin_refuse(ex, 400, NULL, "User not found in team. Passed in: user_id=%.*s, user_email=%.*s",
                 SLICE_ARG(one->id), SLICE_ARG(one->email));
}

/* The team's entry of the one that the request names, whose id is known then; `list`: all. */
static yyjson_val *find_member(struct exchange *ex, const struct store_rows *team,
                               yyjson_val **list)
{
    struct member_question *q = question_of(ex);
    struct team_member *one = &q->members.v[0];
    yyjson_val *found;
    if (!team->count) {
        team_fields_refuse_missing(ex, q->id);
        return NULL;
    }
    team_members_resolve(ex, 1, &q->members);
    *list = team_fields_members(ex, team, 0);
    found = team_members_find(*list, one->id, one->email);
    if (!found)
        refuse_no_member(ex);
    return found;
}

static void ask_one(struct exchange *ex, answer_next *next)
{
    struct member_question *q = question_of(ex);
    struct store_job *job = team_members_job(ex, TABLE_TEAM_TABLE, ID, q->id, &q->members);
    if (!job)
        return;
    admin_select(job, TABLE_TEAM_MEMBERSHIP, ID, q->id);
    admin_budget_select(job, q->read);
    ask_store(ex, job, next);
}

static void update_found(struct exchange *ex, struct buf *body);

static void write_updated(struct exchange *ex, struct buf *body)
{
    static const char *const shown[] = {"max_budget_in_team", "tpm_limit",
                                        "rpm_limit",          "budget_duration",
                                        "allowed_models",     "temp_budget_increase",
                                        "temp_budget_expiry"};
    struct member_question *q = question_of(ex);
    struct json_writer w;
    if (store_job_status(ex->own.job) != STORE_OK) {
        if (admin_again(ex, &q->tries))
            ask_one(ex, update_found);
        return;
    }
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, ID, q->id);
    json_member_string(&w, "user_id", q->members.v[0].id);
    json_key(&w, "user_email"), json_string_or_null(&w, q->members.v[0].email);
    for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
        yyjson_val *v = json_get(q->body, shown[i]);
        json_key_slice(&w, slice_of(shown[i]));
        if (v)
            json_value(&w, v);
        else
            json_null(&w);
    }
    json_object_end(&w);
}

/* A budget of the member's own: that of all members stays as it is. Empty: there is none yet. */
static struct slice own_budget(struct exchange *ex, const struct store_rows *team)
{
    const struct store_rows *memberships = ask_rows(ex, 3);
    struct slice common = team_fields_member_budget(ex, store_rows_text(team, 0, "metadata")), own;
    size_t row;
    if (!admin_find(memberships, "user_id", question_of(ex)->members.v[0].id, &row))
        return SLICE("");
    own = store_rows_text(memberships, row, "budget_id");
    return slice_eq(own, common) ? SLICE("") : own;
}

static void put_budget(struct exchange *ex, struct store_job *job, struct slice old)
{
    struct member_question *q = question_of(ex);
    struct admin_cells budget = q->budget, cells = {.n = 0};
    admin_set(&cells, "user_id", store_text(q->members.v[0].id));
    admin_set(&cells, ID, store_text(q->id));
    admin_set(&cells, "budget_id",
              store_text(admin_budget_put(ex, job, old, ask_rows(ex, 4), &budget)));
    store_upsert(job, TABLE_TEAM_MEMBERSHIP, cells.v, cells.n);
}

static void update_found(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    const struct store_rows *team = ask_rows(ex, 0);
    yyjson_val *list, *old = find_member(ex, team, &list);
    struct team_members changed = {.n = 1};
    struct admin_cells cells = {.n = 0};
    struct slice role, budget;
    struct store_job *job;
    if (!old)
        return;
    budget = own_budget(ex, team);
    if (admin_budget_unread(ex, &q->budget, budget, &q->read)) {
        ask_one(ex, update_found);
        return;
    }
    role = json_get_slice(q->body, "role");
    changed.v[0] = (struct team_member){q->members.v[0].id, json_get_slice(old, "user_email"),
                                        role.n ? role : json_get_slice(old, "role")};
    job = ask_new(ex);
    if (q->budget.n)
        put_budget(ex, job, budget);
    admin_set(&cells, "members_with_roles", store_json(team_members_json(ex, list, old, &changed)));
    admin_update_same(job, &cells, ID, TABLE_TEAM_TABLE, team, 0);
    audit_changed(ex, job, TABLE_TEAM_TABLE, team, 0, &cells);
    store_tell(job, TABLE_TEAM_TABLE, q->id);
    store_tell(job, TABLE_USER_TABLE, q->members.v[0].id);
    ask_store_conflict(ex, job, write_updated);
}

void handle_member_update(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    if (read_body(ex, q) && team_members_read(ex, q->body, "user_id", &q->members) &&
        read_budget(ex, q))
        ask_one(ex, update_found);
}

/* ---- member_delete --------------------------------------------------------------------------- */

static void delete_found(struct exchange *ex, struct buf *body);

static void write_team(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    team_fields_write(&w, question_of(ex)->team, 0);
    json_object_end(&w);
}

/* The keys that the user had in the team go too. */
static void deleted(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    if (store_job_status(ex->own.job) != STORE_OK) {
        if (admin_again(ex, &q->tries))
            ask_one(ex, delete_found);
        return;
    }
    q->team = ask_keep(ex, q->statement);
    q->where[0] = admin_where(ID, q->id);
    q->where[1] = admin_where("user_id", q->members.v[0].id);
    key_sweep_begin(ex, q->where, 2, write_team);
}

static void delete_found(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    const struct store_rows *team = ask_rows(ex, 0);
    yyjson_val *list, *old = find_member(ex, team, &list);
    struct admin_cells cells = {.n = 0};
    struct store_job *job;
    if (!old)
        return;
    struct store_where where[] = {admin_where(ID, q->id),
                                  admin_where("user_id", q->members.v[0].id)};
    job = ask_new(ex);
    admin_set(&cells, "members_with_roles", store_json(team_members_json(ex, list, old, NULL)));
    admin_update_same(job, &cells, ID, TABLE_TEAM_TABLE, team, 0);
    audit_changed(ex, job, TABLE_TEAM_TABLE, team, 0, &cells);
    team_members_leave(ex, job, ask_rows(ex, 1), q->id);
    team_members_leave(ex, job, ask_rows(ex, 2), q->id);
    store_delete(job, TABLE_TEAM_MEMBERSHIP, where, 2);
    q->statement = admin_select(job, TABLE_TEAM_TABLE, ID, q->id);
    store_tell(job, TABLE_TEAM_TABLE, q->id);
    ask_store_conflict(ex, job, deleted);
}

void handle_member_delete(struct exchange *ex, struct buf *body)
{
    struct member_question *q = question_of(ex);
    if (read_body(ex, q) && team_members_read(ex, q->body, "user_id", &q->members))
        ask_one(ex, delete_found);
}
