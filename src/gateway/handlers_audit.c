/* GET /audit, /audit/{id}: who changed what, as the rows that audit.c writes.
 *
 * Happy path: what the query string says becomes conditions; a page of rows and their number are
 * asked for together. Failure modes: no database; a page, a time or an order that is none; an id
 * that no row has. */

#include "handlers_admin.h"

#include "admin.h"
#include "detail.h"
#include "query.h"
#include "report.h"

#define TABLE     TABLE_AUDIT_LOG
#define PAGE_SIZE 10
#define PAGE_MAX  100

static const struct admin_fields row_fields = {.table = TABLE};

/* ---- what is asked for ----------------------------------------------------------------------- */

static bool filter_time(struct exchange *ex, struct report_filter *f, const char *name, bool end)
{
    struct slice text = query_get(ex->head->query, name, &ex->arena);
    int64_t ms = report_time(text, end);
    if (!text.n)
        return true;
    if (ms < 0)
        detail_refuse_input(ex, "query", name, "Input should be a day, or a time");
    else
        report_filter_add(f, "updated_at", end ? STORE_LE : STORE_GE, store_time(ms));
    return ms >= 0;
}

/* What a row of the changed table holds, or held; LiteLLM takes either of the two. */
static void filter_members(struct exchange *ex, struct report_filter *f)
{
    static const struct {
        const char *name, *before, *after;
    } members[] = {{"object_team_id", "before_value.team_id", "updated_values.team_id"},
                   {"object_key_hash", "before_value.token", "updated_values.token"}};
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        struct slice value = query_get(ex->head->query, members[i].name, &ex->arena);
        if (!value.n)
            continue;
        report_filter_any(f, members[i].before, STORE_HOLDS, store_text(value), 1);
        report_filter_any(f, members[i].after, STORE_HOLDS, store_text(value), 1);
    }
}

static bool read_filters(struct exchange *ex, struct report_filter *f)
{
    static const char *const equal[] = {"changed_by", "changed_by_api_key", "action", "table_name",
                                        "object_id"};
    for (size_t i = 0; i < sizeof(equal) / sizeof(*equal); i++)
        report_filter_query(ex, f, equal[i], equal[i]);
    filter_members(ex, f);
    return filter_time(ex, f, "start_date", false) && filter_time(ex, f, "end_date", true);
}

static bool read_order(struct exchange *ex, struct store_order *order)
{
    struct slice by = query_get(ex->head->query, "sort_by", &ex->arena);
    struct slice direction = query_get(ex->head->query, "sort_order", &ex->arena);
    int column = store_column_find(store_table(TABLE), by.n ? by : SLICE("updated_at"));
    bool up = slice_eq_nocase(direction, SLICE("asc"));
    if (column < 0 || store_table(TABLE)->columns[column].type == STORE_JSON)
        detail_refuse_input(ex, "query", "sort_by", "Input should be a column that has an order");
    else if (direction.n && !up && !slice_eq_nocase(direction, SLICE("desc")))
        detail_refuse_input(ex, "query", "sort_order", "Input should be 'asc' or 'desc'");
    else
        *order = (struct store_order){store_table(TABLE)->columns[column].name, !up};
    return ex->failure.kind == FAILURE_NONE;
}

/* ---- GET /audit ------------------------------------------------------------------------------ */

static void write_page(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "audit_logs");
    admin_write_array(&w, &row_fields, ask_rows(ex, 0));
    admin_write_page(&w, ex->own.state, admin_total(ask_rows(ex, 1)));
    json_object_end(&w);
}

void handle_audit(struct exchange *ex, struct buf *body)
{
    struct admin_page *page = ARENA_NEW(&ex->arena, struct admin_page);
    struct report_filter f = {.count = 0};
    struct store_order order;
    struct store_job *job;
    if (!report_number(ex, "page", 1, INT32_MAX, 1, &page->page) ||
        !report_number(ex, "page_size", 1, PAGE_MAX, PAGE_SIZE, &page->size) ||
        !read_filters(ex, &f) || !read_order(ex, &order) || !(job = ask_new(ex)))
        return;
    struct store_query query = {.table = TABLE,
                                .where = f.where,
                                .where_count = f.count,
                                .order = &order,
                                .order_count = 1};
    ex->own.state = page;
    admin_select_page(job, &query, page);
    ask_store(ex, job, write_page);
}

/* ---- GET /audit/{id} ------------------------------------------------------------------------- */

static void write_one(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    struct json_writer w;
    if (!rows->count) {
        detail_refuse_message(ex, 404,
                              arena_printf(&ex->arena, "Audit log with ID %.*s not found",
                                           SLICE_ARG(percent_decode(ex->route_item, &ex->arena))));
        return;
    }
    json_begin(&w, body);
    json_object(&w);
    admin_write(&w, &row_fields, rows, 0);
    json_object_end(&w);
}

void handle_audit_one(struct exchange *ex, struct buf *body)
{
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    admin_select(job, TABLE, "id", percent_decode(ex->route_item, &ex->arena));
    ask_store(ex, job, write_one);
}
