/* /user/daily/activity, and of teams, tags, customers and organizations.
 *
 * Happy path, paged: a page of the table's rows, then the names of the keys and entities in it.
 * Aggregated: what the days and their models were, and which keys and entities cost most; then the
 * rows of these, as many as one answer of the database holds. Either is added up and written piece
 * by piece, so that other requests go on meanwhile.
 *
 * Failure modes: no database, days that are none, more models and days than an answer holds. Who is
 * no admin gets its own rows. */

#include "daily_filter.h"
#include "daily_tree.h"
#include "handlers.h"

#define PAGE_MAX    1000
#define TOP_KEYS    100 /* that the aggregated answer tells of */
#define PIECE_ROWS  512
#define PIECE_BYTES (256u * 1024)

struct daily_source {
    const struct store_rows *rows;
    unsigned where; /* they count */
};

struct daily {
    const struct daily_route *route;
    struct report_filter filter;
    int64_t days;                   /* from the first to the last */
    int64_t page, page_size, total; /* rows */
    bool aggregated;
    const struct store_rows *ranking;   /* of keys, of the aggregated answer … */
    size_t told;                        /* … of which the first are told of */
    struct slice key_list, entity_list; /* for STORE_IN */
    struct daily_source sources[4];     /* the last has no rows */
    size_t source, row;                 /* that is added next */
    struct daily_tree tree;
    struct json_writer writer;
};

static struct store_query query_of(const struct daily *d, const struct report_filter *f)
{
    return (struct store_query){
        .table = d->route->table, .where = f->where, .where_count = f->count};
}

#define NAME_COLUMNS  (1 + DAILY_PARTS + 2)
#define TABLE_COLUMNS (NAME_COLUMNS + DAILY_SUMS)

