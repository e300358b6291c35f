/* /team/…: teams, but for their members (handlers_members.c).
 *
 * Happy path: what a request needs to know is read, the change is one transaction on what was read,
 * it is told to the other gateways, and the team is read back for the answer. Failure modes: an id
 * that is taken, or that nothing has; somebody else changes the team at the same time (the request
 * begins again). */

#include "handlers_admin.h"

#include "detail.h"
#include "key_delete.h"
#include "key_fields.h"
#include "query.h"
#include "team_fields.h"
#include "team_members.h"

#define ID    "team_id"
#define TABLE TABLE_TEAM_TABLE

#define PAGE_SIZE     10
#define PAGE_SIZE_MAX 100
#define LEAVE_MAX     250 /* users that leave a deleted team in one job */

struct team_question {
    struct key_sweep sweep; /* first: see key_delete.h */
    yyjson_val *body;
    struct slice id;
    unsigned tries;
    size_t statement; /* of the team that is the answer */
    struct admin_cells cells, budget;
    struct team_members members;
    const struct store_rows *teams, *memberships, *keys, *aliases;
    struct store_where where[4];
    size_t where_count;
    struct admin_page page;
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
        budget = admin_budget_put(ex, job, SLICE(""), &q->budget);
        team_fields_set_member_budget(ex, SLICE(""), budget, &q->cells);
    }
    admin_set(&q->cells, ID, store_text(q->id));
    admin_set(&q->cells, "members_with_roles",
              store_json(team_members_json(ex, NULL, NULL, &q->members)));
    team_fields_put_aliases(ex, job, q->body, NULL, &q->cells);
    store_insert(job, TABLE, q->cells.v, q->cells.n);
    team_members_join(ex, job, 1, &q->members, q->id, budget);
    q->statement = admin_select(job, TABLE, ID, q->id);
    store_tell(job, TABLE, q->id);
    ask_store_conflict(ex, job, write_new);
}

static void read_new(struct exchange *ex)
{
    struct team_question *q = question_of(ex);
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    admin_select(job, TABLE, ID, q->id);
    team_members_select(ex, job, &q->members);
    ask_store(ex, job, insert_team);
}

/* Who makes a team is in it, as in LiteLLM. */
static bool read_members(struct exchange *ex, struct team_question *q)
{
    yyjson_val *given = json_get(q->body, "members_with_roles");
    if (given && !yyjson_is_null(given) &&
        !team_members_read(ex, given, "members_with_roles", &q->members))
        return false;
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
    return team_fields_read(ex, q->body, store_rows_text(team, 0, "metadata"), &q->cells,
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

/* /team/model/add, /team/model/delete */
static bool change_models(struct exchange *ex, const struct store_rows *team)
{
    struct team_question *q = question_of(ex);
    bool add = slice_ends(slice_of(ex->route->path), SLICE("/add"));
    yyjson_val *changed = admin_need_texts(ex, q->body, "models"), *v;
    yyjson_val *old = json_parse(store_rows_text(team, 0, "models"), &ex->arena, NULL);
    yyjson_arr_iter it = yyjson_arr_iter_with(old), more = yyjson_arr_iter_with(changed);
    struct admin_texts t;
    if (!changed)
        return false;
    admin_texts_begin(&t);
    while ((v = yyjson_arr_iter_next(&it)))
        if (!json_list_has(changed, json_slice(v)))
            admin_texts_add(&t, json_slice(v));
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
    struct slice metadata;
    struct store_job *job;
    if (!team->count) {
        team_fields_refuse_missing(ex, q->id);
        return;
    }
    q->cells.n = 0;
    q->budget.n = 0;
    if (!change_of(ex)(ex, team))
        return;
    job = ask_new(ex);
    metadata = store_rows_text(team, 0, "metadata");
    if (q->budget.n)
        team_fields_set_member_budget(
            ex, metadata,
            admin_budget_put(ex, job, team_fields_member_budget(ex, metadata), &q->budget),
            &q->cells);
    team_fields_put_aliases(ex, job, q->body, team, &q->cells);
    admin_update_same(job, &q->cells, ID, TABLE, team, 0);
    q->statement = admin_select(job, TABLE, ID, q->id);
    store_tell(job, TABLE, q->id);
    ask_store_conflict(ex, job, write_changed);
}

void handle_team_change(struct exchange *ex, struct buf *body)
{
    if (read_body(ex, question_of(ex)))
        ask_team(ex, change_found);
}

/* ---- GET /team/info -------------------------------------------------------------------------- */

static void write_aliases(struct json_writer *w, const struct store_rows *rows)
{
    if (!rows->count) {
        admin_write_null(w, "litellm_model_table");
        return;
    }
    json_key(w, "litellm_model_table");
    json_object(w);
    json_key(w, "id");
    store_value_write(w, store_rows_at(rows, 0, "id"));
    json_key(w, "model_aliases");
    store_value_write(w, store_rows_at(rows, 0, "aliases"));
    json_object_end(w);
}

static void write_info(struct exchange *ex, struct buf *body)
{
    const struct team_question *q = question_of(ex);
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, 0));
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, ID, q->id);
    json_key(&w, "team_info");
    json_object(&w);
    team_fields_write(&w, q->teams, 0);
    write_aliases(&w, q->aliases);
    json_object_end(&w);
    json_key(&w, "keys");
    key_fields_write_list(&w, q->keys);
    json_key(&w, "team_memberships");
    team_fields_write_memberships(&w, q->memberships, SLICE(""), &budgets);
    json_object_end(&w);
    admin_budgets_fini(&budgets);
}

