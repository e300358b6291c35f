/* /tag/dau, wau and mau, /tag/summary, /tag/user-agent/per-user-analytics: how many users, and who,
 * had tags in their requests; /tag/distinct: the tags.
 *
 * Happy path: one sum of the rows per day for each day, week or month, by tag and key; then the
 * users of these keys. Users are counted tag by tag: the rows are in that order.
 *
 * Failure modes: no database; days that are none; more tags and keys than one answer holds, which
 * is an error and never half a report. */

#include "admin.h"
#include "base/text.h"
#include "handlers.h"
#include "io/clock.h"
#include "query.h"
#include "report_keys.h"

#include <stdlib.h>

#define PERIODS       7
#define DISTINCT_MAX  250
#define USERS_DEFAULT 50
#define USERS_MAX     1000

static const struct tag_route {
    const char *path;
    int64_t days;     /* of a period … */
    const char *word; /* … that is told with its number; NULL: the day alone */
} tag_routes[] = {
    {"/tag/dau", 1, NULL},
    {"/tag/wau", 7, "Week"},
    {"/tag/mau", 30, "Month"},
};

struct tag_users {
    const struct tag_route *route;
    struct report_days periods[PERIODS]; /* the latest first */
    size_t count;
    const struct store_rows *rows[PERIODS];
    size_t statements; /* that ask for the keys */
    answer_next *answer;
};

/* The rows of one tag. */
struct tag {
    struct slice name;
    size_t first, end;
    size_t users;
    double spend, requests, successful, failed, tokens;
};

struct tags {
    struct tag *v;
    size_t n;
};

/* ---- rows → tags ----------------------------------------------------------------------------- */

static void add_row(struct tag *t, const struct store_rows *rows, size_t row)
{
    t->spend += store_rows_number(rows, row, "spend");
    t->requests += store_rows_number(rows, row, "api_requests");
    t->successful += store_rows_number(rows, row, "successful_requests");
    t->failed += store_rows_number(rows, row, "failed_requests");
    t->tokens += (double)report_tokens(rows, row);
}

static size_t count_users(const struct store_rows *rows, const struct tag *t,
                          const struct report_keys *keys)
{
    struct map seen;
    map_init(&seen);
    for (size_t i = t->first; i < t->end; i++) {
        const struct report_key *key = report_keys_find(keys, store_rows_text(rows, i, "api_key"));
        if (key && key->user.n)
            map_put(&seen, key->user, &seen);
    }
    size_t n = seen.count;
    map_fini(&seen);
    return n;
}

static struct tags tags_of(struct exchange *ex, const struct store_rows *rows,
                           const struct report_keys *keys)
{
    struct tags tags = {arena_zalloc(&ex->arena, (rows->count + 1) * sizeof(*tags.v)), 0};
    for (size_t i = 0; i < rows->count; tags.n++) {
        struct tag *t = &tags.v[tags.n];
        t->name = store_rows_text(rows, i, "tag");
        t->first = i;
        for (; i < rows->count && slice_eq(store_rows_text(rows, i, "tag"), t->name); i++)
            add_row(t, rows, i);
        t->end = i;
        t->users = count_users(rows, t, keys);
    }
    return tags;
}

static int by_users(const void *left, const void *right)
{
    const struct tag *a = left, *b = right;
    int order = (a->users < b->users) - (a->users > b->users);
    return order ? order : text_compare(a->name, b->name);
}

static int by_requests(const void *left, const void *right)
{
    const struct tag *a = left, *b = right;
    int order = (a->requests < b->requests) - (a->requests > b->requests);
    return order ? order : text_compare(a->name, b->name);
}

/* ---- the answers ----------------------------------------------------------------------------- */

static void begin_results(struct json_writer *w, struct buf *body)
{
    json_begin(w, body);
    json_object(w);
    json_key(w, "results");
    json_array(w);
}

static void end_results(struct json_writer *w)
{
    json_array_end(w);
    json_object_end(w);
}

