/* …/daily/activity/aggregated/keys, search, model_top_keys and cache_leakage_keys: keys by what
 * they spent. …/daily/activity/export: the days as a file, CSV or JSON.
 *
 * Happy path: one sum of the rows per day by key (or, of a file, by day and whom it is about), then
 * the names of what stands in it.
 *
 * Failure modes: no database; days that are none; a file of more than 10,000 rows: an error that
 * says so, never half of one. Who is no admin gets its own rows. */

#include "admin.h"
#include "base/map.h"
#include "daily_filter.h"
#include "detail.h"
#include "handlers.h"
#include "query.h"

#include <stdlib.h>

#define KEYS_MAX 100

static const char *const key_sums[] = {"spend",
                                       "prompt_tokens",
                                       "completion_tokens",
                                       "api_requests",
                                       "successful_requests",
                                       "failed_requests",
                                       "cache_read_input_tokens",
                                       "cache_creation_input_tokens"};
#define KEY_SUMS (sizeof(key_sums) / sizeof(*key_sums))

/* Id → row + 1; the first of several. */
static void learn(struct map *known, const struct store_rows *rows, const char *id)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct slice name = store_rows_text(rows, i, id);
        if (!map_get(known, name))
            map_put(known, name, (void *)(uintptr_t)(i + 1));
    }
}

/* What is known of keys and entities: the three answers of daily_select_names. */
struct names {
    const struct store_rows *keys, *deleted, *entities;
    struct map live, dead, named;
};

static void names_init(struct names *n, const struct exchange *ex, const struct daily_route *r)
{
    *n = (struct names){ask_rows(ex, 0), ask_rows(ex, 1), ask_rows(ex, 2)};
    map_init(&n->live);
    map_init(&n->dead);
    map_init(&n->named);
    learn(&n->live, n->keys, "token");
    learn(&n->dead, n->deleted, "token");
    learn(&n->named, n->entities, r->name_columns[0]);
}

static void names_fini(struct names *n)
{
    map_fini(&n->live);
    map_fini(&n->dead);
    map_fini(&n->named);
}

static struct slice key_cell(const struct names *n, struct slice key, const char *column)
{
    uintptr_t live = (uintptr_t)map_get(&n->live, key), dead = (uintptr_t)map_get(&n->dead, key);
    if (live)
        return store_rows_text(n->keys, live - 1, column);
    return dead ? store_rows_text(n->deleted, dead - 1, column) : slice_make(NULL, 0);
}

static void write_metrics(struct json_writer *w, const struct store_rows *rows, size_t row)
{
    for (size_t i = 0; i < KEY_SUMS; i++) {
        double value = store_rows_number(rows, row, key_sums[i]);
        json_key_slice(w, slice_of(key_sums[i]));
        if (i)
            json_integer(w, (int64_t)value);
        else
            json_number(w, value);
    }
}

/* ---- keys ------------------------------------------------------------------------------------ */

struct keys {
    const struct daily_route *route;
    const char *kind; /* the end of the path */
    struct report_filter filter;
    int64_t offset, limit;
    const struct store_rows *rows;
    size_t *order; /* of the rows */
    size_t total;
};

static const char *kind_of(const struct exchange *ex)
{
    return strrchr(ex->route->path, '/') + 1;
}

static bool is_kind(const struct keys *k, const char *kind)
{
    return strcmp(k->kind, kind) == 0;
}

static void write_key(struct json_writer *w, const struct names *n, const struct store_rows *rows,
                      size_t row)
{
    static const char *const told[] = {"key_alias", "team_id", "user_id"};
    struct slice key = store_rows_text(rows, row, "api_key");
    json_object(w);
    json_member_string(w, "api_key", key);
    json_key(w, "metrics");
    json_object(w);
    write_metrics(w, rows, row);
    json_member_integer(w, "total_tokens", report_tokens(rows, row));
    json_object_end(w);
    json_key(w, "metadata");
    json_object(w);
    for (size_t i = 0; i < 3; i++) {
        json_key_slice(w, slice_of(told[i]));
        json_string_or_null(w, key_cell(n, key, told[i]));
    }
    json_key(w, "user_email"), json_null(w);
    json_member_bool(w, "key_exists", map_get(&n->live, key));
    json_object_end(w);
    json_object_end(w);
}

