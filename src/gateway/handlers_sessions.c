/* /spend/logs/ui: requests with what is known of their sessions, and lists of sessions
 * (group_by_session). A session is what has one session_id and one key; a request without an id is
 * one alone.
 *
 * Happy path: a list reads few columns of the newest requests, at most as many as are counted, and
 * groups them here: a session stands where its newest request does. Then the page's own rows are
 * read, and one report sums their sessions up.
 *
 * Failure modes: no database. Sessions older than the requests that are counted are not listed: the
 * answer says that its total is capped. */

#include "admin.h"
#include "base/date.h"
#include "base/map.h"
#include "base/text.h"
#include "handlers_logs.h"
#include "query.h"

#include <stdlib.h>

#define MODELS_MAX     10  /* names that are told of a session */
#define MODEL_NAME_MAX 256 /* bytes */

struct session {
    struct slice id, key; /* the request's id, where it has no session */
    size_t row;           /* of the newest request */
    int64_t time;
    const struct store_value *by; /* the column that it is sorted by */
};

/* Sums of a session. */
struct stats {
    double spend, ms, prompt, completion, tokens;
    int64_t requests, hits;
    struct slice models[MODELS_MAX];
    size_t models_count;
    bool more_models;
};

struct telling {
    const struct logs_page *page;
    int64_t count;
    const struct store_rows *rows;
    const size_t *order; /* of the rows; NULL: as they are */
    size_t shown;
    /* of a list of sessions: */
    bool list, has_more;
    struct slice cursor; /* where the next page begins; n == 0: nowhere */
};

static struct slice name_of(struct arena *a, struct slice session, struct slice key)
{
    return ARENA_JOIN(a, session, slice_make("", 1), key);
}

/* ---- what sessions were ---------------------------------------------------------------------- */

static void add_model(struct stats *s, struct slice model)
{
    model.n = model.n < MODEL_NAME_MAX ? model.n : MODEL_NAME_MAX;
    for (size_t i = 0; i < s->models_count; i++)
        if (slice_eq(s->models[i], model))
            return;
    if (!model.n)
        return;
    if (s->models_count < MODELS_MAX)
        s->models[s->models_count++] = model;
    else
        s->more_models = true;
}

static void add_stats(struct stats *s, const struct store_rows *rows, size_t row)
{
    int64_t n = (int64_t)store_rows_number(rows, row, "count");
    s->requests += n;
    s->hits += slice_eq_nocase(store_rows_text(rows, row, "cache_hit"), SLICE("true")) ? n : 0;
    s->spend += store_rows_number(rows, row, "spend");
    s->ms += store_rows_number(rows, row, "request_duration_ms");
    s->prompt += store_rows_number(rows, row, "prompt_tokens");
    s->completion += store_rows_number(rows, row, "completion_tokens");
    s->tokens += store_rows_number(rows, row, "total_tokens");
    add_model(s, store_rows_text(rows, row, "model"));
}

static void learn_stats(struct exchange *ex, const struct store_rows *rows, struct map *known)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct slice name = name_of(&ex->arena, store_rows_text(rows, i, "session_id"),
                                    store_rows_text(rows, i, "api_key"));
        struct stats *s = map_get(known, name);
        if (!s) {
            s = ARENA_NEW(&ex->arena, struct stats);
            map_put(known, name, s);
        }
        add_stats(s, rows, i);
    }
}

static void write_stats(struct json_writer *w, const struct stats *s)
{
    json_member_integer(w, "session_total_count", s ? s->requests : 1);
    if (!s)
        return;
    json_key(w, "session_total_spend"), json_number(w, s->spend);
    json_member_integer(w, "session_total_duration_ms", (int64_t)s->ms);
    json_member_integer(w, "session_cache_hit_count", s->hits);
    json_member_integer(w, "session_llm_count", s->requests);
    json_member_integer(w, "session_agent_count", 0);
    json_member_integer(w, "session_total_prompt_tokens", (int64_t)s->prompt);
    json_member_integer(w, "session_total_completion_tokens", (int64_t)s->completion);
    json_member_integer(w, "session_total_tokens", (int64_t)s->tokens);
    json_key(w, "session_models");
    json_array(w);
    for (size_t i = 0; i < s->models_count; i++)
        json_string(w, s->models[i]);
    json_array_end(w);
    json_member_bool(w, "session_models_truncated", s->more_models);
}

