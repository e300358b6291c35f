/* What was spent, in lists: /spend/keys, users, tags, /global/spend and what is below it.
 *
 * Happy path: one report over the rows per day, written as LiteLLM names its members. Which table,
 * which sums and which names is one row of a table for each route.
 *
 * Failure modes: no database; days that are none. Whoever is no admin gets its own rows. */

#include "admin.h"
#include "audit.h"
#include "base/date.h"
#include "detail.h"
#include "handlers.h"
#include "io/clock.h"
#include "key_fields.h"
#include "query.h"
#include "report.h"

#define TOP_MAX 1000

/* ---- one report, one list -------------------------------------------------------------------- */

enum { LAST_30_DAYS, DAYS_ASKED_FOR, ALL_DAYS };

struct listing {
    const char *path;
    const char *only_with; /* this row holds when the query string has that; NULL: always */
    enum store_table_id table;
    int days;
    const char *own; /* column of whoever sees its own rows only */
    const char *by[3];
    const char *sums[3];
    struct store_order order;
    int64_t limit;      /* unless the query string says another; 0: none */
    const char *filter; /* column and parameter, or NULL */
    const char *parameter;
    bool filter_is_list;
    const char *not_empty; /* a column that must say something, or NULL */
    const char *wrap;      /* the list is this member of an object; NULL: it is the answer */
    struct report_member members[5];
};

static const struct listing listings[] = {
    {.path = "/global/spend/logs",
     .only_with = "api_key",
     .table = TABLE_DAILY_USER_SPEND,
     .own = "user_id",
     .by = {"date", "api_key"},
     .sums = {"spend"},
     .order = {"date", false},
     .filter = "api_key",
     .parameter = "api_key",
     .members = {{"date", "date"}, {"spend", "spend"}, {"api_key", "api_key"}}},
    {.path = "/global/spend/logs",
     .table = TABLE_DAILY_USER_SPEND,
     .own = "user_id",
     .by = {"date"},
     .sums = {"spend"},
     .order = {"date", false},
     .members = {{"date", "date"}, {"spend", "spend"}}},
    {.path = "/global/spend/models",
     .table = TABLE_DAILY_USER_SPEND,
     .own = "user_id",
     .by = {"model"},
     .sums = {"spend", "prompt_tokens", "completion_tokens"},
     .order = {"spend", true},
     .limit = 10,
     .not_empty = "model",
     .members = {{"model", "model"}, {"spend", "total_spend"}}},
    {.path = "/global/spend/provider",
     .table = TABLE_DAILY_USER_SPEND,
     .days = DAYS_ASKED_FOR,
     .own = "user_id",
     .by = {"custom_llm_provider"},
     .sums = {"spend"},
     .order = {"spend", true},
     .not_empty = "custom_llm_provider",
     .members = {{"custom_llm_provider", "provider"}, {"spend", "spend"}}},
    {.path = "/spend/tags",
     .only_with = "start_date",
     .table = TABLE_DAILY_TAG_SPEND,
     .days = DAYS_ASKED_FOR,
     .by = {"tag"},
     .sums = {"spend", "api_requests"},
     .order = {"spend", true},
     .members = {{"tag", "individual_request_tag"},
                 {"api_requests", "log_count"},
                 {"spend", "total_spend"}}},
    {.path = "/spend/tags",
     .table = TABLE_DAILY_TAG_SPEND,
     .days = ALL_DAYS,
     .by = {"tag"},
     .sums = {"spend", "api_requests"},
     .order = {"spend", true},
     .members = {{"tag", "individual_request_tag"},
                 {"api_requests", "log_count"},
                 {"spend", "total_spend"}}},
    {.path = "/global/spend/tags",
     .table = TABLE_DAILY_TAG_SPEND,
     .days = DAYS_ASKED_FOR,
     .by = {"tag"},
     .sums = {"spend", "api_requests"},
     .order = {"spend", true},
     .filter = "tag",
     .parameter = "tags",
     .filter_is_list = true,
     .wrap = "spend_per_tag",
     .members = {{"tag", "name"}, {"spend", "spend"}, {"api_requests", "log_count"}}},
};

static const struct listing *listing_of(struct exchange *ex)
{
    const struct listing *l = listings;
    while (!slice_eq(slice_of(l->path), slice_of(ex->route->path)) ||
           (l->only_with && !query_get(ex->head->query, l->only_with, &ex->arena).n))
        l++;
    return l;
}

