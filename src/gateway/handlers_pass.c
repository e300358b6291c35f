/* /config/pass_through_endpoint: general_settings.pass_through_endpoints of the file, which are
 * shown, and of the database (stored.h), which may be changed.
 *
 * Happy path: an endpoint is tried as if it stood in the file, its secrets are sealed
 * (stored_pass.h), and it is taken over at once. Answers have it as LiteLLM's, secrets masked; a
 * member that a client sends back as it was shown stays as it is.
 *
 * Failure modes: what the loader refuses; a mask where nothing was masked; a path at which the
 * gateway has a route of its own, so that nobody would ever get there; an id that is taken, is the
 * file's, or that nothing has. */

#include "handlers_admin.h"

#include "query.h"
#include "routes.h"
#include "stored.h"
#include "stored_list.h"
#include "stored_pass.h"
#include "worker_private.h"

#define NAME         "pass_through_endpoints"
#define ENDPOINT_MAX (4 * 1024 * 1024) /* bytes of one, as JSON */

struct endpoint_change {
    struct stored_list list;
    yyjson_val *given;
    struct slice id;
    bool empty_mask;   /* given is a mask behind which there is nothing */
    struct slice gone; /* the answer, where it is deleted */
};

static struct endpoint_change *change_of(const struct exchange *ex)
{
    return ex->own.state;
}

/* ---- showing --------------------------------------------------------------------------------- */

/* In LiteLLM's order, and what stands there where nothing is said. */
static const struct {
    const char *name, *silent;
} members[] = {
    {"id", "null"},         {"path", "null"},
    {"target", "null"},     {"headers", "{}"},
    {"methods", "null"},    {"default_query_params", "{}"},
    {"auth", "true"},       {"include_subpath", "false"},
    {"timeout", "null"},    {"forward_headers", "false"},
    {"guardrails", "null"}, {"cost_per_request", "0.0"},
};

static void write_endpoint(struct json_writer *w, const struct pass_endpoint *e)
{
    json_object(w);
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        yyjson_val *v = json_get(e->shown, members[i].name);
        json_key_slice(w, slice_of(members[i].name));
        if (v && !yyjson_is_null(v))
            json_value(w, v);
        else
            json_raw(w, slice_of(members[i].silent));
    }
    json_member_bool(w, "is_from_config", !e->stored);
    json_object_end(w);
}

static const struct pass_endpoint *find(const struct exchange *ex, struct slice id)
{
    const struct pass_endpoints *all = &ex->worker->config->passes;
    for (size_t i = 0; id.n && i < all->n; i++)
        if (slice_eq(all->v[i].id, id))
            return &all->v[i];
    return NULL;
}

/* {"endpoints": […]}: those with that id; empty: all. */
static void write_endpoints(const struct exchange *ex, struct slice id, struct buf *body)
{
    const struct pass_endpoints *all = &ex->worker->config->passes;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "endpoints"), json_array(&w);
    for (size_t i = 0; i < all->n; i++)
        if (!id.n || slice_eq(all->v[i].id, id))
            write_endpoint(&w, &all->v[i]);
    json_array_end(&w);
    json_object_end(&w);
}

static struct slice endpoints_text(struct exchange *ex, struct slice id)
{
    struct buf b;
    buf_init(&b, ENDPOINT_MAX);
    write_endpoints(ex, id, &b);
    struct slice text = arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    return text;
}

void handle_pass_endpoints(struct exchange *ex, struct buf *body)
{
    write_endpoints(ex, query_get(ex->head->query, "endpoint_id", &ex->arena), body);
}

/* ---- what is given --------------------------------------------------------------------------- */

/* "****", or a target with "?****" behind its server. */
static bool is_masked(struct slice text)
{
    struct slice query = text, server = slice_split(&query, '?');
    return slice_eq(query.p ? query : server, SLICE(PASS_MASK));
}