static void write_told(struct exchange *ex, struct buf *body)
{
    const struct telling *t = ex->own.state;
    struct map known;
    struct json_writer w;
    if (!report_is_whole(ex, ask_rows(ex, 0)))
        return;
    map_init(&known);
    learn_stats(ex, ask_rows(ex, 0), &known);
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "data");
    json_array(&w);
    for (size_t i = 0; i < t->shown; i++) {
        size_t row = t->order ? t->order[i] : i;
        struct slice session = store_rows_text(t->rows, row, "session_id");
        struct slice key = store_rows_text(t->rows, row, "api_key");
        json_object(&w);
        store_row_write(&w, t->rows, row);
        write_stats(&w, session.n ? map_get(&known, name_of(&ex->arena, session, key)) : NULL);
        json_object_end(&w);
    }
    json_array_end(&w);
    logs_write_total(&w, t->page, t->count);
    if (t->list) {
        json_key(&w, "next_session_cursor"), json_string_or_null(&w, t->cursor);
        json_member_bool(&w, "has_more", t->has_more);
    }
    json_object_end(&w);
    map_fini(&known);
}

/* Only of keys that are on the page: whoever uses another's session id sees nothing of it. */
static void ask_stats(struct exchange *ex, struct telling *t)
{
    static const char *const by[] = {"session_id", "api_key", "model", "cache_hit"};
    static const char *const sums[] = {"spend", "request_duration_ms", "prompt_tokens",
                                       "completion_tokens", "total_tokens"};
    struct report_filter f = {.count = 0};
    struct store_job *job = report_new(ex);
    report_filter_add(&f, "session_id", STORE_IN,
                      store_texts(report_list_of(ex, t->rows, "session_id")));
    report_filter_add(&f, "api_key", STORE_IN, store_texts(report_list_of(ex, t->rows, "api_key")));
    store_report(job,
                 &(struct store_report){.query = {.table = TABLE_SPEND_LOGS,
                                                  .where = f.where,
                                                  .where_count = f.count,
                                                  .order = &(struct store_order){"model", false},
                                                  .order_count = 1},
                                        .by = by,
                                        .by_count = 4,
                                        .sums = sums,
                                        .sum_count = 5});
    ex->own.state = t;
    ask_store(ex, job, write_told);
}

void sessions_tell(struct exchange *ex, const struct logs_page *p, int64_t count,
                   const struct store_rows *rows)
{
    struct telling *t = ARENA_NEW(&ex->arena, struct telling);
    *t = (struct telling){.page = p, .count = count, .rows = rows, .shown = rows->count};
    ask_stats(ex, t);
}

/* ---- lists of sessions ----------------------------------------------------------------------- */

struct session_list {
    const struct logs_page *page;
    struct session *v; /* that fit the filter, in order */
    size_t n;
    size_t first, end; /* of the page */
    bool capped;
};

static double number_of(const struct store_value *v)
{
    return v->null ? 0 : v->type == STORE_FLOAT ? v->number : (double)v->integer;
}

static int compare_values(const struct store_value *a, const struct store_value *b)
{
    double x, y;
    if (a->type == STORE_TEXT)
        return text_compare(a->text, b->text);
    x = number_of(a);
    y = number_of(b);
    return (x > y) - (x < y);
}

static int ascending(const void *left, const void *right)
{
    const struct session *a = left, *b = right;
    int order = a->by ? compare_values(a->by, b->by) : 0;
    order = order ? order : (a->time > b->time) - (a->time < b->time);
    order = order ? order : text_compare(a->id, b->id);
    return order ? order : text_compare(a->key, b->key);
}

static int descending(const void *left, const void *right)
{
    return ascending(right, left);
}

static bool is_by_time(const struct logs_page *p)
{
    return strcmp(p->order.column, "startTime") == 0;
}

/* The rows come newest first. */
static void group(struct exchange *ex, struct session_list *l, const struct store_rows *rows)
{
    const struct slice wanted = l->page->status, success = SLICE("success");
    struct map seen;
    map_init(&seen);
    l->v = arena_alloc(&ex->arena, (rows->count + 1) * sizeof(*l->v));
    for (size_t i = 0; i < rows->count; i++) {
        struct slice id = store_rows_text(rows, i, "session_id");
        struct slice key = store_rows_text(rows, i, "api_key");
        struct slice status = store_rows_text(rows, i, "status");
        id = id.n ? id : store_rows_text(rows, i, "request_id");
        struct slice name = name_of(&ex->arena, id, key);
        if (map_get(&seen, name))
            continue;
        map_put(&seen, name, &seen);
        if (wanted.n && !slice_eq(wanted, status.n ? status : success))
            continue;
        l->v[l->n++] = (struct session){
            .id = id,
            .key = key,
            .row = i,
            .time = store_rows_at(rows, i, "startTime")->integer,
            .by = is_by_time(l->page) ? NULL : store_rows_at(rows, i, l->page->order.column)};
    }
    map_fini(&seen);
    qsort(l->v, l->n, sizeof(*l->v), l->page->order.descending ? descending : ascending);
}

