/* /global/activity/cache_hits and /global/activity/exceptions: how calls went, by kind and by day.
 *
 * Happy path: reports over lintel_daily_calls, which is kept as requests end, where LiteLLM reads
 * every row of its log.
 *
 * Failure modes: no database; days that are none. What was before this gateway is not in the table.
 */

#include "detail.h"
#include "handlers.h"
#include "query.h"
#include "report.h"

#define LIST_BYTES (256 * 1024)

static const char *const sums[] = {"api_requests", "failed_requests", "cache_hits",
                                   "completion_tokens", "cached_completion_tokens"};

static int64_t sum_at(const struct store_rows *rows, size_t row, const char *name)
{
    return (int64_t)store_rows_number(rows, row, name);
}

static void add_report(struct store_job *job, const struct report_filter *f, const char *const *by,
                       size_t n, struct store_order order)
{
    store_report(job, &(struct store_report){
                          .query = {.table = TABLE_LINTEL_DAILY_CALLS,
                                    .where = f->where,
                                    .where_count = f->count,
                                    .order = &order,
                                    .order_count = 1},
                          .by = by,
                          .by_count = n,
                          .sums = sums,
                          .sum_count = sizeof(sums) / sizeof(*sums),
                      });
}

/* ---- GET /global/activity/cache_hits --------------------------------------------------------- */

struct cache_question {
    struct report_filter filter; /* the days */
    struct slice models, keys;   /* JSON lists that are left to choose from */
};

static struct slice kind_of(const struct store_rows *rows, size_t row)
{
    struct slice kind = store_rows_text(rows, row, "call_type");
    return kind.n ? kind : SLICE("Unknown");
}

static void write_groups(struct json_writer *w, const struct store_rows *rows)
{
    int64_t hits = 0, failed = 0, good = 0, cached = 0, all;
    json_key(w, "groups");
    json_array(w);
    for (size_t i = 0; i < rows->count; i++) {
        int64_t h = sum_at(rows, i, "cache_hits"), f = sum_at(rows, i, "failed_requests");
        int64_t g = sum_at(rows, i, "api_requests") - h - f;
        int64_t c = sum_at(rows, i, "cached_completion_tokens");
        json_object(w);
        json_member_string(w, "call_type", kind_of(rows, i));
        json_member_integer(w, "api_requests", g);
        json_member_integer(w, "cache_hits", h);
        json_member_integer(w, "failed_requests", f);
        json_member_integer(w, "cached_completion_tokens", c);
        json_member_integer(w, "generated_completion_tokens",
                            sum_at(rows, i, "completion_tokens") - c);
        json_object_end(w);
        hits += h, failed += f, good += g, cached += c;
    }
    json_array_end(w);
    all = hits + failed + good;
    json_key(w, "totals");
    json_object(w);
    json_member_integer(w, "api_requests", good);
    json_member_integer(w, "cache_hits", hits);
    json_member_integer(w, "failed_requests", failed);
    json_member_integer(w, "cached_completion_tokens", cached);
    json_key(w, "cache_hit_ratio"), json_number(w, all ? (double)hits / (double)all * 100 : 0);
    json_object_end(w);
}