/* "Week 7 (Nov 15)", "Month 7 (Oct)"; the first is the earliest. */
static void write_period(struct exchange *ex, struct json_writer *w, const struct tag_users *u,
                         size_t period)
{
    const struct report_days *days = &u->periods[period];
    char room[REPORT_SHORT_DAY];
    struct slice day = report_short_day(days->first, room), midnight = SLICE(" 00:00:00");
    if (!u->route->word) {
        json_member_string(w, "date", days->first);
        json_key(w, "period_start"), json_null(w);
        json_key(w, "period_end"), json_null(w);
        return;
    }
    if (u->route->days > 7)
        day.n = strlen("Nov");
    json_member_string(w, "date",
                       arena_printf(&ex->arena, "%s %zu (%.*s)", u->route->word, PERIODS - period,
                                    SLICE_ARG(day)));
    json_member_string(w, "period_start", ARENA_JOIN(&ex->arena, days->first, midnight));
    json_member_string(w, "period_end", ARENA_JOIN(&ex->arena, days->last, midnight));
}

static void write_active(struct exchange *ex, struct json_writer *w, const struct tag_users *u,
                         size_t period, const struct report_keys *keys)
{
    struct tags tags = tags_of(ex, u->rows[period], keys);
    qsort(tags.v, tags.n, sizeof(*tags.v), by_users);
    for (size_t i = 0; i < tags.n && tags.v[i].users; i++) {
        json_object(w);
        json_member_string(w, "tag", tags.v[i].name);
        json_member_integer(w, "active_users", (int64_t)tags.v[i].users);
        write_period(ex, w, u, period);
        json_object_end(w);
    }
}

/* Days: the latest first; weeks and months: the earliest. */
static void write_periods(struct exchange *ex, struct buf *body)
{
    const struct tag_users *u = ex->own.state;
    struct report_keys keys;
    struct json_writer w;
    report_keys_init(&keys, ex, u->statements);
    begin_results(&w, body);
    for (size_t i = 0; i < u->count; i++)
        write_active(ex, &w, u, u->route->word ? u->count - 1 - i : i, &keys);
    end_results(&w);
    report_keys_fini(&keys);
}

static void write_summary(struct exchange *ex, struct buf *body)
{
    const struct tag_users *u = ex->own.state;
    struct report_keys keys;
    struct json_writer w;
    report_keys_init(&keys, ex, u->statements);
    struct tags tags = tags_of(ex, u->rows[0], &keys);
    report_keys_fini(&keys);
    qsort(tags.v, tags.n, sizeof(*tags.v), by_requests);
    begin_results(&w, body);
    for (const struct tag *t = tags.v; t < tags.v + tags.n; t++) {
        json_object(&w);
        json_member_string(&w, "tag", t->name);
        json_member_integer(&w, "unique_users", (int64_t)t->users);
        json_member_integer(&w, "total_requests", (int64_t)t->requests);
        json_member_integer(&w, "successful_requests", (int64_t)t->successful);
        json_member_integer(&w, "failed_requests", (int64_t)t->failed);
        json_member_integer(&w, "total_tokens", (int64_t)t->tokens);
        json_key(&w, "total_spend"), json_number(&w, t->spend);
        json_object_end(&w);
    }
    end_results(&w);
}

/* ---- who had them ---------------------------------------------------------------------------- */

struct person {
    struct slice id;
    struct tag sums; /* its name: the first tag that was met */
};

struct people {
    int64_t page, size;
    struct person *v;
    size_t n;
    size_t first, end; /* of the page */
};

static int most_successful(const void *left, const void *right)
{
    const struct person *a = left, *b = right;
    int order =
        (a->sums.successful < b->sums.successful) - (a->sums.successful > b->sums.successful);
    return order ? order : text_compare(a->id, b->id);
}

