/* Callbacks of a team: /team/{team_id}/callback… and /team/{team_id}/disable_logging.
 *
 * Happy path: the team is read, its metadata.logging written anew with one callback more or less,
 * secrets sealed (callback_vars.h), if the row is still as it was read; other processes are told.
 * What a team has in LiteLLM's older form (metadata.callback_settings) is shown, and cleared by
 * disable_logging, as there.
 *
 * Failure modes: no such team; a callback that is not known, or that the team has already;
 * variables that are no texts; others change the team at the same time (the request begins again).
 */

#include "handlers_admin.h"

#include "audit.h"
#include "base/map.h"
#include "callback_vars.h"
#include "detail.h"
#include "observe/observe.h"
#include "stored.h"
#include "team_fields.h"

#define ID           "team_id"
#define TABLE        TABLE_TEAM_TABLE
#define METADATA_MAX (2 * 1024 * 1024)
#define ENTRIES_MAX  OBSERVE_SINKS_MAX /* of a team */

struct callback_question {
    struct slice id;    /* of the team */
    struct slice name;  /* of the callback to add, or to take away */
    struct slice type;  /* success, … */
    struct slice entry; /* to add: JSON */
    unsigned tries;
    size_t statement; /* of the team that is the answer */
};

static struct callback_question *question_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct callback_question);
    return ex->own.state;
}

enum change { SHOW, ADD, TAKE, CLEAR };

static enum change change_of(const struct exchange *ex)
{
    struct slice method = slice_of(ex->route->method);
    if (slice_ends(slice_of(ex->route->path), SLICE("/disable_logging")))
        return CLEAR;
    if (slice_eq(method, SLICE("DELETE")))
        return TAKE;
    return slice_eq(method, SLICE("GET")) ? SHOW : ADD;
}

/* ---- the callback to add --------------------------------------------------------------------- */

static bool refuse(struct exchange *ex, const char *name, const char *type, const char *message)
{
    detail_refuse_value(ex, name, type, message);
    return false;
}

static bool read_type(struct exchange *ex, yyjson_val *body, struct slice *type)
{
    static const char *const types[] = {"success_and_failure", "success", "failure"};
    yyjson_val *v = json_get(body, "callback_type");
    *type = !v || yyjson_is_null(v) ? slice_of(types[0]) : json_slice(v);
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (slice_eq(*type, slice_of(types[i])))
            return true;
    return refuse(ex, "callback_type", "literal_error",
                  "Input should be 'success', 'failure' or 'success_and_failure'");
}

/* The environment's variables are the operator's. */
static bool check_variables(struct exchange *ex, yyjson_val *vars)
{
    size_t i, n;
    yyjson_val *key, *v;
    if (!yyjson_is_obj(vars))
        return refuse(ex, "callback_vars", "dict_type", "Input should be a valid dictionary");
    yyjson_obj_foreach(vars, i, n, key, v)
    {
        if (yyjson_is_ctn(v))
            return refuse(ex, "callback_vars", "string_type", "Input should be a valid string");
        if (slice_starts(json_slice(v), SLICE("os.environ/")))
            return refuse(ex, "callback_vars", "value_error",
                          "Value error, os.environ/ references are not allowed here");
    }
    return true;
}

static bool check_name(struct exchange *ex, struct slice name, yyjson_val *vars)
{
    const struct sink_setup setup = {.name = name, .settings = vars};
    if (sink_find(&setup))
        return true;
    detail_refuse_error(ex, 400,
                        arena_printf(&ex->arena,
                                     "callback_name = %.*s: there is no such callback for teams",
                                     SLICE_ARG(name)));
    return false;
}

static void write_variable(struct json_writer *w, yyjson_val *v, struct arena *a)
{
    json_string(w, yyjson_is_str(v) ? json_slice(v) : json_text_of(v, a));
}

static bool write_entry(struct exchange *ex, struct callback_question *q, yyjson_val *vars)
{
    struct buf b;
    struct json_writer w;
    size_t i, n;
    yyjson_val *key, *v;
    buf_init(&b, METADATA_MAX);
    json_begin(&w, &b);
    json_object(&w);
    json_member_string(&w, "callback_name", q->name);
    json_member_string(&w, "callback_type", q->type);
    json_key(&w, "callback_vars");
    json_object(&w);
    yyjson_obj_foreach(vars, i, n, key, v)
    {
        json_key_slice(&w, json_slice(key));
        write_variable(&w, v, &ex->arena);
    }
    json_object_end(&w);
    json_object_end(&w);
    q->entry = arena_dup(&ex->arena, buf_slice(&b));
    bool fits = !b.overflow;
    buf_fini(&b);
    return fits || refuse(ex, "callback_vars", "value_error", "Value error, they are too long");
}