/* "<time>|<key>|<session>", the last session of a page, → the first of the next. */
static size_t after_cursor(const struct session_list *l, struct slice cursor)
{
    struct session last = {.row = 0};
    struct slice time = slice_split(&cursor, '|');
    size_t i = 0;
    last.key = slice_split(&cursor, '|');
    last.id = cursor;
    if (!date_parse(time, &last.time))
        return 0;
    while (i < l->n && (l->page->order.descending ? descending : ascending)(&l->v[i], &last) <= 0)
        i++;
    return i;
}

static struct slice cursor_of(struct exchange *ex, const struct session *s)
{
    char time[DATE_SIZE];
    date_format_sql(s->time, time);
    return ARENA_JOIN(&ex->arena, slice_of(time), SLICE("|"), s->key, SLICE("|"), s->id);
}

/* The page's rows as the database gives them → in the order of the page. */
static size_t put_in_order(const struct session_list *l, const struct store_rows *rows,
                           const struct slice *ids, size_t *order)
{
    struct map places;
    size_t n = 0;
    map_init(&places);
    for (size_t i = 0; i < rows->count; i++)
        map_put(&places, store_rows_text(rows, i, "request_id"), (void *)(uintptr_t)(i + 1));
    for (size_t i = 0; i < l->end - l->first; i++) {
        uintptr_t place = (uintptr_t)map_get(&places, ids[i]);
        if (place) /* else it was deleted meanwhile */
            order[n++] = place - 1;
    }
    map_fini(&places);
    return n;
}

struct listing_rows {
    struct session_list list;
    struct slice *ids; /* of the page's requests */
};

static void take_page(struct exchange *ex, struct buf *body)
{
    const struct listing_rows *r = ex->own.state;
    const struct session_list *l = &r->list;
    struct telling *t = ARENA_NEW(&ex->arena, struct telling);
    size_t *order = arena_alloc(&ex->arena, (l->end - l->first + 1) * sizeof(*order));
    *t = (struct telling){.page = l->page,
                          .count = l->capped ? LOGS_COUNT_MAX + 1 : (int64_t)l->n,
                          .rows = ask_keep(ex, 0),
                          .order = order,
                          .list = is_by_time(l->page),
                          .has_more = l->end < l->n};
    t->shown = put_in_order(l, t->rows, r->ids, order);
    if (t->has_more && l->end > l->first)
        t->cursor = cursor_of(ex, &l->v[l->end - 1]);
    ask_stats(ex, t);
    (void)body;
}

static void take_sessions(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_keep(ex, 0);
    struct listing_rows *r = ex->own.state;
    struct session_list *l = &r->list;
    struct slice cursor = query_get(ex->head->query, "session_cursor", &ex->arena);
    struct admin_texts ids;
    struct store_job *job = report_new(ex);
    group(ex, l, rows);
    l->capped = rows->more;
    size_t skipped = (size_t)((l->page->number - 1) * l->page->size);
    l->first = cursor.n && is_by_time(l->page) ? after_cursor(l, cursor) : skipped;
    l->first = l->first < l->n ? l->first : l->n;
    l->end = l->n - l->first < (size_t)l->page->size ? l->n : l->first + (size_t)l->page->size;
    r->ids = arena_alloc(&ex->arena, (l->end - l->first + 1) * sizeof(*r->ids));
    admin_texts_begin(&ids);
    for (size_t i = l->first; i < l->end; i++) {
        r->ids[i - l->first] = store_rows_text(rows, l->v[i].row, "request_id");
        admin_texts_add(&ids, r->ids[i - l->first]);
    }
    struct store_where where = admin_where_in("request_id", admin_texts_end(&ids, &ex->arena));
    store_select(job, &(struct store_query){.table = TABLE_SPEND_LOGS,
                                            .columns = logs_columns,
                                            .column_count = logs_column_count,
                                            .where = &where,
                                            .where_count = 1});
    ask_store(ex, job, take_page);
    (void)body;
}

void sessions_list(struct exchange *ex, const struct logs_page *p)
{
    const char *columns[] = {"request_id", "session_id", "api_key",
                             "status",     "startTime",  p->order.column};
    struct listing_rows *r = ARENA_NEW(&ex->arena, struct listing_rows);
    struct store_job *job = report_new(ex);
    if (!job)
        return;
    r->list.page = p;
    ex->own.state = r;
    store_select(job, &(struct store_query){.table = TABLE_SPEND_LOGS,
                                            .columns = columns,
                                            .column_count = is_by_time(p) ? 5 : 6,
                                            .where = p->filter.where,
                                            .where_count = p->filter.count,
                                            .order = &(struct store_order){"startTime", true},
                                            .order_count = 1});
    ask_store(ex, job, take_sessions);
}