static size_t end_of(const struct keys *k)
{
    size_t last = (size_t)(k->offset + k->limit);
    return k->total < last ? k->total : last;
}

static void write_keys(struct exchange *ex, struct buf *body)
{
    const struct keys *k = ex->own.state;
    struct names n;
    struct json_writer w;
    names_init(&n, ex, k->route);
    json_begin(&w, body);
    json_object(&w);
    if (is_kind(k, "model_top_keys")) {
        bool group = !query_get(ex->head->query, "by_model_group", &ex->arena).n ||
                     query_flag(ex->head->query, "by_model_group", &ex->arena);
        json_member_string(&w, "model", query_get(ex->head->query, "model_group", &ex->arena));
        json_member_bool(&w, "by_model_group", group);
    }
    json_key(&w, "api_keys");
    json_array(&w);
    for (size_t i = (size_t)k->offset; i < end_of(k); i++)
        write_key(&w, &n, k->rows, k->order[i]);
    json_array_end(&w);
    if (is_kind(k, "keys")) {
        json_member_integer(&w, "total_api_keys", (int64_t)k->total);
        json_member_integer(&w, "offset", k->offset);
        json_member_integer(&w, "limit", k->limit);
    }
    json_object_end(&w);
    names_fini(&n);
}

/* Input that the prompt cache did not give. */
static double leaked(const struct store_rows *rows, size_t row)
{
    return store_rows_number(rows, row, "prompt_tokens") -
           store_rows_number(rows, row, "cache_read_input_tokens");
}

struct leak {
    double tokens;
    size_t row;
};

static int most_leaked(const void *left, const void *right)
{
    const struct leak *a = left, *b = right;
    int order = (a->tokens < b->tokens) - (a->tokens > b->tokens);
    return order ? order : (a->row > b->row) - (a->row < b->row);
}

/* The rows come dearest first. */
static void put_in_order(struct exchange *ex, struct keys *k)
{
    struct leak *leaks = arena_alloc(&ex->arena, (k->rows->count + 1) * sizeof(*leaks));
    k->order = arena_alloc(&ex->arena, (k->rows->count + 1) * sizeof(*k->order));
    for (size_t i = 0; i < k->rows->count; i++) {
        leaks[k->total] = (struct leak){leaked(k->rows, i), i};
        k->total += !is_kind(k, "cache_leakage_keys") || leaks[k->total].tokens > 0;
    }
    if (is_kind(k, "cache_leakage_keys"))
        qsort(leaks, k->total, sizeof(*leaks), most_leaked);
    for (size_t i = 0; i < k->total; i++)
        k->order[i] = leaks[i].row;
}

static void take_keys(struct exchange *ex, struct buf *body)
{
    struct keys *k = ex->own.state;
    struct store_job *job;
    struct admin_texts list;
    k->rows = ask_keep(ex, 0);
    if (!report_is_whole(ex, k->rows))
        return;
    put_in_order(ex, k);
    admin_texts_begin(&list);
    for (size_t i = (size_t)k->offset; i < end_of(k); i++)
        admin_texts_add(&list, store_rows_text(k->rows, k->order[i], "api_key"));
    job = report_new(ex);
    daily_select_names(job, k->route, admin_texts_end(&list, &ex->arena), SLICE("[]"));
    ask_store(ex, job, write_keys);
}

static void ask_sums(struct exchange *ex)
{
    static const char *const by[] = {"api_key"};
    static const struct store_order order[] = {{"spend", true}, {"api_key", false}};
    const struct keys *k = ex->own.state;
    struct store_job *job = report_new(ex);
    if (!job)
        return;
    store_report(job, &(struct store_report){.query = {.table = k->route->table,
                                                       .where = k->filter.where,
                                                       .where_count = k->filter.count,
                                                       .order = order,
                                                       .order_count = 2},
                                             .by = by,
                                             .by_count = 1,
                                             .sums = key_sums,
                                             .sum_count = KEY_SUMS});
    ask_store(ex, job, take_keys);
}

