/* What the management routes share.
 *
 * Happy path: each member that the client may set becomes a cell by its column's type, durations
 * become times, members without a column go into metadata; rows become JSON column by column.
 * Failure modes: a member of another type, a budget below 0, a duration that is none: a 400 that
 * names it. */

#include "admin.h"

#include "base/duration.h"
#include "callback_vars.h"
#include "io/clock.h"
#include "query.h"
#include "stored.h"
#include "wire/crypto.h"

#include <stdarg.h>
#include <stdio.h>

#define MASTER       SLICE("default_user_id")
#define MASTER_KEY   SLICE("litellm_proxy_master_key")
#define METADATA_MAX (1024 * 1024)
#define OBJECT_MAX   (4 * 1024 * 1024) /* of what is merged */
#define TEXTS_MAX    (4 * 1024 * 1024)
#define MESSAGE_MAX  1024
#define PAGE_MAX     1000000

void admin_set(struct admin_cells *cells, const char *column, struct store_value value)
{
    size_t i = 0;
    while (i < cells->n && !slice_eq(slice_of(cells->v[i].column), slice_of(column)))
        i++;
    cells->v[i] = (struct store_cell){column, value, STORE_SET};
    cells->n += i == cells->n;
}

static bool lists(const char *const *names, struct slice name)
{
    for (; names && *names; names++)
        if (slice_eq(name, slice_of(*names)))
            return true;
    return false;
}

/* ---- refusals -------------------------------------------------------------------------------- */

void admin_refuse(struct exchange *ex, int status, const char *type, const char *format, ...)
{
    char text[MESSAGE_MAX];
    enum failure_kind kind = status == 404  ? FAILURE_NOT_FOUND
                             : status < 500 ? FAILURE_BAD_REQUEST
                                            : FAILURE_INTERNAL;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    failure_set(&ex->failure, &ex->arena, kind, status, "%s", text);
    ex->failure.type = type ? type : "internal_server_error";
}

void admin_show_param(struct exchange *ex, const char *param)
{
    ex->failure.param = slice_of(param);
    ex->failure.param_shown = true;
}

static bool refuse(struct exchange *ex, const char *name, const char *why)
{
    return failure_bad_param(&ex->failure, &ex->arena, name, "%s: %s", name, why);
}

/* ---- members that are columns ---------------------------------------------------------------- */

bool admin_read_time(struct exchange *ex, yyjson_val *body, const char *name, const char *column,
                     bool aligned, struct admin_cells *cells)
{
    yyjson_val *v = json_get(body, name);
    struct slice text = json_slice(v);
    int64_t now = clock_unix_ms();
    if (!v)
        return true;
    if (yyjson_is_null(v)) {
        admin_set(cells, column, store_null());
        return true;
    }
    if (!duration_ms(text))
        return refuse(ex, name,
                      "a duration such as \"30s\", \"12h\", \"30d\" or \"1mo\" is wanted");
    admin_set(cells, column,
              store_time(aligned ? duration_reset(text, now) : now + duration_ms(text)));
    return true;
}

static bool is_negative_budget(struct slice name, yyjson_val *v)
{
    double number;
    return slice_ends(name, SLICE("_budget")) && json_double(v, &number) && number < 0;
}

bool admin_read_member(struct exchange *ex, enum store_table_id id, yyjson_val *body,
                       const char *name, const char *column, struct admin_cells *cells)
{
    const struct store_table *table = store_table(id);
    const struct store_column *c = &table->columns[store_column_find(table, slice_of(column))];
    yyjson_val *v = json_get(body, name);
    struct store_value value;
    if (!v || (yyjson_is_null(v) && c->flags & COLUMN_NEEDED))
        return true;
    if (is_negative_budget(slice_of(column), v))
        return refuse(ex, name, "a number that is not negative is wanted");
    if (!store_value_from_json(c, v, &ex->arena, &value))
        return refuse(ex, name, "a value of another type is wanted");
    admin_set(cells, column, value);
    return true;
}

