/* /config/…: settings that lie in the database (stored.h): litellm_settings and router_settings.
 *
 * Happy path: each setting is tried as if it stood in the configuration file; what the loader
 * accepts is written into its section's row of LiteLLM_Config, and taken over at once; other
 * gateways are told. Failure modes: not store_model_in_db; a setting that the loader does not know
 * or refuses, or that the file says itself (400, with its words); changes at the same time (the
 * request begins again). */

#include "handlers_admin.h"

#include "admin.h"
#include "audit.h"
#include "query.h"
#include "stored.h"
#include "worker_private.h"

#define TABLE        TABLE_CONFIG
#define CHANGES_MAX  64
#define SECTION_MAX  (4 * 1024 * 1024) /* bytes of a row */
#define SECTIONS     2
#define FILE_SECTION SLICE("general_settings")

static const char *const sections[SECTIONS] = {"litellm_settings", "router_settings"};

struct setting {
    const char *section; /* one of sections[] */
    struct slice name;
    yyjson_val *value; /* NULL: it goes */
};

struct config_question {
    yyjson_val *body;
    struct setting v[CHANGES_MAX];
    size_t n;
    unsigned tries;
    size_t statement; /* of all that is stored */
    struct slice name;
    const char *section;
};

static struct config_question *question_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct config_question);
    return ex->own.state;
}

static void refuse(struct exchange *ex, const char *before, struct slice text, const char *after)
{
    admin_refuse(ex, 400, "auth_error", "%s%.*s%s", before, SLICE_ARG(text), after);
    admin_show_param(ex, "None");
}

/* NULL: the failure is set. */
static const char *section_of(struct exchange *ex, struct slice name)
{
    for (size_t i = 0; i < SECTIONS; i++)
        if (slice_eq(name, slice_of(sections[i])))
            return sections[i];
    refuse(ex, "", name.n ? name : FILE_SECTION,
           ": only litellm_settings and router_settings lie in the database; the rest belongs to "
           "the configuration file.");
    return NULL;
}

/* ---- what is to change ----------------------------------------------------------------------- */

/* False: the failure is set. */
static bool add_setting(struct exchange *ex, const char *section, struct slice name,
                        yyjson_val *value)
{
    struct config_question *q = question_of(ex);
    struct stored_change change = {section, name, SLICE("null")};
    struct slice problem;
    if (q->n == CHANGES_MAX) {
        refuse(ex, "Too many settings at once.", SLICE(""), "");
        return false;
    }
    if (yyjson_is_null(value))
        value = NULL;
    if (value) {
        change.json = json_text_of(value, &ex->arena);
        problem = stored_check(ex->worker->stored, &change, &ex->arena);
        if (problem.n) {
            refuse(ex, "The setting cannot be used: ", problem, "");
            return false;
        }
    }
    q->v[q->n++] = (struct setting){section, name, value};
    return true;
}

static bool add_section(struct exchange *ex, struct slice name, yyjson_val *settings)
{
    const char *section;
    yyjson_val *key;
    yyjson_obj_iter it;
    if (yyjson_is_null(settings))
        return true;
    section = section_of(ex, name);
    if (!section)
        return false;
    if (!yyjson_is_obj(settings))
        return failure_bad_param(&ex->failure, &ex->arena, section, "%s: an object is wanted",
                                 section);
    it = yyjson_obj_iter_with(settings);
    while ((key = yyjson_obj_iter_next(&it)))
        if (!add_setting(ex, section, json_slice(key), yyjson_obj_iter_get_val(key)))
            return false;
    return true;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool changes(const struct config_question *q, const char *section, struct slice name)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->v[i].section == section && (!name.p || slice_eq(q->v[i].name, name)))
            return true;
    return false;
}

/* What is written; `gone`: what goes, too, as null. */
static void write_changes(struct json_writer *w, const struct config_question *q,
                          const char *section, bool gone)
{
    for (size_t i = 0; i < q->n; i++) {
        if (q->v[i].section != section || (!q->v[i].value && !gone))
            continue;
        json_key_slice(w, q->v[i].name);
        if (q->v[i].value)
            json_value(w, q->v[i].value);
        else
            json_null(w);
    }
}

static struct slice changes_json(struct exchange *ex, const char *section)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, SECTION_MAX);
    json_begin(&w, &b);
    json_object(&w);
    write_changes(&w, question_of(ex), section, true);
    json_object_end(&w);
    struct slice text = arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    return text;
}