static void write_listing(struct exchange *ex, struct buf *body)
{
    const struct listing *l = listing_of(ex);
    struct json_writer w;
    json_begin(&w, body);
    if (l->wrap) {
        json_object(&w);
        json_key_slice(&w, slice_of(l->wrap));
    }
    report_write_rows(&w, ask_rows(ex, 0), l->members);
    if (l->wrap)
        json_object_end(&w);
}

static size_t count_names(const char *const *names)
{
    size_t n = 0;
    while (n < 3 && names[n])
        n++;
    return n;
}

/* "all-tags" is LiteLLM's word for no condition. */
static void filter_listing(struct exchange *ex, const struct listing *l, struct report_filter *f)
{
    struct slice asked =
        l->filter ? query_get(ex->head->query, l->parameter, &ex->arena) : slice_make(NULL, 0);
    if (l->own)
        report_filter_own(ex, f, l->own);
    if (l->not_empty)
        report_filter_add(f, l->not_empty, STORE_NE, store_text(SLICE("")));
    if (l->filter_is_list && slice_find(asked, SLICE("all-tags")) < 0)
        report_filter_list(ex, f, l->filter, l->parameter);
    else if (l->filter && !l->filter_is_list && asked.n)
        report_filter_add(f, l->filter, STORE_EQ, store_text(report_key(ex, asked)));
}

void handle_spend_listing(struct exchange *ex, struct buf *body)
{
    const struct listing *l = listing_of(ex);
    struct report_filter f = {.count = 0};
    struct report_days days = report_days_lately(ex);
    struct store_job *job;
    int64_t limit;
    if ((l->days == DAYS_ASKED_FOR && !report_days_read(ex, &days)) ||
        !report_number(ex, "limit", 1, TOP_MAX, l->limit, &limit) || !(job = report_new(ex)))
        return;
    if (l->days != ALL_DAYS)
        report_filter_days(&f, &days);
    filter_listing(ex, l, &f);
    store_report(job, &(struct store_report){
                          .query = {.table = l->table,
                                    .where = f.where,
                                    .where_count = f.count,
                                    .order = &l->order,
                                    .order_count = 1,
                                    .limit = limit},
                          .by = l->by,
                          .by_count = count_names(l->by),
                          .sums = l->sums,
                          .sum_count = count_names(l->sums),
                      });
    ask_store(ex, job, write_listing);
}

/* ---- GET /global/spend ----------------------------------------------------------------------- */

static void write_total(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "spend"), json_number(&w, store_rows_number(ask_rows(ex, 0), 0, "spend"));
    json_key(&w, "max_budget"), json_number(&w, ex->config->settings.max_budget);
    json_object_end(&w);
}

void handle_global_spend(struct exchange *ex, struct buf *body)
{
    static const char *const sums[] = {"spend"};
    struct report_days days = report_days_lately(ex);
    struct report_filter f = {.count = 0};
    struct store_job *job = report_new(ex);
    if (!job)
        return;
    report_filter_days(&f, &days);
    report_filter_own(ex, &f, "user_id");
    store_report(job, &(struct store_report){.query = {.table = TABLE_DAILY_USER_SPEND,
                                                       .where = f.where,
                                                       .where_count = f.count},
                                             .sums = sums,
                                             .sum_count = 1});
    ask_store(ex, job, write_total);
}

/* ---- GET /global/spend/keys ------------------------------------------------------------------ */

struct top {
    const struct store_rows *rows; /* of the first job, which goes with the second */
    struct slice *keys;
    double *spend;
    size_t count;
};

static ptrdiff_t find_row(const struct store_rows *rows, const char *column, struct slice value)
{
    for (size_t i = 0; i < rows->count; i++)
        if (slice_eq(store_rows_text(rows, i, column), value))
            return (ptrdiff_t)i;
    return -1;
}

static void write_cell(struct json_writer *w, const struct store_rows *rows, ptrdiff_t row,
                       const char *column)
{
    json_key_slice(w, slice_of(column));
    if (row < 0)
        json_null(w);
    else
        store_value_write(w, store_rows_at(rows, (size_t)row, column));
}

static void write_top_keys(struct exchange *ex, struct buf *body)
{
    const struct top *t = ex->own.state;
    const struct store_rows *tokens = ask_rows(ex, 0);
    struct json_writer w;
    json_begin(&w, body);
    json_array(&w);
    for (size_t i = 0; i < t->count; i++) {
        ptrdiff_t row = find_row(tokens, "token", t->keys[i]);
        json_object(&w);
        json_member_string(&w, "api_key", t->keys[i]);
        write_cell(&w, tokens, row, "key_alias");
        write_cell(&w, tokens, row, "key_name");
        json_key(&w, "total_spend"), json_number(&w, t->spend[i]);
        json_object_end(&w);
    }
    json_array_end(&w);
}

