/* What the gateway says of its models, with LiteLLM's members: lists, facts about deployments and
 * groups.
 *
 * Happy path: the names are listed, each with the deployments behind it, and written; nothing is
 * asked of anybody.
 *
 * Failure modes: a name or an id that nothing has; what needs a database. They are answered in
 * FastAPI's shape where LiteLLM does so. */

#include "handlers.h"

#include "detail.h"
#include "health.h"
#include "model_group.h"
#include "model_info.h"
#include "model_list.h"
#include "query.h"
#include "report.h"
#include "worker_private.h"

#define MODELS_CREATED 1677610602 /* LiteLLM's constant: clients compare lists, not dates */
#define PAGE_DEFAULT   50
#define PAGE_MAX       1000

/* model_list_healthy_only: every deployment of the group was checked, and failed. */
static bool is_ill(const struct exchange *ex, struct slice group)
{
    size_t n, ill = 0;
    const struct health_result *r = health_results(ex->worker->health, &n);
    if (!ex->config->settings.list_healthy_only)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!slice_eq(slice_of(r[i].deployment->model_name), group))
            continue;
        if (!r[i].checked_at || r[i].healthy)
            return false;
        ill++;
    }
    return ill > 0;
}

/* What a team calls its own model; false: that one hides this one. */
static bool name_inside(struct exchange *ex, struct model_listed *l)
{
    struct slice name = caller_team_name(&ex->caller, ex->config, l->name);
    if (name.n && ex->config->settings.team_names)
        l->name = name;
    return name.n || !ex->config->team_models.count ||
           !caller_team_name(&ex->caller, ex->config,
                             caller_model(&ex->caller, ex->config, l->name))
                .n;
}

/* The names that the caller may ask for. */
static struct model_list list_for(struct exchange *ex, unsigned what)
{
    struct model_list list = model_list_new(ex->config, what, &ex->arena);
    size_t kept = 0, aliases = 0;
    const char *whose;
    for (size_t i = 0; i < list.n; i++) {
        if (!caller_may_call(&ex->caller, ex->config, list.v[i].name, &whose) ||
            is_ill(ex, list.v[i].group) || !name_inside(ex, &list.v[i]))
            continue;
        aliases += i < list.aliases;
        list.v[kept++] = list.v[i];
    }
    list.n = kept;
    list.aliases = aliases;
    return list;
}

/* ---- /v1/models ----------------------------------------------------------------------------- */

enum fallback_type { FALLBACK_NONE, FALLBACK_GENERAL, FALLBACK_CONTEXT, FALLBACK_POLICY };

static void write_names(struct json_writer *w, yyjson_val *names)
{
    if (yyjson_is_arr(names)) {
        json_value(w, names);
        return;
    }
    json_array(w);
    if (names)
        json_value(w, names);
    json_array_end(w);
}

/* What an item of a list says of a group: {group: [others]}, or {model: group, fallback: other}. */
static yyjson_val *fallback_of(yyjson_val *item, struct slice group)
{
    struct slice model = json_get_slice(item, "model");
    yyjson_val *other = json_get(item, "fallback");
    if (model.p && other)
        return slice_eq(model, group) ? other : NULL;
    return yyjson_obj_getn(item, group.p, group.n);
}

static yyjson_val *fallbacks_in(yyjson_val *list, struct slice group)
{
    yyjson_val *item, *found;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    while ((item = yyjson_arr_iter_next(&it)))
        if ((found = fallback_of(item, group)))
            return found;
    return NULL;
}

static yyjson_val *fallbacks_of(const struct config *c, enum fallback_type type, struct slice group)
{
    yyjson_val *list = type == FALLBACK_GENERAL   ? c->fallbacks
                       : type == FALLBACK_CONTEXT ? c->context_window_fallbacks
                                                  : c->content_policy_fallbacks;
    yyjson_val *found = fallbacks_in(list, group);
    if (!found)
        found = fallbacks_in(list, SLICE("*"));
    return found || type != FALLBACK_GENERAL ? found : c->default_fallbacks;
}