static bool is_mask_of(struct slice text, yyjson_val *old)
{
    struct slice all = json_slice(old), server = slice_split(&text, '?');
    return old && (slice_eq(server, SLICE(PASS_MASK)) || slice_eq(server, slice_split(&all, '?')));
}

static void write_text(struct exchange *ex, struct json_writer *w, yyjson_val *v, yyjson_val *old)
{
    bool masked = is_masked(json_slice(v)), known = masked && is_mask_of(json_slice(v), old);
    json_value(w, known ? old : v);
    change_of(ex)->empty_mask |= masked && !known;
}

/* A text as it was shown is the old one. */
static void write_unmasked(struct exchange *ex, struct json_writer *w, yyjson_val *v,
                           yyjson_val *old)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    if (!yyjson_is_obj(v)) {
        write_text(ex, w, v, old);
        return;
    }
    json_object(w);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice name = json_slice(key);
        json_key_slice(w, name);
        write_unmasked(ex, w, yyjson_obj_iter_get_val(key), yyjson_obj_getn(old, name.p, name.n));
    }
    json_object_end(w);
}

/* An endpoint that was `old` (NULL: it is new) with what the client says. NULL: the failure is set.
 */
static yyjson_val *endpoint_of(struct exchange *ex, yyjson_val *old)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, ENDPOINT_MAX);
    json_begin(&w, &b);
    write_unmasked(ex, &w, change_of(ex)->given, old);
    yyjson_val *given = json_parse(buf_slice(&b), &ex->arena, NULL);
    buf_fini(&b);
    yyjson_val *answered = json_parse(SLICE("{\"is_from_config\":null}"), &ex->arena, NULL);
    struct slice whole =
        json_text_of(admin_merge(ex, admin_merge(ex, old, given), answered), &ex->arena);
    yyjson_val *v =
        json_parse(admin_json_with(ex, whole, "id", change_of(ex)->id), &ex->arena, NULL);
    if (!given || !v)
        stored_list_refuse(ex, 400, "The endpoint is too long.", SLICE(""), "");
    else if (change_of(ex)->empty_mask)
        stored_list_refuse(ex, 400, "There is nothing behind this mask: ", SLICE(PASS_MASK),
                           ": send the text itself.");
    return ex->failure.kind == FAILURE_NONE ? v : NULL;
}

static bool has_method(yyjson_val *methods, const char *name)
{
    size_t i, n;
    yyjson_val *v;
    yyjson_arr_foreach(methods, i, n, v)
    {
        if (slice_eq_nocase(json_slice(v), slice_of(name)))
            return true;
    }
    return !yyjson_arr_size(methods);
}