/* Their names, in a second question. */
static void name_top_keys(struct exchange *ex, struct buf *body)
{
    static const char *const columns[] = {"token", "key_alias", "key_name"};
    const struct store_rows *rows = ask_rows(ex, 0);
    struct top *t = ARENA_NEW(&ex->arena, struct top);
    struct store_where where = {"token", STORE_IN, store_texts(report_list_of(ex, rows, "api_key")),
                                0};
    struct store_job *job = report_new(ex);
    t->count = rows->count;
    t->keys = arena_alloc(&ex->arena, (t->count + 1) * sizeof(*t->keys));
    t->spend = arena_alloc(&ex->arena, (t->count + 1) * sizeof(*t->spend));
    for (size_t i = 0; i < t->count; i++) {
        t->keys[i] = arena_dup(&ex->arena, store_rows_text(rows, i, "api_key"));
        t->spend[i] = store_rows_number(rows, i, "spend");
    }
    ex->own.state = t;
    store_select(job, &(struct store_query){.table = TABLE_VERIFICATION_TOKEN,
                                            .columns = columns,
                                            .column_count = 3,
                                            .where = &where,
                                            .where_count = 1});
    ask_store(ex, job, write_top_keys);
}

void handle_global_spend_keys(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {"api_key"}, *const sums[] = {"spend"};
    struct report_days days = report_days_lately(ex);
    struct report_filter f = {.count = 0};
    struct store_job *job;
    int64_t limit;
    if (!report_number(ex, "limit", 1, TOP_MAX, TOP_MAX, &limit) || !(job = report_new(ex)))
        return;
    report_filter_days(&f, &days);
    report_filter_own(ex, &f, "user_id");
    store_report(job, &(struct store_report){
                          .query = {.table = TABLE_DAILY_USER_SPEND,
                                    .where = f.where,
                                    .where_count = f.count,
                                    .order = &(struct store_order){"spend", true},
                                    .order_count = 1,
                                    .limit = limit},
                          .by = by,
                          .by_count = 1,
                          .sums = sums,
                          .sum_count = 1,
                      });
    ask_store(ex, job, name_top_keys);
}

/* ---- POST /global/spend/end_users ------------------------------------------------------------ */

static const struct report_member end_user_members[] = {{"end_user_id", "end_user"},
                                                        {"api_requests", "total_count"},
                                                        {"spend", "total_spend"},
                                                        {NULL, NULL}};

static void write_end_users(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    report_write_rows(&w, ask_rows(ex, 0), end_user_members);
}

/* Their days: the table knows no hours. */
static bool days_of_body(struct exchange *ex, yyjson_val *body, struct report_days *days)
{
    struct slice from = json_get_slice(body, "startTime"), to = json_get_slice(body, "endTime");
    int64_t ms;
    if ((from.n && !date_parse(from, &ms)) || (to.n && !date_parse(to, &ms)))
        return failure_bad_param(&ex->failure, &ex->arena, "startTime",
                                 "startTime and endTime must be times in ISO 8601");
    if (from.n && date_parse(from, &ms))
        days->first = report_day_of(ms, &ex->arena);
    if (to.n && date_parse(to, &ms))
        days->last = report_day_of(ms, &ex->arena);
    return true;
}