static void write_errors(struct json_writer *w, const struct store_rows *rows)
{
    json_key(w, "error_breakdown");
    json_array(w);
    for (size_t i = 0; i < rows->count; i++) {
        struct slice name = store_rows_text(rows, i, "error"), code = slice_split(&name, ' ');
        json_object(w);
        json_member_string(w, "call_type", kind_of(rows, i));
        json_member_string(w, "error_code", code);
        json_member_string(w, "error_class", name.n ? name : SLICE("Unknown"));
        json_member_integer(w, "count", sum_at(rows, i, "api_requests"));
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_list(struct json_writer *w, const struct store_rows *rows, const char *column)
{
    json_array(w);
    for (size_t i = 0; i < rows->count; i++)
        if (store_rows_text(rows, i, column).n)
            json_string(w, store_rows_text(rows, i, column));
    json_array_end(w);
}

/* Statements: kinds, errors, models, keys' names. */
static void write_cache(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    write_groups(&w, ask_rows(ex, 0));
    json_key(&w, "filter_options");
    json_object(&w);
    json_key(&w, "key_aliases");
    write_list(&w, ask_rows(ex, 3), "key_alias");
    json_key(&w, "models");
    write_list(&w, ask_rows(ex, 2), "model");
    json_object_end(&w);
    write_errors(&w, ask_rows(ex, 1));
    json_object_end(&w);
}

static void add_names(struct store_job *job, struct slice keys)
{
    static const char *const columns[] = {"token", "key_alias"};
    struct store_where where = {"token", STORE_IN, store_texts(keys), 0};
    store_select(job, &(struct store_query){.table = TABLE_VERIFICATION_TOKEN,
                                            .columns = columns,
                                            .column_count = 2,
                                            .where = &where,
                                            .where_count = 1});
}

/* The keys that are called so, and those of the days, are known. */
static void ask_cache(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {"call_type", "error"}, *const models[] = {"model"};
    struct cache_question *q = ex->own.state;
    struct report_filter f = q->filter, failed;
    struct slice used = report_list_of(ex, ask_rows(ex, 0), "api_key");
    struct slice called = report_list_of(ex, ask_rows(ex, 1), "token");
    struct store_job *job = report_new(ex);
    if (q->keys.n)
        report_filter_add(&f, "api_key", STORE_IN, store_texts(called));
    if (q->models.n)
        report_filter_add(&f, "model", STORE_IN, store_texts(q->models));
    failed = f;
    report_filter_add(&failed, "error", STORE_NE, store_text(SLICE("")));
    add_report(job, &f, by, 1, (struct store_order){"api_requests", true});
    add_report(job, &failed, by, 2, (struct store_order){"api_requests", true});
    add_report(job, &q->filter, models, 1, (struct store_order){"model", false});
    add_names(job, used);
    ask_store(ex, job, write_cache);
}

void handle_cache_hits(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {"api_key"}, *const columns[] = {"token"};
    struct cache_question *q = ARENA_NEW(&ex->arena, struct cache_question);
    struct report_days days;
    struct store_job *job;
    if (!report_days_read(ex, &days) || !(job = report_new(ex)))
        return;
    report_filter_days(&q->filter, &days);
    q->models = report_values(ex, "models");
    q->keys = report_values(ex, "key_aliases");
    ex->own.state = q;
    struct store_where named = {"key_alias", STORE_IN,
                                store_texts(q->keys.n ? q->keys : SLICE("[]")), 0};
    add_report(job, &q->filter, by, 1, (struct store_order){"api_requests", true});
    store_select(job, &(struct store_query){.table = TABLE_VERIFICATION_TOKEN,
                                            .columns = columns,
                                            .column_count = 1,
                                            .where = &named,
                                            .where_count = 1});
    ask_store(ex, job, ask_cache);
}

/* ---- GET /global/activity/exceptions, …/deployment ------------------------------------------- */

static int64_t write_days(struct json_writer *w, const struct store_rows *rows, size_t first,
                          size_t end)
{
    int64_t sum = 0;
    char room[REPORT_SHORT_DAY];
    json_key(w, "daily_data");
    json_array(w);
    for (size_t i = first; i < end; i++) {
        json_object(w);
        json_member_string(w, "date", report_short_day(store_rows_text(rows, i, "date"), room));
        json_member_integer(w, "num_rate_limit_exceptions", sum_at(rows, i, "api_requests"));
        json_object_end(w);
        sum += sum_at(rows, i, "api_requests");
    }
    json_array_end(w);
    return sum;
}

static void write_exceptions(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    int64_t sum = write_days(&w, rows, 0, rows->count);
    json_member_integer(&w, "sum_num_rate_limit_exceptions", sum);
    json_object_end(&w);
}

static void write_deployments(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    struct json_writer w;
    json_begin(&w, body);
    json_array(&w);
    for (size_t i = 0, end; i < rows->count; i = end) {
        struct slice base = store_rows_text(rows, i, "api_base");
        for (end = i; end < rows->count && slice_eq(store_rows_text(rows, end, "api_base"), base);)
            end++;
        json_object(&w);
        json_member_string(&w, "api_base", base);
        int64_t sum = write_days(&w, rows, i, end);
        json_member_integer(&w, "sum_num_rate_limit_exceptions", sum);
        json_object_end(&w);
    }
    json_array_end(&w);
}

void handle_exceptions(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {"api_base", "date"};
    bool deployments = slice_ends(slice_of(ex->route->path), SLICE("/deployment"));
    struct slice group = query_get(ex->head->query, "model_group", &ex->arena);
    struct report_filter f = {.count = 0};
    struct report_days days;
    struct store_job *job;
    if (!group.n)
        detail_refuse_input(ex, "query", "model_group", "Field required");
    if (!group.n || !report_days_read(ex, &days) || !(job = report_new(ex)))
        return;
    report_filter_days(&f, &days);
    report_filter_add(&f, "model_group", STORE_EQ, store_text(group));
    report_filter_add(&f, "error", STORE_HOLDS, store_text(SLICE("429 ")));
    add_report(job, &f, deployments ? by : by + 1, deployments ? 2 : 1,
               (struct store_order){deployments ? "api_base" : "date", false});
    ask_store(ex, job, deployments ? write_deployments : write_exceptions);
}
