/* /spend/logs, /spend/logs/v2, /spend/logs/ui: rows of LiteLLM_SpendLogs, one a request.
 *
 * Happy path: what the query string says becomes conditions; one page of rows and their number are
 * asked for together. Prompts and answers are left out of lists, where thousands of them would be
 * read: they come with a single row (by request_id, and /spend/logs/ui/ID).
 *
 * Failure modes: no database, dates or numbers that are none, an order that the table has not. Who
 * is no admin gets its own rows, and those of the teams it is an admin of, whatever it asks for. */

#include "handlers_logs.h"
#include "detail.h"
#include "handlers.h"
#include "query.h"
#include "report_teams.h"
#include "wire/crypto.h"

#include <stdlib.h>

#define PAGE_DEFAULT 50
#define PAGE_MAX     1000

const char *const logs_columns[] = {
    "request_id",
    "call_type",
    "api_key",
    "spend",
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "startTime",
    "endTime",
    "completionStartTime",
    "model",
    "model_id",
    "model_group",
    "custom_llm_provider",
    "api_base",
    "user",
    "metadata",
    "cache_hit",
    "cache_key",
    "request_tags",
    "team_id",
    "organization_id",
    "end_user",
    "requester_ip_address",
    "session_id",
    "status",
    "agent_id",
    "litellm_call_id",
    "request_duration_ms",
};

const size_t logs_column_count = sizeof(logs_columns) / sizeof(*logs_columns);

static void write_rows(struct json_writer *w, const struct store_rows *rows)
{
    json_array(w);
    for (size_t i = 0; i < rows->count; i++) {
        json_object(w);
        store_row_write(w, rows, i);
        json_object_end(w);
    }
    json_array_end(w);
}

/* Clients know a request by the answer's id, or by the gateway's. */
static void filter_id(struct report_filter *f, struct slice id)
{
    report_filter_any(f, "request_id", STORE_EQ, store_text(id), 1);
    report_filter_any(f, "litellm_call_id", STORE_EQ, store_text(id), 1);
}

/* ---- GET /spend/logs ------------------------------------------------------------------------- */

static void write_logs(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    write_rows(&w, ask_rows(ex, 0));
}

static bool filter_logs_days(struct exchange *ex, struct report_filter *f)
{
    struct report_days days;
    if (!query_get(ex->head->query, "start_date", &ex->arena).n ||
        !query_get(ex->head->query, "end_date", &ex->arena).n)
        return true;
    if (!report_days_read(ex, &days))
        return false;
    report_filter_times(f, &days);
    return true;
}

static void list_logs(struct exchange *ex, struct slice teams)
{
    struct slice key = query_get(ex->head->query, "api_key", &ex->arena);
    struct slice id = query_get(ex->head->query, "request_id", &ex->arena);
    struct report_filter f = {.count = 0};
    struct store_job *job;
    if (!filter_logs_days(ex, &f) || !(job = report_new(ex)))
        return;
    if (key.n)
        report_filter_add(&f, "api_key", STORE_EQ, store_text(report_key(ex, key)));
    if (id.n)
        filter_id(&f, id);
    if (report_sees_all(ex))
        report_filter_query(ex, &f, "user", "user_id");
    report_filter_own_or_teams(ex, &f, "user", ex->caller.user, teams);
    store_select(job, &(struct store_query){.table = TABLE_SPEND_LOGS,
                                            .columns = id.n ? NULL : logs_columns,
                                            .column_count = id.n ? 0 : logs_column_count,
                                            .where = f.where,
                                            .where_count = f.count,
                                            .order = &(struct store_order){"startTime", true},
                                            .order_count = 1,
                                            .limit = id.n ? PAGE_DEFAULT : LOGS_COUNT_MAX});
    ask_store(ex, job, write_logs);
}

void handle_spend_logs(struct exchange *ex, struct buf *body)
{
    struct slice summarize = query_get(ex->head->query, "summarize", &ex->arena);
    if (query_get(ex->head->query, "start_date", &ex->arena).n &&
        query_get(ex->head->query, "end_date", &ex->arena).n &&
        !query_get(ex->head->query, "request_id", &ex->arena).n &&
        (!summarize.n || query_flag(ex->head->query, "summarize", &ex->arena)))
        handle_spend_summary(ex, body);
    else
        report_with_teams(ex, list_logs);
}