/* The keys whose names hold the text, and those that do themselves. */
static void take_found(struct exchange *ex, struct buf *body)
{
    struct keys *k = ex->own.state;
    struct slice text = query_get(ex->head->query, "search", &ex->arena);
    report_filter_any(&k->filter, "api_key", STORE_HOLDS, store_text(text), 3);
    for (size_t i = 0; i < 2; i++)
        report_filter_any(&k->filter, "api_key", STORE_IN,
                          store_texts(report_list_of(ex, ask_rows(ex, i), "token")), 3);
    ask_sums(ex);
}

static void ask_found(struct exchange *ex)
{
    static const enum store_table_id tables[] = {TABLE_VERIFICATION_TOKEN,
                                                 TABLE_DELETED_VERIFICATION_TOKEN};
    static const char *const columns[] = {"token"};
    struct slice text = query_get(ex->head->query, "search", &ex->arena);
    const struct store_where where[] = {{"key_alias", STORE_HOLDS, store_text(text), 1},
                                        {"user_id", STORE_HOLDS, store_text(text), 1}};
    struct store_job *job = report_new(ex);
    if (!job)
        return;
    for (size_t i = 0; i < 2; i++)
        store_select(job, &(struct store_query){.table = tables[i],
                                                .columns = columns,
                                                .column_count = 1,
                                                .where = where,
                                                .where_count = 2,
                                                .order = &(struct store_order){"spend", true},
                                                .order_count = 1,
                                                .limit = STORE_LIST_MAX});
    ask_store(ex, job, take_found);
}

static void ask_keys(struct exchange *ex, struct slice teams)
{
    struct keys *k = ex->own.state;
    struct slice group = query_get(ex->head->query, "model_group", &ex->arena);
    struct slice by_group = query_get(ex->head->query, "by_model_group", &ex->arena);
    struct report_days days;
    if (!daily_filter_read(ex, k->route, teams, &k->filter, &days))
        return;
    if (is_kind(k, "model_top_keys"))
        report_filter_add(&k->filter,
                          by_group.n && !query_flag(ex->head->query, "by_model_group", &ex->arena)
                              ? "model"
                              : "model_group",
                          STORE_EQ, store_text(group));
    if (is_kind(k, "search"))
        ask_found(ex);
    else
        ask_sums(ex);
}

void handle_daily_keys(struct exchange *ex, struct buf *body)
{
    static const struct {
        const char *kind, *needed; /* a parameter, or NULL */
        int64_t limit;
    } kinds[] = {{"keys", NULL, 50},
                 {"search", "search", KEYS_MAX},
                 {"model_top_keys", "model_group", 5},
                 {"cache_leakage_keys", NULL, 20}};
    struct keys *k = ARENA_NEW(&ex->arena, struct keys);
    size_t i = 0;
    k->route = daily_route_of(ex);
    k->kind = kind_of(ex);
    while (!is_kind(k, kinds[i].kind))
        i++;
    ex->own.state = k;
    if (!report_number(ex, "limit", 1, KEYS_MAX, kinds[i].limit, &k->limit) ||
        !report_number(ex, "offset", 0, INT32_MAX, 0, &k->offset))
        return;
    if (i)
        k->offset = 0;
    if (kinds[i].needed && !query_get(ex->head->query, kinds[i].needed, &ex->arena).n)
        detail_refuse_input(ex, "query", kinds[i].needed, "Field required");
    else
        daily_with_teams(ex, k->route, ask_keys);
}

/* ---- a file ---------------------------------------------------------------------------------- */

static const struct export_kind {
    const char *type;
    const char *by; /* besides day and entity; NULL: nothing */
} export_kinds[] = {
    {"daily", NULL}, {"daily_with_keys", "api_key"}, {"daily_with_models", "model"}};

struct export
{
    const struct daily_route *route;
    const struct export_kind *kind;
    struct report_days days;
    bool json;
    const struct store_rows *rows;
};

