/* /global/spend/report, and what one key, user, team or organization spent: /key/spend/report, ….
 *
 * Happy path: rows per day, summed by what the answer nests by and read once from top to bottom. A
 * report by key is the same in all of these routes.
 *
 * Failure modes: no database; days that are none; more groups than one answer holds, which is an
 * error and never half a report; somebody else's spend: 403. */

#include "access.h"
#include "detail.h"
#include "handlers.h"
#include "query.h"
#include "report_keys.h"

#include <stdlib.h>

/* ---- by key ---------------------------------------------------------------------------------- */

/* The keys with what each model cost them. */
struct key_sum {
    size_t first, end;
    double spend, input, output;
};

static int by_key_spend(const void *left, const void *right)
{
    const struct key_sum *a = left, *b = right;
    return (a->spend < b->spend) - (a->spend > b->spend);
}

static void write_costs(struct json_writer *w, double spend, double input, double output)
{
    json_key(w, "total_cost"), json_number(w, spend);
    json_member_integer(w, "total_input_tokens", (int64_t)input);
    json_member_integer(w, "total_output_tokens", (int64_t)output);
}

/* `teams`: of the keys, or NULL: they are not told of. */
static void write_key(struct json_writer *w, const struct store_rows *rows, const struct key_sum *k,
                      const struct report_keys *teams)
{
    struct slice key = store_rows_text(rows, k->first, "api_key");
    const struct report_key *known = teams ? report_keys_find(teams, key) : NULL;
    json_object(w);
    json_member_string(w, "api_key", key);
    write_costs(w, k->spend, k->input, k->output);
    json_key(w, "model_details");
    json_array(w);
    for (size_t i = k->first; i < k->end; i++) {
        json_object(w);
        if (teams)
            json_key(w, "team_id"), json_string_or_null(w, known ? known->team : SLICE(""));
        json_member_string(w, "model", store_rows_text(rows, i, "model"));
        write_costs(w, store_rows_number(rows, i, "spend"),
                    store_rows_number(rows, i, "prompt_tokens"),
                    store_rows_number(rows, i, "completion_tokens"));
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static void write_keys(struct exchange *ex, struct buf *body, const struct store_rows *rows,
                       const struct report_keys *teams)
{
    struct key_sum *keys = arena_zalloc(&ex->arena, (rows->count + 1) * sizeof(*keys)), *k = keys;
    struct json_writer w;
    if (!report_is_whole(ex, rows))
        return;
    for (size_t i = 0; i < rows->count; k++)
        for (*k = (struct key_sum){.first = i};
             i < rows->count && slice_eq(store_rows_text(rows, i, "api_key"),
                                         store_rows_text(rows, k->first, "api_key"));
             k->end = ++i) {
            k->spend += store_rows_number(rows, i, "spend");
            k->input += store_rows_number(rows, i, "prompt_tokens");
            k->output += store_rows_number(rows, i, "completion_tokens");
        }
    qsort(keys, (size_t)(k - keys), sizeof(*keys), by_key_spend);
    json_begin(&w, body);
    json_array(&w);
    for (const struct key_sum *each = keys; each < k; each++)
        write_key(&w, rows, each, teams);
    json_array_end(&w);
}

static void write_report_by_key(struct exchange *ex, struct buf *body)
{
    write_keys(ex, body, ask_rows(ex, 0), NULL);
}

/* ---- GET /global/spend/report ---------------------------------------------------------------- */

/* By team or customer: days, their teams or
 * customers, and what each model cost each key of theirs. A team's customers, and a customer's
 * teams, are only in the rows of requests. */

struct parties {
    bool teams, requests;
    const char *day, *column; /* of the table that is read */
};

static void write_detail(struct json_writer *w, const struct store_rows *rows, size_t row)
{
    json_object(w);
    json_member_string(w, "model", store_rows_text(rows, row, "model"));
    json_member_string(w, "api_key", store_rows_text(rows, row, "api_key"));
    json_key(w, "spend"), json_number(w, store_rows_number(rows, row, "spend"));
    json_member_integer(w, "total_tokens", report_tokens(rows, row));
    json_object_end(w);
}

/* One team, or customer, of one day: the rows from `i` on; where the next begins. */
static size_t write_party(struct json_writer *w, const struct store_rows *rows, size_t i,
                          const struct parties *p, const struct store_rows *teams)
{
    struct slice day = store_rows_text(rows, i, p->day), id = store_rows_text(rows, i, p->column);
    double spend = 0;
    size_t end = i;
    for (; end < rows->count && slice_eq(store_rows_text(rows, end, p->day), day) &&
           slice_eq(store_rows_text(rows, end, p->column), id);
         end++)
        spend += store_rows_number(rows, end, "spend");
    json_object(w);
    if (p->teams)
        json_member_string(w, "team_name", report_team_name(teams, id));
    else
        json_member_string(w, "customer", id);
    json_key(w, "total_spend"), json_number(w, spend);
    json_key(w, "metadata");
    json_array(w);
    for (; i < end; i++)
        write_detail(w, rows, i);
    json_array_end(w);
    json_object_end(w);
    return end;
}

static void write_parties(struct exchange *ex, struct buf *body)
{
    const struct parties *p = ex->own.state;
    const struct store_rows *rows = ask_rows(ex, 0), *teams = ask_rows(ex, 1);
    struct json_writer w;
    if (!report_is_whole(ex, rows))
        return;
    json_begin(&w, body);
    json_array(&w);
    for (size_t i = 0; i < rows->count;) {
        struct slice day = store_rows_text(rows, i, p->day);
        json_object(&w);
        json_key(&w, "group_by_day");
        json_string(&w, ARENA_JOIN(&ex->arena, day, SLICE("T00:00:00+00:00")));
        json_key_slice(&w, p->teams ? SLICE("teams") : SLICE("customers"));
        json_array(&w);
        while (i < rows->count && slice_eq(store_rows_text(rows, i, p->day), day))
            i = write_party(&w, rows, i, p, teams);
        json_array_end(&w);
        json_object_end(&w);
    }
    json_array_end(&w);
}

static void report_by_key(struct exchange *ex, const struct report_days *days)
{
    static const char *const by[] = {"api_key", "model"};
    struct slice key = query_get(ex->head->query, "api_key", &ex->arena);
    struct report_filter f = {.count = 0};
    struct store_job *job;
    report_filter_days(&f, days);
    report_filter_query(ex, &f, "user_id", "internal_user_id");
    if (key.n)
        report_filter_add(&f, "api_key", STORE_EQ, store_text(report_key(ex, key)));
    job = report_days_by(ex, TABLE_DAILY_USER_SPEND, &f, by, 2);
    if (job)
        ask_store(ex, job, write_report_by_key);
}

static struct store_job *ask_requests(struct exchange *ex, const struct report_filter *f,
                                      const char *party)
{
    static const char *const sums[] = {"spend", "prompt_tokens", "completion_tokens"};
    const char *by[] = {party, "model", "api_key"};
    const struct store_order order[] = {{"startTime", false}, {party, false}};
    struct store_job *job = report_new(ex);
    if (job)
        store_report(job, &(struct store_report){.query = {.table = TABLE_SPEND_LOGS,
                                                           .where = f->where,
                                                           .where_count = f->count,
                                                           .order = order,
                                                           .order_count = 2},
                                                 .by = by,
                                                 .by_count = 3,
                                                 .sums = sums,
                                                 .sum_count = 3,
                                                 .day = "startTime"});
    return job;
}

static void report_by_party(struct exchange *ex, const struct report_days *days, bool teams)
{
    struct parties *p = ARENA_NEW(&ex->arena, struct parties);
    struct report_filter f = {.count = 0};
    struct store_job *job;
    p->teams = teams;
    p->requests = query_get(ex->head->query, teams ? "customer_id" : "team_id", &ex->arena).n;
    p->day = p->requests ? "startTime" : "date";
    p->column = teams ? "team_id" : p->requests ? "end_user" : "end_user_id";
    if (teams || p->requests)
        report_filter_query(ex, &f, "team_id", "team_id");
    if (!teams || p->requests)
        report_filter_query(ex, &f, p->requests ? "end_user" : p->column, "customer_id");
    if (p->requests) {
        report_filter_times(&f, days);
        report_filter_add(&f, p->column, STORE_NE, store_text(SLICE("")));
        job = ask_requests(ex, &f, p->column);
    } else {
        const char *by[] = {"date", p->column, "model", "api_key"};
        report_filter_days(&f, days);
        job = report_days_by(ex, teams ? TABLE_DAILY_TEAM_SPEND : TABLE_DAILY_END_USER_SPEND, &f,
                             by, 4);
    }
    if (!job)
        return;
    report_add_teams(job);
    ex->own.state = p;
    ask_store(ex, job, write_parties);
}

void handle_global_report(struct exchange *ex, struct buf *body)
{
    struct slice by = query_get(ex->head->query, "group_by", &ex->arena);
    bool team = query_get(ex->head->query, "team_id", &ex->arena).n;
    bool customer = query_get(ex->head->query, "customer_id", &ex->arena).n;
    struct report_days days;
    if (!report_days_read(ex, &days))
        return;
    if (query_get(ex->head->query, "api_key", &ex->arena).n ||
        query_get(ex->head->query, "internal_user_id", &ex->arena).n ||
        slice_eq(by, SLICE("api_key"))) {
        if (team || customer)
            detail_refuse_error(ex, 400,
                                SLICE("A report by key is of an api_key or an internal_user_id, "
                                      "not of a team_id or customer_id."));
        else
            report_by_key(ex, &days);
    } else if (!by.n || slice_eq(by, SLICE("team")) || slice_eq(by, SLICE("customer"))) {
        report_by_party(ex, &days, by.n ? slice_eq(by, SLICE("team")) : team || !customer);
    } else {
        detail_refuse_input(ex, "query", "group_by",
                            "Input should be 'team', 'customer' or 'api_key'");
    }
}

/* ---- GET /key/spend/report, /user/…, /team/…, /organization/… ---------------------------------
 */

#define SCOPE_DAYS_MAX 366

static const struct scope {
    const char *path;
    enum store_table_id table;
    const char *column;
    const char *parameter; /* whose report it is; else the caller's own */
} scopes[] = {
    {"/key/spend/report", TABLE_DAILY_USER_SPEND, "api_key", "api_key"},
    {"/user/spend/report", TABLE_DAILY_USER_SPEND, "user_id", "internal_user_id"},
    {"/team/spend/report", TABLE_DAILY_TEAM_SPEND, "team_id", "team_id"},
    {"/organization/spend/report", TABLE_DAILY_ORGANIZATION_SPEND, "organization_id",
     "organization_id"},
};

static const struct scope *scope_of(const struct exchange *ex)
{
    const struct scope *s = scopes;
    while (!slice_eq(slice_of(s->path), slice_of(ex->route->path)))
        s++;
    return s;
}

static struct slice own_of(const struct exchange *ex, const struct scope *s)
{
    const struct slice own[] = {caller_logged_key(&ex->caller), caller_logged_user(&ex->caller),
                                ex->caller.team, ex->caller.organization};
    return own[s - scopes];
}

static bool is_organization(const struct scope *s)
{
    return s->table == TABLE_DAILY_ORGANIZATION_SPEND;
}

static bool may_see(const struct exchange *ex, const struct scope *s, struct slice id)
{
    return report_sees_all(ex) ||
           (is_organization(s) ? access_is_org_admin(ex, id) : slice_eq(id, own_of(ex, s)));
}

/* Whose spend; n == 0: the failure is set. */
static struct slice scope_id(struct exchange *ex, const struct scope *s)
{
    struct slice asked = report_key(ex, query_get(ex->head->query, s->parameter, &ex->arena));
    struct slice id = asked.n ? asked : own_of(ex, s);
    if (!id.n)
        detail_refuse(ex, 400,
                      arena_printf(&ex->arena,
                                   "No %s associated with this API key; pass a %s query param",
                                   s->parameter, s->parameter));
    else if (may_see(ex, s, id))
        return id;
    else if (is_organization(s))
        detail_refuse(ex, 403, SLICE("You do not have access to this organization"));
    else
        detail_refuse(ex, 403,
                      arena_printf(&ex->arena,
                                   "Not authorized to view spend for a %s other than your own",
                                   s->parameter));
    return slice_make(NULL, 0);
}

static bool read_scope_days(struct exchange *ex, struct report_days *days)
{
    int64_t first, last;
    days->first = query_get(ex->head->query, "start_date", &ex->arena);
    days->last = query_get(ex->head->query, "end_date", &ex->arena);
    first = report_day_begins(days->first);
    last = report_day_begins(days->last);
    if (!days->first.n || !days->last.n)
        detail_refuse(ex, 400, SLICE("Please provide start_date and end_date"));
    else if (first < 0 || last < 0)
        detail_refuse(ex, 400, SLICE("start_date and end_date must be in YYYY-MM-DD format"));
    else if (last < first)
        detail_refuse(ex, 400, SLICE("start_date must be on or before end_date"));
    else if (last - first > SCOPE_DAYS_MAX * REPORT_DAY_MS)
        detail_refuse(
            ex, 400,
            arena_printf(&ex->arena, "Date range too large; maximum is %d days", SCOPE_DAYS_MAX));
    return ex->failure.kind == FAILURE_NONE;
}

struct organization_report {
    const struct store_rows *rows;
    size_t statements;
};

static void write_organization(struct exchange *ex, struct buf *body)
{
    const struct organization_report *o = ex->own.state;
    struct report_keys keys;
    report_keys_init(&keys, ex, o->statements);
    write_keys(ex, body, o->rows, &keys);
    report_keys_fini(&keys);
}

/* Which team a key belongs to is not in an organization's rows. */
static void ask_organization_keys(struct exchange *ex, struct buf *body)
{
    struct organization_report *o = ARENA_NEW(&ex->arena, struct organization_report);
    struct store_job *job = report_new(ex);
    o->rows = ask_keep(ex, 0);
    o->statements = report_keys_select(ex, job, &o->rows, 1);
    ex->own.state = o;
    ask_store(ex, job, write_organization);
    (void)body;
}

void handle_scoped_report(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {"api_key", "model"};
    const struct scope *s = scope_of(ex);
    struct report_filter f = {.count = 0};
    struct report_days days;
    struct slice id;
    struct store_job *job;
    if (!read_scope_days(ex, &days) || !(id = scope_id(ex, s)).n)
        return;
    report_filter_days(&f, &days);
    report_filter_add(&f, s->column, STORE_EQ, store_text(id));
    job = report_days_by(ex, s->table, &f, by, 2);
    if (job)
        ask_store(ex, job, is_organization(s) ? ask_organization_keys : write_report_by_key);
    (void)body;
}
