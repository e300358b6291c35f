#include "stored_list.h"

#include "audit.h"
#include "stored.h"
#include "worker_private.h"

#define TABLE       TABLE_CONFIG
#define SECTION     SLICE("general_settings")
#define SECTION_MAX (4 * 1024 * 1024) /* bytes of the row */

bool stored_list_refuse(struct exchange *ex, int status, const char *before, struct slice text,
                        const char *after)
{
    admin_refuse(ex, status, NULL, "%s%.*s%s", before, SLICE_ARG(text), after);
    admin_show_param(ex, "None");
    return false;
}

/* The other settings of the row; `map` may be NULL. */
static void write_others(struct json_writer *w, yyjson_val *map, struct slice name)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(map);
    while (yyjson_is_obj(map) && (key = yyjson_obj_iter_next(&it))) {
        if (slice_eq(json_slice(key), name))
            continue;
        json_key_slice(w, json_slice(key));
        json_value(w, yyjson_obj_iter_get_val(key));
    }
}

/* False: the failure is set. */
static bool edited(struct exchange *ex, yyjson_val *map, struct slice *json)
{
    const struct stored_list *list = ex->own.state;
    struct buf b;
    struct json_writer w;
    buf_init(&b, SECTION_MAX);
    json_begin(&w, &b);
    json_object(&w);
    write_others(&w, map, slice_of(list->name));
    json_key_slice(&w, slice_of(list->name));
    json_array(&w);
    bool ok = list->edit(ex, json_get(map, list->name), &w);
    json_array_end(&w);
    json_object_end(&w);
    if (ok && b.overflow)
        admin_refuse(ex, 400, NULL, "%s: the list is too long", list->name);
    *json = arena_dup(&ex->arena, buf_slice(&b));
    ok = ok && !b.overflow;
    buf_fini(&b);
    return ok;
}

static void write_list(struct exchange *ex, struct buf *body);

void stored_list_change(struct exchange *ex)
{
    struct store_job *job = ask_new(ex);
    admin_select(job, TABLE, "param_name", SECTION);
    ask_store(ex, job, write_list);
}

static void written(struct exchange *ex, struct buf *body)
{
    struct stored_list *list = ex->own.state;
    if (store_job_status(ex->own.job) == STORE_OK) {
        stored_take(ex->worker->stored, ex->own.job, list->statement);
        list->answer(ex, body);
    } else if (admin_again(ex, &list->tries)) {
        stored_list_change(ex);
    }
}

/* The row, if it is still as it was read: reload_revision counts its changes. */
static void put_row(struct store_job *job, const struct store_rows *rows, struct slice json)
{
    struct admin_cells cells = {.n = 0};
    int64_t revision = rows->count ? store_rows_at(rows, 0, "reload_revision")->integer : 0;
    struct store_where where[] = {
        admin_where("param_name", SECTION),
        {"reload_revision", STORE_EQ, store_integer(revision), 0},
    };
    admin_set(&cells, "param_value", store_json(json));
    admin_set(&cells, "reload_revision", store_integer(revision + 1));
    if (rows->count) {
        store_update(job, TABLE, cells.v, cells.n, where, 2);
        store_expect(job, 1);
    } else {
        admin_set(&cells, "param_name", store_text(SECTION));
        store_insert(job, TABLE, cells.v, cells.n);
    }
}

/* {name: list} */
static struct slice alone(struct exchange *ex, yyjson_val *list)
{
    const char *name = ((struct stored_list *)ex->own.state)->name;
    if (!list)
        return slice_make(NULL, 0);
    return ARENA_JOIN(&ex->arena, SLICE("{\""), slice_of(name), SLICE("\":"),
                      json_text_of(list, &ex->arena), SLICE("}"));
}

static void write_list(struct exchange *ex, struct buf *body)
{
    struct stored_list *list = ex->own.state;
    const struct store_rows *rows = ask_rows(ex, 0);
    yyjson_val *map =
        rows->count ? json_parse(store_rows_text(rows, 0, "param_value"), &ex->arena, NULL) : NULL;
    struct store_job *job;
    struct slice json;
    (void)body;
    if (!edited(ex, map, &json))
        return;
    job = ask_new(ex);
    put_row(job, rows, json);
    audit_settings(ex, job, SECTION, alone(ex, json_get(map, list->name)),
                   alone(ex, json_get(json_parse(json, &ex->arena, NULL), list->name)));
    store_tell(job, TABLE, SECTION);
    list->statement = stored_select(job);
    ask_store_conflict(ex, job, written);
}
