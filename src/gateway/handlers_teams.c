/* /team/…: teams made, changed and deleted; their members are handlers_members.c, what they are
 * handlers_teams_list.c.
 *
 * Happy path: what a request needs to know is read, the change is one transaction on what was read,
 * it is told to the other gateways, and the team is read back for the answer. Failure modes: an id
 * that is taken, or that nothing has; somebody else changes the team at the same time (the request
 * begins again). */

#include "handlers_admin.h"

#include "access.h"
#include "audit.h"
#include "key_delete.h"
#include "team_fields.h"
#include "team_members.h"
#include "team_models.h"

#define ID    "team_id"
#define TABLE TABLE_TEAM_TABLE

#define ALL_MODELS SLICE("all-proxy-models")
#define NO_MODELS  SLICE("no-default-models")
#define LEAVE_MAX  250 /* users that leave a deleted team in one job */

struct team_question {
    struct key_sweep sweep; /* first: see key_delete.h */
    yyjson_val *body;
    struct slice id;
    struct slice read; /* the budget of its members that is read with it */
    unsigned tries;
    size_t statement; /* of the team that is the answer */
    struct admin_cells cells, budget;
    struct team_members members;
    const struct store_rows *teams; /* to delete */
    struct store_where where[1];
    size_t deleted; /* of the teams to delete: so many are gone */
};

static struct team_question *question_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct team_question);
    return ex->own.state;
}

/* The body, and the team that it names. */
static bool read_body(struct exchange *ex, struct team_question *q)
{
    q->body = ask_body(ex);
    if (!q->body)
        return false;
    q->id = admin_need_text(ex, q->body, ID);
    return q->id.n != 0;
}

static void ask_team(struct exchange *ex, answer_next *next)
{
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    admin_select(job, TABLE, ID, question_of(ex)->id);
    admin_budget_select(job, question_of(ex)->read);
    ask_store(ex, job, next);
}

static void write_team(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    team_fields_write(&w, ask_rows(ex, question_of(ex)->statement), 0);
    json_object_end(&w);
}

/* ---- POST /team/new -------------------------------------------------------------------------- */

static void read_new(struct exchange *ex);

static void write_new(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    enum store_status status = store_job_status(ex->own.job);
    if (status == STORE_OK)
        write_team(ex, body);
    else if (status == STORE_REFERENCE)
        admin_refuse(ex, 400, NULL, "There is no such organization.");
    else if (admin_again(ex, &q->tries))
        read_new(ex);
}

static void insert_team(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    struct slice budget = {0};
    struct store_job *job;
    if (ask_rows(ex, 0)->count) {
        admin_refuse(ex, 400, NULL,
                     "Team id = %.*s already exists. Please use a different team id.",
                     SLICE_ARG(q->id));
        return;
    }
    job = ask_new(ex);
    team_members_resolve(ex, 1, &q->members);
    if (q->budget.n) {
        budget = admin_budget_put(ex, job, SLICE(""), NULL, &q->budget);
        team_fields_set_member_budget(ex, SLICE(""), budget, &q->cells);
    }
    admin_set(&q->cells, ID, store_text(q->id));
    admin_set(&q->cells, "members_with_roles",
              store_json(team_members_json(ex, NULL, NULL, &q->members)));
    team_fields_put_aliases(ex, job, q->body, NULL, &q->cells);
    store_insert(job, TABLE, q->cells.v, q->cells.n);
    audit_made(ex, job, TABLE, &q->cells);
    team_members_join(ex, job, 1, &q->members, q->id, budget);
    q->statement = admin_select(job, TABLE, ID, q->id);
    store_tell(job, TABLE, q->id);
    ask_store_conflict(ex, job, write_new);
}

static void read_new(struct exchange *ex)
{
    struct team_question *q = question_of(ex);
    struct store_job *job = team_members_job(ex, TABLE, ID, q->id, &q->members);
    if (!job)
        return;
    ask_store(ex, job, insert_team);
}

/* Who makes a team is in it, as in LiteLLM, unless the configuration says otherwise. */
static bool read_members(struct exchange *ex, struct team_question *q)
{
    yyjson_val *given = json_get(q->body, "members_with_roles");
    if (given && !yyjson_is_null(given) &&
        !team_members_read(ex, given, "members_with_roles", &q->members))
        return false;
    if (ex->config->settings.rules.admins_stay_out && ex->caller.role == ROLE_PROXY_ADMIN)
        return true;
    for (size_t i = 0; i < q->members.n; i++)
        if (slice_eq(q->members.v[i].id, admin_who(ex)))
            return true;
    team_members_add(&q->members, admin_who(ex), "admin");
    return true;
}