static void aliases_found(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    q->aliases = ask_keep(ex, 0);
    admin_budget_ask(ex, q->memberships, write_info);
}

static void info_found(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    struct store_where where = {.column = "id", .test = STORE_EQ};
    const struct store_value *id;
    struct store_job *job;
    q->keys = ask_rows(ex, 1);
    q->memberships = ask_rows(ex, 2);
    q->teams = ask_keep(ex, 0);
    if (!q->teams->count) {
        team_fields_refuse_missing(ex, q->id);
        return;
    }
    id = store_rows_at(q->teams, 0, "model_id");
    where.value = store_integer(id->null ? 0 : id->integer);
    job = ask_new(ex);
    store_select(
        job, &(struct store_query){.table = TABLE_MODEL_TABLE, .where = &where, .where_count = 1});
    ask_store(ex, job, aliases_found);
}

void handle_team_info(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    struct store_job *job;
    q->id = query_get(ex->head->query, ID, &ex->arena);
    if (!q->id.n) {
        detail_refuse_input(ex, "query", ID, "Field required");
        return;
    }
    if (!(job = ask_new(ex)))
        return;
    admin_select(job, TABLE, ID, q->id);
    admin_select(job, TABLE_VERIFICATION_TOKEN, ID, q->id);
    admin_select(job, TABLE_TEAM_MEMBERSHIP, ID, q->id);
    ask_store(ex, job, info_found);
}

/* ---- GET /team/list, /v2/team/list ----------------------------------------------------------- */

static void write_team_keys(struct json_writer *w, const struct store_rows *keys, struct slice team)
{
    json_array(w);
    for (size_t i = 0; i < keys->count; i++) {
        if (!slice_eq(store_rows_text(keys, i, ID), team))
            continue;
        json_object(w);
        json_member_string(w, "token", store_rows_text(keys, i, "token"));
        key_fields_write(w, keys, i);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_list(struct exchange *ex, struct buf *body)
{
    const struct team_question *q = question_of(ex);
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, 0));
    json_begin(&w, body);
    json_array(&w);
    for (size_t i = 0; i < q->teams->count; i++) {
        struct slice id = store_rows_text(q->teams, i, ID);
        json_object(&w);
        team_fields_write(&w, q->teams, i);
        json_key(&w, "team_memberships");
        team_fields_write_memberships(&w, q->memberships, id, &budgets);
        json_key(&w, "keys");
        write_team_keys(&w, q->keys, id);
        json_object_end(&w);
    }
    json_array_end(&w);
    admin_budgets_fini(&budgets);
}

static void list_related(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    q->keys = ask_rows(ex, 1);
    q->memberships = ask_keep(ex, 0);
    admin_budget_ask(ex, q->memberships, write_list);
}

static void list_found(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    struct store_job *job = ask_new(ex);
    struct slice ids;
    q->teams = ask_keep(ex, 0);
    ids = admin_column(q->teams, ID, &ex->arena);
    admin_select_in(job, TABLE_TEAM_MEMBERSHIP, ID, ids);
    admin_select_in(job, TABLE_VERIFICATION_TOKEN, ID, ids);
    ask_store(ex, job, list_related);
}

static void add_where(struct team_question *q, struct store_where where)
{
    q->where[q->where_count++] = where;
}

/* The filters of the query; those by team and organization name them whole, by alias in part. */
static void read_filters(struct exchange *ex, struct team_question *q)
{
    static const char *const names[] = {ID, "organization_id"};
    struct slice query = ex->head->query;
    struct slice alias = query_get(query, "team_alias", &ex->arena);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct slice value = query_get(query, names[i], &ex->arena);
        if (value.n)
            add_where(q, admin_where(names[i], value));
    }
    if (alias.n)
        add_where(q, (struct store_where){"team_alias", STORE_HOLDS, store_text(alias), 0});
}

/* A user's teams stand in the user's row. */
static void list_of_user(struct exchange *ex, struct buf *body);

static void ask_list(struct exchange *ex, answer_next *next)
{
    struct slice user = query_get(ex->head->query, "user_id", &ex->arena);
    struct store_job *job;
    read_filters(ex, question_of(ex));
    if (!user.n) {
        next(ex, NULL);
        return;
    }
    if (!(job = ask_new(ex)))
        return;
    admin_select(job, TABLE_USER_TABLE, "user_id", user);
    ask_store(ex, job, list_of_user);
}

