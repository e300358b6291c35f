/* /global/activity, /global/activity/model, /global/spend/teams and the summary of /spend/logs:
 * reports whose rows are nested for the answer.
 *
 * Happy path: one report ordered by what the answer nests by, read once from top to bottom.
 *
 * Failure modes: no database; days that are none; more groups than one answer holds, which is an
 * error and never half a report. */

#include "detail.h"
#include "handlers.h"
#include "query.h"
#include "report.h"

#include <stdlib.h>

#define TOP 10

static int64_t requests_of(const struct store_rows *rows, size_t row)
{
    return (int64_t)store_rows_number(rows, row, "api_requests");
}

/* ---- GET /global/activity -------------------------------------------------------------------- */

static void write_activity_row(struct json_writer *w, const struct store_rows *rows, size_t row)
{
    char room[REPORT_SHORT_DAY];
    json_member_string(w, "date", report_short_day(store_rows_text(rows, row, "date"), room));
    json_member_integer(w, "api_requests", requests_of(rows, row));
    json_member_integer(w, "total_tokens", report_tokens(rows, row));
}

static void write_sums(struct json_writer *w, int64_t requests, int64_t tokens)
{
    json_member_integer(w, "sum_api_requests", requests);
    json_member_integer(w, "sum_total_tokens", tokens);
}

static void write_activity(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    int64_t requests = 0, tokens = 0;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "daily_data");
    json_array(&w);
    for (size_t i = 0; i < rows->count; i++) {
        json_object(&w);
        write_activity_row(&w, rows, i);
        json_object_end(&w);
        requests += requests_of(rows, i);
        tokens += report_tokens(rows, i);
    }
    json_array_end(&w);
    write_sums(&w, requests, tokens);
    json_object_end(&w);
}

/* Of one model: neighbouring rows. */
struct activity {
    size_t first, end;
    int64_t requests, tokens;
};

static int by_requests(const void *left, const void *right)
{
    const struct activity *a = left, *b = right;
    return (a->requests < b->requests) - (a->requests > b->requests);
}

static size_t group_models(const struct store_rows *rows, struct activity *groups)
{
    size_t n = 0;
    for (size_t i = 0; i < rows->count; i++) {
        struct slice model = store_rows_text(rows, i, "model_group");
        if (!n || !slice_eq(store_rows_text(rows, groups[n - 1].first, "model_group"), model))
            groups[n++] = (struct activity){.first = i};
        groups[n - 1].end = i + 1;
        groups[n - 1].requests += requests_of(rows, i);
        groups[n - 1].tokens += report_tokens(rows, i);
    }
    qsort(groups, n, sizeof(*groups), by_requests);
    return n;
}

static void write_model(struct json_writer *w, const struct store_rows *rows,
                        const struct activity *g)
{
    struct slice model = store_rows_text(rows, g->first, "model_group");
    json_object(w);
    json_member_string(w, "model", model);
    json_key(w, "daily_data");
    json_array(w);
    for (size_t i = g->first; i < g->end; i++) {
        json_object(w);
        json_member_string(w, "model_group", model);
        write_activity_row(w, rows, i);
        json_object_end(w);
    }
    json_array_end(w);
    write_sums(w, g->requests, g->tokens);
    json_object_end(w);
}

static void write_models(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    struct activity *groups = arena_zalloc(&ex->arena, (rows->count + 1) * sizeof(*groups));
    size_t n = group_models(rows, groups);
    struct json_writer w;
    if (!report_is_whole(ex, rows))
        return;
    json_begin(&w, body);
    json_array(&w);
    for (size_t i = 0; i < n && i < TOP; i++)
        write_model(&w, rows, &groups[i]);
    json_array_end(&w);
}

void handle_global_activity(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {"model_group", "date"};
    bool models = slice_ends(slice_of(ex->route->path), SLICE("/model"));
    struct report_filter f = {.count = 0};
    struct report_days days;
    struct store_job *job;
    if (!report_days_read(ex, &days))
        return;
    report_filter_days(&f, &days);
    report_filter_own(ex, &f, "user_id");
    job = report_days_by(ex, TABLE_DAILY_USER_SPEND, &f, models ? by : by + 1, models ? 2 : 1);
    if (job)
        ask_store(ex, job, models ? write_models : write_activity);
}

/* ---- GET /global/spend/teams ----------------------------------------------------------------- */

/* What no team spent is what is left of everything. */
#define UNASSIGNED SLICE("Unassigned")

struct team_sum {
    struct slice alias;
    double spend;
};

static void add_sum(struct team_sum *sums, size_t *n, struct slice alias, double spend)
{
    size_t i = 0;
    while (i < *n && !slice_eq(sums[i].alias, alias))
        i++;
    if (i == *n)
        sums[(*n)++] = (struct team_sum){alias, 0};
    sums[i].spend += spend;
}

static int by_spend(const void *left, const void *right)
{
    const struct team_sum *a = left, *b = right;
    return (a->spend < b->spend) - (a->spend > b->spend);
}

static void write_sum(struct json_writer *w, const struct team_sum *s)
{
    json_key_slice(w, s->alias);
    json_number(w, s->spend);
}

/* The day's teams, then what is left of the day. */
static size_t sum_day(const struct store_rows *days, size_t day, const struct store_rows *spends,
                      size_t *next, const struct store_rows *teams, struct team_sum *sums)
{
    struct slice date = store_rows_text(days, day, "date");
    double rest = store_rows_number(days, day, "spend");
    size_t n = 0;
    for (; *next < spends->count && slice_eq(store_rows_text(spends, *next, "date"), date);
         (*next)++) {
        double spend = store_rows_number(spends, *next, "spend");
        add_sum(sums, &n, report_team_name(teams, store_rows_text(spends, *next, "team_id")),
                spend);
        rest -= spend;
    }
    if (rest > 1e-12)
        add_sum(sums, &n, UNASSIGNED, rest);
    return n;
}