static bool read_entry(struct exchange *ex, struct callback_question *q)
{
    static const char *const needed[] = {"callback_name", "callback_vars"};
    yyjson_val *body = ask_body(ex), *vars = json_get(body, "callback_vars");
    for (size_t i = 0; body && i < sizeof(needed) / sizeof(*needed); i++)
        if (!json_get(body, needed[i])) {
            detail_refuse_input(ex, "body", needed[i], "Field required");
            return false;
        }
    if (!body)
        return false;
    q->name = json_get_slice(body, "callback_name");
    if (!q->name.n)
        return refuse(ex, "callback_name", "string_type", "Input should be a valid string");
    return read_type(ex, body, &q->type) && check_variables(ex, vars) &&
           check_name(ex, q->name, vars) && write_entry(ex, q, vars);
}

/* ---- the team's metadata, anew --------------------------------------------------------------- */

static bool is_changed(struct slice name)
{
    return slice_eq(name, SLICE("logging"));
}

static bool is_cleared(struct slice name)
{
    return is_changed(name) || slice_eq(name, SLICE("callback_settings"));
}

/* LiteLLM keeps the older form's variables, and nobody's names. */
static void write_cleared(struct json_writer *w, yyjson_val *old)
{
    yyjson_val *vars = json_get(json_get(old, "callback_settings"), "callback_vars");
    json_key(w, "callback_settings");
    json_object(w);
    json_key(w, "success_callback"), json_raw(w, SLICE("[]"));
    json_key(w, "failure_callback"), json_raw(w, SLICE("[]"));
    json_key(w, "callback_vars");
    if (vars)
        json_value(w, vars);
    else
        json_raw(w, SLICE("{}"));
    json_object_end(w);
}

static void write_list(struct json_writer *w, const struct exchange *ex,
                       const struct callback_question *q, yyjson_val *old)
{
    enum change change = change_of(ex);
    size_t i, n;
    yyjson_val *entry;
    json_key(w, "logging");
    json_array(w);
    if (change != CLEAR)
        yyjson_arr_foreach(json_get(old, "logging"), i, n,
                           entry) if (change == ADD ||
                                      !slice_eq(json_get_slice(entry, "callback_name"), q->name))
            json_value(w, entry);
    if (change == ADD)
        json_raw(w, q->entry);
    json_array_end(w);
}

/* Empty: it is too long. */
static struct slice changed_metadata(struct exchange *ex, struct slice text)
{
    bool clears = change_of(ex) == CLEAR;
    yyjson_val *old = json_parse(text, &ex->arena, NULL);
    struct buf b;
    struct json_writer w;
    buf_init(&b, METADATA_MAX);
    json_begin(&w, &b);
    json_object(&w);
    json_members_but(&w, old, clears ? is_cleared : is_changed);
    if (clears)
        write_cleared(&w, old);
    write_list(&w, ex, question_of(ex), old);
    json_object_end(&w);
    struct slice made = b.overflow ? SLICE("") : arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    return callback_vars_seal(stored_salt_key(ex->config), made, text, &ex->arena);
}

/* `type` empty: any. */
static bool has(yyjson_val *list, struct slice name, struct slice type)
{
    size_t i, n;
    yyjson_val *entry;
    yyjson_arr_foreach(list, i, n, entry)
    {
        if (slice_eq(json_get_slice(entry, "callback_name"), name) &&
            (!type.n || slice_eq(json_get_slice(entry, "callback_type"), type)))
            return true;
    }
    return false;
}

static bool may_add(struct exchange *ex, const struct callback_question *q, yyjson_val *list)
{
    if (yyjson_arr_size(list) >= ENTRIES_MAX) {
        admin_refuse(ex, 400, "bad_request_error", "A team may have %d callbacks at most",
                     ENTRIES_MAX);
        return false;
    }
    if (!has(list, q->name, q->type))
        return true;
    admin_refuse(
        ex, 400, "bad_request_error",
        "callback_name = %.*s already exists in team_callback_settings, for team_id = %.*s "
        "and event = %.*s",
        SLICE_ARG(q->name), SLICE_ARG(q->id), SLICE_ARG(q->type));
    admin_show_param(ex, "callback_name");
    return false;
}

static bool may_take(struct exchange *ex, const struct callback_question *q, yyjson_val *list)
{
    if (has(list, q->name, SLICE("")))
        return true;
    detail_refuse_error(ex, 404,
                        arena_printf(&ex->arena,
                                     "callback_name = %.*s is not registered for team_id = %.*s.",
                                     SLICE_ARG(q->name), SLICE_ARG(q->id)));
    return false;
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* In LiteLLM's order: of several that say the same, the first name, and the last variable. */
static void write_names(struct json_writer *w, const char *member, yyjson_val *list,
                        struct slice other)
{
    struct map seen;
    size_t i, n;
    yyjson_val *entry;
    map_init(&seen);
    json_key_slice(w, slice_of(member));
    json_array(w);
    yyjson_arr_foreach(list, i, n, entry)
    {
        struct slice name = json_get_slice(entry, "callback_name");
        if (!name.n || slice_eq(json_get_slice(entry, "callback_type"), other) ||
            map_get(&seen, name))
            continue;
        map_put(&seen, name, entry);
        json_string(w, name);
    }
    json_array_end(w);
    map_fini(&seen);
}

static void write_variables(struct json_writer *w, yyjson_val *list)
{
    struct map seen;
    size_t i, n;
    yyjson_val *key, *v;
    map_init(&seen);
    json_key(w, "callback_vars");
    json_object(w);
    for (size_t k = yyjson_arr_size(list); k > 0; k--)
        yyjson_obj_foreach(json_get(yyjson_arr_get(list, k - 1), "callback_vars"), i, n, key, v)
        {
            if (map_get(&seen, json_slice(key)))
                continue;
            map_put(&seen, json_slice(key), v);
            json_key_slice(w, json_slice(key));
            json_value(w, v);
        }
    json_object_end(w);
    map_fini(&seen);
}

/* Of the team's metadata with its secrets hidden. */
static yyjson_val *shown_list(struct exchange *ex, struct slice metadata)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, METADATA_MAX);
    json_begin(&w, &b);
    callback_vars_write(&w, metadata);
    yyjson_val *shown = b.overflow ? NULL : json_parse(buf_slice(&b), &ex->arena, NULL);
    yyjson_val *list = json_get(shown, "logging");
    buf_fini(&b);
    return yyjson_is_arr(list)
               ? list
               : callback_list_make(json_get(shown, "callback_settings"), &ex->arena);
}