static bool read_fallback_type(struct exchange *ex, enum fallback_type *type)
{
    struct slice query = ex->head->query, text = query_get(query, "fallback_type", &ex->arena);
    *type = FALLBACK_NONE;
    if (!query_flag(query, "include_metadata", &ex->arena))
        return true;
    if (!text.p || slice_eq(text, SLICE("general")))
        *type = FALLBACK_GENERAL;
    else if (slice_eq(text, SLICE("context_window")))
        *type = FALLBACK_CONTEXT;
    else if (slice_eq(text, SLICE("content_policy")))
        *type = FALLBACK_POLICY;
    else
        detail_refuse(ex, 400,
                      SLICE("Invalid fallback_type. Must be one of: ['general', 'context_window', "
                            "'content_policy']"));
    return *type != FALLBACK_NONE;
}

static void write_head(struct json_writer *w, struct slice name)
{
    json_member_string(w, "id", name);
    json_member_string(w, "object", SLICE("model"));
    json_member_integer(w, "created", MODELS_CREATED);
    json_member_string(w, "owned_by", SLICE("openai"));
}

/* What is not known is left out here. */
static void write_limits(struct json_writer *w, const struct model_group *g)
{
    if (g->mode) {
        json_key(w, "mode");
        json_value(w, g->mode);
    }
    if (g->max_input_tokens) {
        json_key(w, "max_input_tokens");
        json_value(w, g->max_input_tokens);
    }
    if (g->max_output_tokens) {
        json_key(w, "max_output_tokens");
        json_value(w, g->max_output_tokens);
    }
}

static void write_model(struct exchange *ex, const struct model_listed *l, enum fallback_type type,
                        struct json_writer *w)
{
    struct model_group g;
    model_group_read_size(ex->config, l, &g, &ex->arena);
    json_object(w);
    write_head(w, l->name);
    write_limits(w, &g);
    if (type != FALLBACK_NONE) {
        json_key(w, "metadata");
        json_object(w);
        json_key(w, "fallbacks");
        write_names(w, fallbacks_of(ex->config, type, l->name));
        json_object_end(w);
    }
    json_object_end(w);
}

/* Names by which keys are given models; a deployment may be in several. */
static void write_access_groups(struct exchange *ex, struct json_writer *w)
{
    struct map seen;
    map_init(&seen);
    for (size_t i = 0; i < ex->config->deployment_count; i++) {
        yyjson_val *name, *list = json_get(ex->config->deployments[i].model_info, "access_groups");
        yyjson_arr_iter it = yyjson_arr_iter_with(list);
        while ((name = yyjson_arr_iter_next(&it))) {
            struct slice s = json_slice(name);
            if (!s.n || map_get(&seen, s))
                continue;
            map_put(&seen, s, name);
            json_object(w);
            write_head(w, s);
            json_object_end(w);
        }
    }
    map_fini(&seen);
}

static bool is_listed(const struct model_list *list, struct slice name)
{
    for (size_t i = 0; i < list->n; i++)
        if (slice_eq(list->v[i].name, name))
            return true;
    return false;
}

/* Names that the caller's key, or its team, gives to models. */
static void write_own_names(struct exchange *ex, const struct row *names,
                            const struct model_list *list, enum fallback_type type,
                            struct json_writer *w)
{
    struct model_listed l;
    const char *whose;
    for (size_t i = 0; names && i < names->alias_count; i++) {
        struct slice model = caller_model(&ex->caller, ex->config, names->aliases[i].name);
        if (is_listed(list, names->aliases[i].name) ||
            !caller_may_call(&ex->caller, ex->config, model, &whose) ||
            !model_list_find(ex->config, model, &l, &ex->arena))
            continue;
        l.name = names->aliases[i].name;
        write_model(ex, &l, type, w);
    }
}