/* What names a row: date and parts, then key and entity. How many. */
static size_t name_columns(const struct daily *d, const char **columns)
{
    size_t n = 0;
    columns[n++] = "date";
    for (size_t i = 0; i < DAILY_PARTS; i++)
        columns[n++] = daily_parts[i];
    columns[n++] = "api_key";
    columns[n++] = d->route->entity;
    return n;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void write_metadata(struct json_writer *w, const struct daily *d)
{
    int64_t pages = d->aggregated ? 1 : (d->total + d->page_size - 1) / d->page_size;
    json_key(w, "metadata");
    json_object(w);
    daily_tree_write_total(&d->tree, w);
    json_member_integer(w, "page", d->page);
    json_member_integer(w, "total_pages", pages);
    json_member_bool(w, "has_more", d->page < pages);
    json_key(w, "api_key_limit");
    if (d->aggregated)
        json_integer(w, TOP_KEYS);
    else
        json_null(w);
    json_key(w, "total_api_keys");
    if (d->aggregated)
        json_integer(w, (int64_t)d->ranking->count);
    else
        json_null(w);
    json_key(w, "entity_total_api_keys"), json_null(w);
    json_object_end(w);
}

static void end_answer(struct exchange *ex)
{
    struct daily *d = ex->own.state;
    daily_tree_fini(&d->tree);
}

static void write_rest(struct exchange *ex, struct buf *body)
{
    struct daily *d = ex->own.state;
    if (daily_tree_write(&d->tree, &d->writer, PIECE_BYTES)) {
        ask_later(ex, write_rest);
        return;
    }
    write_metadata(&d->writer, d);
    json_object_end(&d->writer);
    (void)body; /* the writer knows it */
}

static void add_rest(struct exchange *ex, struct buf *body)
{
    struct daily *d = ex->own.state;
    const struct daily_source *s = &d->sources[d->source];
    size_t left = s->rows ? s->rows->count - d->row : 0;
    size_t n = left < PIECE_ROWS ? left : PIECE_ROWS;
    if (!s->rows) { /* that was all */
        json_begin(&d->writer, body);
        json_object(&d->writer);
        daily_tree_write_begin(&d->tree, &d->writer);
        ask_later(ex, write_rest);
        return;
    }
    daily_tree_add(&d->tree, s->rows, d->row, n, s->where);
    d->row = n < left ? d->row + n : 0;
    d->source += n == left;
    ask_later(ex, add_rest);
}

static bool at_once(struct exchange *ex)
{
    (void)ex;
    return true;
}

/* Three statements of the job, from `first` on, tell the names. */
static void answer(struct exchange *ex, size_t first)
{
    struct daily *d = ex->own.state;
    struct daily_names names = {ask_rows(ex, first), ask_rows(ex, first + 1),
                                ask_rows(ex, first + 2)};
    ask_keep(ex, 0);
    daily_tree_init(&d->tree, &ex->arena, d->route->entity, &names);
    if (d->aggregated)
        daily_tree_tell_keys(&d->tree, d->ranking, d->told);
    ask_wait(ex, at_once, add_rest, end_answer);
}

static void answer_rows(struct exchange *ex, struct buf *body)
{
    answer(ex, 0);
    (void)body;
}

/* Rows of the table itself. */
static void take_rows(struct exchange *ex, struct buf *body)
{
    struct daily *d = ex->own.state;
    struct store_job *job = report_new(ex);
    const struct store_rows *rows = ask_keep(ex, 0);
    d->sources[0] =
        (struct daily_source){rows, DAILY_COUNT_DAYS | DAILY_COUNT_ENTITIES | DAILY_COUNT_KEYS};
    if (!d->aggregated)
        d->key_list = report_list_of(ex, rows, "api_key");
    d->entity_list = report_list_of(ex, rows, d->route->entity);
    daily_select_names(job, d->route, d->key_list, d->entity_list);
    ask_store(ex, job, answer_rows);
    (void)body;
}

/* ---- paged ----------------------------------------------------------------------------------- */

static void take_page(struct exchange *ex, struct buf *body)
{
    struct daily *d = ex->own.state;
    d->total = (int64_t)store_rows_number(ask_rows(ex, 1), 0, "count");
    take_rows(ex, body);
}

static void ask_page(struct exchange *ex, struct daily *d, struct store_job *job)
{
    static const struct store_order order[] = {{"date", true}, {"id", false}};
    struct store_query query = query_of(d, &d->filter);
    query.order = order;
    query.order_count = 2;
    query.limit = d->page_size;
    query.offset = (d->page - 1) * d->page_size;
    store_select(job, &query);
    query.limit = 0;
    store_count(job, &query);
    ask_store(ex, job, take_page);
}

/* ---- aggregated ------------------------------------------------------------------------------ */

/* Those that cost most, dearest first. */
static void add_ranking(struct store_job *job, const struct daily *d, const char *column)
{
    static const char *const spend[] = {"spend"};
    struct store_query query = query_of(d, &d->filter);
    query.order = &(struct store_order){"spend", true};
    query.order_count = 1;
    store_report(job,
                 &(struct store_report){
                     .query = query, .by = &column, .by_count = 1, .sums = spend, .sum_count = 1});
}

static int64_t rows_of(const struct store_rows *ranking, size_t row)
{
    return (int64_t)store_rows_number(ranking, row, "count");
}

/* How many of a ranking are told of: at most `max`, and those whose rows, each at most `each`, have
 * room in one answer of the database. */
static size_t choose(const struct store_rows *ranking, size_t max, int64_t each)
{
    int64_t room = STORE_ROWS_MAX;
    size_t n = 0;
    for (; n < ranking->count && n < max; n++) {
        room -= rows_of(ranking, n) < each ? rows_of(ranking, n) : each;
        if (room < 0)
            break;
    }
    return n;
}

/* … as a condition, unless it is all of them. */
static struct slice narrow(struct exchange *ex, struct report_filter *f,
                           const struct store_rows *ranking, size_t n)
{
    const char *column = ranking->columns[0].name;
    struct store_rows chosen = *ranking;
    struct slice list;
    chosen.count = n;
    list = report_list_of(ex, &chosen, column);
    if (n < ranking->count)
        report_filter_add(f, column, STORE_IN, store_texts(list));
    return list;
}

/* Few rows: they are added up here, which takes a fraction of what the database needs for it. */
static void ask_all_rows(struct exchange *ex, struct daily *d)
{
    const char *columns[TABLE_COLUMNS];
    struct store_query query = query_of(d, &d->filter);
    struct store_job *job = report_new(ex);
    query.columns = columns;
    query.column_count = name_columns(d, columns);
    query.order = &(struct store_order){"date", true};
    query.order_count = 1;
    for (size_t i = 0; i < DAILY_SUMS; i++)
        columns[query.column_count++] = daily_sums[i];
    store_select(job, &query);
    ask_store(ex, job, take_rows);
}

/* Many: the database does, and tells what each day was, each entity's day, and the keys'. */

static void add_sums(struct store_job *job, const struct daily *d, const struct report_filter *f,
                     const char *const *by, size_t n)
{
    static const struct store_order order[] = {{"date", true}, {"spend", true}};
    struct store_query query = query_of(d, f);
    query.order = order;
    query.order_count = 2;
    store_report(
        job,
        &(struct store_report){
            .query = query, .by = by, .by_count = n, .sums = daily_sums, .sum_count = DAILY_SUMS});
}

static void answer_sums(struct exchange *ex, struct buf *body)
{
    struct daily *d = ex->own.state;
    d->sources[1] = (struct daily_source){ask_rows(ex, 0), DAILY_COUNT_ENTITIES};
    d->sources[2] = (struct daily_source){ask_rows(ex, 1), DAILY_COUNT_KEYS};
    answer(ex, 2);
    (void)body;
}

static void take_days(struct exchange *ex, struct buf *body)
{
    struct daily *d = ex->own.state;
    const char *by_entity[] = {"date", d->route->entity}, *by_key[NAME_COLUMNS];
    const struct store_rows *entities = ask_rows(ex, 1);
    struct report_filter of_keys = d->filter, of_entities = d->filter;
    struct store_job *job;
    if (!report_is_whole(ex, ask_rows(ex, 0)))
        return;
    job = report_new(ex);
    narrow(ex, &of_keys, d->ranking, d->told);
    d->entity_list = narrow(ex, &of_entities, entities, choose(entities, STORE_LIST_MAX, d->days));
    d->sources[0] = (struct daily_source){ask_keep(ex, 0), DAILY_COUNT_DAYS};
    add_sums(job, d, &of_entities, by_entity, 2);
    add_sums(job, d, &of_keys, by_key, name_columns(d, by_key));
    daily_select_names(job, d->route, d->key_list, d->entity_list);
    ask_store(ex, job, answer_sums);
    (void)body;
}

static void take_ranking(struct exchange *ex, struct buf *body)
{
    struct daily *d = ex->own.state;
    const char *by[NAME_COLUMNS];
    struct report_filter of_keys = d->filter;
    struct store_job *job;
    int64_t rows = 0;
    d->ranking = ask_keep(ex, 0);
    d->told = choose(d->ranking, TOP_KEYS, INT64_MAX);
    d->key_list = narrow(ex, &of_keys, d->ranking, d->told);
    for (size_t i = 0; i < d->ranking->count; i++)
        rows += rows_of(d->ranking, i);
    if (rows <= STORE_ROWS_MAX && !d->ranking->more) {
        ask_all_rows(ex, d);
        return;
    }
    job = report_new(ex);
    add_sums(job, d, &d->filter, by, name_columns(d, by) - 2); /* but by key and entity */
    add_ranking(job, d, d->route->entity);
    ask_store(ex, job, take_days);
    (void)body;
}

static void ask_aggregated(struct exchange *ex, struct daily *d, struct store_job *job)
{
    add_ranking(job, d, "api_key");
    ask_store(ex, job, take_ranking);
}

static void ask_activity(struct exchange *ex, struct slice teams)
{
    struct daily *d = ex->own.state;
    struct report_days days;
    struct store_job *job;
    if (!daily_filter_read(ex, d->route, teams, &d->filter, &days) || !(job = report_new(ex)))
        return;
    d->days = (report_day_begins(days.last) - report_day_begins(days.first)) / REPORT_DAY_MS + 1;
    if (d->aggregated)
        ask_aggregated(ex, d, job);
    else
        ask_page(ex, d, job);
}

void handle_daily_activity(struct exchange *ex, struct buf *body)
{
    struct daily *d = ARENA_NEW(&ex->arena, struct daily);
    d->route = daily_route_of(ex);
    d->aggregated = slice_ends(slice_of(ex->route->path), SLICE("/aggregated"));
    ex->own.state = d;
    if (!report_number(ex, "page", 1, INT32_MAX, 1, &d->page) ||
        !report_number(ex, "page_size", 1, PAGE_MAX, d->route->page_size, &d->page_size))
        return;
    daily_with_teams(ex, d->route, ask_activity);
}