/* Spreadsheets take what begins so for a formula. */
static void add_csv_text(struct buf *b, struct slice text)
{
    bool formula = text.n && strchr("=+-@\t\r", text.p[0]);
    bool quoted = formula || slice_find_char(text, ',') >= 0 || slice_find_char(text, '"') >= 0 ||
                  slice_find_char(text, '\n') >= 0 || slice_find_char(text, '\r') >= 0;
    if (quoted)
        buf_add_char(b, '"');
    if (formula)
        buf_add_char(b, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"')
            buf_add_char(b, '"');
        buf_add_char(b, text.p[i]);
    }
    if (quoted)
        buf_add_char(b, '"');
}

/* The texts of a row in LiteLLM's order; p == NULL: null. */
#define EXPORT_TEXTS 8
static const char *const export_texts[EXPORT_TEXTS] = {
    "date", "entity_id", "entity_alias", "api_key", "key_alias", "user_id", "user_email", "model"};

static void texts_of(const struct export *x, const struct names *n, size_t row,
                     struct slice texts[EXPORT_TEXTS])
{
    struct slice entity = store_rows_text(x->rows, row, x->route->entity);
    uintptr_t named = (uintptr_t)map_get(&n->named, entity);
    bool aliased = x->route->table == TABLE_DAILY_TEAM_SPEND ||
                   x->route->table == TABLE_DAILY_ORGANIZATION_SPEND;
    struct slice what = x->kind->by ? store_rows_text(x->rows, row, x->kind->by) : SLICE("");
    bool is_key = x->kind->by && strcmp(x->kind->by, "api_key") == 0;
    memset(texts, 0, EXPORT_TEXTS * sizeof(*texts));
    texts[0] = store_rows_text(x->rows, row, "date");
    texts[1] = entity.n ? entity : SLICE("");
    if (named && aliased)
        texts[2] = store_rows_text(n->entities, named - 1, x->route->name_columns[1]);
    texts[is_key ? 3 : 7] = what.n ? what : slice_make(NULL, 0);
    if (!is_key)
        return;
    texts[4] = key_cell(n, what, "key_alias");
    texts[5] = key_cell(n, what, "user_id");
}

static void write_sums(struct json_writer *w, const struct store_rows *rows, size_t row)
{
    json_key(w, "spend"), json_number(w, store_rows_number(rows, row, "spend"));
    json_key(w, "flat_cost"), json_number(w, 0);
    for (size_t i = 1; i < KEY_SUMS; i++) {
        json_key_slice(w, slice_of(key_sums[i]));
        json_integer(w, (int64_t)store_rows_number(rows, row, key_sums[i]));
    }
}

static void write_json_row(struct json_writer *w, const struct export *x, const struct names *n,
                           size_t row)
{
    struct slice texts[EXPORT_TEXTS];
    texts_of(x, n, row, texts);
    json_object(w);
    for (size_t i = 0; i < EXPORT_TEXTS; i++) {
        json_key_slice(w, slice_of(export_texts[i]));
        if (texts[i].p)
            json_string(w, texts[i]);
        else
            json_null(w);
    }
    write_sums(w, x->rows, row);
    json_object_end(w);
}

static void write_csv_head(struct buf *b)
{
    for (size_t i = 0; i < EXPORT_TEXTS; i++) {
        buf_add(b, slice_of(export_texts[i]));
        buf_add_char(b, ',');
    }
    BUF_LITERAL(b, "spend,flat_cost");
    for (size_t i = 1; i < KEY_SUMS; i++) {
        buf_add_char(b, ',');
        buf_add(b, slice_of(key_sums[i]));
    }
    BUF_LITERAL(b, "\r\n");
}

static void write_csv_row(struct buf *b, const struct export *x, const struct names *n, size_t row)
{
    struct slice texts[EXPORT_TEXTS];
    struct json_writer number;
    texts_of(x, n, row, texts);
    for (size_t i = 0; i < EXPORT_TEXTS; i++) {
        add_csv_text(b, texts[i]);
        buf_add_char(b, ',');
    }
    json_begin(&number, b);
    json_number(&number, store_rows_number(x->rows, row, "spend"));
    BUF_LITERAL(b, ",0");
    for (size_t i = 1; i < KEY_SUMS; i++) {
        char room[SLICE_DIGITS];
        buf_add_char(b, ',');
        buf_add(b, slice_digits((int64_t)store_rows_number(x->rows, row, key_sums[i]), room));
    }
    BUF_LITERAL(b, "\r\n");
}

