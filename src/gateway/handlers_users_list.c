/* /user/list, /user/filter/ui, /user/available_roles: users found by what the query says. */

#include "handlers_admin.h"

#include "query.h"
#include "user_fields.h"

#define ID            "user_id"
#define TABLE         TABLE_USER_TABLE
#define PAGE_SIZE     25
#define PAGE_SIZE_MAX 100
#define FILTER_SIZE   50
#define FILTERS_MAX   8

struct user_list {
    struct store_where where[FILTERS_MAX];
    size_t where_count;
    struct store_order order;
    struct admin_page page;
    const struct store_rows *users, *total;
};

static struct user_list *list_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct user_list);
    return ex->own.state;
}

/* ---- filters --------------------------------------------------------------------------------- */

/* "a,b" → ["a","b"] */
static struct slice split(struct exchange *ex, struct slice text)
{
    struct admin_texts t;
    admin_texts_begin(&t);
    while (text.p)
        admin_texts_add(&t, slice_trim(slice_split(&text, ',')));
    return admin_texts_end(&t, &ex->arena);
}

static void add_filter(struct exchange *ex, const char *name, const char *column,
                       enum store_test test)
{
    struct user_list *l = list_of(ex);
    struct slice value = query_get(ex->head->query, name, &ex->arena);
    if (value.n)
        l->where[l->where_count++] = (struct store_where){
            column, test, test == STORE_IN ? store_texts(split(ex, value)) : store_text(value), 0};
}

static void read_filters(struct exchange *ex)
{
    static const struct {
        const char *name, *column;
        enum store_test test;
    } rows[] = {{"role", "user_role", STORE_EQ},
                {"user_ids", ID, STORE_IN},
                {"sso_user_ids", "sso_user_id", STORE_IN},
                {"user_email", "user_email", STORE_HOLDS},
                {"user_alias", "user_alias", STORE_HOLDS},
                {"team", "teams", STORE_HAS},
                {"organization_ids", "organization_id", STORE_IN}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        add_filter(ex, rows[i].name, rows[i].column, rows[i].test);
}

/* Columns that are text or numbers; what is no column is passed over. */
static void read_order(struct exchange *ex)
{
    struct slice by = query_get(ex->head->query, "sort_by", &ex->arena);
    struct slice direction = query_get(ex->head->query, "sort_order", &ex->arena);
    int column = store_column_find(store_table(TABLE), by);
    list_of(ex)->order =
        (struct store_order){column < 0 ? "created_at" : store_table(TABLE)->columns[column].name,
                             column < 0 || slice_eq_nocase(direction, SLICE("desc"))};
}

static void select_page(struct exchange *ex, answer_next *next)
{
    const struct user_list *l = list_of(ex);
    struct store_query query = {.table = TABLE,
                                .where = l->where,
                                .where_count = l->where_count,
                                .order = &l->order,
                                .order_count = 1};
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    admin_select_page(job, &query, &l->page);
    ask_store(ex, job, next);
}

/* ---- GET /user/list -------------------------------------------------------------------------- */

static void write_list(struct exchange *ex, struct buf *body)
{
    const struct user_list *l = list_of(ex);
    const struct store_rows *counts = ask_rows(ex, 0);
    struct json_writer w;
    size_t row;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "users");
    json_array(&w);
    for (size_t i = 0; i < l->users->count; i++) {
        struct slice id = store_rows_text(l->users, i, ID);
        json_object(&w);
        user_fields_write(&w, l->users, i);
        json_member_integer(
            &w, "key_count",
            admin_find(counts, ID, id, &row) ? store_rows_at(counts, row, "count")->integer : 0);
        json_object_end(&w);
    }
    json_array_end(&w);
    admin_write_page(&w, &l->page, admin_total(l->total));
    json_object_end(&w);
}

static void list_found(struct exchange *ex, struct buf *body)
{
    static const char *const by[] = {ID};
    struct user_list *l = list_of(ex);
    struct store_job *job = ask_new(ex);
    struct store_where where;
    l->total = ask_rows(ex, 1);
    l->users = ask_keep(ex, 0);
    where = admin_where_in(ID, admin_column(l->users, ID, &ex->arena));
    store_report(
        job, &(struct store_report){
                 .query = {.table = TABLE_VERIFICATION_TOKEN, .where = &where, .where_count = 1},
                 .by = by,
                 .by_count = 1});
    ask_store(ex, job, write_list);
}

void handle_user_list(struct exchange *ex, struct buf *body)
{
    if (!admin_read_page(ex, "page_size", PAGE_SIZE, PAGE_SIZE_MAX, &list_of(ex)->page))
        return;
    read_filters(ex);
    read_order(ex);
    select_page(ex, list_found);
}

/* ---- GET /user/filter/ui --------------------------------------------------------------------- */

static void write_filtered(struct exchange *ex, struct buf *body)
{
    static const char *const shown[] = {ID, "user_email", "user_alias", "user_role", NULL};
    const struct store_rows *users = ask_rows(ex, 0);
    struct json_writer w;
    json_begin(&w, body);
    json_array(&w);
    for (size_t i = 0; i < users->count; i++) {
        json_object(&w);
        user_fields_write_some(&w, users, i, shown);
        json_object_end(&w);
    }
    json_array_end(&w);
}

void handle_user_filter(struct exchange *ex, struct buf *body)
{
    if (!admin_read_page(ex, "page_size", FILTER_SIZE, PAGE_SIZE_MAX, &list_of(ex)->page))
        return;
    add_filter(ex, ID, ID, STORE_HOLDS);
    add_filter(ex, "user_email", "user_email", STORE_HOLDS);
    read_order(ex);
    select_page(ex, write_filtered);
}

/* ---- GET /user/available_roles --------------------------------------------------------------- */

void handle_user_roles(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    for (size_t i = 0; i < USER_ROLES; i++) {
        json_key_slice(&w, slice_of(user_roles[i].name));
        json_object(&w);
        json_member_string(&w, "description", slice_of(user_roles[i].description));
        json_member_string(&w, "ui_label", slice_of(user_roles[i].label));
        json_object_end(&w);
    }
    json_object_end(&w);
}
