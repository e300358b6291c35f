/* What the database adds to the configuration, see stored.h.
 *
 * Happy path: the rows become items, one for each model, credential and setting; the items become
 * one JSON text with a line for each, which the loader reads behind the file; the worker adopts the
 * snapshot.
 *
 * Failure modes: items that the loader refuses are told by their line and left out; a file that is
 * not usable by itself leaves everything as it is; a database that is away leaves what it said
 * last; at the start, what it said to the gateway before, of which there is a copy on disk. */

#include "stored.h"

#include "base/date.h"
#include "base/log.h"
#include "stored_copy.h"
#include "stored_pass.h"
#include "worker_private.h"

#include <stdlib.h>

#define TEXT_MAX   (64 * 1024 * 1024)
#define ROUNDS_MAX 8 /* of leaving out what is refused */
#define SECOND_MS  1000
#define LEAST_S    5 /* between questions */

/* The last are lists of general_settings. */
static const char *const sections[] = {"model_list",      "litellm_settings",
                                       "router_settings", "credential_list",
                                       "allowed_ips",     "pass_through_endpoints"};
#define SECTION_COUNT (sizeof(sections) / sizeof(*sections))
#define GENERAL       4 /* the first of these */

struct item {
    const char *section; /* one of sections[] */
    struct slice name, json;
    int line; /* in the text; 0: left out */
    bool bad; /* the loader refuses it … */
    struct slice problem;
};

struct items {
    struct arena *arena;
    struct item *v;
    size_t n, room;
};

struct stored {
    struct worker *w;
    struct arena arena; /* of the items that hold */
    struct items items;
    struct stored_copy *copy;
    uv_timer_t timer;
    struct store_job *job; /* NULL: no question is under way */
    bool again;            /* something changed since it was asked */
    bool loaded;           /* the database answered, or failed to */
    bool known;            /* it answered once */
};

/* ---- items ----------------------------------------------------------------------------------- */

static struct item *add_item(struct items *items)
{
    if (items->n == items->room) {
        size_t room = items->room ? 2 * items->room : 16;
        items->v = arena_realloc(items->arena, items->v, items->n * sizeof(*items->v),
                                 room * sizeof(*items->v));
        items->room = room;
    }
    items->v[items->n] = (struct item){0};
    return &items->v[items->n++];
}

static void add_models(struct stored *s, const struct store_rows *rows, struct items *items)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct slice params = store_rows_text(rows, i, "litellm_params");
        yyjson_val *info = json_parse(store_rows_text(rows, i, "model_info"), items->arena, NULL);
        struct item *item = add_item(items);
        item->section = sections[0];
        item->name = arena_dup(items->arena, store_rows_text(rows, i, "model_id"));
        item->json = stored_model_json(item->name, store_rows_text(rows, i, "model_name"),
                                       stored_open(s->w->config, params, items->arena), info,
                                       store_rows_flag(rows, i, "blocked"), items->arena);
    }
}

static void add_credentials(struct stored *s, const struct store_rows *rows, struct items *items)
{
    for (size_t i = 0; i < rows->count; i++) {
        yyjson_val *values =
            stored_open(s->w->config, store_rows_text(rows, i, "credential_values"), items->arena);
        yyjson_val *info =
            json_parse(store_rows_text(rows, i, "credential_info"), items->arena, NULL);
        if (!values)
            continue;
        struct item *item = add_item(items);
        item->section = sections[3];
        item->name = arena_dup(items->arena, store_rows_text(rows, i, "credential_name"));
        item->json = stored_credential_json(item->name, values, info, items->arena);
    }
}

static void add_general(struct stored *s, yyjson_val *settings, struct items *items)
{
    for (size_t k = GENERAL; k < SECTION_COUNT; k++) {
        size_t i, n;
        yyjson_val *v;
        yyjson_arr_foreach(json_get(settings, sections[k]), i, n, v)
        {
            struct item *item = add_item(items);
            item->section = sections[k];
            item->name = yyjson_is_obj(v) ? json_get_slice(v, "id") : json_slice(v);
            item->json = stored_pass_open(s->w->config, v, items->arena);
        }
    }
}