/* ---- metadata -------------------------------------------------------------------------------- */

static bool has_any(yyjson_val *body, const char *const *names)
{
    for (; names && *names; names++)
        if (json_get(body, *names) && !yyjson_is_null(json_get(body, *names)))
            return true;
    return false;
}

static void write_kept(struct exchange *ex, struct json_writer *w, const char *const *names,
                       yyjson_val *old, yyjson_val *body)
{
    yyjson_val *key;
    yyjson_obj_iter it;
    if (!yyjson_is_obj(old))
        return;
    it = yyjson_obj_iter_with(old);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice name = json_slice(key);
        if (lists(names, name) && json_get(body, arena_strdup(&ex->arena, name)))
            continue;
        json_key_slice(w, name);
        json_value(w, yyjson_obj_iter_get_val(key));
    }
}

/* What the client gives anew replaces the old; null takes it away. */
static struct slice join_metadata(struct exchange *ex, const char *const *names, yyjson_val *old,
                                  yyjson_val *body)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, METADATA_MAX);
    json_begin(&w, &b);
    json_object(&w);
    write_kept(ex, &w, names, old, body);
    for (; names && *names; names++) {
        yyjson_val *v = json_get(body, *names);
        if (!v || yyjson_is_null(v))
            continue;
        json_key_slice(&w, slice_of(*names));
        json_value(&w, v);
    }
    json_object_end(&w);
    struct slice text = b.overflow ? SLICE("") : arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    return text;
}

static bool is_unsaid(yyjson_val *object, struct slice name)
{
    yyjson_val *v = yyjson_obj_getn(object, name.p, name.n);
    return !v || yyjson_is_null(v) || (yyjson_is_arr(v) && !yyjson_arr_size(v));
}

yyjson_val *admin_with_defaults(struct exchange *ex, yyjson_val *body, yyjson_val *defaults)
{
    yyjson_val *const objects[] = {body, defaults}, *key;
    struct buf b;
    struct json_writer w;
    if (!yyjson_obj_size(defaults))
        return body;
    buf_init(&b, 2 * METADATA_MAX);
    json_begin(&w, &b);
    json_object(&w);
    for (size_t i = 0; i < 2; i++) {
        yyjson_obj_iter it = yyjson_obj_iter_with(objects[i]);
        while ((key = yyjson_obj_iter_next(&it))) {
            if (is_unsaid(body, json_slice(key)) !=
                (i && !yyjson_is_null(yyjson_obj_iter_get_val(key))))
                continue;
            json_key_slice(&w, json_slice(key));
            json_value(&w, yyjson_obj_iter_get_val(key));
        }
    }
    json_object_end(&w);
    yyjson_val *whole = b.overflow ? NULL : json_parse(buf_slice(&b), &ex->arena, NULL);
    buf_fini(&b);
    if (!whole)
        admin_refuse(ex, 400, NULL, "The request is too long.");
    return whole;
}

yyjson_val *admin_merge(struct exchange *ex, yyjson_val *old, yyjson_val *new)
{
    yyjson_val *parts[] = {old, new}, *key;
    struct buf b;
    struct json_writer w;
    buf_init(&b, OBJECT_MAX);
    json_begin(&w, &b);
    json_object(&w);
    for (size_t i = 0; i < 2; i++) {
        if (!yyjson_is_obj(parts[i]))
            continue;
        yyjson_obj_iter it = yyjson_obj_iter_with(parts[i]);
        while ((key = yyjson_obj_iter_next(&it))) {
            yyjson_val *v = yyjson_obj_iter_get_val(key);
            bool replaced = i == 0 && yyjson_is_obj(new) &&
                            yyjson_obj_getn(new, json_slice(key).p, json_slice(key).n);
            if (replaced || yyjson_is_null(v))
                continue;
            json_key_slice(&w, json_slice(key));
            json_value(&w, v);
        }
    }
    json_object_end(&w);
    yyjson_val *merged = json_parse(buf_slice(&b), &ex->arena, NULL);
    buf_fini(&b);
    return merged;
}

