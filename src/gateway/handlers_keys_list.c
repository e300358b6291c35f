/* /key/list, /key/aliases, /v2/key/info: many keys at once.
 *
 * Happy path: the query's filters become conditions, one job counts the rows and reads a page of
 * them. Who is no admin finds its own keys only. Failure modes: a page, or a column to sort by,
 * that is none. */

#include "handlers.h"

#include "access.h"
#include "key_access.h"
#include "key_fields.h"
#include "query.h"

#define FILTERS_MAX 8
#define SIZE        10
#define PAGE_MOST   100
#define ALIASES     50

struct listing {
    struct admin_page page;
    struct store_where where[FILTERS_MAX];
    size_t filters;
    bool whole; /* return_full_object */
    yyjson_val *body;
    const struct store_rows *rows;
    int64_t total;
};

static struct listing *listing_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct listing);
    return ex->own.state;
}

static void add_filter(struct listing *l, const char *column, enum store_test test,
                       struct slice text)
{
    if (text.n && l->filters < FILTERS_MAX)
        l->where[l->filters++] = (struct store_where){column, test, store_text(text), 0};
}

static struct slice asked(struct exchange *ex, const char *name)
{
    return query_get(ex->head->query, name, &ex->arena);
}

static void read_filters(struct exchange *ex, struct listing *l)
{
    static const struct {
        const char *name, *column;
        enum store_test test;
    } filters[] = {{"user_id", "user_id", STORE_EQ},
                   {"team_id", "team_id", STORE_EQ},
                   {"organization_id", "organization_id", STORE_EQ},
                   {"project_id", "project_id", STORE_EQ},
                   {"key_hash", "token", STORE_EQ},
                   {"key_alias", "key_alias", STORE_HOLDS}};
    for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
        add_filter(l, filters[i].column, filters[i].test, asked(ex, filters[i].name));
    if (key_is_admin(ex, false))
        return;
    if (access_is_team_admin(ex, asked(ex, "team_id")) ||
        access_is_org_admin(ex, asked(ex, "organization_id")))
        return;
    l->where[l->filters++] =
        (struct store_where){"user_id", STORE_EQ, store_text(ex->caller.user), 0};
}

static bool read_order(struct exchange *ex, struct store_order *order)
{
    struct slice by = asked(ex, "sort_by"), way = asked(ex, "sort_order");
    const struct store_table *table = store_table(TABLE_VERIFICATION_TOKEN);
    int column =
        by.n ? store_column_find(table, by) : store_column_find(table, SLICE("created_at"));
    if (column < 0 || (way.n && !slice_eq(way, SLICE("asc")) && !slice_eq(way, SLICE("desc")))) {
        admin_refuse(ex, 400, NULL, "{'error': 'Invalid sort_by or sort_order.'}");
        return false;
    }
    *order = (struct store_order){table->columns[column].name, !slice_eq(way, SLICE("asc"))};
    return true;
}

static void write_paging(struct json_writer *w, const struct listing *l, int64_t total)
{
    json_member_integer(w, "total_count", total);
    json_member_integer(w, "current_page", l->page.page);
    json_member_integer(w, "total_pages", (total + l->page.size - 1) / l->page.size);
}

/* ---- GET /key/list --------------------------------------------------------------------------- */

static void write_key(struct json_writer *w, const struct listing *l, size_t i,
                      const struct admin_budgets *budgets)
{
    if (!l->whole) {
        json_string(w, store_rows_text(l->rows, i, "token"));
        return;
    }
    json_object(w);
    key_fields_write_listed(w, l->rows, i, budgets);
    json_object_end(w);
}

static void write_list(struct exchange *ex, struct buf *body)
{
    const struct listing *l = listing_of(ex);
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, 0));
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "keys");
    json_array(&w);
    for (size_t i = 0; i < l->rows->count; i++)
        write_key(&w, l, i, &budgets);
    json_array_end(&w);
    write_paging(&w, l, l->total);
    json_object_end(&w);
    admin_budgets_fini(&budgets);
}

static void list_found(struct exchange *ex, struct buf *body)
{
    struct listing *l = listing_of(ex);
    l->total = admin_total(ask_rows(ex, 0));
    l->rows = ask_keep(ex, 1);
    admin_budget_ask(ex, l->rows, write_list);
}