/* Routes of the gateway come first. */
static bool is_free(struct exchange *ex, yyjson_val *endpoint)
{
    static const char *const all[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
    struct slice path = json_get_slice(endpoint, "path");
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (has_method(json_get(endpoint, "methods"), all[i]) &&
            routes_find(slice_of(all[i]), path).match == ROUTE_FOUND)
            return stored_list_refuse(ex, 400, "The gateway has a route of its own there: ",
                                      ARENA_JOIN(&ex->arena, slice_of(all[i]), SLICE(" "), path),
                                      "");
    return true;
}

static yyjson_val *opened(struct exchange *ex, yyjson_val *endpoint)
{
    struct slice text = stored_pass_open(ex->worker->config, endpoint, &ex->arena);
    return json_parse(text, &ex->arena, NULL);
}

/* Writes it once the loader accepts it. */
static bool put(struct exchange *ex, yyjson_val *old, struct json_writer *w)
{
    yyjson_val *endpoint = endpoint_of(ex, old);
    struct stored_change change = {NAME, change_of(ex)->id, SLICE("")};
    if (!endpoint || !is_free(ex, endpoint))
        return false;
    change.json = json_text_of(endpoint, &ex->arena);
    struct slice problem = stored_check(ex->worker->stored, &change, &ex->arena);
    if (problem.n)
        return stored_list_refuse(ex, 400, "The endpoint cannot be used: ", problem, "");
    json_raw(w, stored_pass_seal(ex->worker->config, endpoint, &ex->arena));
    return true;
}

/* ---- changing -------------------------------------------------------------------------------- */

static bool has_id(yyjson_val *endpoint, struct slice id)
{
    return slice_eq(json_get_slice(endpoint, "id"), id);
}

static yyjson_val *find_old(yyjson_val *old, struct slice id)
{
    size_t i, n;
    yyjson_val *v;
    yyjson_arr_foreach(old, i, n, v)
    {
        if (has_id(v, id))
            return v;
    }
    return NULL;
}

/* Those of the file have none, mostly. */
static bool refuse_missing(struct exchange *ex, int status)
{
    struct slice id = change_of(ex)->id;
    if (find(ex, id))
        return stored_list_refuse(ex, 400, "", id,
                                  ": the configuration file has it, change it there.");
    return stored_list_refuse(ex, status, "Endpoint with ID '", id, "' not found");
}

static bool add(struct exchange *ex, yyjson_val *old, struct json_writer *w)
{
    struct slice id = change_of(ex)->id;
    size_t i, n;
    yyjson_val *v;
    if (find(ex, id) || find_old(old, id))
        return stored_list_refuse(ex, 400, "There is an endpoint with this id already: ", id, "");
    yyjson_arr_foreach(old, i, n, v) json_value(w, v);
    return put(ex, NULL, w);
}

static bool update(struct exchange *ex, yyjson_val *old, struct json_writer *w)
{
    struct slice id = change_of(ex)->id;
    size_t i, n;
    yyjson_val *v;
    if (!find_old(old, id))
        return refuse_missing(ex, 404);
    yyjson_arr_foreach(old, i, n, v)
    {
        if (!has_id(v, id))
            json_value(w, v);
        else if (!put(ex, opened(ex, v), w))
            return false;
    }
    return true;
}

static bool delete_endpoint(struct exchange *ex, yyjson_val *old, struct json_writer *w)
{
    struct endpoint_change *c = change_of(ex);
    size_t i, n;
    yyjson_val *v;
    if (!find_old(old, c->id))
        return refuse_missing(ex, 400);
    yyjson_arr_foreach(old, i, n, v) if (!has_id(v, c->id)) json_value(w, v);
    c->gone = endpoints_text(ex, c->id); /* as long as it is there */
    return true;
}

static void answer(struct exchange *ex, struct buf *body)
{
    write_endpoints(ex, change_of(ex)->id, body);
}

static void answer_gone(struct exchange *ex, struct buf *body)
{
    buf_add(body, change_of(ex)->gone);
}

static void change(struct exchange *ex, struct slice id, yyjson_val *given,
                   bool (*edit)(struct exchange *ex, yyjson_val *old, struct json_writer *w),
                   answer_next *next)
{
    struct endpoint_change *c = ARENA_NEW(&ex->arena, struct endpoint_change);
    *c = (struct endpoint_change){
        .list = {.name = NAME, .edit = edit, .answer = next}, .given = given, .id = id};
    ex->own.state = c;
    if (ex->failure.kind == FAILURE_NONE && admin_may_store(ex))
        stored_list_change(ex);
}

void handle_pass_endpoint_new(struct exchange *ex, struct buf *body)
{
    yyjson_val *given = ask_body(ex);
    (void)body;
    if (given)
        change(ex, admin_id(ex, given, "id"), given, add, answer);
}

void handle_pass_endpoint_update(struct exchange *ex, struct buf *body)
{
    (void)body;
    change(ex, percent_decode(ex->route_item, &ex->arena), ask_body(ex), update, answer);
}

void handle_pass_endpoint_delete(struct exchange *ex, struct buf *body)
{
    struct slice id = query_get(ex->head->query, "endpoint_id", &ex->arena);
    (void)body;
    if (id.n)
        change(ex, id, NULL, delete_endpoint, answer_gone);
    else
        failure_missing_param(&ex->failure, &ex->arena, "endpoint_id");
}