struct slice admin_json_with(struct exchange *ex, struct slice object, const char *name,
                             struct slice text)
{
    yyjson_val *old = json_parse(object, &ex->arena, NULL), *key;
    struct buf b;
    struct json_writer w;
    buf_init(&b, 2 * METADATA_MAX);
    json_begin(&w, &b);
    json_object(&w);
    if (yyjson_is_obj(old)) {
        yyjson_obj_iter it = yyjson_obj_iter_with(old);
        while ((key = yyjson_obj_iter_next(&it))) {
            if (slice_eq(json_slice(key), slice_of(name)))
                continue;
            json_key_slice(&w, json_slice(key));
            json_value(&w, yyjson_obj_iter_get_val(key));
        }
    }
    json_key_slice(&w, slice_of(name));
    json_string(&w, text);
    json_object_end(&w);
    struct slice joined = arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    return joined;
}

static bool read_metadata(struct exchange *ex, const struct admin_fields *f, yyjson_val *body,
                          struct slice metadata, struct admin_cells *cells)
{
    yyjson_val *given = json_get(body, "metadata");
    struct slice text;
    if (store_column_find(store_table(f->table), SLICE("metadata")) < 0)
        return true;
    if (given && !yyjson_is_null(given) && !yyjson_is_obj(given))
        return refuse(ex, "metadata", "an object is wanted");
    if (!yyjson_is_obj(given) && !has_any(body, f->in_metadata))
        return true;
    text =
        join_metadata(ex, f->in_metadata,
                      yyjson_is_obj(given) ? given : json_parse(metadata, &ex->arena, NULL), body);
    text = callback_vars_seal(stored_salt_key(ex->config), text, metadata, &ex->arena);
    if (!text.n)
        return refuse(ex, "metadata", "it is too long");
    admin_set(cells, "metadata", store_json(text));
    return true;
}

bool admin_read(struct exchange *ex, const struct admin_fields *fields, yyjson_val *body,
                struct slice metadata, struct admin_cells *cells)
{
    bool resets = lists(fields->settable, SLICE("budget_duration"));
    for (const char *const *name = fields->settable; *name; name++)
        if (!admin_read_member(ex, fields->table, body, *name, *name, cells))
            return false;
    return read_metadata(ex, fields, body, metadata, cells) &&
           (!resets ||
            admin_read_time(ex, body, "budget_duration", "budget_reset_at", true, cells));
}

/* ---- what must be there ---------------------------------------------------------------------- */

struct slice admin_need_text(struct exchange *ex, yyjson_val *body, const char *name)
{
    struct slice text = json_get_slice(body, name);
    if (text.n)
        return arena_dup(&ex->arena, text);
    if (json_get(body, name))
        refuse(ex, name, "a text is wanted");
    else
        failure_missing_param(&ex->failure, &ex->arena, name);
    return slice_make(NULL, 0);
}

static bool are_texts(yyjson_val *list)
{
    yyjson_val *v;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    while ((v = yyjson_arr_iter_next(&it)))
        if (!yyjson_is_str(v))
            return false;
    return true;
}

yyjson_val *admin_need_texts(struct exchange *ex, yyjson_val *body, const char *name)
{
    yyjson_val *list = json_get(body, name);
    size_t n = yyjson_arr_size(list);
    if (n && n <= ADMIN_IDS_MAX && are_texts(list))
        return list;
    if (!list)
        failure_missing_param(&ex->failure, &ex->arena, name);
    else
        failure_bad_param(&ex->failure, &ex->arena, name, "%s: a list of 1 to %d texts is wanted",
                          name, ADMIN_IDS_MAX);
    return NULL;
}