static void write_callbacks(struct exchange *ex, struct json_writer *w, struct slice metadata)
{
    yyjson_val *list = shown_list(ex, metadata);
    json_object(w);
    json_member_string(w, ID, question_of(ex)->id);
    write_names(w, "success_callbacks", list, SLICE("failure"));
    write_names(w, "failure_callbacks", list, SLICE("success"));
    if (change_of(ex) == SHOW)
        write_variables(w, list);
    json_object_end(w);
}

static void write_message(struct exchange *ex, struct json_writer *w)
{
    const struct callback_question *q = question_of(ex);
    if (change_of(ex) == TAKE)
        json_member_string(w, "message",
                           arena_printf(&ex->arena, "Callback %.*s removed for team %.*s",
                                        SLICE_ARG(q->name), SLICE_ARG(q->id)));
    if (change_of(ex) == CLEAR)
        json_member_string(
            w, "message",
            arena_printf(&ex->arena, "Logging disabled for team %.*s", SLICE_ARG(q->id)));
}

static void write_answer(struct exchange *ex, const struct store_rows *team, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "status", SLICE("success"));
    write_message(ex, &w);
    json_key(&w, "data");
    if (change_of(ex) == ADD) {
        json_object(&w);
        team_fields_write(&w, team, 0);
        json_object_end(&w);
    } else {
        write_callbacks(ex, &w, store_rows_text(team, 0, "metadata"));
    }
    json_object_end(&w);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void team_found(struct exchange *ex, struct buf *body);

static void ask_team(struct exchange *ex)
{
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    admin_select(job, TABLE, ID, question_of(ex)->id);
    ask_store(ex, job, team_found);
}

static void changed(struct exchange *ex, struct buf *body)
{
    struct callback_question *q = question_of(ex);
    if (store_job_status(ex->own.job) == STORE_OK)
        write_answer(ex, ask_rows(ex, q->statement), body);
    else if (admin_again(ex, &q->tries))
        ask_team(ex);
}

static void put(struct exchange *ex, const struct store_rows *team, struct slice metadata)
{
    struct callback_question *q = question_of(ex);
    struct admin_cells cells = {.n = 0};
    struct store_job *job;
    if (!metadata.n) {
        refuse(ex, "callback_vars", "value_error", "Value error, the metadata is too long");
        return;
    }
    job = ask_new(ex);
    admin_set(&cells, "metadata", store_json(metadata));
    admin_update_same(job, &cells, ID, TABLE, team, 0);
    audit_changed(ex, job, TABLE, team, 0, &cells);
    q->statement = admin_select(job, TABLE, ID, q->id);
    store_tell(job, TABLE, q->id);
    ask_store_conflict(ex, job, changed);
}

static void team_found(struct exchange *ex, struct buf *body)
{
    struct callback_question *q = question_of(ex);
    const struct store_rows *team = ask_rows(ex, 0);
    enum change change = change_of(ex);
    if (!team->count) {
        detail_refuse_error(
            ex, change == ADD ? 400 : 404,
            arena_printf(&ex->arena, "Team id = %.*s does not exist.", SLICE_ARG(q->id)));
        return;
    }
    struct slice metadata = store_rows_text(team, 0, "metadata");
    yyjson_val *list = json_get(json_parse(metadata, &ex->arena, NULL), "logging");
    if (change == SHOW)
        write_answer(ex, team, body);
    else if ((change != ADD || may_add(ex, q, list)) && (change != TAKE || may_take(ex, q, list)))
        put(ex, team, changed_metadata(ex, metadata));
}

void handle_team_callback(struct exchange *ex, struct buf *body)
{
    struct callback_question *q = question_of(ex);
    q->id = percent_decode(ex->route_item, &ex->arena);
    q->name = percent_decode(ex->route_second, &ex->arena);
    if (change_of(ex) != ADD || read_entry(ex, q))
        ask_team(ex);
}
