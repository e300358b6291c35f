#include "report.h"

#include "base/date.h"
#include "base/map.h"
#include "detail.h"
#include "io/clock.h"
#include "query.h"
#include "wire/crypto.h"
#include "worker_private.h"

#include <assert.h>

#define DAY_LENGTH 10 /* of "2026-11-21" */
#define LATELY     30 /* days */
#define LIST_BYTES (STORE_LIST_MAX * 512)

/* ---- days ------------------------------------------------------------------------------------ */

int64_t report_day_begins(struct slice day)
{
    int64_t ms;
    return day.n == DAY_LENGTH && date_parse(day, &ms) && ms % REPORT_DAY_MS == 0 ? ms : -1;
}

int64_t report_time(struct slice text, bool end)
{
    int64_t ms = report_day_begins(slice_trim(text));
    if (ms >= 0)
        return end ? ms + REPORT_DAY_MS - 1 : ms;
    if (!date_parse(slice_trim(text), &ms))
        return -1;
    return end ? ms + 999 : ms;
}

struct slice report_day_of(int64_t unix_ms, struct arena *a)
{
    char text[DATE_SIZE];
    date_format(unix_ms, text);
    return arena_dup(a, slice_make(text, DAY_LENGTH));
}

bool report_days_read(struct exchange *ex, struct report_days *days)
{
    days->first = query_get(ex->head->query, "start_date", &ex->arena);
    days->last = query_get(ex->head->query, "end_date", &ex->arena);
    if (!days->first.n || !days->last.n)
        detail_refuse_error(ex, 400, SLICE("Please provide start_date and end_date"));
    else if (report_day_begins(days->first) < 0 || report_day_begins(days->last) < 0)
        detail_refuse_error(ex, 400,
                            SLICE("start_date and end_date must be valid YYYY-MM-DD dates"));
    return ex->failure.kind == FAILURE_NONE;
}

struct report_days report_days_lately(struct exchange *ex)
{
    int64_t now = clock_unix_ms();
    return (struct report_days){report_day_of(now - LATELY * REPORT_DAY_MS, &ex->arena),
                                report_day_of(now, &ex->arena)};
}

struct slice report_short_day(struct slice day, char room[REPORT_SHORT_DAY])
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    size_t month =
        day.n == DAY_LENGTH ? (size_t)(day.p[5] - '0') * 10 + (size_t)(day.p[6] - '0') : 0;
    if (month < 1 || month > 12)
        return day;
    memcpy(room, names + (month - 1) * 3, 3);
    room[3] = ' ';
    memcpy(room + 4, day.p + 8, 2);
    return slice_make(room, 6);
}

/* ---- conditions ------------------------------------------------------------------------------ */

void report_filter_any(struct report_filter *f, const char *column, enum store_test test,
                       struct store_value value, unsigned any)
{
    assert(f->count < REPORT_CONDITIONS_MAX);
    f->where[f->count++] = (struct store_where){column, test, value, any};
}

void report_filter_add(struct report_filter *f, const char *column, enum store_test test,
                       struct store_value value)
{
    report_filter_any(f, column, test, value, 0);
}

void report_filter_days(struct report_filter *f, const struct report_days *days)
{
    report_filter_add(f, "date", STORE_GE, store_text(days->first));
    report_filter_add(f, "date", STORE_LE, store_text(days->last));
}

void report_filter_times(struct report_filter *f, const struct report_days *days)
{
    report_filter_add(f, "startTime", STORE_GE, store_time(report_day_begins(days->first)));
    report_filter_add(f, "startTime", STORE_LT,
                      store_time(report_day_begins(days->last) + REPORT_DAY_MS));
}

void report_filter_query(struct exchange *ex, struct report_filter *f, const char *column,
                         const char *name)
{
    struct slice value = query_get(ex->head->query, name, &ex->arena);
    if (value.n)
        report_filter_add(f, column, STORE_EQ, store_text(value));
}

void report_filter_list(struct exchange *ex, struct report_filter *f, const char *column,
                        const char *name)
{
    struct slice rest = query_get(ex->head->query, name, &ex->arena);
    struct buf b;
    struct json_writer w;
    if (!rest.n)
        return;
    buf_init(&b, LIST_BYTES);
    json_begin(&w, &b);
    json_array(&w);
    for (size_t n = 0; rest.p && n < STORE_LIST_MAX; n++)
        json_string(&w, slice_split(&rest, ','));
    json_array_end(&w);
    report_filter_add(f, column, STORE_IN,
                      store_texts(b.overflow ? SLICE("[]") : arena_dup(&ex->arena, buf_slice(&b))));
    buf_fini(&b);
}

struct slice report_values(struct exchange *ex, const char *name)
{
    struct slice rest = ex->head->query;
    struct buf b;
    struct json_writer w;
    size_t n = 0;
    buf_init(&b, LIST_BYTES);
    json_begin(&w, &b);
    json_array(&w);
    while (rest.n && n < STORE_LIST_MAX) {
        struct slice pair = slice_split(&rest, '&'), value = query_get(pair, name, &ex->arena);
        if (value.n)
            json_string(&w, value), n++;
    }
    json_array_end(&w);
    struct slice list = n && !b.overflow ? arena_dup(&ex->arena, buf_slice(&b)) : SLICE("");
    buf_fini(&b);
    return list;
}

struct slice report_key(struct exchange *ex, struct slice key)
{
    char hash[KEY_HASH_SIZE];
    if (!slice_starts(key, SLICE("sk-")))
        return key;
    sha256_hex(key, hash);
    return arena_dup(&ex->arena, slice_of(hash));
}

