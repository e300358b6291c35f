/* /user/daily/activity, and of teams, tags, customers and organizations.
 *
 * Happy path, paged: a page of the table's rows, then the names of the keys and entities in it.
 * Aggregated: the keys that cost most first; then one report for each dimension, and one for each
 * dimension by these keys, so that no answer grows with the number of keys.
 *
 * Failure modes: no database, days that are none. Who is no admin gets its own rows. */

#include "daily_tree.h"
#include "detail.h"
#include "handlers.h"
#include "query.h"
#include "report.h"

#define PAGE_MAX    1000
#define EXCLUDE_MAX 16
#define TOP_KEYS    100 /* that the aggregated answer tells of */

struct activity_route {
    const char *begins; /* of the path */
    enum store_table_id table;
    enum store_table_id names;             /* of the entities … */
    const char *name_columns[3];           /* … their id, and what is told of them */
    const char *entity, *asked, *excluded; /* column and parameters; NULL: there is none */
    int64_t page_size;
    bool list; /* the parameter is one */
};

#define CUSTOMERS                                                                                  \
    TABLE_DAILY_END_USER_SPEND, TABLE_END_USER_TABLE, {"user_id", "alias"}, "end_user_id",         \
        "end_user_ids", "exclude_end_user_ids", 10, true

static const struct activity_route activity_routes[] = {
    {"/user/",
     TABLE_DAILY_USER_SPEND,
     TABLE_USER_TABLE,
     {"user_id", "user_email", "user_alias"},
     "user_id",
     "user_id",
     NULL,
     50,
     false},
    {"/team/",
     TABLE_DAILY_TEAM_SPEND,
     TABLE_TEAM_TABLE,
     {"team_id", "team_alias"},
     "team_id",
     "team_ids",
     "exclude_team_ids",
     10,
     true},
    {"/tag/",
     TABLE_DAILY_TAG_SPEND,
     TABLE_TAG_TABLE,
     {"tag_name", "description"},
     "tag",
     "tags",
     NULL,
     10,
     true},
    {"/customer/", CUSTOMERS},
    {"/end_user/", CUSTOMERS},
    {"/organization/",
     TABLE_DAILY_ORGANIZATION_SPEND,
     TABLE_ORGANIZATION_TABLE,
     {"organization_id", "organization_alias"},
     "organization_id",
     "organization_ids",
     "exclude_organization_ids",
     10,
     true},
};

struct daily {
    const struct activity_route *route;
    struct report_filter filter;
    int64_t page, page_size, total; /* rows */
    bool aggregated;
    int64_t keys; /* distinct, of the aggregated answer */
    struct daily_tree tree;
    struct slice key_list, entity_list; /* for STORE_IN */
};

/* ---- what is asked for ----------------------------------------------------------------------- */

static const struct activity_route *find_route(const struct exchange *ex)
{
    const struct activity_route *r = activity_routes;
    while (!slice_starts(slice_of(ex->route->path), slice_of(r->begins)))
        r++;
    return r;
}

static bool filter_excluded(struct exchange *ex, struct daily *d)
{
    struct slice rest = d->route->excluded
                            ? query_get(ex->head->query, d->route->excluded, &ex->arena)
                            : slice_make(NULL, 0);
    size_t n = 0;
    while (rest.n && n < EXCLUDE_MAX) {
        report_filter_add(&d->filter, d->route->entity, STORE_NE,
                          store_text(slice_split(&rest, ',')));
        n++;
    }
    if (rest.n)
        detail_refuse_error(ex, 400, SLICE("at most 16 can be excluded"));
    return !rest.n;
}

/* Whoever is no admin: a user's own rows; elsewhere those of the key that asks. */
static bool filter_own(struct exchange *ex, struct daily *d)
{
    bool users = d->route->table == TABLE_DAILY_USER_SPEND;
    struct slice asked = query_get(ex->head->query, d->route->asked, &ex->arena);
    if (report_sees_all(ex))
        return true;
    if (users && asked.n && !slice_eq(asked, ex->caller.user)) {
        detail_refuse_error(ex, 403, SLICE("Non-admin users can only view their own spend data."));
        return false;
    }
    report_filter_add(&d->filter, users ? "user_id" : "api_key", STORE_EQ,
                      store_text(users ? ex->caller.user : ex->caller.key));
    return true;
}