static void add_settings(struct stored *s, const struct store_rows *rows, struct items *items)
{
    for (size_t i = 0; i < rows->count; i++) {
        yyjson_val *key,
            *map = json_parse(store_rows_text(rows, i, "param_value"), items->arena, NULL);
        struct slice section = store_rows_text(rows, i, "param_name");
        bool router = slice_eq(section, SLICE("router_settings"));
        bool general = slice_eq(section, SLICE("general_settings"));
        if (general)
            add_general(s, map, items);
        if (general || !yyjson_is_obj(map))
            continue;
        yyjson_obj_iter it = yyjson_obj_iter_with(map);
        while ((key = yyjson_obj_iter_next(&it))) {
            struct item *item = add_item(items);
            item->section = sections[router ? 2 : 1];
            item->name = arena_dup(items->arena, json_slice(key));
            item->json = json_text_of(yyjson_obj_iter_get_val(key), items->arena);
        }
    }
}

static bool are_same(const struct items *a, const struct items *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i].section != b->v[i].section || !slice_eq(a->v[i].name, b->v[i].name) ||
            !slice_eq(a->v[i].json, b->v[i].json))
            return false;
    return true;
}

/* ---- one text for the loader ----------------------------------------------------------------- */

/* The items of a section, each in a line of its own. */
static void write_section(struct buf *text, int *line, struct items *items, const char *section)
{
    bool list = section != sections[1] && section != sections[2];
    struct json_writer w;
    json_begin(&w, text);
    json_string(&w, slice_of(section));
    buf_add(text, list ? SLICE(":[\n") : SLICE(":{\n"));
    ++*line;
    const char *comma = "";
    for (size_t i = 0; i < items->n; i++) {
        struct item *item = &items->v[i];
        if (item->section != section || item->bad)
            continue;
        item->line = *line;
        buf_add(text, slice_of(comma));
        if (!list) {
            json_begin(&w, text);
            json_string(&w, item->name);
            BUF_LITERAL(text, ":");
        }
        buf_add(text, item->json);
        BUF_LITERAL(text, "\n");
        ++*line;
        comma = ",";
    }
    buf_add(text, list ? SLICE("]") : SLICE("}"));
}

static bool has_items(const struct items *items, const char *section)
{
    for (size_t i = 0; i < items->n; i++)
        if (items->v[i].section == section && !items->v[i].bad)
            return true;
    return false;
}

/* Empty lists of general_settings are left out: they would say something else. */
static void write_text(struct buf *text, struct items *items)
{
    int line = 1;
    const char *comma = "";
    BUF_LITERAL(text, "{");
    for (size_t i = 0; i < GENERAL; i++) {
        write_section(text, &line, items, sections[i]);
        BUF_LITERAL(text, ",");
    }
    BUF_LITERAL(text, "\"general_settings\":{");
    for (size_t i = GENERAL; i < SECTION_COUNT; i++) {
        if (!has_items(items, sections[i]))
            continue;
        buf_add(text, slice_of(comma));
        write_section(text, &line, items, sections[i]);
        comma = ",";
    }
    BUF_LITERAL(text, "}}");
}

static struct item *item_at(const struct items *items, int line)
{
    for (size_t i = 0; i < items->n; i++)
        if (!items->v[i].bad && items->v[i].line == line)
            return &items->v[i];
    return NULL;
}

/* What the loader refuses of them. False: nothing. */
static bool mark_bad(const struct config *c, struct items *items)
{
    bool any = false;
    for (const struct config_problem *p = c->problems; p; p = p->next) {
        bool ours = p->severity == CONFIG_ERROR && strcmp(p->file, CONFIG_STORED) == 0;
        struct item *item = ours ? item_at(items, p->line) : NULL;
        if (!item)
            continue;
        item->bad = any = true;
        item->problem = arena_dup(items->arena, slice_of(p->text));
    }
    return any;
}

/* The file with the items, without those that are refused. With errors: the file's own. */
static struct config *load(const char *path, struct items *items, struct secrets *secrets)
{
    struct config *c = NULL;
    struct buf text;
    buf_init(&text, TEXT_MAX);
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        config_unref(c);
        buf_reset(&text);
        write_text(&text, items);
        c = config_load_stored(path, items->n && !text.overflow ? buf_slice(&text) : SLICE(""),
                               secrets);
        if (!c->errors || !mark_bad(c, items))
            break;
    }
    buf_fini(&text);
    return c;
}

static void log_bad(const struct items *items)
{
    for (size_t i = 0; i < items->n; i++)
        if (items->v[i].bad)
            log_error("of the database is not used: %.*s %.*s: %.*s",
                      SLICE_ARG(slice_of(items->v[i].section)), SLICE_ARG(items->v[i].name),
                      SLICE_ARG(items->v[i].problem));
}