void handle_team_new(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    q->body = ask_body(ex);
    if (q->body)
        q->body = admin_with_defaults(ex, q->body, ex->config->new_team);
    if (!q->body)
        return;
    q->id = admin_id(ex, q->body, ID);
    admin_set(&q->cells, "models", store_texts(SLICE("[]")));
    if (team_fields_read(ex, q->body, SLICE(""), &q->cells, &q->budget) && read_members(ex, q))
        read_new(ex);
}

/* ---- changes of the team alone --------------------------------------------------------------- */

typedef bool change_team(struct exchange *ex, const struct store_rows *team);

static void change_found(struct exchange *ex, struct buf *body);

static void write_changed(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    bool wrapped = slice_eq(slice_of(ex->route->path), SLICE("/team/update"));
    struct json_writer w;
    if (store_job_status(ex->own.job) == STORE_REFERENCE) {
        admin_refuse(ex, 400, NULL, "There is no such organization.");
        return;
    }
    if (store_job_status(ex->own.job) != STORE_OK) {
        if (admin_again(ex, &q->tries))
            ask_team(ex, change_found);
        return;
    }
    if (!wrapped) {
        write_team(ex, body);
        return;
    }
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "team_id", q->id);
    json_key(&w, "data");
    json_object(&w);
    team_fields_write(&w, ask_rows(ex, q->statement), 0);
    json_object_end(&w);
    json_object_end(&w);
}

static bool change_fields(struct exchange *ex, const struct store_rows *team)
{
    struct team_question *q = question_of(ex);
    return access_may_say_of_team(ex, q->body, q->id) &&
           team_fields_read(ex, q->body, store_rows_text(team, 0, "metadata"), &q->cells,
                            &q->budget);
}

static bool change_blocked(struct exchange *ex, const struct store_rows *team)
{
    bool block = slice_eq(slice_of(ex->route->path), SLICE("/team/block"));
    admin_set(&question_of(ex)->cells, "blocked", store_flag(block));
    return true;
}

static bool change_permissions(struct exchange *ex, const struct store_rows *team)
{
    struct team_question *q = question_of(ex);
    return admin_read_member(ex, TABLE, q->body, "team_member_permissions",
                             "team_member_permissions", &q->cells);
}

/* /team/model/add, /team/model/delete. An empty list is all models: one more must not make it
 * fewer, and the last one that goes must not make it all. */
static bool change_models(struct exchange *ex, const struct store_rows *team)
{
    struct team_question *q = question_of(ex);
    bool add = slice_ends(slice_of(ex->route->path), SLICE("/add"));
    yyjson_val *changed = admin_need_texts(ex, q->body, "models"), *v;
    yyjson_val *old = json_parse(store_rows_text(team, 0, "models"), &ex->arena, NULL);
    yyjson_arr_iter it = yyjson_arr_iter_with(old), more = yyjson_arr_iter_with(changed);
    struct admin_texts t;
    bool all = !yyjson_arr_size(old), none = !add && !all;
    if (!changed)
        return false;
    admin_texts_begin(&t);
    while ((v = yyjson_arr_iter_next(&it)))
        if (!json_list_has(changed, json_slice(v))) {
            admin_texts_add(&t, json_slice(v));
            none = false;
        }
    if (add && all && !json_list_has(changed, ALL_MODELS))
        admin_texts_add(&t, ALL_MODELS);
    if (none)
        admin_texts_add(&t, NO_MODELS);
    while (add && (v = yyjson_arr_iter_next(&more)))
        admin_texts_add(&t, json_slice(v));
    admin_set(&q->cells, "models", store_texts(admin_texts_end(&t, &ex->arena)));
    return true;
}

static change_team *change_of(const struct exchange *ex)
{
    static const struct {
        const char *path;
        change_team *change;
    } rows[] = {
        {"/team/update", change_fields},    {"/team/block", change_blocked},
        {"/team/unblock", change_blocked},  {"/team/permissions_update", change_permissions},
        {"/team/model/add", change_models}, {"/team/model/delete", change_models}};
    size_t i = 0;
    while (strcmp(rows[i].path, ex->route->path) != 0)
        i++;
    return rows[i].change;
}