void handle_global_end_users(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {"end_user_id"}, *const sums[] = {"spend", "api_requests"};
    yyjson_val *asked = ask_body(ex);
    struct slice key = json_get_slice(asked, "api_key");
    struct report_days days = report_days_lately(ex);
    struct report_filter f = {.count = 0};
    struct store_job *job;
    if (!asked || !days_of_body(ex, asked, &days) || !(job = report_new(ex)))
        return;
    report_filter_days(&f, &days);
    if (key.n)
        report_filter_add(&f, "api_key", STORE_EQ, store_text(report_key(ex, key)));
    store_report(job, &(struct store_report){
                          .query = {.table = TABLE_DAILY_END_USER_SPEND,
                                    .where = f.where,
                                    .where_count = f.count,
                                    .order = &(struct store_order){"spend", true},
                                    .order_count = 1,
                                    .limit = 100},
                          .by = by,
                          .by_count = 1,
                          .sums = sums,
                          .sum_count = 2,
                      });
    ask_store(ex, job, write_end_users);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* {"tag_names": […]} and {"end_users": […]}: the keys of a report. */
static void write_names(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    bool tags = slice_ends(slice_of(ex->route->path), SLICE("all_tag_names"));
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key_slice(&w, tags ? SLICE("tag_names") : SLICE("end_users"));
    json_array(&w);
    for (size_t i = 0; i < rows->count; i++)
        json_string(&w, store_rows_text(rows, i, rows->columns[0].name));
    json_array_end(&w);
    json_object_end(&w);
}

void handle_global_names(struct exchange *ex, struct buf *body)
{
    bool tags = slice_ends(slice_of(ex->route->path), SLICE("all_tag_names"));
    const char *by[] = {tags ? "tag" : "end_user_id"};
    struct store_job *job = report_new(ex);
    if (!job)
        return;
    store_report(job,
                 &(struct store_report){
                     .query = {.table = tags ? TABLE_DAILY_TAG_SPEND : TABLE_DAILY_END_USER_SPEND,
                               .order = &(struct store_order){by[0], false},
                               .order_count = 1},
                     .by = by,
                     .by_count = 1,
                 });
    ask_store(ex, job, write_names);
}

/* ---- GET /spend/keys, /spend/users ----------------------------------------------------------- */

static void write_keys(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    struct json_writer w;
    json_begin(&w, body);
    json_array(&w);
    for (size_t i = 0; i < rows->count; i++) {
        json_object(&w);
        json_member_string(&w, "token", store_rows_text(rows, i, "token"));
        key_fields_write(&w, rows, i, NULL);
        json_object_end(&w);
    }
    json_array_end(&w);
}

/* All columns but the password, which is no business of a report. */
static void write_users(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    struct json_writer w;
    json_begin(&w, body);
    json_array(&w);
    for (size_t i = 0; i < rows->count; i++) {
        json_object(&w);
        for (size_t c = 0; c < rows->column_count; c++) {
            const char *name = rows->columns[c].name;
            if (strcmp(name, "password") == 0)
                continue;
            json_key_slice(&w, slice_of(name));
            admin_write_value(&w, slice_of(name), store_rows_at(rows, i, name));
        }
        json_object_end(&w);
    }
    json_array_end(&w);
}

static void list_by_spend(struct exchange *ex, enum store_table_id table,
                          const struct report_filter *f, answer_next *next)
{
    struct store_job *job = report_new(ex);
    if (!job)
        return;
    store_select(job, &(struct store_query){.table = table,
                                            .where = f->where,
                                            .where_count = f->count,
                                            .order = &(struct store_order){"spend", true},
                                            .order_count = 1});
    ask_store(ex, job, next);
}

void handle_spend_keys(struct exchange *ex, struct buf *body)
{
    struct report_filter f = {.count = 0};
    report_filter_own(ex, &f, "user_id");
    list_by_spend(ex, TABLE_VERIFICATION_TOKEN, &f, write_keys);
}

void handle_spend_users(struct exchange *ex, struct buf *body)
{
    struct slice user = query_get(ex->head->query, "user_id", &ex->arena);
    struct report_filter f = {.count = 0};
    if (!report_sees_all(ex) && user.n && !slice_eq(user, ex->caller.user)) {
        detail_refuse_error(ex, 403, SLICE("Not authorized to view spend for another user."));
        return;
    }
    report_filter_own(ex, &f, "user_id");
    if (user.n)
        report_filter_add(&f, "user_id", STORE_EQ, store_text(user));
    list_by_spend(ex, TABLE_USER_TABLE, &f, write_users);
}

/* ---- POST /global/spend/reset ---------------------------------------------------------------- */

static void write_success(struct buf *body, struct slice message)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "message", message);
    json_member_string(&w, "status", SLICE("success"));
    json_object_end(&w);
}

static void write_reset(struct exchange *ex, struct buf *body)
{
    write_success(body, SLICE("Spend for all API Keys and Teams reset successfully"));
    (void)ex;
}

/* The logs and the rows per day stay. */
void handle_global_reset(struct exchange *ex, struct buf *body)
{
    static const enum store_table_id tables[] = {TABLE_VERIFICATION_TOKEN, TABLE_TEAM_TABLE};
    struct admin_cells cells = {.n = 0};
    struct store_where where = {"spend", STORE_NE, store_number(0), 0};
    struct store_job *job = report_new(ex);
    if (!job)
        return;
    admin_set(&cells, "spend", store_number(0));
    for (size_t i = 0; i < 2; i++) {
        store_update(job, tables[i], cells.v, cells.n, &where, 1);
        audit_all(ex, job, tables[i], &cells);
        store_tell(job, tables[i], slice_make(NULL, 0));
    }
    ask_store(ex, job, write_reset);
}

/* LiteLLM's report is a view that grows old; the rows per day are always as they are. */
void handle_global_refresh(struct exchange *ex, struct buf *body)
{
    write_success(body, SLICE("MonthlyGlobalSpend view refreshed"));
    (void)ex;
}