static void name_file(struct exchange *ex, const struct export *x)
{
    struct slice entity = slice_of(x->route->begins + 1);
    entity.n--; /* the slash at its end */
    struct slice name = arena_printf(
        &ex->arena, "attachment; filename=\"%.*s-usage-%.*s-%.*s-%s.%s\"", SLICE_ARG(entity),
        SLICE_ARG(x->days.first), SLICE_ARG(x->days.last), x->kind->type, x->json ? "json" : "csv");
    struct http_header headers[] = {{SLICE("content-disposition"), name},
                                    {SLICE("cache-control"), SLICE("no-store")}};
    ask_headers(ex, headers, 2);
    ex->own.type = x->json ? SLICE("application/json") : SLICE("text/csv; charset=utf-8");
}

static void write_export(struct exchange *ex, struct buf *body)
{
    const struct export *x = ex->own.state;
    struct names n;
    struct json_writer w;
    names_init(&n, ex, x->route);
    name_file(ex, x);
    if (x->json) {
        json_begin(&w, body);
        json_array(&w);
    } else {
        write_csv_head(body);
    }
    for (size_t i = 0; i < x->rows->count; i++)
        if (x->json)
            write_json_row(&w, x, &n, i);
        else
            write_csv_row(body, x, &n, i);
    if (x->json)
        json_array_end(&w);
    names_fini(&n);
}

static void take_export(struct exchange *ex, struct buf *body)
{
    struct export *x = ex->own.state;
    struct store_job *job = report_new(ex);
    bool keys = x->kind->by && strcmp(x->kind->by, "api_key") == 0;
    x->rows = ask_keep(ex, 0);
    daily_select_names(job, x->route, keys ? report_list_of(ex, x->rows, "api_key") : SLICE("[]"),
                       report_list_of(ex, x->rows, x->route->entity));
    ask_store(ex, job, write_export);
}

static void check_export(struct exchange *ex, struct buf *body)
{
    if (report_is_whole(ex, ask_rows(ex, 0)))
        take_export(ex, body);
}

static void ask_export(struct exchange *ex, struct slice teams)
{
    static const struct store_order order[] = {{"date", false}, {"spend", true}};
    struct export *x = ex->own.state;
    const char *by[] = {"date", x->route->entity, x->kind->by};
    struct report_filter f = {.count = 0};
    struct store_job *job;
    if (!daily_filter_read(ex, x->route, teams, &f, &x->days) || !(job = report_new(ex)))
        return;
    store_report(job, &(struct store_report){.query = {.table = x->route->table,
                                                       .where = f.where,
                                                       .where_count = f.count,
                                                       .order = order,
                                                       .order_count = 2},
                                             .by = by,
                                             .by_count = x->kind->by ? 3 : 2,
                                             .sums = key_sums,
                                             .sum_count = KEY_SUMS});
    ask_store(ex, job, check_export);
}

void handle_daily_export(struct exchange *ex, struct buf *body)
{
    static const size_t count = sizeof(export_kinds) / sizeof(*export_kinds);
    struct export *x = ARENA_NEW(&ex->arena, struct export);
    struct slice type = query_get(ex->head->query, "export_type", &ex->arena);
    struct slice format = query_get(ex->head->query, "format", &ex->arena);
    size_t i = 0;
    while (type.n && i < count && !slice_eq(type, slice_of(export_kinds[i].type)))
        i++;
    x->route = daily_route_of(ex);
    x->json = slice_eq(format, SLICE("json"));
    ex->own.state = x;
    if (i == count) {
        detail_refuse_input(ex, "query", "export_type",
                            "Input should be 'daily', 'daily_with_keys' or 'daily_with_models'");
    } else if (format.n && !x->json && !slice_eq(format, SLICE("csv"))) {
        detail_refuse_input(ex, "query", "format", "Input should be 'csv' or 'json'");
    } else {
        x->kind = &export_kinds[i];
        daily_with_teams(ex, x->route, ask_export);
    }
}