bool report_sees_all(const struct exchange *ex)
{
    return ex->caller.master || ex->caller.role == ROLE_PROXY_ADMIN ||
           ex->caller.role == ROLE_PROXY_ADMIN_VIEWER;
}

void report_filter_own(struct exchange *ex, struct report_filter *f, const char *column)
{
    if (!report_sees_all(ex))
        report_filter_add(f, column, STORE_EQ, store_text(ex->caller.user));
}

/* ---- asking ---------------------------------------------------------------------------------- */

void report_refuse(struct exchange *ex, int status, const char *type, const char *param,
                   struct slice message)
{
    enum failure_kind kind = status == 404   ? FAILURE_NOT_FOUND
                             : status == 403 ? FAILURE_PERMISSION
                             : status < 500  ? FAILURE_BAD_REQUEST
                                             : FAILURE_INTERNAL;
    failure_set(&ex->failure, &ex->arena, kind, status, "%.*s", SLICE_ARG(message));
    ex->failure.type = type;
    ex->failure.param = slice_of(param);
    ex->failure.param_shown = true;
}

struct store_job *report_new(struct exchange *ex)
{
    if (ex->worker->store)
        return ask_new(ex);
    report_refuse(ex, 500, "internal_error", "None", SLICE("{'error': 'No db connected'}"));
    return NULL;
}

bool report_number(struct exchange *ex, const char *name, int64_t low, int64_t high,
                   int64_t otherwise, int64_t *number)
{
    struct slice text = query_get(ex->head->query, name, &ex->arena);
    *number = otherwise;
    if (!text.n || (slice_to_i64(text, number) && *number >= low && *number <= high))
        return true;
    detail_refuse_input(ex, "query", name,
                        arena_printf(&ex->arena, "Input should be a whole number from %lld to %lld",
                                     (long long)low, (long long)high)
                            .p);
    return false;
}

bool report_is_whole(struct exchange *ex, const struct store_rows *rows)
{
    if (rows->more)
        detail_refuse_error(ex, 400,
                            SLICE("The report has too many rows: ask for fewer days, or for one "
                                  "team, user or key."));
    return !rows->more;
}

/* ---- rows per day ---------------------------------------------------------------------------- */

void report_add_days_by(struct store_job *job, enum store_table_id table,
                        const struct report_filter *f, const char *const *by, size_t n)
{
    static const char *const sums[] = {"spend",        "prompt_tokens",       "completion_tokens",
                                       "api_requests", "successful_requests", "failed_requests"};
    struct store_order order[STORE_KEY_MAX];
    assert(n <= STORE_KEY_MAX);
    for (size_t i = 0; i < n; i++)
        order[i] = (struct store_order){by[i], false};
    store_report(job, &(struct store_report){
                          .query = {.table = table,
                                    .where = f->where,
                                    .where_count = f->count,
                                    .order = order,
                                    .order_count = n},
                          .by = by,
                          .by_count = n,
                          .sums = sums,
                          .sum_count = sizeof(sums) / sizeof(*sums),
                      });
}

struct store_job *report_days_by(struct exchange *ex, enum store_table_id table,
                                 const struct report_filter *f, const char *const *by, size_t n)
{
    struct store_job *job = report_new(ex);
    if (job)
        report_add_days_by(job, table, f, by, n);
    return job;
}

int64_t report_tokens(const struct store_rows *rows, size_t row)
{
    return (int64_t)(store_rows_number(rows, row, "prompt_tokens") +
                     store_rows_number(rows, row, "completion_tokens"));
}

void report_add_teams(struct store_job *job)
{
    static const char *const columns[] = {"team_id", "team_alias"};
    store_select(job, &(struct store_query){
                          .table = TABLE_TEAM_TABLE, .columns = columns, .column_count = 2});
}

struct slice report_team_name(const struct store_rows *teams, struct slice id)
{
    for (size_t i = 0; i < teams->count; i++)
        if (slice_eq(store_rows_text(teams, i, "team_id"), id)) {
            struct slice alias = store_rows_text(teams, i, "team_alias");
            return alias.n ? alias : id;
        }
    return id;
}

/* ---- answers --------------------------------------------------------------------------------- */

void report_write_row(struct json_writer *w, const struct store_rows *rows, size_t row,
                      const struct report_member *members)
{
    json_object(w);
    for (const struct report_member *m = members; m->column; m++) {
        json_key_slice(w, slice_of(m->name));
        store_value_write(w, store_rows_at(rows, row, m->column));
    }
    json_object_end(w);
}

void report_write_rows(struct json_writer *w, const struct store_rows *rows,
                       const struct report_member *members)
{
    json_array(w);
    for (size_t i = 0; i < rows->count; i++)
        report_write_row(w, rows, i, members);
    json_array_end(w);
}

struct slice report_list_of(struct exchange *ex, const struct store_rows *rows, const char *column)
{
    struct map seen;
    struct buf b;
    struct json_writer w;
    map_init(&seen);
    buf_init(&b, LIST_BYTES);
    json_begin(&w, &b);
    json_array(&w);
    for (size_t i = 0; i < rows->count && seen.count < STORE_LIST_MAX; i++) {
        struct slice text = store_rows_text(rows, i, column);
        if (!text.n || map_get(&seen, text))
            continue;
        map_put(&seen, text, &seen);
        json_string(&w, text);
    }
    json_array_end(&w);
    struct slice list = b.overflow ? SLICE("[]") : arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    map_fini(&seen);
    return list;
}