static void write_teams(struct exchange *ex, struct buf *body)
{
    const struct store_rows *spends = ask_rows(ex, 0), *days = ask_rows(ex, 1);
    const struct store_rows *teams = ask_rows(ex, 2);
    size_t room = spends->count + days->count + 1, total_count = 0, next = 0;
    struct team_sum *total = arena_alloc(&ex->arena, room * sizeof(*total));
    struct team_sum *sums = arena_alloc(&ex->arena, room * sizeof(*sums));
    struct json_writer w;
    if (!report_is_whole(ex, spends))
        return;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "daily_spend");
    json_array(&w);
    for (size_t i = 0; i < days->count; i++) {
        size_t n = sum_day(days, i, spends, &next, teams, sums);
        json_object(&w);
        json_member_string(&w, "date", store_rows_text(days, i, "date"));
        for (size_t k = 0; k < n; k++) {
            write_sum(&w, &sums[k]);
            add_sum(total, &total_count, sums[k].alias, sums[k].spend);
        }
        json_object_end(&w);
    }
    json_array_end(&w);
    if (total_count)
        qsort(total, total_count, sizeof(*total), by_spend);
    json_key(&w, "teams");
    json_array(&w);
    for (size_t i = 0; i < total_count; i++)
        json_string(&w, total[i].alias);
    json_array_end(&w);
    json_key(&w, "total_spend_per_team");
    json_array(&w);
    for (size_t i = 0; i < total_count && i < TOP; i++) {
        json_object(&w);
        json_member_string(&w, "team_id", total[i].alias);
        json_key(&w, "total_spend"), json_number(&w, total[i].spend);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
}

void handle_global_teams(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {"date", "team_id"}, *const sums[] = {"spend"};
    struct report_days days = report_days_lately(ex);
    struct report_filter f = {.count = 0};
    struct store_job *job;
    report_filter_days(&f, &days);
    job = report_days_by(ex, TABLE_DAILY_TEAM_SPEND, &f, by, 2);
    if (!job)
        return;
    store_report(job, &(struct store_report){
                          .query = {.table = TABLE_DAILY_USER_SPEND,
                                    .where = f.where,
                                    .where_count = f.count,
                                    .order = &(struct store_order){"date", false},
                                    .order_count = 1},
                          .by = by,
                          .by_count = 1,
                          .sums = sums,
                          .sum_count = 1,
                      });
    report_add_teams(job);
    ask_store(ex, job, write_teams);
}

/* ---- GET /spend/logs, summarized ------------------------------------------------------------- */

static void write_by(struct json_writer *w, const struct store_rows *rows, size_t first, size_t end,
                     const char *column, struct team_sum *room)
{
    size_t n = 0;
    for (size_t i = first; i < end; i++)
        add_sum(room, &n, store_rows_text(rows, i, column), store_rows_number(rows, i, "spend"));
    for (size_t i = 0; i < n; i++)
        write_sum(w, &room[i]);
}

static void write_summary_day(struct json_writer *w, const struct store_rows *rows, size_t first,
                              size_t end, struct slice day, struct team_sum *room)
{
    double spend = 0;
    for (size_t i = first; i < end; i++)
        spend += store_rows_number(rows, i, "spend");
    json_object(w);
    write_by(w, rows, first, end, "api_key", room);
    json_member_string(w, "startTime", day);
    json_key(w, "spend"), json_number(w, spend);
    json_key(w, "users");
    json_object(w);
    write_by(w, rows, first, end, "user_id", room);
    json_object_end(w);
    json_key(w, "models");
    json_object(w);
    write_by(w, rows, first, end, "model", room);
    json_object_end(w);
    json_object_end(w);
}

/* Days at the end on which nothing was spent are told; those in between are left out. */
static void write_summary(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    struct team_sum *room = arena_alloc(&ex->arena, (rows->count + 1) * sizeof(*room));
    struct slice last = query_get(ex->head->query, "end_date", &ex->arena), day = {0};
    struct json_writer w;
    if (!report_is_whole(ex, rows))
        return;
    json_begin(&w, body);
    json_array(&w);
    for (size_t i = 0, end; i < rows->count; i = end) {
        day = store_rows_text(rows, i, "date");
        for (end = i; end < rows->count && slice_eq(store_rows_text(rows, end, "date"), day);)
            end++;
        write_summary_day(&w, rows, i, end, day, room);
    }
    for (int64_t at = day.n ? report_day_begins(day) : INT64_MAX - 1, to = report_day_begins(last);
         at < to; at += 86400000)
        write_summary_day(&w, rows, 0, 0, report_day_of(at + 86400000, &ex->arena), room);
    json_array_end(&w);
}

void handle_spend_summary(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {"date", "api_key", "user_id", "model"};
    struct slice key = query_get(ex->head->query, "api_key", &ex->arena);
    struct report_filter f = {.count = 0};
    struct report_days days;
    struct store_job *job;
    if (!report_days_read(ex, &days))
        return;
    report_filter_days(&f, &days);
    if (key.n)
        report_filter_add(&f, "api_key", STORE_EQ, store_text(report_key(ex, key)));
    if (report_sees_all(ex))
        report_filter_query(ex, &f, "user_id", "user_id");
    report_filter_own(ex, &f, "user_id");
    job = report_days_by(ex, TABLE_DAILY_USER_SPEND, &f, by, 4);
    if (job)
        ask_store(ex, job, write_summary);
}