/* ---- what holds ------------------------------------------------------------------------------ */

static void drop_items(struct stored *s)
{
    arena_fini(&s->arena);
    arena_init(&s->arena);
    s->items = (struct items){.arena = &s->arena};
}

static void keep_items(struct stored *s, const struct items *items)
{
    drop_items(s);
    for (size_t i = 0; i < items->n; i++) {
        struct item *item = add_item(&s->items);
        *item = (struct item){.section = items->v[i].section,
                              .name = arena_dup(&s->arena, items->v[i].name),
                              .json = arena_dup(&s->arena, items->v[i].json)};
    }
}

static void use_items(struct stored *s, struct items *items, const char *why)
{
    struct config *c;
    if (are_same(items, &s->items))
        return;
    keep_items(s, items);
    c = load(s->w->options->config, items, s->w->config->secrets);
    log_bad(items);
    worker_adopt(s->w, c, why);
}

/* ---- the copy on disk ------------------------------------------------------------------------ */

/* Which database it is, whoever logs in with which password. */
static struct slice database_of(const struct stored *s)
{
    struct slice url = slice_of(s->w->config->settings.database_url);
    for (ptrdiff_t at; (at = slice_find_char(url, '@')) >= 0;)
        url = slice_skip(url, (size_t)at + 1);
    return url;
}

/* One of several workers does. */
static void write_copy(struct stored *s)
{
    struct buf text;
    struct json_writer w;
    if (s->w->options->index)
        return;
    buf_init(&text, TEXT_MAX);
    json_begin(&w, &text);
    json_object(&w);
    json_member_string(&w, "database", database_of(s));
    json_key(&w, "items"), json_array(&w);
    for (size_t i = 0; i < s->items.n; i++) {
        json_array(&w);
        json_string(&w, slice_of(s->items.v[i].section));
        json_string(&w, s->items.v[i].name);
        json_string(&w, s->items.v[i].json);
        json_array_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    if (!text.overflow)
        stored_copy_put(s->copy, buf_slice(&text), stored_salt_key(s->w->config));
    buf_fini(&text);
}

static void add_copied(struct items *items, yyjson_val *entry)
{
    struct slice name = json_slice(yyjson_arr_get(entry, 0));
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if (!slice_eq(name, slice_of(sections[i])))
            continue;
        struct item *item = add_item(items);
        item->section = sections[i];
        item->name = json_slice(yyjson_arr_get(entry, 1));
        item->json = json_slice(yyjson_arr_get(entry, 2));
    }
}

/* The database said nothing: what it said to the gateway before. */
static void use_copy(struct stored *s)
{
    struct arena a;
    struct items items = {.arena = &a};
    const char *why;
    struct slice text;
    int64_t written;
    size_t i, n;
    char date[DATE_SIZE];
    yyjson_val *root = NULL, *entry;
    arena_init(&a);
    if (stored_copy_get(s->copy, stored_salt_key(s->w->config), &a, &text, &written, &why)) {
        root = json_parse(text, &a, NULL);
        why = "its copy on disk is of another database";
    }
    if (!slice_eq(json_get_slice(root, "database"), database_of(s))) {
        log_warn("the database cannot be read, and the configuration file counts alone: %s", why);
    } else {
        yyjson_arr_foreach(json_get(root, "items"), i, n, entry) add_copied(&items, entry);
        date_format(written, date);
        log_warn("the database cannot be read: %zu models and settings are those it had at %s",
                 items.n, date);
        use_items(s, &items, "the copy of the database");
    }
    arena_fini(&a);
}

/* ---- what the database says ------------------------------------------------------------------ */

void stored_take(struct stored *s, const struct store_job *job, size_t statement)
{
    struct arena a;
    struct items items = {.arena = &a};
    arena_init(&a);
    add_models(s, store_job_rows(job, statement), &items);
    add_settings(s, store_job_rows(job, statement + 1), &items);
    add_credentials(s, store_job_rows(job, statement + 2), &items);
    use_items(s, &items, "the database");
    s->known = true;
    write_copy(s);
    arena_fini(&a);
}

struct config *stored_reread(struct stored *s, struct worker *w, struct secrets *secrets)
{
    struct items none = {0};
    return load(w->options->config, s && s->w->config->settings.stored.on ? &s->items : &none,
                secrets);
}