/* A section's object with the changes. */
static struct slice section_json(struct exchange *ex, const char *section, struct slice old)
{
    const struct config_question *q = question_of(ex);
    yyjson_val *map = json_parse(old, &ex->arena, NULL), *key;
    struct buf b;
    struct json_writer w;
    buf_init(&b, SECTION_MAX);
    json_begin(&w, &b);
    json_object(&w);
    if (yyjson_is_obj(map)) {
        yyjson_obj_iter it = yyjson_obj_iter_with(map);
        while ((key = yyjson_obj_iter_next(&it))) {
            if (changes(q, section, json_slice(key)))
                continue;
            json_key_slice(&w, json_slice(key));
            json_value(&w, yyjson_obj_iter_get_val(key));
        }
    }
    write_changes(&w, q, section, false);
    json_object_end(&w);
    struct slice text = arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    return text;
}

/* The row, if it is still as it was read: reload_revision counts its changes. */
static void put_section(struct exchange *ex, struct store_job *job, const char *section,
                        const struct store_rows *rows)
{
    struct admin_cells cells = {.n = 0};
    size_t row;
    bool old = admin_find(rows, "param_name", slice_of(section), &row);
    int64_t revision = old ? store_rows_at(rows, row, "reload_revision")->integer : 0;
    struct slice before = old ? store_rows_text(rows, row, "param_value") : (struct slice){0};
    struct slice json = section_json(ex, section, before);
    struct store_where where[] = {
        admin_where("param_name", slice_of(section)),
        {"reload_revision", STORE_EQ, store_integer(revision), 0},
    };
    admin_set(&cells, "param_value", store_json(json));
    admin_set(&cells, "reload_revision", store_integer(revision + 1));
    if (old) {
        store_update(job, TABLE, cells.v, cells.n, where, 2);
        store_expect(job, 1);
    } else {
        admin_set(&cells, "param_name", store_text(slice_of(section)));
        store_insert(job, TABLE, cells.v, cells.n);
    }
    audit_settings(ex, job, slice_of(section), before, changes_json(ex, section));
    store_tell(job, TABLE, slice_of(section));
}

static void read_sections(struct exchange *ex, answer_next *next)
{
    struct store_job *job = ask_new(ex);
    admin_select_in(job, TABLE, "param_name", SLICE("[\"litellm_settings\",\"router_settings\"]"));
    ask_store(ex, job, next);
}

static void write_sections(struct exchange *ex, struct buf *body);

static void written(struct exchange *ex, struct buf *body)
{
    struct config_question *q = question_of(ex);
    struct json_writer w;
    if (store_job_status(ex->own.job) != STORE_OK) {
        if (admin_again(ex, &q->tries))
            read_sections(ex, write_sections);
        return;
    }
    stored_take(ex->worker->stored, ex->own.job, q->statement);
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "message", SLICE("Config updated successfully"));
    json_object_end(&w);
}

static void write_sections(struct exchange *ex, struct buf *body)
{
    struct config_question *q = question_of(ex);
    const struct store_rows *rows = ask_rows(ex, 0);
    struct store_job *job = ask_new(ex);
    for (size_t i = 0; i < SECTIONS; i++)
        if (changes(q, sections[i], slice_make(NULL, 0)))
            put_section(ex, job, sections[i], rows);
    q->statement = stored_select(job);
    ask_store_conflict(ex, job, written);
}

/* ---- POST /config/update --------------------------------------------------------------------- */

void handle_config_update(struct exchange *ex, struct buf *body)
{
    struct config_question *q = question_of(ex);
    yyjson_val *key;
    yyjson_obj_iter it;
    q->body = ask_body(ex);
    if (!q->body || !admin_may_store(ex))
        return;
    it = yyjson_obj_iter_with(q->body);
    while ((key = yyjson_obj_iter_next(&it)))
        if (!add_section(ex, json_slice(key), yyjson_obj_iter_get_val(key)))
            return;
    read_sections(ex, write_sections);
}

/* ---- POST /config/field/update, /config/field/delete ----------------------------------------- */

void handle_config_field_change(struct exchange *ex, struct buf *body)
{
    struct config_question *q = question_of(ex);
    bool delete = slice_ends(slice_of(ex->route->path), SLICE("/delete"));
    q->body = ask_body(ex);
    if (!q->body || !admin_may_store(ex))
        return;
    q->name = admin_need_text(ex, q->body, "field_name");
    if (!q->name.n)
        return;
    q->section = section_of(ex, json_get_slice(q->body, "config_type"));
    if (!q->section)
        return;
    if (!delete &&!json_get(q->body, "field_value"))
        failure_missing_param(&ex->failure, &ex->arena, "field_value");
    else if (add_setting(ex, q->section, q->name, delete ? NULL : json_get(q->body, "field_value")))
        read_sections(ex, write_sections);
}

/* ---- GET /config/field/info, /config/list ---------------------------------------------------- */