void handle_key_list(struct exchange *ex, struct buf *body)
{
    struct listing *l = listing_of(ex);
    struct store_order order[2] = {{0}, {"token", false}};
    struct store_job *job;
    if (!admin_read_page(ex, "size", SIZE, PAGE_MOST, &l->page) || !read_order(ex, &order[0]) ||
        !(job = ask_new(ex)))
        return;
    l->whole = query_flag(ex->head->query, "return_full_object", &ex->arena);
    read_filters(ex, l);
    struct store_query q = {
        .table = TABLE_VERIFICATION_TOKEN, .where = l->where, .where_count = l->filters};
    store_count(job, &q);
    q.order = order;
    q.order_count = 2;
    q.limit = l->page.size;
    q.offset = (l->page.page - 1) * l->page.size;
    store_select(job, &q);
    ask_store(ex, job, list_found);
}

/* ---- GET /key/aliases ------------------------------------------------------------------------ */

static void write_aliases(struct exchange *ex, struct buf *body)
{
    const struct listing *l = listing_of(ex);
    const struct store_rows *rows = ask_rows(ex, 0);
    int64_t from = (l->page.page - 1) * l->page.size, total = (int64_t)rows->count;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "aliases");
    json_array(&w);
    for (int64_t i = from; i < total && i < from + l->page.size; i++)
        json_string(&w, store_rows_text(rows, (size_t)i, "key_alias"));
    json_array_end(&w);
    write_paging(&w, l, total);
    json_member_integer(&w, "size", l->page.size);
    json_object_end(&w);
}

/* Each once, in their order. */
void handle_key_aliases(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {"key_alias"};
    static const struct store_order order = {"key_alias", false};
    struct listing *l = listing_of(ex);
    struct store_job *job;
    if (!admin_read_page(ex, "size", ALIASES, PAGE_MOST, &l->page) || !(job = ask_new(ex)))
        return;
    add_filter(l, "key_alias", STORE_HOLDS, asked(ex, "search"));
    l->where[l->filters++] = (struct store_where){"key_alias", STORE_NOT_NULL, store_null(), 0};
    if (!key_is_admin(ex, false))
        l->where[l->filters++] =
            (struct store_where){"user_id", STORE_EQ, store_text(ex->caller.user), 0};
    store_report(job, &(struct store_report){.query = {.table = TABLE_VERIFICATION_TOKEN,
                                                       .where = l->where,
                                                       .where_count = l->filters,
                                                       .order = &order,
                                                       .order_count = 1},
                                             .by = by,
                                             .by_count = 1});
    ask_store(ex, job, write_aliases);
}

/* ---- POST /v2/key/info ----------------------------------------------------------------------- */

static void write_infos(struct exchange *ex, struct buf *body)
{
    const struct listing *l = listing_of(ex);
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, ask_rows(ex, 0));
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "key");
    json_value(&w, json_get(l->body, "keys"));
    json_key(&w, "info");
    json_array(&w);
    for (size_t i = 0; i < l->rows->count; i++) {
        json_object(&w);
        key_fields_write(&w, l->rows, i, &budgets);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    admin_budgets_fini(&budgets);
}

static void infos_found(struct exchange *ex, struct buf *body)
{
    struct listing *l = listing_of(ex);
    l->rows = ask_keep(ex, 0);
    for (size_t i = 0; i < l->rows->count; i++)
        if (!key_may_see(ex, l->rows, i))
            return;
    admin_budget_ask(ex, l->rows, write_infos);
}

void handle_key_infos(struct exchange *ex, struct buf *body)
{
    struct listing *l = listing_of(ex);
    char hash[KEY_HASH_SIZE];
    struct admin_texts hashes;
    struct store_job *job;
    yyjson_val *keys, *key;
    size_t i, n;
    l->body = ask_body(ex);
    keys = l->body ? admin_need_texts(ex, l->body, "keys") : NULL;
    if (!keys || !(job = ask_new(ex)))
        return;
    admin_texts_begin(&hashes);
    yyjson_arr_foreach(keys, i, n, key) if (key_hash(json_slice(key), hash))
        admin_texts_add(&hashes, slice_of(hash));
    admin_select_in(job, TABLE_VERIFICATION_TOKEN, "token", admin_texts_end(&hashes, &ex->arena));
    ask_store(ex, job, infos_found);
}

/* ---- POST /key/health ------------------------------------------------------------------------ */

/* A key that got as far as this is right. */
void handle_key_health(struct exchange *ex, struct buf *body)
{
    BUF_LITERAL(body, "{\"key\":\"healthy\",\"logging_callbacks\":null}");
}