static void select_list(struct exchange *ex, struct buf *body)
{
    static const struct store_order order = {"created_at", false};
    struct team_question *q = question_of(ex);
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    store_select(job, &(struct store_query){.table = TABLE,
                                            .where = q->where,
                                            .where_count = q->where_count,
                                            .order = &order,
                                            .order_count = 1,
                                            .limit = STORE_LIST_MAX});
    ask_store(ex, job, list_found);
}

void handle_team_list(struct exchange *ex, struct buf *body)
{
    ask_list(ex, select_list);
}

static void write_page(struct exchange *ex, struct buf *body)
{
    const struct team_question *q = question_of(ex);
    const struct store_rows *teams = ask_rows(ex, 0);
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "teams");
    json_array(&w);
    for (size_t i = 0; i < teams->count; i++) {
        json_object(&w);
        team_fields_write(&w, teams, i);
        json_member_integer(&w, "members_count",
                            (int64_t)yyjson_arr_size(team_fields_members(ex, teams, i)));
        json_object_end(&w);
    }
    json_array_end(&w);
    admin_write_page(&w, &q->page, admin_total(ask_rows(ex, 1)));
    json_object_end(&w);
}

static void select_page(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    struct slice by = query_get(ex->head->query, "sort_by", &ex->arena);
    struct slice direction = query_get(ex->head->query, "sort_order", &ex->arena);
    int column = store_column_find(store_table(TABLE), by);
    struct store_order order = {column < 0 ? "created_at"
                                           : store_table(TABLE)->columns[column].name,
                                !slice_eq(direction, SLICE("asc"))};
    struct store_query query = {.table = TABLE,
                                .where = q->where,
                                .where_count = q->where_count,
                                .order = &order,
                                .order_count = 1,
                                .limit = q->page.size,
                                .offset = (q->page.page - 1) * q->page.size};
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    store_select(job, &query);
    query.limit = query.offset = 0;
    query.order_count = 0;
    store_count(job, &query);
    ask_store(ex, job, write_page);
}

void handle_team_list_v2(struct exchange *ex, struct buf *body)
{
    if (admin_read_page(ex, "page_size", PAGE_SIZE, PAGE_SIZE_MAX, &question_of(ex)->page))
        ask_list(ex, select_page);
}

static void list_of_user(struct exchange *ex, struct buf *body)
{
    bool pages = slice_starts(slice_of(ex->route->path), SLICE("/v2"));
    const struct store_rows *users = ask_rows(ex, 0);
    struct slice teams = users->count ? store_rows_text(users, 0, "teams") : SLICE("");
    add_where(question_of(ex),
              admin_where_in(ID, teams.n ? arena_dup(&ex->arena, teams) : SLICE("[]")));
    (pages ? select_page : select_list)(ex, body);
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
    struct store_job *job = ask_new(ex);
    size_t row = 0;
    if (admin_find(q->teams, ID, q->id, &row)) {
        admin_copy_deleted(ex, q->teams, row, TABLE_DELETED_TEAM_TABLE, &cells);
        store_insert(job, TABLE_DELETED_TEAM_TABLE, cells.v, cells.n);
    }
    where = admin_where(ID, q->id);
    store_delete(job, TABLE_TEAM_MEMBERSHIP, &where, 1);
    store_delete(job, TABLE, &where, 1);
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

/* ---- GET /team/permissions_list, /team/available --------------------------------------------- */

/* What members of a team may be allowed, in LiteLLM's words. */
static void write_all_permissions(struct json_writer *w)
{
    static const char *const all[] = {
        "/key/generate",
        "/key/update",
        "/key/delete",
        "/key/regenerate",
        "/key/service-account/generate",
        "/key/{key_id}/regenerate",
        "/key/block",
        "/key/unblock",
        "/key/bulk_update",
        "/key/{key_id}/reset_spend",
        "/key/info",
        "/key/health",
        "/key/list",
        "/key/aliases",
        "/team/daily/activity",
        "/spend/logs",
    };
    json_array(w);
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        json_string(w, slice_of(all[i]));
    json_array_end(w);
}

static void write_permissions(struct exchange *ex, struct buf *body)
{
    const struct team_question *q = question_of(ex);
    const struct store_rows *team = ask_rows(ex, 0);
    struct slice permissions;
    struct json_writer w;
    if (!team->count) {
        team_fields_refuse_missing(ex, q->id);
        return;
    }
    permissions = store_rows_text(team, 0, "team_member_permissions");
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, ID, q->id);
    json_key(&w, "team_member_permissions");
    json_raw(&w, permissions.n ? permissions : SLICE("[]"));
    json_key(&w, "all_available_permissions");
    write_all_permissions(&w);
    json_object_end(&w);
}

void handle_team_permissions(struct exchange *ex, struct buf *body)
{
    struct team_question *q = question_of(ex);
    q->id = query_get(ex->head->query, ID, &ex->arena);
    if (q->id.n)
        ask_team(ex, write_permissions);
    else
        detail_refuse_input(ex, "query", ID, "Field required");
}

/* Teams that anybody may join are named by default_internal_user_params, which has no effect. */
void handle_team_available(struct exchange *ex, struct buf *body)
{
    BUF_LITERAL(body, "[]");
}