static bool read_filter(struct exchange *ex, struct daily *d)
{
    struct slice key = query_get(ex->head->query, "api_key", &ex->arena);
    struct report_days days;
    if (!report_days_read(ex, &days) || !filter_own(ex, d) || !filter_excluded(ex, d))
        return false;
    report_filter_days(&d->filter, &days);
    if (d->route->list)
        report_filter_list(ex, &d->filter, d->route->entity, d->route->asked);
    else
        report_filter_query(ex, &d->filter, d->route->entity, d->route->asked);
    report_filter_query(ex, &d->filter, "model", "model");
    if (key.n)
        report_filter_add(&d->filter, "api_key", STORE_EQ, store_text(report_key(ex, key)));
    return true;
}

static struct store_query query_of(const struct daily *d)
{
    return (struct store_query){
        .table = d->route->table, .where = d->filter.where, .where_count = d->filter.count};
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void write_metadata(struct json_writer *w, const struct daily *d)
{
    int64_t pages = d->aggregated ? 1 : (d->total + d->page_size - 1) / d->page_size;
    json_key(w, "metadata");
    json_object(w);
    daily_tree_write_total(&d->tree, w);
    json_member_integer(w, "page", d->page);
    json_member_integer(w, "total_pages", pages);
    json_member_bool(w, "has_more", d->page < pages);
    json_key(w, "api_key_limit");
    if (d->aggregated)
        json_integer(w, TOP_KEYS);
    else
        json_null(w);
    json_key(w, "total_api_keys");
    if (d->aggregated)
        json_integer(w, d->keys);
    else
        json_null(w);
    json_key(w, "entity_total_api_keys"), json_null(w);
    json_object_end(w);
}

/* The last three statements of the job tell the names. */
static void write_activity(struct exchange *ex, struct buf *body, struct daily *d, size_t names)
{
    struct daily_names known = {ask_rows(ex, names), ask_rows(ex, names + 1),
                                ask_rows(ex, names + 2)};
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    daily_tree_write(&d->tree, &known, &w);
    write_metadata(&w, d);
    json_object_end(&w);
}

static void select_in(struct store_job *job, enum store_table_id table, const char *const *columns,
                      size_t n, struct slice list)
{
    struct store_where where = {columns[0], STORE_IN, store_texts(list), 0};
    store_select(job, &(struct store_query){.table = table,
                                            .columns = columns,
                                            .column_count = n,
                                            .where = &where,
                                            .where_count = 1});
}

static void add_names(struct store_job *job, const struct daily *d)
{
    static const char *const of_keys[] = {"token", "key_alias", "team_id", "user_id"};
    select_in(job, TABLE_VERIFICATION_TOKEN, of_keys, 4, d->key_list);
    select_in(job, TABLE_DELETED_VERIFICATION_TOKEN, of_keys, 4, d->key_list);
    select_in(job, d->route->names, d->route->name_columns, d->route->name_columns[2] ? 3 : 2,
              d->entity_list);
}

/* ---- paged ----------------------------------------------------------------------------------- */

static void write_page(struct exchange *ex, struct buf *body)
{
    write_activity(ex, body, ex->own.state, 0);
}

static void take_page(struct exchange *ex, struct buf *body)
{
    struct daily *d = ex->own.state;
    const struct store_rows *rows = ask_rows(ex, 0);
    struct store_job *job = report_new(ex);
    d->total = (int64_t)store_rows_number(ask_rows(ex, 1), 0, "count");
    d->key_list = report_list_of(ex, rows, "api_key");
    d->entity_list = report_list_of(ex, rows, d->route->entity);
    daily_tree_init(&d->tree, &ex->arena, d->route->entity);
    for (size_t i = 0; i < rows->count; i++)
        daily_tree_add(&d->tree, rows, i);
    daily_tree_fini(&d->tree);
    add_names(job, d);
    ask_store(ex, job, write_page);
}

static void ask_page(struct exchange *ex, struct daily *d, struct store_job *job)
{
    static const struct store_order order[] = {{"date", true}, {"id", false}};
    struct store_query query = query_of(d);
    query.order = order;
    query.order_count = 2;
    query.limit = d->page_size;
    query.offset = (d->page - 1) * d->page_size;
    store_select(job, &query);
    query.limit = 0;
    store_count(job, &query);
    ask_store(ex, job, take_page);
}

/* ---- aggregated ------------------------------------------------------------------------------ */

#define PART_COLUMNS 3

/* What a dimension is grouped by. */
static const char *const part_columns[DAILY_DIMENSIONS][2] = {
    [DAILY_TOOLS] = {"mcp_namespaced_tool_name"},
    [DAILY_MODELS] = {"model"},
    [DAILY_GROUPS] = {"model_group", "model"},
    [DAILY_PROVIDERS] = {"custom_llm_provider"},
    [DAILY_ENDPOINTS] = {"endpoint"},
    [DAILY_KEYS] = {"api_key"},
};

static void add_report(struct store_job *job, const struct store_query *query,
                       const char *const *by, size_t n)
{
    static const struct store_order order[] = {{"date", true}, {"spend", true}};
    struct store_query q = *query;
    q.order = order;
    q.order_count = 2;
    store_report(
        job, &(struct store_report){
                 .query = q, .by = by, .by_count = n, .sums = daily_sums, .sum_count = DAILY_SUMS});
}

static void add_part(struct store_job *job, const struct daily *d, const struct store_query *query,
                     enum daily_dimension dimension, bool by_key)
{
    const char *by[PART_COLUMNS + 1] = {"date"};
    size_t n = 1;
    if (dimension == DAILY_ENTITIES)
        by[n++] = d->route->entity;
    for (size_t i = 0; i < 2 && part_columns[dimension][i]; i++)
        by[n++] = part_columns[dimension][i];
    if (by_key)
        by[n++] = "api_key";
    add_report(job, query, by, n);
}

/* Statements: the days; each dimension; each dimension by key; the names. */
static void write_aggregated(struct exchange *ex, struct buf *body)
{
    struct daily *d = ex->own.state;
    size_t statement = 1;
    const struct store_rows *rows = ask_rows(ex, 0);
    daily_tree_init(&d->tree, &ex->arena, d->route->entity);
    for (size_t i = 0; i < rows->count; i++)
        daily_tree_add_day(&d->tree, rows, i);
    for (unsigned by_key = 0; by_key < 2; by_key++)
        for (unsigned n = 0; n < DAILY_DIMENSIONS; n++) {
            if (by_key && n == DAILY_KEYS)
                continue;
            rows = ask_rows(ex, statement++);
            for (size_t i = 0; i < rows->count; i++)
                daily_tree_add_part(&d->tree, rows, i, (enum daily_dimension)n, by_key);
        }
    daily_tree_fini(&d->tree);
    write_activity(ex, body, d, statement);
}

static void ask_parts(struct exchange *ex, struct buf *body)
{
    static const char *const date[] = {"date"};
    struct daily *d = ex->own.state;
    const struct store_rows *keys = ask_rows(ex, 0);
    struct store_rows top = *keys;
    struct store_job *job = report_new(ex);
    d->keys = (int64_t)keys->count;
    top.count = keys->count < TOP_KEYS ? keys->count : TOP_KEYS;
    d->key_list = report_list_of(ex, &top, "api_key");
    d->entity_list = report_list_of(ex, ask_rows(ex, 1), d->route->entity);
    struct store_query all = query_of(d), of_top;
    add_report(job, &all, date, 1);
    report_filter_add(&d->filter, "api_key", STORE_IN, store_texts(d->key_list));
    of_top = query_of(d);
    for (unsigned n = 0; n < DAILY_DIMENSIONS; n++)
        add_part(job, d, n == DAILY_KEYS ? &of_top : &all, (enum daily_dimension)n, false);
    for (unsigned n = 0; n < DAILY_DIMENSIONS; n++)
        if (n != DAILY_KEYS)
            add_part(job, d, &of_top, (enum daily_dimension)n, true);
    add_names(job, d);
    ask_store(ex, job, write_aggregated);
}

static void ask_aggregated(struct exchange *ex, struct daily *d, struct store_job *job)
{
    const char *by[] = {"api_key", d->route->entity};
    static const char *const spend[] = {"spend"};
    struct store_query query = query_of(d);
    query.order = &(struct store_order){"spend", true};
    query.order_count = 1;
    for (size_t i = 0; i < 2; i++)
        store_report(
            job, &(struct store_report){
                     .query = query, .by = &by[i], .by_count = 1, .sums = spend, .sum_count = 1});
    ask_store(ex, job, ask_parts);
}

void handle_daily_activity(struct exchange *ex, struct buf *body)
{
    struct daily *d = ARENA_NEW(&ex->arena, struct daily);
    struct store_job *job;
    d->route = find_route(ex);
    d->aggregated = slice_ends(slice_of(ex->route->path), SLICE("/aggregated"));
    ex->own.state = d;
    if (!read_filter(ex, d) || !report_number(ex, "page", 1, INT32_MAX, 1, &d->page) ||
        !report_number(ex, "page_size", 1, PAGE_MAX, d->route->page_size, &d->page_size) ||
        !(job = report_new(ex)))
        return;
    if (d->aggregated)
        ask_aggregated(ex, d, job);
    else
        ask_page(ex, d, job);
}