static void add_people(struct exchange *ex, struct people *p, const struct store_rows *rows,
                       const struct report_keys *keys)
{
    struct map known;
    map_init(&known);
    p->v = arena_zalloc(&ex->arena, (rows->count + 1) * sizeof(*p->v));
    for (size_t i = 0; i < rows->count; i++) {
        const struct report_key *key = report_keys_find(keys, store_rows_text(rows, i, "api_key"));
        struct person *person = key ? map_get(&known, key->user) : NULL;
        if (!key || !key->user.n)
            continue;
        if (!person) {
            person = &p->v[p->n++];
            person->id = arena_dup(&ex->arena, key->user);
            person->sums.name = store_rows_text(rows, i, "tag");
            map_put(&known, person->id, person);
        }
        add_row(&person->sums, rows, i);
    }
    map_fini(&known);
    qsort(p->v, p->n, sizeof(*p->v), most_successful);
}

static void write_person(struct json_writer *w, const struct person *p,
                         const struct store_rows *users)
{
    json_object(w);
    json_member_string(w, "user_id", p->id);
    json_key(w, "user_email");
    struct slice email = {0};
    for (size_t i = 0; i < users->count && !email.n; i++)
        if (slice_eq(store_rows_text(users, i, "user_id"), p->id))
            email = store_rows_text(users, i, "user_email");
    json_string_or_null(w, email);
    json_member_string(w, "user_agent", p->sums.name);
    json_member_integer(w, "successful_requests", (int64_t)p->sums.successful);
    json_member_integer(w, "failed_requests", (int64_t)p->sums.failed);
    json_member_integer(w, "total_requests", (int64_t)p->sums.requests);
    json_member_integer(w, "total_tokens", (int64_t)p->sums.tokens);
    json_key(w, "spend"), json_number(w, p->sums.spend);
    json_object_end(w);
}

static void write_people(struct exchange *ex, struct buf *body)
{
    const struct people *p = ex->own.state;
    int64_t total = (int64_t)p->n;
    struct json_writer w;
    begin_results(&w, body);
    for (size_t i = p->first; i < p->end; i++)
        write_person(&w, &p->v[i], ask_rows(ex, 0));
    json_array_end(&w);
    json_member_integer(&w, "total_count", total);
    json_member_integer(&w, "page", p->page);
    json_member_integer(&w, "page_size", p->size);
    json_member_integer(&w, "total_pages", (total + p->size - 1) / p->size);
    json_object_end(&w);
}

