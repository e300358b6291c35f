/* /team/info, /team/list, /v2/team/list, /team/permissions_list, /team/available: what teams are.
 *
 * Happy path: the teams are found by what the query says, then what belongs to them, and written.
 * Failure modes: a team that nothing has. */

#include "handlers_admin.h"

#include "access.h"
#include "detail.h"
#include "key_fields.h"
#include "query.h"
#include "team_fields.h"

#define ID            "team_id"
#define TABLE         TABLE_TEAM_TABLE
#define PAGE_SIZE     10
#define PAGE_SIZE_MAX 100
#define FILTERS_MAX   5

struct team_list {
    struct slice id;
    const struct store_rows *teams, *memberships, *keys, *aliases;
    struct store_where where[FILTERS_MAX];
    size_t where_count;
    struct admin_page page;
};

static struct team_list *list_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct team_list);
    return ex->own.state;
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
    const struct team_list *q = list_of(ex);
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
    struct team_list *q = list_of(ex);
    q->aliases = ask_keep(ex, 0);
    admin_budget_ask(ex, q->memberships, write_info);
}

static void info_found(struct exchange *ex, struct buf *body)
{
    struct team_list *q = list_of(ex);
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
    struct team_list *q = list_of(ex);
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
        key_fields_write(w, keys, i, NULL);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_list(struct exchange *ex, struct buf *body)
{
    const struct team_list *q = list_of(ex);
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
    struct team_list *q = list_of(ex);
    q->keys = ask_rows(ex, 1);
    q->memberships = ask_keep(ex, 0);
    admin_budget_ask(ex, q->memberships, write_list);
}

static void list_found(struct exchange *ex, struct buf *body)
{
    struct team_list *q = list_of(ex);
    struct store_job *job = ask_new(ex);
    struct slice ids;
    q->teams = ask_keep(ex, 0);
    ids = admin_column(q->teams, ID, &ex->arena);
    admin_select_in(job, TABLE_TEAM_MEMBERSHIP, ID, ids);
    admin_select_in(job, TABLE_VERIFICATION_TOKEN, ID, ids);
    ask_store(ex, job, list_related);
}

static void add_where(struct team_list *q, struct store_where where)
{
    q->where[q->where_count++] = where;
}

/* The filters of the query; those by team and organization name them whole, by alias in part. */
static void read_filters(struct exchange *ex, struct team_list *q)
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
    if (ex->access)
        add_where(q, admin_where_in(ID, access_teams(ex)));
}

/* A user's teams stand in the user's row. */
static void list_of_user(struct exchange *ex, struct buf *body);

static void ask_list(struct exchange *ex, answer_next *next)
{
    struct slice user = query_get(ex->head->query, "user_id", &ex->arena);
    struct store_job *job;
    read_filters(ex, list_of(ex));
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
    struct team_list *q = list_of(ex);
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
    const struct team_list *q = list_of(ex);
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
    struct team_list *q = list_of(ex);
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
                                .order_count = 1};
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    admin_select_page(job, &query, &q->page);
    ask_store(ex, job, write_page);
}

void handle_team_list_v2(struct exchange *ex, struct buf *body)
{
    if (admin_read_page(ex, "page_size", PAGE_SIZE, PAGE_SIZE_MAX, &list_of(ex)->page))
        ask_list(ex, select_page);
}

static void list_of_user(struct exchange *ex, struct buf *body)
{
    bool pages = slice_starts(slice_of(ex->route->path), SLICE("/v2"));
    const struct store_rows *users = ask_rows(ex, 0);
    struct slice teams = users->count ? store_rows_text(users, 0, "teams") : SLICE("");
    add_where(list_of(ex),
              admin_where_in(ID, teams.n ? arena_dup(&ex->arena, teams) : SLICE("[]")));
    (pages ? select_page : select_list)(ex, body);
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
    const struct team_list *q = list_of(ex);
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

static void select_team(struct exchange *ex)
{
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    admin_select(job, TABLE, ID, list_of(ex)->id);
    ask_store(ex, job, write_permissions);
}

void handle_team_permissions(struct exchange *ex, struct buf *body)
{
    struct team_list *q = list_of(ex);
    q->id = query_get(ex->head->query, ID, &ex->arena);
    if (q->id.n)
        select_team(ex);
    else
        detail_refuse_input(ex, "query", ID, "Field required");
}

/* ---- GET /team/metadata_schema --------------------------------------------------------------- */

void handle_team_schema(struct exchange *ex, struct buf *body)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(ex->config->team_schema);
    yyjson_val *field;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "fields"), json_array(&w);
    while ((field = yyjson_arr_iter_next(&it))) {
        struct slice label = json_get_slice(field, "label");
        json_object(&w);
        json_member_string(&w, "key", json_get_slice(field, "key"));
        json_key(&w, "label");
        if (label.n)
            json_string(&w, label);
        else
            json_null(&w);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
}

/* Nobody joins teams by themselves here. */
void handle_team_available(struct exchange *ex, struct buf *body)
{
    BUF_LITERAL(body, "[]");
}