void handle_models(struct exchange *ex, struct buf *body)
{
    struct slice query = ex->head->query;
    struct json_writer w;
    enum fallback_type type;
    bool only_access = query_flag(query, "only_model_access_groups", &ex->arena);
    bool access = query_flag(query, "include_model_access_groups", &ex->arena);
    bool patterns = query_flag(query, "return_wildcard_routes", &ex->arena);
    if (!read_fallback_type(ex, &type))
        return;
    struct model_list list = list_for(ex, patterns ? LIST_WILDCARDS : 0);
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "data");
    json_array(&w);
    for (size_t i = 0; i < list.n && !only_access; i++)
        write_model(ex, &list.v[i], type, &w);
    if (!only_access) {
        write_own_names(ex, ex->caller.holders[HOLDER_KEY].row, &list, type, &w);
        write_own_names(ex, ex->caller.aliases, &list, type, &w);
    }
    if (access || only_access)
        write_access_groups(ex, &w);
    json_array_end(&w);
    json_member_string(&w, "object", SLICE("list"));
    json_object_end(&w);
}

void handle_model(struct exchange *ex, struct buf *body)
{
    struct slice name = percent_decode(ex->route_model, &ex->arena);
    struct slice model = caller_model(&ex->caller, ex->config, name);
    struct model_listed l;
    struct json_writer w;
    const char *whose;
    if (!name.n || !caller_may_call(&ex->caller, ex->config, model, &whose) ||
        !model_list_find(ex->config, model, &l, &ex->arena)) {
        detail_refuse(ex, 404,
                      arena_printf(&ex->arena,
                                   "The model `%.*s` does not exist or is not accessible",
                                   SLICE_ARG(name)));
        return;
    }
    l.name = name;
    json_begin(&w, body);
    write_model(ex, &l, FALLBACK_NONE, &w);
}

/* ---- /model/info ---------------------------------------------------------------------------- */

/* Which entries are written: those of a page, by name and id. */
struct chosen {
    struct slice model, search, id; /* empty: any */
    size_t first, end;              /* of those that fit */
    size_t count;                   /* seen so far */
};

static bool holds(struct slice name, struct slice part)
{
    size_t i = 0;
    while (i + part.n <= name.n && !slice_starts_nocase(slice_skip(name, i), part))
        i++;
    return i + part.n <= name.n;
}

static bool is_chosen(struct chosen *c, const struct model_entry *e)
{
    size_t place;
    if ((c->model.n && !slice_eq(c->model, e->name)) ||
        (c->search.n && !holds(e->name, c->search)) ||
        (c->id.n && !slice_eq(c->id, slice_of(e->deployment->id))))
        return false;
    place = c->count++;
    return place >= c->first && place < c->end;
}

static void write_entries(struct exchange *ex, const struct model_listed *l, struct chosen *chosen,
                          const struct model_info_writer *info, struct json_writer *w)
{
    struct model_entry e;
    for (size_t i = 0; i < ex->config->deployment_count; i++)
        if (model_list_entry(ex->config, l, &ex->config->deployments[i], &e, &ex->arena) &&
            is_chosen(chosen, &e))
            model_info_write(info, &e, w);
}

static bool write_one(struct exchange *ex, struct slice id, const struct model_info_writer *info,
                      struct json_writer *w)
{
    const char *whose;
    for (size_t i = 0; i < ex->config->deployment_count; i++) {
        const struct deployment *d = &ex->config->deployments[i];
        struct slice name = slice_of(d->model_name);
        struct slice inside = caller_team_name(&ex->caller, ex->config, name);
        struct model_entry e = {inside.n ? inside : name, slice_of(d->model), d, d->facts, d->api};
        if (slice_eq(id, slice_of(d->id)) &&
            caller_may_call(&ex->caller, ex->config, name, &whose)) {
            model_info_write(info, &e, w);
            return true;
        }
    }
    detail_refuse_error(
        ex, 400,
        arena_printf(&ex->arena, "Model id = %.*s not found on litellm proxy", SLICE_ARG(id)));
    return false;
}