/* ---- GET /spend/logs/v2, /spend/logs/ui, /spend/logs/session/ui
 * ------------------------------------------------------ */

void logs_write_total(struct json_writer *w, const struct logs_page *p, int64_t count)
{
    int64_t total = count > LOGS_COUNT_MAX ? LOGS_COUNT_MAX : count;
    json_member_integer(w, "total", total);
    json_member_integer(w, "page", p->number);
    json_member_integer(w, "page_size", p->size);
    json_member_integer(w, "total_pages", (total + p->size - 1) / p->size);
    json_member_bool(w, "total_is_capped", count > LOGS_COUNT_MAX);
}

static void write_page(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "data");
    write_rows(&w, ask_rows(ex, 0));
    logs_write_total(&w, ex->own.state, (int64_t)store_rows_number(ask_rows(ex, 1), 0, "count"));
    json_object_end(&w);
}

static void tell_sessions(struct exchange *ex, struct buf *body)
{
    int64_t count = (int64_t)store_rows_number(ask_rows(ex, 1), 0, "count");
    sessions_tell(ex, ex->own.state, count, ask_keep(ex, 0));
    (void)body;
}

static bool refuse_page(struct exchange *ex, const char *param, struct slice value,
                        const char *choice)
{
    report_refuse(ex, 400, "bad_request", param,
                  arena_printf(&ex->arena, "Invalid %s: %.*s. Must be one of: %s", param,
                               SLICE_ARG(value), choice));
    return false;
}

static bool time_of(struct exchange *ex, const char *name, bool end, int64_t *ms)
{
    struct slice text = slice_trim(query_get(ex->head->query, name, &ex->arena));
    if (!text.n) {
        report_refuse(ex, 400, "bad_request", "None",
                      SLICE("Start date and end date are required"));
        return false;
    }
    *ms = report_time(text, end);
    if (*ms >= 0)
        return true;
    report_refuse(ex, 400, "bad_request", "None",
                  arena_printf(&ex->arena,
                               "Invalid date format: %.*s. Expected: 'YYYY-MM-DD' or 'YYYY-MM-DD "
                               "HH:MM:SS'",
                               SLICE_ARG(text)));
    return false;
}

static bool is_of_session(const struct exchange *ex)
{
    return slice_ends(slice_of(ex->route->path), SLICE("/session/ui"));
}

/* The page of the admin UI that shows sessions, not one of their requests. */
static bool is_of_ui(const struct exchange *ex)
{
    return slice_eq(slice_of(ex->route->path), SLICE("/spend/logs/ui"));
}

static bool is_grouped(struct exchange *ex)
{
    return is_of_ui(ex) && query_flag(ex->head->query, "group_by_session", &ex->arena) &&
           !query_get(ex->head->query, "request_id", &ex->arena).n &&
           !query_get(ex->head->query, "search", &ex->arena).n;
}

/* An id alone needs no window, but in the public route. */
static bool filter_window(struct exchange *ex, struct report_filter *f)
{
    bool v2 = slice_ends(slice_of(ex->route->path), SLICE("/v2"));
    int64_t from, to;
    if (is_of_session(ex))
        return true;
    if (!v2 && query_get(ex->head->query, "request_id", &ex->arena).n)
        return true;
    if (!time_of(ex, "start_date", false, &from) || !time_of(ex, "end_date", true, &to))
        return false;
    report_filter_add(f, "startTime", STORE_GE, store_time(from));
    report_filter_add(f, "startTime", STORE_LE, store_time(to));
    return true;
}

/* Parameters that are compared with a column as they are. */
static const struct report_member equals[] = {
    {"api_key", "api_key"},
    {"user", "user_id"},
    {"model", "model"},
    {"model_id", "model_id"},
    {"model_group", "model_group"},
    {"end_user", "end_user"},
    {"team_id", "team_id"},
    {"metadata.error_information.error_code", "error_code"},
};

/* … and those that a column holds somewhere. */
static const struct report_member holds[] = {
    {"session_id", "session_id"},
    {"metadata.user_api_key_alias", "key_alias"},
    {"metadata.error_information.error_message", "error_message"},
};