struct slice admin_id(struct exchange *ex, yyjson_val *body, const char *name)
{
    char id[UUID_SIZE];
    struct slice given = json_get_slice(body, name);
    if (given.n)
        return arena_dup(&ex->arena, given);
    random_uuid(id);
    return arena_dup(&ex->arena, slice_of(id));
}

struct slice admin_who(const struct exchange *ex)
{
    return ex->caller.user.n ? ex->caller.user : MASTER;
}

struct slice admin_key(const struct exchange *ex)
{
    return ex->caller.master ? MASTER_KEY : ex->caller.key;
}

/* ---- lists of texts -------------------------------------------------------------------------- */

void admin_texts_begin(struct admin_texts *t)
{
    buf_init(&t->text, TEXTS_MAX);
    json_begin(&t->w, &t->text);
    json_array(&t->w);
}

void admin_texts_add(struct admin_texts *t, struct slice text)
{
    json_string(&t->w, text);
}

struct slice admin_texts_end(struct admin_texts *t, struct arena *a)
{
    json_array_end(&t->w);
    struct slice list = t->text.overflow ? SLICE("[]") : arena_dup(a, buf_slice(&t->text));
    buf_fini(&t->text);
    return list;
}

struct slice admin_column(const struct store_rows *rows, const char *column, struct arena *a)
{
    struct admin_texts t;
    admin_texts_begin(&t);
    for (size_t i = 0, n = 0; i < rows->count && n < STORE_LIST_MAX; i++) {
        struct slice text = store_rows_text(rows, i, column);
        if (!text.n)
            continue;
        admin_texts_add(&t, text);
        n++;
    }
    return admin_texts_end(&t, a);
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct store_where admin_where(const char *column, struct slice text)
{
    return (struct store_where){column, STORE_EQ, store_text(text), 0};
}

struct store_where admin_where_in(const char *column, struct slice json_list)
{
    return (struct store_where){column, STORE_IN, store_texts(json_list), 0};
}

static size_t select_where(struct store_job *job, enum store_table_id table,
                           struct store_where where)
{
    return store_select(job,
                        &(struct store_query){.table = table, .where = &where, .where_count = 1});
}

void admin_select_page(struct store_job *job, const struct store_query *all,
                       const struct admin_page *page)
{
    struct store_query rows = *all, count = *all;
    rows.limit = page->size;
    rows.offset = (page->page - 1) * page->size;
    count.order_count = 0;
    store_select(job, &rows);
    store_count(job, &count);
}

size_t admin_select(struct store_job *job, enum store_table_id table, const char *column,
                    struct slice text)
{
    return select_where(job, table, admin_where(column, text));
}

size_t admin_select_in(struct store_job *job, enum store_table_id table, const char *column,
                       struct slice json_list)
{
    return select_where(job, table, admin_where_in(column, json_list));
}

void admin_copy_deleted(struct exchange *ex, const struct store_rows *rows, size_t row,
                        enum store_table_id to, struct admin_cells *cells)
{
    const struct store_table *table = store_table(to);
    for (size_t i = 0; i < rows->column_count; i++) {
        int place = store_column_find(table, slice_of(rows->columns[i].name));
        if (place >= 0)
            admin_set(cells, table->columns[place].name,
                      rows->values[row * rows->column_count + i]);
    }
    admin_set(cells, "id", store_text(admin_id(ex, NULL, "")));
    admin_set(cells, "deleted_by", store_text(admin_who(ex)));
    admin_set(cells, "deleted_by_api_key", store_text(admin_key(ex)));
}

void admin_update_same(struct store_job *job, struct admin_cells *cells, const char *id_column,
                       enum store_table_id table, const struct store_rows *rows, size_t row)
{
    const struct store_value *old = store_rows_at(rows, row, "updated_at");
    struct store_where where[] = {
        admin_where(id_column, store_rows_text(rows, row, id_column)),
        {"updated_at", old->null ? STORE_IS_NULL : STORE_EQ, *old, 0},
    };
    int64_t now = clock_unix_ms();
    admin_set(cells, "updated_at",
              store_time(old->null || now > old->integer ? now : old->integer + 1));
    store_update(job, table, cells->v, cells->n, where, 2);
    store_expect(job, 1);
}

bool admin_again(struct exchange *ex, unsigned *tries)
{
    if (++*tries < ADMIN_TRIES)
        return true;
    admin_refuse(ex, 409, NULL, "Others change it at the same time; try again.");
    return false;
}

bool admin_find(const struct store_rows *rows, const char *column, struct slice text, size_t *row)
{
    for (*row = 0; *row < rows->count; ++*row)
        if (slice_eq(store_rows_text(rows, *row, column), text))
            return true;
    return false;
}

void admin_index(struct map *m, const struct store_rows *rows, const char *column)
{
    map_init(m);
    for (size_t i = rows->count; i > 0; i--)
        map_put(m, store_rows_text(rows, i - 1, column), (void *)(uintptr_t)i); /* NOLINT */
}

bool admin_look_up(const struct map *m, struct slice text, size_t *row)
{
    *row = (size_t)(uintptr_t)map_get(m, text) - 1;
    return *row != SIZE_MAX;
}

/* ---- answers --------------------------------------------------------------------------------- */

void admin_write_null(struct json_writer *w, const char *name)
{
    json_key_slice(w, slice_of(name));
    json_null(w);
}

/* Metadata may have secrets in it. */
void admin_write_value(struct json_writer *w, struct slice name, const struct store_value *v)
{
    if (slice_eq(name, SLICE("metadata")) && !v->null &&
        slice_find(v->text, SLICE("callback_vars")) >= 0)
        callback_vars_write(w, v->text);
    else
        store_value_write(w, v);
}

void admin_write(struct json_writer *w, const struct admin_fields *fields,
                 const struct store_rows *rows, size_t row)
{
    for (size_t i = 0; i < rows->column_count; i++) {
        const struct store_value *v = &rows->values[row * rows->column_count + i];
        struct slice name = slice_of(rows->columns[i].name);
        if (lists(fields->hidden, name))
            continue;
        json_key_slice(w, name);
        if (v->null && rows->columns[i].type == STORE_TEXTS)
            json_raw(w, SLICE("[]"));
        else
            admin_write_value(w, name, v);
    }
    for (const char *const *name = fields->nulls; name && *name; name++)
        admin_write_null(w, *name);
}

void admin_write_array(struct json_writer *w, const struct admin_fields *fields,
                       const struct store_rows *rows)
{
    json_array(w);
    for (size_t i = 0; i < rows->count; i++) {
        json_object(w);
        admin_write(w, fields, rows, i);
        json_object_end(w);
    }
    json_array_end(w);
}

void admin_write_list(const struct admin_fields *fields, const struct store_rows *rows,
                      struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    admin_write_array(&w, fields, rows);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static bool read_number(struct exchange *ex, const char *name, int64_t most, int64_t *value)
{
    struct slice text = query_get(ex->head->query, name, &ex->arena);
    if (!text.n || (slice_to_i64(text, value) && *value >= 1 && *value <= most))
        return true;
    return failure_bad_param(&ex->failure, &ex->arena, name,
                             "%s: a number from 1 to %lld is wanted", name, (long long)most);
}

bool admin_read_page(struct exchange *ex, const char *size_name, int64_t size, int64_t most,
                     struct admin_page *page)
{
    *page = (struct admin_page){1, size};
    return read_number(ex, "page", PAGE_MAX, &page->page) &&
           read_number(ex, size_name, most, &page->size);
}

void admin_write_page(struct json_writer *w, const struct admin_page *page, int64_t total)
{
    json_member_integer(w, "total", total);
    json_member_integer(w, "page", page->page);
    json_member_integer(w, "page_size", page->size);
    json_member_integer(w, "total_pages", (total + page->size - 1) / page->size);
}

int64_t admin_total(const struct store_rows *rows)
{
    return store_rows_at(rows, 0, "count")->integer;
}