/* Aliases too, at the end: clients look a model up by the name they ask for. A pattern in front of
 * a single model is listed for its prices. */
static void write_all(struct exchange *ex, struct chosen *chosen,
                      const struct model_info_writer *info, struct json_writer *w)
{
    struct model_list list = list_for(ex, LIST_FIXED_WILDCARDS | LIST_BLOCKED);
    for (size_t i = list.aliases; i < list.n; i++)
        write_entries(ex, &list.v[i], chosen, info, w);
    for (size_t i = 0; i < list.aliases; i++)
        write_entries(ex, &list.v[i], chosen, info, w);
}

void handle_model_info(struct exchange *ex, struct buf *body)
{
    struct slice id = query_get(ex->head->query, "litellm_model_id", &ex->arena);
    struct chosen all = {.end = SIZE_MAX};
    struct model_info_writer info;
    struct json_writer w;
    model_info_init(&info);
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "data");
    json_array(&w);
    if (id.n)
        write_one(ex, id, &info, &w);
    else
        write_all(ex, &all, &info, &w);
    json_array_end(&w);
    json_object_end(&w);
    model_info_fini(&info);
}

static void write_models_page(struct exchange *ex, struct buf *body, struct chosen *c, int64_t page,
                              int64_t size)
{
    struct model_info_writer info;
    struct json_writer w;
    c->first = (size_t)((page - 1) * size);
    c->end = c->first + (size_t)size;
    model_info_init(&info);
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "data");
    json_array(&w);
    write_all(ex, c, &info, &w);
    json_array_end(&w);
    model_info_fini(&info);
    json_member_integer(&w, "total_count", (int64_t)c->count);
    json_member_integer(&w, "current_page", page);
    json_member_integer(&w, "total_pages", ((int64_t)c->count + size - 1) / size);
    json_member_integer(&w, "size", size);
    json_object_end(&w);
}

void handle_model_info_v2(struct exchange *ex, struct buf *body)
{
    struct chosen c = {.model = query_get(ex->head->query, "model", &ex->arena),
                       .search = query_get(ex->head->query, "search", &ex->arena),
                       .id = query_get(ex->head->query, "modelId", &ex->arena)};
    int64_t page, size;
    if (!ex->worker->store)
        detail_refuse_error(ex, 500,
                            SLICE("DB not connected. This endpoint needs a database; without one "
                                  "/v1/model/info tells of the models."));
    else if (report_number(ex, "page", 1, INT32_MAX, 1, &page) &&
             report_number(ex, "size", 1, PAGE_MAX, PAGE_DEFAULT, &size))
        write_models_page(ex, body, &c, page, size);
}

/* ---- /model_group/info, /public/model_hub --------------------------------------------------- */

void handle_model_groups(struct exchange *ex, struct buf *body)
{
    struct slice wanted = query_get(ex->head->query, "model_group", &ex->arena);
    struct model_list list = list_for(ex, 0);
    struct model_group g;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "data");
    json_array(&w);
    for (size_t i = 0; i < list.n; i++) {
        if (wanted.n && !slice_eq(wanted, list.v[i].name))
            continue;
        model_group_read(ex->config, &list.v[i], &g, &ex->arena);
        model_group_write(&g, model_group_is_public(ex->config, g.name), &w);
    }
    json_array_end(&w);
    json_object_end(&w);
}

void handle_model_hub(struct exchange *ex, struct buf *body)
{
    struct model_list list = list_for(ex, 0);
    struct model_group g;
    struct json_writer w;
    json_begin(&w, body);
    json_array(&w);
    for (size_t i = 0; i < list.n; i++) {
        if (!model_group_is_public(ex->config, list.v[i].name))
            continue;
        model_group_read(ex->config, &list.v[i], &g, &ex->arena);
        model_group_write(&g, true, &w);
    }
    json_array_end(&w);
}