static void filter_texts(struct exchange *ex, struct report_filter *f)
{
    if (is_of_session(ex))
        report_filter_query(ex, f, "session_id", "session_id");
    for (size_t i = 0; i < sizeof(equals) / sizeof(*equals); i++)
        report_filter_query(ex, f, equals[i].column, equals[i].name);
    for (size_t i = 0; i < sizeof(holds) / sizeof(*holds); i++) {
        struct slice value = query_get(ex->head->query, holds[i].name, &ex->arena);
        if (value.n)
            report_filter_add(f, holds[i].column, STORE_HOLDS, store_text(value));
    }
}

/* Any of the ids that people paste into a search field. */
static void filter_search(struct exchange *ex, struct report_filter *f)
{
    static const char *const columns[] = {
        "request_id", "litellm_call_id", "api_key",    "team_id",
        "user",       "end_user",        "session_id", "model_id"};
    struct slice value = query_get(ex->head->query, "search", &ex->arena);
    for (size_t i = 0; value.n && i < sizeof(columns) / sizeof(*columns); i++)
        report_filter_any(f, columns[i], STORE_EQ, store_text(value), 2);
}

/* A session's status is that of its newest request. */
static bool filter_states(struct exchange *ex, struct logs_page *p)
{
    struct report_filter *f = &p->filter;
    struct slice status = query_get(ex->head->query, "status_filter", &ex->arena);
    struct slice cache = query_get(ex->head->query, "cache_hit_filter", &ex->arena);
    if (is_grouped(ex)) {
        p->status = status;
    } else if (slice_eq(status, SLICE("success"))) {
        report_filter_any(f, "status", STORE_EQ, store_text(status), 3);
        report_filter_any(f, "status", STORE_IS_NULL, store_null(), 3);
    } else if (status.n) {
        report_filter_add(f, "status", STORE_EQ, store_text(status));
    }
    if (slice_eq(cache, SLICE("hit"))) {
        report_filter_add(f, "cache_hit", STORE_EQ, store_text(SLICE("True")));
    } else if (slice_eq(cache, SLICE("miss"))) {
        report_filter_any(f, "cache_hit", STORE_NE, store_text(SLICE("True")), 4);
        report_filter_any(f, "cache_hit", STORE_IS_NULL, store_null(), 4);
    } else if (cache.n) {
        return refuse_page(ex, "cache_hit_filter", cache, "hit, miss");
    }
    return true;
}

static bool filter_spend(struct exchange *ex, struct report_filter *f)
{
    static const struct {
        const char *name;
        enum store_test test;
    } ends[] = {{"min_spend", STORE_GE}, {"max_spend", STORE_LE}};
    for (size_t i = 0; i < 2; i++) {
        struct slice text = query_get(ex->head->query, ends[i].name, &ex->arena);
        double usd;
        if (!text.n)
            continue;
        if (!slice_to_double(text, &usd)) {
            detail_refuse_input(ex, "query", ends[i].name, "Input should be a valid number");
            return false;
        }
        report_filter_add(f, "spend", ends[i].test, store_number(usd));
    }
    return true;
}

/* A team's rows are for those who see all, and for its admins. */
static bool filter_owner(struct exchange *ex, struct report_filter *f, struct slice teams)
{
    struct slice team = query_get(ex->head->query, "team_id", &ex->arena);
    report_filter_own_or_teams(ex, f, "user", ex->caller.user, teams);
    if (report_sees_all(ex) || !team.n || report_teams_has(ex, teams, team))
        return true;
    detail_refuse_error(ex, 403,
                        arena_printf(&ex->arena,
                                     "Not authorized to view team spend for team_id=%.*s",
                                     SLICE_ARG(team)));
    return false;
}

