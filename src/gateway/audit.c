/* See audit.h.
 *
 * Happy path: what was there and what came are written as JSON, a row of the table of changes goes
 * into the job, and with audit_log_callbacks a note waits until the job is done, which then becomes
 * a record that these sinks are told.
 *
 * Failure modes: what is too long is left out, and says so; a job that does not hold takes its
 * notes along; those of a client that left meanwhile are not told. */

#include "audit.h"

#include "base/date.h"
#include "io/clock.h"
#include "observing.h"
#include "stored.h"
#include "wire/crypto.h"
#include "worker_private.h"

#define VALUE_MAX (1024 * 1024)
#define WHO_MAX   256 /* bytes of litellm-changed-by */
#define HIDDEN    SLICE("***REDACTED***")
#define TOO_LONG  SLICE("{\"left_out\":\"it is too long\"}")

struct audit_note {
    struct audit_note *next;
    struct slice id, json;
    int64_t at_ms;
};

bool audit_wanted(const struct exchange *ex)
{
    return ex->config->settings.store_audit_logs || ex->config->callbacks.audit;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool hides(struct slice name, yyjson_val *v)
{
    return config_is_secret(name) && !yyjson_is_bool(v) && !yyjson_is_null(v);
}

/* As it is, but for what names, of URLs' parameters too, and users in URLs say is secret. No deeper
 * than JSON_MAX_DEPTH. */
static void write_masked(struct json_writer *w, yyjson_val *v)
{
    size_t i, n;
    yyjson_val *key, *member;
    if (yyjson_is_obj(v)) {
        json_object(w);
        yyjson_obj_foreach(v, i, n, key, member)
        {
            json_key_slice(w, json_slice(key));
            if (hides(json_slice(key), member))
                json_string(w, HIDDEN);
            else
                write_masked(w, member);
        }
        json_object_end(w);
    } else if (yyjson_is_arr(v)) {
        json_array(w);
        yyjson_arr_foreach(v, i, n, member) write_masked(w, member);
        json_array_end(w);
    } else if (config_holds_secret(json_slice(v))) {
        json_string(w, HIDDEN);
    } else {
        json_value(w, v);
    }
}

static void write_value(struct exchange *ex, struct json_writer *w, struct slice name,
                        const struct store_value *v)
{
    bool params = !v->null && (slice_eq(name, SLICE("litellm_params")) ||
                               slice_eq(name, SLICE("credential_values")));
    yyjson_val *opened = params ? stored_open(ex->config, v->text, &ex->arena) : NULL;
    json_key_slice(w, name);
    if (slice_eq(name, SLICE("password")) || (params && !opened))
        json_string(w, HIDDEN);
    else if (opened)
        write_masked(w, opened);
    else
        admin_write_value(w, name, v);
}

static struct slice value_end(struct exchange *ex, struct buf *b)
{
    struct slice text = b->overflow ? TOO_LONG : arena_dup(&ex->arena, buf_slice(b));
    buf_fini(b);
    return text;
}

static struct slice row_json(struct exchange *ex, const struct store_rows *rows, size_t row)
{
    const struct store_value *values = &rows->values[row * rows->column_count];
    struct buf b;
    struct json_writer w;
    buf_init(&b, VALUE_MAX);
    json_begin(&w, &b);
    json_object(&w);
    for (size_t i = 0; i < rows->column_count; i++)
        if (!values[i].null)
            write_value(ex, &w, slice_of(rows->columns[i].name), &values[i]);
    json_object_end(&w);
    return value_end(ex, &b);
}

static struct slice cells_json(struct exchange *ex, const struct admin_cells *cells)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, VALUE_MAX);
    json_begin(&w, &b);
    json_object(&w);
    for (size_t i = 0; i < cells->n; i++)
        write_value(ex, &w, slice_of(cells->v[i].column), &cells->v[i].value);
    json_object_end(&w);
    return value_end(ex, &b);
}

static struct slice settings_json(struct exchange *ex, struct slice settings)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, VALUE_MAX);
    json_begin(&w, &b);
    write_masked(&w, json_parse(settings, &ex->arena, NULL));
    return value_end(ex, &b);
}

/* ---- one change ------------------------------------------------------------------------------ */

/* Whoever has the master key may say for whom it acts. */
static struct slice who(const struct exchange *ex)
{
    struct slice said = ex->caller.master && ex->head
                            ? http_header_get(ex->head->headers, "litellm-changed-by")
                            : SLICE("");
    return said.n && said.n <= WHO_MAX ? said : admin_who(ex);
}

static const char *action_of(const struct exchange *ex, bool made, bool gone)
{
    struct slice path = slice_of(ex->route->path);
    if (made || gone)
        return made ? "created" : "deleted";
    if (slice_ends(path, SLICE("/block")))
        return "blocked";
    return slice_ends(path, SLICE("/regenerate")) ? "rotated" : "updated";
}