/* NULL: it is not stored. */
static yyjson_val *stored_value(struct exchange *ex, const struct store_rows *rows,
                                const char *section, const char *name)
{
    size_t row;
    if (!rows || !admin_find(rows, "param_name", slice_of(section), &row))
        return NULL;
    return json_get(json_parse(store_rows_text(rows, row, "param_value"), &ex->arena, NULL), name);
}

/* What holds, without secrets. */
static yyjson_val *section_now(const struct config *c, const char *section)
{
    if (slice_eq(slice_of(section), SLICE("router_settings")))
        return c->router_settings;
    return slice_eq(slice_of(section), FILE_SECTION) ? c->general_settings : c->litellm_settings;
}

static void write_field(struct exchange *ex, struct buf *body)
{
    const struct config_question *q = question_of(ex);
    const char *name = arena_strdup(&ex->arena, q->name);
    yyjson_val *v = json_get(section_now(ex->config, q->section), name);
    struct json_writer w;
    if (!stored_value(ex, ask_rows(ex, 0), q->section, name)) {
        refuse(ex, "Field name=", q->name, " not in DB");
        return;
    }
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "field_name", q->name);
    json_key(&w, "field_value");
    if (v)
        json_value(&w, v);
    else
        json_null(&w);
    json_object_end(&w);
}

static const char *type_name(enum option_type type)
{
    switch (type) {
    case OPT_STRING: return "String";
    case OPT_BOOL: return "Boolean";
    case OPT_INT: return "Integer";
    case OPT_NUMBER: return "Float";
    case OPT_LIST: return "List";
    case OPT_MAP: return "Dictionary";
    case OPT_ANY: break;
    }
    return "Any";
}

static void write_value(struct exchange *ex, struct json_writer *w, const struct config_option *o,
                        yyjson_val *value)
{
    const char *settings = (const char *)&ex->config->settings;
    if (value)
        json_value(w, value);
    else if (o->type == OPT_BOOL && o->offset >= 0)
        json_bool(w, *(const bool *)(settings + o->offset));
    else
        json_null(w);
}

/* stored_in_db is LiteLLM's: false: the file says it; null: nobody does. */
static void write_option(struct exchange *ex, struct json_writer *w, const struct store_rows *rows,
                         const struct config_option *o)
{
    yyjson_val *stored = stored_value(ex, rows, o->section, o->name);
    yyjson_val *now = json_get(section_now(ex->config, o->section), o->name);
    json_object(w);
    json_member_string(w, "field_name", slice_of(o->name));
    json_member_string(w, "field_type", slice_of(type_name(o->type)));
    json_member_string(w, "field_description", slice_of(o->meaning));
    json_key(w, "field_value");
    write_value(ex, w, o, now); /* of what is stored too, but for secrets */
    json_key(w, "stored_in_db");
    if (stored || now)
        json_bool(w, stored != NULL);
    else
        json_null(w);
    json_key(w, "field_default_value");
    if (o->default_value)
        json_string(w, slice_of(o->default_value));
    else
        json_null(w);
    json_member_bool(w, "needs_restart", o->effect == OPT_RESTART);
    json_object_end(w);
}

static void write_list(struct exchange *ex, struct buf *body)
{
    const char *section = question_of(ex)->section;
    const struct store_rows *rows = ex->own.job ? ask_rows(ex, 0) : NULL;
    struct json_writer w;
    json_begin(&w, body);
    json_array(&w);
    for (const struct config_option *o = config_options; o->section; o++)
        if (slice_eq(slice_of(o->section), slice_of(section)) && o->effect < OPT_ACCEPTED)
            write_option(ex, &w, rows, o);
    json_array_end(&w);
}

static bool read_section(struct exchange *ex)
{
    struct config_question *q = question_of(ex);
    if (!admin_may_store(ex))
        return false;
    q->section = section_of(ex, query_get(ex->head->query, "config_type", &ex->arena));
    return q->section != NULL;
}

void handle_config_field_info(struct exchange *ex, struct buf *body)
{
    struct config_question *q = question_of(ex);
    q->name = query_get(ex->head->query, "field_name", &ex->arena);
    if (!q->name.n)
        failure_missing_param(&ex->failure, &ex->arena, "field_name");
    else if (read_section(ex))
        read_sections(ex, write_field);
}

/* What the file says can be read even where nothing can be stored. */
void handle_config_list(struct exchange *ex, struct buf *body)
{
    struct config_question *q = question_of(ex);
    struct slice name = query_get(ex->head->query, "config_type", &ex->arena);
    q->section = slice_eq(name, FILE_SECTION) ? "general_settings" : section_of(ex, name);
    if (!q->section)
        return;
    if (ex->worker->stored && ex->worker->config->settings.stored.on)
        read_sections(ex, write_list);
    else
        write_list(ex, body);
}