static bool order_of(struct exchange *ex, struct store_order *order)
{
    static const char *const columns[] = {"endTime", "model",     "request_duration_ms",
                                          "spend",   "startTime", "total_tokens"};
    struct slice by = query_get(ex->head->query, "sort_by", &ex->arena);
    struct slice direction = query_get(ex->head->query, "sort_order", &ex->arena);
    bool known = !by.n;
    *order = (struct store_order){"startTime", !slice_eq_nocase(direction, SLICE("asc"))};
    for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
        if (slice_eq(by, slice_of(columns[i]))) {
            order->column = columns[i];
            known = true;
        }
    if (!known)
        return refuse_page(ex, "sort_by", by,
                           "endTime, model, request_duration_ms, spend, startTime, total_tokens");
    if (direction.n && !slice_eq_nocase(direction, SLICE("asc")) &&
        !slice_eq_nocase(direction, SLICE("desc")))
        return refuse_page(ex, "sort_order", direction, "asc, desc");
    return true;
}

static void ask_rows_of_page(struct exchange *ex, struct logs_page *p)
{
    struct store_job *job = report_new(ex);
    struct store_query query = {.table = TABLE_SPEND_LOGS,
                                .columns = logs_columns,
                                .column_count = logs_column_count,
                                .where = p->filter.where,
                                .where_count = p->filter.count,
                                .order = &p->order,
                                .order_count = 1,
                                .limit = p->size,
                                .offset = (p->number - 1) * p->size};
    if (!job)
        return;
    ex->own.state = p;
    store_select(job, &query);
    query.limit = LOGS_COUNT_MAX + 1;
    store_count(job, &query);
    ask_store(ex, job, is_of_ui(ex) ? tell_sessions : write_page);
}

static void ask_page(struct exchange *ex, struct slice teams)
{
    struct slice id = query_get(ex->head->query, "request_id", &ex->arena);
    struct logs_page *p = ARENA_NEW(&ex->arena, struct logs_page);
    if (is_of_session(ex) && !query_get(ex->head->query, "session_id", &ex->arena).n) {
        detail_refuse_input(ex, "query", "session_id", "Field required");
        return;
    }
    if (!report_number(ex, "page", 1, INT32_MAX, 1, &p->number) ||
        !report_number(ex, "page_size", 1, PAGE_MAX, PAGE_DEFAULT, &p->size) ||
        !order_of(ex, &p->order) || !filter_states(ex, p) || !filter_window(ex, &p->filter) ||
        !filter_spend(ex, &p->filter) || !filter_owner(ex, &p->filter, teams))
        return;
    filter_texts(ex, &p->filter);
    filter_search(ex, &p->filter);
    if (id.n)
        filter_id(&p->filter, id);
    if (is_grouped(ex))
        sessions_list(ex, p);
    else
        ask_rows_of_page(ex, p);
}

void handle_spend_logs_page(struct exchange *ex, struct buf *body)
{
    report_with_teams(ex, ask_page);
}

/* ---- GET /spend/logs/ui/{request_id} --------------------------------------------------------- */

static void refuse_row(struct exchange *ex)
{
    detail_refuse_error(ex, 403,
                        arena_printf(&ex->arena,
                                     "Not authorized to view spend log for request_id=%.*s",
                                     SLICE_ARG(ex->route_item)));
}

static void write_bodies(struct exchange *ex, struct buf *body)
{
    static const struct report_member members[] = {{"messages", "messages"},
                                                   {"response", "response"},
                                                   {"proxy_server_request", "proxy_server_request"},
                                                   {NULL, NULL}};
    const struct store_rows *rows = ask_rows(ex, 0);
    struct json_writer w;
    json_begin(&w, body);
    if (rows->count)
        report_write_row(&w, rows, 0, members);
    else if (report_sees_all(ex))
        json_null(&w);
    else
        refuse_row(ex);
}

static void ask_log(struct exchange *ex, struct slice teams)
{
    struct report_filter f = {.count = 0};
    struct store_job *job = report_new(ex);
    if (!job)
        return;
    filter_id(&f, percent_decode(ex->route_item, &ex->arena));
    report_filter_own_or_teams(ex, &f, "user", ex->caller.user, teams);
    store_select(
        job, &(struct store_query){
                 .table = TABLE_SPEND_LOGS, .where = f.where, .where_count = f.count, .limit = 1});
    ask_store(ex, job, write_bodies);
}

void handle_spend_log(struct exchange *ex, struct buf *body)
{
    report_with_teams(ex, ask_log);
}