struct slice stored_check(struct stored *s, const struct stored_change *change, struct arena *a)
{
    struct arena own;
    struct items items = {.arena = &own};
    struct item *item = NULL;
    struct slice problem = SLICE("");
    arena_init(&own);
    for (size_t i = 0; i < s->items.n; i++)
        if (strcmp(s->items.v[i].section, change->section) != 0 ||
            !slice_eq(s->items.v[i].name, change->name))
            *add_item(&items) = s->items.v[i];
    item = add_item(&items);
    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (strcmp(sections[i], change->section) == 0)
            item->section = sections[i];
    item->name = change->name;
    item->json = change->json;
    struct config *c = load(s->w->options->config, &items, s->w->config->secrets);
    item = &items.v[items.n - 1];
    if (item->bad)
        problem = arena_dup(a, item->problem);
    else if (c->errors)
        problem = SLICE("the configuration file has errors");
    config_unref(c);
    arena_fini(&own);
    return problem;
}

/* ---- asking ---------------------------------------------------------------------------------- */

size_t stored_select(struct store_job *job)
{
    static const struct store_order order[] = {{"created_at", false}, {"model_id", false}};
    static const struct store_order named[] = {{"credential_name", false}};
    struct slice params = SLICE("[\"litellm_settings\",\"router_settings\",\"general_settings\"]");
    struct store_where where = {"param_name", STORE_IN, store_texts(params), 0};
    size_t statement = store_select(
        job,
        &(struct store_query){.table = TABLE_PROXY_MODEL_TABLE, .order = order, .order_count = 2});
    store_select(job,
                 &(struct store_query){.table = TABLE_CONFIG, .where = &where, .where_count = 1});
    store_select(job, &(struct store_query){
                          .table = TABLE_CREDENTIALS_TABLE, .order = named, .order_count = 1});
    return statement;
}

static void refresh(struct stored *s);

static void on_rows(void *user, struct store_job *job)
{
    struct stored *s = user;
    s->job = NULL;
    s->loaded = true;
    if (store_job_status(job) == STORE_OK)
        stored_take(s, job, 0);
    store_job_free(job);
    if (s->again)
        refresh(s);
}

static void refresh(struct stored *s)
{
    s->again = s->job != NULL;
    if (s->job || !s->w->config->settings.stored.on)
        return;
    s->job = store_job_new(s->w->store);
    stored_select(s->job);
    store_submit(s->job, on_rows, s);
}

static void on_changed(void *user, enum store_table_id table, struct slice key)
{
    (void)key;
    if (table == TABLE_PROXY_MODEL_TABLE || table == TABLE_CONFIG ||
        table == TABLE_CREDENTIALS_TABLE || table == STORE_TABLES)
        refresh(user);
}

static void on_timer(uv_timer_t *timer)
{
    refresh(timer->data);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct stored *stored_new(struct worker *w)
{
    struct stored *s = calloc(1, sizeof(*s));
    int64_t seconds = w->config->settings.stored.interval;
    uint64_t ms = (uint64_t)(seconds < LEAST_S ? LEAST_S : seconds) * SECOND_MS;
    if (!s)
        abort();
    s->w = w;
    arena_init(&s->arena);
    s->items.arena = &s->arena;
    s->copy = stored_copy_new(&w->loop, w->config->settings.data_directory);
    uv_timer_init(&w->loop, &s->timer);
    uv_unref((uv_handle_t *)&s->timer);
    s->timer.data = s;
    uv_timer_start(&s->timer, on_timer, ms, ms);
    store_watch(w->store, on_changed, s);
    refresh(s);
    return s;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void stored_free(struct stored *s)
{
    if (!s)
        return;
    store_unwatch(s->w->store, s);
    if (s->job)
        store_job_abandon(s->job);
    stored_copy_free(s->copy);
    arena_fini(&s->arena);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}

static void on_late(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

void stored_await(struct stored *s)
{
    bool late = false;
    uv_timer_t limit;
    if (!s->w->config->settings.stored.on)
        return;
    uv_timer_init(&s->w->loop, &limit);
    limit.data = &late;
    uv_timer_start(&limit, on_late, STORED_WAIT_MS, 0);
    while (!s->loaded && !late && !s->w->draining)
        uv_run(&s->w->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&limit, NULL);
    uv_run(&s->w->loop, UV_RUN_NOWAIT); /* closes it: it lies on the stack */
    if (!s->known && !s->w->draining)
        use_copy(s);
}