static void change_found(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    const struct store_rows *team = ask_rows(ex, 0);
    struct slice metadata, budget;
    struct store_job *job;
    if (!team->count) {
        team_fields_refuse_missing(ex, q->id);
        return;
    }
    q->cells.n = 0;
    q->budget.n = 0;
    if (!change_of(ex)(ex, team))
        return;
    metadata = store_rows_text(team, 0, "metadata");
    budget = team_fields_member_budget(ex, metadata);
    if (admin_budget_unread(ex, &q->budget, budget, &q->read)) {
        ask_team(ex, change_found);
        return;
    }
    job = ask_new(ex);
    if (q->budget.n)
        team_fields_set_member_budget(
            ex, metadata, admin_budget_put(ex, job, budget, ask_rows(ex, 1), &q->budget),
            &q->cells);
    team_fields_put_aliases(ex, job, q->body, team, &q->cells);
    admin_update_same(job, &q->cells, ID, TABLE, team, 0);
    audit_changed(ex, job, TABLE, team, 0, &q->cells);
    q->statement = admin_select(job, TABLE, ID, q->id);
    store_tell(job, TABLE, q->id);
    ask_store_conflict(ex, job, write_changed);
}

void handle_team_change(struct exchange *ex, struct buf *body)
{
    if (read_body(ex, question_of(ex)))
        ask_team(ex, change_found);
}

/* ---- POST /team/delete ----------------------------------------------------------------------- */

static void write_deleted(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "deleted_teams");
    json_value(&w, json_get(question_of(ex)->body, "team_ids"));
    json_object_end(&w);
}

static void delete_next(struct exchange *ex, struct buf *body);

/* The last of it: the team itself, which is kept among those that were deleted. */
static void delete_team(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    struct store_where where;
    struct admin_cells cells = {.n = 0};
    const struct store_rows *models = ask_keep(ex, 1);
    struct store_job *job = ask_new(ex);
    size_t row = 0;
    if (admin_find(q->teams, ID, q->id, &row)) {
        admin_copy_deleted(ex, q->teams, row, TABLE_DELETED_TEAM_TABLE, &cells);
        store_insert(job, TABLE_DELETED_TEAM_TABLE, cells.v, cells.n);
        audit_gone(ex, job, TABLE, q->teams, row);
    }
    where = admin_where(ID, q->id);
    store_delete(job, TABLE_TEAM_MEMBERSHIP, &where, 1);
    store_delete(job, TABLE, &where, 1);
    team_models_delete(ex, job, models, q->id);
    store_tell(job, TABLE, q->id);
    q->deleted++;
    ask_store(ex, job, delete_next);
}

static void select_leaving(struct exchange *ex, struct buf *body);

static void leave_done(struct exchange *ex, struct buf *body)
{
    if (store_job_status(ex->own.job) == STORE_OK || admin_again(ex, &question_of(ex)->tries))
        select_leaving(ex, body);
}

static void leave_found(struct exchange *ex, struct buf *body)
{
    const struct store_rows *users = ask_rows(ex, 0);
    struct store_job *job;
    if (!users->count) {
        delete_team(ex, body);
        return;
    }
    job = ask_new(ex);
    team_members_leave(ex, job, users, question_of(ex)->id);
    ask_store_conflict(ex, job, leave_done);
}

/* Users forget the team, some at a time. */
static void select_leaving(struct exchange *ex, struct buf *body)
{
    struct store_where where = {"teams", STORE_HAS, store_text(question_of(ex)->id), 0};
    struct store_job *job = ask_new(ex);
    store_select(
        job, &(struct store_query){
                 .table = TABLE_USER_TABLE, .where = &where, .where_count = 1, .limit = LEAVE_MAX});
    team_models_select(job, question_of(ex)->id);
    ask_store(ex, job, leave_found);
}

static void delete_next(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    yyjson_val *id = yyjson_arr_get(json_get(q->body, "team_ids"), q->deleted);
    if (!id) {
        write_deleted(ex, body);
        return;
    }
    q->id = json_slice(id);
    q->where[0] = admin_where(ID, q->id);
    key_sweep_begin(ex, q->where, 1, select_leaving);
}

static void delete_found(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    yyjson_val *id;
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(q->body, "team_ids"));
    size_t row;
    q->teams = ask_keep(ex, 0);
    while ((id = yyjson_arr_iter_next(&it)))
        if (!admin_find(q->teams, ID, json_slice(id), &row)) {
            team_fields_refuse_missing(ex, json_slice(id));
            return;
        }
    delete_next(ex, body);
}

void handle_team_delete(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    yyjson_val *ids;
    struct store_job *job;
    q->body = ask_body(ex);
    ids = q->body ? admin_need_texts(ex, q->body, "team_ids") : NULL;
    if (!ids || !(job = ask_new(ex)))
        return;
    admin_select_in(job, TABLE, ID, json_text_of(ids, &ex->arena));
    ask_store(ex, job, delete_found);
}