static void ask_people(struct exchange *ex, struct buf *body)
{
    static const char *const columns[] = {"user_id", "user_email"};
    const struct tag_users *u = ex->own.state;
    struct people *p = ARENA_NEW(&ex->arena, struct people);
    struct report_keys keys;
    struct admin_texts ids;
    struct store_job *job;
    if (!report_number(ex, "page", 1, INT32_MAX, 1, &p->page) ||
        !report_number(ex, "page_size", 1, USERS_MAX, USERS_DEFAULT, &p->size))
        return;
    report_keys_init(&keys, ex, u->statements);
    add_people(ex, p, u->rows[0], &keys);
    report_keys_fini(&keys);
    p->first = (size_t)((p->page - 1) * p->size);
    p->first = p->first < p->n ? p->first : p->n;
    p->end = p->n - p->first < (size_t)p->size ? p->n : p->first + (size_t)p->size;
    admin_texts_begin(&ids);
    for (size_t i = p->first; i < p->end; i++)
        admin_texts_add(&ids, p->v[i].id);
    struct store_where where = admin_where_in("user_id", admin_texts_end(&ids, &ex->arena));
    job = report_new(ex);
    store_select(job, &(struct store_query){.table = TABLE_USER_TABLE,
                                            .columns = columns,
                                            .column_count = 2,
                                            .where = &where,
                                            .where_count = 1});
    ex->own.state = p;
    ask_store(ex, job, write_people);
    (void)body;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void take_rows(struct exchange *ex, struct buf *body)
{
    struct tag_users *u = ex->own.state;
    struct store_job *job;
    for (size_t i = 0; i < u->count; i++) {
        u->rows[i] = ask_rows(ex, i);
        if (!report_is_whole(ex, u->rows[i]))
            return;
    }
    ask_keep(ex, 0);
    job = report_new(ex);
    u->statements = report_keys_select(ex, job, u->rows, u->count);
    ask_store(ex, job, u->answer);
    (void)body;
}

/* Several tags, or those that hold a text. */
static void filter_tags(struct exchange *ex, struct report_filter *f)
{
    struct slice several = report_values(ex, "tag_filters");
    struct slice part = query_get(ex->head->query, "tag_filter", &ex->arena);
    if (several.n)
        report_filter_add(f, "tag", STORE_IN, store_texts(several));
    else if (part.n)
        report_filter_add(f, "tag", STORE_HOLDS, store_text(part));
}

static void ask_periods(struct exchange *ex, struct tag_users *u)
{
    static const char *const by[] = {"tag", "api_key"};
    struct store_job *job = report_new(ex);
    if (!job)
        return;
    for (size_t i = 0; i < u->count; i++) {
        struct report_filter f = {.count = 0};
        report_filter_days(&f, &u->periods[i]);
        filter_tags(ex, &f);
        report_add_days_by(job, TABLE_DAILY_TAG_SPEND, &f, by, 2);
    }
    ex->own.state = u;
    ask_store(ex, job, take_rows);
}

/* As LiteLLM has it, weeks and months end tomorrow. */
void handle_tag_active(struct exchange *ex, struct buf *body)
{
    struct tag_users *u = ARENA_NEW(&ex->arena, struct tag_users);
    int64_t last = clock_unix_ms();
    u->route = tag_routes;
    while (!slice_eq(slice_of(u->route->path), slice_of(ex->route->path)))
        u->route++;
    last += u->route->word ? REPORT_DAY_MS : 0;
    for (; u->count < PERIODS; u->count++) {
        u->periods[u->count] = (struct report_days){
            report_day_of(last - (u->route->days - 1) * REPORT_DAY_MS, &ex->arena),
            report_day_of(last, &ex->arena)};
        last -= u->route->days * REPORT_DAY_MS;
    }
    u->answer = write_periods;
    ask_periods(ex, u);
    (void)body;
}

void handle_tag_summary(struct exchange *ex, struct buf *body)
{
    struct tag_users *u = ARENA_NEW(&ex->arena, struct tag_users);
    u->count = 1;
    u->answer = write_summary;
    if (report_days_read(ex, &u->periods[0]))
        ask_periods(ex, u);
    (void)body;
}

void handle_tag_people(struct exchange *ex, struct buf *body)
{
    struct tag_users *u = ARENA_NEW(&ex->arena, struct tag_users);
    u->count = 1;
    u->answer = ask_people;
    u->periods[0] = report_days_lately(ex);
    ask_periods(ex, u);
    (void)body;
}

/* ---- GET /tag/distinct ----------------------------------------------------------------------- */

/* User agents, and tags that are no "name:value". */
static void write_distinct(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    struct json_writer w;
    begin_results(&w, body);
    for (size_t i = 0, n = 0; i < rows->count && n < DISTINCT_MAX; i++) {
        struct slice tag = store_rows_text(rows, i, "tag");
        if (slice_find_char(tag, ':') >= 0 && !slice_starts(tag, SLICE("User-Agent:")))
            continue;
        json_object(&w);
        json_member_string(&w, "tag", tag);
        json_object_end(&w);
        n++;
    }
    end_results(&w);
}

void handle_tag_distinct(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {"tag"};
    static const struct store_order order[] = {{"count", true}, {"tag", false}};
    struct store_job *job = report_new(ex);
    if (!job)
        return;
    store_report(job,
                 &(struct store_report){
                     .query = {.table = TABLE_DAILY_TAG_SPEND, .order = order, .order_count = 2},
                     .by = by,
                     .by_count = 1});
    ask_store(ex, job, write_distinct);
    (void)body;
}