static struct slice note_json(struct exchange *ex, const struct admin_cells *row, int64_t now)
{
    char date[DATE_SIZE];
    struct buf b;
    struct json_writer w;
    date_format(now, date);
    buf_init(&b, (size_t)4 * VALUE_MAX);
    json_begin(&w, &b);
    json_object(&w);
    for (size_t i = 0; i < row->n; i++) {
        json_key_slice(&w, slice_of(row->v[i].column));
        if (row->v[i].value.type == STORE_TIME)
            json_string(&w, slice_of(date));
        else
            json_string_or_null(&w, row->v[i].value.text);
    }
    json_object_end(&w);
    struct slice text = b.overflow ? TOO_LONG : arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    return text;
}

static void add_note(struct exchange *ex, struct slice id, const struct admin_cells *row,
                     int64_t now)
{
    struct audit_note *note = ARENA_NEW(&ex->arena, struct audit_note);
    *note = (struct audit_note){ex->audit, id, note_json(ex, row, now), now};
    ex->audit = note;
}

/* `before`, `after`: JSON; p == NULL: there is none. */
static void put(struct exchange *ex, struct store_job *job, enum store_table_id table,
                struct slice object, struct slice before, struct slice after)
{
    struct admin_cells row = {.n = 0};
    int64_t now = clock_unix_ms();
    struct slice id = admin_id(ex, NULL, "");
    admin_set(&row, "id", store_text(id));
    admin_set(&row, "updated_at", store_time(now));
    admin_set(&row, "changed_by", store_text(who(ex)));
    admin_set(&row, "changed_by_api_key", store_text(admin_key(ex)));
    admin_set(&row, "action", store_text(slice_of(action_of(ex, !before.p, !after.p))));
    admin_set(&row, "table_name", store_text(slice_of(store_table(table)->name)));
    admin_set(&row, "object_id", store_text(arena_dup(&ex->arena, object)));
    admin_set(&row, "before_value", before.p ? store_json(before) : store_null());
    admin_set(&row, "updated_values", store_json(after.p ? after : SLICE("{}")));
    if (ex->config->settings.store_audit_logs)
        store_insert(job, TABLE_AUDIT_LOG, row.v, row.n);
    if (ex->config->callbacks.audit)
        add_note(ex, id, &row, now);
}

/* ---- what handlers say ----------------------------------------------------------------------- */

/* What names a row, "user/organization" where two columns do. */
static struct slice add_id(struct exchange *ex, struct slice id, struct slice more)
{
    return id.n ? ARENA_JOIN(&ex->arena, id, SLICE("/"), more) : more;
}

static struct slice id_of_cells(struct exchange *ex, enum store_table_id table,
                                const struct admin_cells *cells)
{
    struct slice id = {0};
    for (const char *const *key = store_table(table)->key; *key; key++)
        for (size_t i = 0; i < cells->n; i++)
            if (strcmp(cells->v[i].column, *key) == 0)
                id = add_id(ex, id, cells->v[i].value.text);
    return id;
}

static struct slice id_of_row(struct exchange *ex, enum store_table_id table,
                              const struct store_rows *rows, size_t row)
{
    struct slice id = {0};
    for (const char *const *key = store_table(table)->key; *key; key++)
        id = add_id(ex, id, store_rows_text(rows, row, *key));
    return id;
}

void audit_made(struct exchange *ex, struct store_job *job, enum store_table_id table,
                const struct admin_cells *cells)
{
    if (audit_wanted(ex))
        put(ex, job, table, id_of_cells(ex, table, cells), (struct slice){0},
            cells_json(ex, cells));
}

void audit_changed(struct exchange *ex, struct store_job *job, enum store_table_id table,
                   const struct store_rows *rows, size_t row, const struct admin_cells *cells)
{
    if (audit_wanted(ex))
        put(ex, job, table, id_of_row(ex, table, rows, row), row_json(ex, rows, row),
            cells_json(ex, cells));
}

void audit_gone(struct exchange *ex, struct store_job *job, enum store_table_id table,
                const struct store_rows *rows, size_t row)
{
    if (audit_wanted(ex))
        put(ex, job, table, id_of_row(ex, table, rows, row), row_json(ex, rows, row),
            (struct slice){0});
}

void audit_all(struct exchange *ex, struct store_job *job, enum store_table_id table,
               const struct admin_cells *cells)
{
    if (audit_wanted(ex))
        put(ex, job, table, SLICE("*"), SLICE("{}"), cells_json(ex, cells));
}

void audit_settings(struct exchange *ex, struct store_job *job, struct slice section,
                    struct slice before, struct slice written)
{
    if (audit_wanted(ex))
        put(ex, job, TABLE_CONFIG, section, before.p ? settings_json(ex, before) : before,
            settings_json(ex, written));
}

/* ---- telling --------------------------------------------------------------------------------- */

void audit_settle(struct exchange *ex, bool holds)
{
    struct audit_note *told = NULL, *next;
    for (struct audit_note *n = ex->audit; n; n = next) { /* in their order */
        next = n->next;
        n->next = told;
        told = n;
    }
    ex->audit = NULL;
    for (; holds && told; told = told->next)
        observing_audit(ex->worker, told->id, told->json, told->at_ms);
}
