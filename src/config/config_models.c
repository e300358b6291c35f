/* model_list → deployments.
 *
 * Happy path: an entry names its group (model_name) and its model; what litellm_params says about
 * region and credentials goes to config_aws.c, request parameters become the deployment's defaults,
 * prices join model_info, the rest is checked against the option table.
 *
 * Failure modes: a missing name, a model of another provider, an impossible id: one error each, and
 * the entry is left out. A parameter nobody knows is passed to the model, as LiteLLM does, with a
 * warning.
 */

#include "config/bedrock_name.h"
#include "config/wildcard.h"
#include "config_loader.h"
#include "config_shown.h"

#include "config/routing.h"
#include "dialect/dialect.h"
#include "guard/rules.h"

#include "wire/crypto.h"

#include <stdio.h>
#include <string.h>

struct entry {
    struct config_loader *l;
    const struct node *settings; /* litellm_settings */
    struct deployment *d;
    const struct config_path *path;        /* model_list[i] */
    const struct config_path *params_path; /* model_list[i].litellm_params */
    const struct node *params, *info;
    struct slice facts_id; /* the id that `model` names: whose facts hold */
};

/* A text that must be there; NULL after a problem. */
static const char *required_text(struct config_loader *l, const struct node *map,
                                 const struct config_path *up, const char *key)
{
    const struct config_path path = {.up = up, .key = slice_of(key)};
    const struct node *n = node_get(map, slice_of(key));
    if (node_is_null(n) || (n->kind == NODE_SCALAR && !n->text.n))
        config_error(l, config_place(n && n->line ? n : map, &path), "is missing");
    else if (n->kind == NODE_SCALAR)
        return arena_strdup(&l->c->arena, n->text);
    return NULL; /* a wrong type is reported by the check of the section */
}

static double seconds(struct entry *e, const char *key)
{
    const struct config_path path = {.up = e->params_path, .key = slice_of(key)};
    const struct node *n = node_get(e->params, slice_of(key));
    double value = 0;
    if (node_is_null(n) || !node_number(n, &value))
        return 0;
    if (value < 0 || value > CONFIG_MAX_SECONDS)
        config_error(e->l, config_place(n, &path), "expected a number from 0 to %d",
                     CONFIG_MAX_SECONDS);
    return value;
}

/* {tier: seconds}; NULL: there is none, or a problem was reported. */
static yyjson_val *tier_seconds(struct entry *e, const char *key)
{
    const struct config_path path = {.up = e->params_path, .key = slice_of(key)};
    const struct node *map = node_get(e->params, slice_of(key));
    if (!map || map->kind != NODE_MAP || !map->count)
        return NULL;
    for (size_t i = 0; i < map->count; i++) {
        const struct config_path self = {.up = &path, .key = map->items[i].key};
        double value = 0;
        if (!node_number(map->items[i].value, &value) || value <= 0 || value > CONFIG_MAX_SECONDS)
            config_error(e->l, config_place(map->items[i].value, &self),
                         "expected a number of seconds up to %d", CONFIG_MAX_SECONDS);
    }
    return config_read_json(e->l, map, &path);
}

static void read_keepalive(struct entry *e)
{
    const struct node *override = NODE_GET(e->params, "allow_client_keepalive_override");
    e->d->keepalive_s = -1;
    if (!node_is_null(NODE_GET(e->params, "keepalive_seconds")))
        e->d->keepalive_s = seconds(e, "keepalive_seconds");
    if (!node_is_null(override))
        node_bool(override, &e->d->keepalive_override);
}

/* ---- the model ----------------------------------------------------------------------------- */

/* model_id is what is called when it is given; `model` then only says what kind it is. */
static void read_model_id(struct entry *e, struct bedrock_name *name)
{
    const struct config_path path = {.up = e->params_path, .key = SLICE("model_id")};
    const struct node *n = NODE_GET(e->params, "model_id");
    if (node_is_null(n) || n->kind != NODE_SCALAR || !n->text.n)
        return;
    if (!bedrock_id_valid(n->text)) {
        config_error(e->l, config_place(n, &path),
                     "not a Bedrock model id, inference profile or ARN");
        return;
    }
    struct slice region = bedrock_arn_region(n->text);
    name->id = n->text;
    if (region.n)
        name->region = region;
}

static bool read_model(struct entry *e, struct bedrock_name *name)
{
    const struct config_path path = {.up = e->params_path, .key = SLICE("model")};
    const struct node *provider = NODE_GET(e->params, "custom_llm_provider");
    bool given = !node_is_null(provider) && provider->kind == NODE_SCALAR;
    e->d->model = required_text(e->l, e->params, e->params_path, "model");
    if (!e->d->model)
        return false;
    const char *error =
        bedrock_name_parse(slice_of(e->d->model), given ? provider->text : (struct slice){0}, name);
    if (error) {
        config_error(e->l, config_place(NODE_GET(e->params, "model"), &path), "%s", error);
        return false;
    }
    e->facts_id = name->id;
    read_model_id(e, name);
    e->d->bedrock_id = arena_strdup(&e->l->c->arena, name->id);
    e->d->api = name->api;
    return true;
}

/* ---- parameters as JSON -------------------------------------------------------------------- */

/* One JSON object being made. */
struct map_text {
    struct buf text;
    struct json_writer w;
    size_t count; /* members */
};

struct maps {
    struct map_text defaults; /* request parameters */
    struct map_text info;     /* model_info, with the prices of litellm_params */
    struct map_text shown;    /* litellm_params for clients */
    struct map default_names; /* written so far */
};

static void write_value(struct map_text *m, const struct node_item *item, enum option_type type)
{
    m->count++;
    json_key_slice(&m->w, item->key);
    if (type == OPT_BOOL || type == OPT_INT || type == OPT_NUMBER)
        node_write_json_plain(item->value, &m->w);
    else
        node_write_json(item->value, &m->w);
}

/* For maps that clients may read. */
static void show_value(struct map_text *m, const struct node_item *item, enum option_type type)
{
    if (config_is_secret(item->key))
        return;
    if (type == OPT_BOOL || type == OPT_INT || type == OPT_NUMBER) {
        write_value(m, item, type);
        return;
    }
    m->count++;
    json_key_slice(&m->w, item->key);
    config_write_shown(item->value, &m->w);
}

static void add_default(struct maps *m, const struct node_item *item, enum option_type type)
{
    if (map_get(&m->default_names, item->key))
        return;
    write_value(&m->defaults, item, type);
    map_put(&m->default_names, item->key, item->value);
}

/* The members of extra_body and additionalModelRequestFields, as if they stood beside it. */
static void add_members(struct entry *e, const struct node *map, struct maps *m)
{
    for (size_t i = 0; i < map->count; i++)
        if (!node_get(e->params, map->items[i].key))
            add_default(m, &map->items[i], OPT_ANY);
}

static void read_default(struct entry *e, const struct node_item *item, enum option_type type,
                         struct maps *m)
{
    struct node_item other = {.key = SLICE("max_tokens"), .value = item->value};
    bool renamed = slice_eq(item->key, SLICE("max_completion_tokens"));
    if (slice_eq(item->key, SLICE("extra_body")) ||
        slice_eq(item->key, SLICE("additionalModelRequestFields")))
        add_members(e, item->value, m);
    else if (!renamed || node_is_null(node_get(e->params, other.key)))
        add_default(m, renamed ? &other : item, type);
}

static void read_param(struct entry *e, struct option_rows rows, const struct node_item *item,
                       struct maps *m)
{
    const struct config_path path = {.up = e->params_path, .key = item->key};
    const struct config_option *o;
    enum config_key key = config_check_key(e->l, rows, item, e->params_path, &o);
    if (key == KEY_NEW)
        config_warn(e->l, config_place(item->value, &path),
                    "unknown option, passed to the model as a request parameter");
    if (key == KEY_NEW || (key == KEY_KNOWN && o->offset == OPTION_REQUEST))
        read_default(e, item, o ? o->type : OPT_ANY, m);
    if (key == KEY_KNOWN && o->offset == OPTION_PRICE && !node_get(e->info, item->key))
        show_value(&m->info, item, o->type);
    if (key != KEY_LEFT_OUT && !node_is_null(item->value))
        show_value(&m->shown, item, o ? o->type : OPT_ANY);
}

/* model_info is free: what is unknown there is kept, unless it looks like a slip. */
static void read_info(struct entry *e, struct option_rows rows, const struct node_item *item,
                      const struct config_path *up, struct maps *m)
{
    const struct config_option *o;
    if (config_check_key(e->l, rows, item, up, &o) == KEY_LEFT_OUT && !node_is_null(item->value))
        return;
    show_value(&m->info, item, o && !node_is_null(item->value) ? o->type : OPT_ANY);
}

static void open_map(struct map_text *m)
{
    buf_init(&m->text, CONFIG_MAX_JSON);
    json_begin(&m->w, &m->text);
    json_object(&m->w);
}

/* NULL: it is empty, or a problem was reported. */
static yyjson_val *close_map(struct entry *e, struct map_text *m)
{
    yyjson_val *v = NULL;
    json_object_end(&m->w);
    if (m->count && !m->text.overflow)
        v = json_parse(buf_slice(&m->text), &e->l->c->arena, NULL);
    if (m->count && !v)
        config_error(e->l, config_place(e->params, e->path), "not valid UTF-8, or too large");
    buf_fini(&m->text);
    return v;
}

static void read_maps(struct entry *e)
{
    struct option_rows params = config_section_rows("litellm_params");
    struct option_rows info = config_section_rows("model_info");
    const struct config_path info_path = {.up = e->path, .key = SLICE("model_info")};
    struct maps m = {0};
    open_map(&m.defaults);
    open_map(&m.info);
    open_map(&m.shown);
    for (size_t i = 0; e->info && i < e->info->count; i++)
        read_info(e, info, &e->info->items[i], &info_path, &m);
    for (size_t i = 0; i < e->params->count; i++)
        read_param(e, params, &e->params->items[i], &m);
    e->d->defaults = close_map(e, &m.defaults);
    e->d->model_info = close_map(e, &m.info);
    e->d->params = close_map(e, &m.shown);
    map_fini(&m.default_names);
}

/* ---- what becomes of requests ---------------------------------------------------------------- */

static void read_preset(struct entry *e)
{
    struct failure f = {0};
    struct llm_request *preset = ARENA_NEW(&e->l->c->arena, struct llm_request);
    if (!e->d->defaults)
        return;
    if (openai_params_parse(e->d->defaults, &e->l->c->arena, preset, &f))
        e->d->preset = preset;
    else
        config_error(e->l, config_place(e->params, e->params_path), "%.*s", SLICE_ARG(f.message));
}

static yyjson_val *node_value(struct entry *e, const struct node *n)
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, CONFIG_MAX_JSON);
    json_begin(&w, &text);
    node_write_json(n, &w);
    yyjson_val *v = json_parse(buf_slice(&text), &e->l->c->arena, NULL);
    buf_fini(&text);
    return v;
}

static void read_drop_list(struct entry *e)
{
    const struct config_path path = {.up = e->params_path, .key = SLICE("additional_drop_params")};
    const struct node *own = NODE_GET(e->params, "additional_drop_params");
    const struct node *n =
        node_is_null(own) ? NODE_GET(e->settings, "additional_drop_params") : own;
    if (node_is_null(n) || n->kind != NODE_LIST)
        return;
    for (size_t i = 0; i < n->count; i++)
        if (slice_find(n->items[i].value->text, SLICE("[")) >= 0 ||
            slice_find(n->items[i].value->text, SLICE(".")) >= 0)
            config_warn(e->l, config_place(n->items[i].value, &path),
                        "only whole parameters can be dropped, not parts of them");
    e->d->drop_list = node_value(e, n);
}

/* `prompt_caching` of the model, else of litellm_settings, else LiteLLM's own switch. */
static void read_prompt_caching(struct entry *e)
{
    const struct config_path path = {.up = e->params_path, .key = SLICE("prompt_caching")};
    const struct node *own = NODE_GET(e->params, "prompt_caching");
    const struct node *n = node_is_null(own) ? NODE_GET(e->settings, "prompt_caching") : own;
    e->d->prompt_caching_auto = e->l->c->settings.prompt_caching_auto;
    e->d->prompt_caching_hour = e->l->c->settings.prompt_caching_hour;
    if (node_is_null(n) || n->kind != NODE_SCALAR)
        return;
    e->d->prompt_caching_auto = slice_eq(n->text, SLICE("auto"));
    if (!e->d->prompt_caching_auto && !slice_eq(n->text, SLICE("none")))
        config_error(e->l, config_place(n, &path), "must be auto or none");
}

/* ---- identity ------------------------------------------------------------------------------ */

/* From name, model and region only, so that another price or timeout keeps the id. */
static const char *derive_id(struct config_loader *l, const struct deployment *d, unsigned ordinal)
{
    struct slice text =
        arena_printf(&l->arena, "%s\n%s\n%s\n%u", d->model_name, d->model, d->region, ordinal);
    char *id = arena_alloc(&l->c->arena, HEX_SIZE(SHA256_SIZE));
    sha256_hex(text, id);
    return id;
}

struct id_use {
    unsigned next; /* ordinal of the next deployment that is like this one */
    bool used;
};

static struct id_use *find_id(struct config_loader *l, const char *id)
{
    struct id_use *use = map_get(&l->ids, slice_of(id));
    if (use)
        return use;
    use = ARENA_NEW(&l->arena, struct id_use);
    map_put(&l->ids, slice_of(id), use);
    return use;
}

static bool take_id(struct entry *e, const char *id)
{
    struct id_use *use = find_id(e->l, id);
    if (use->used)
        return false;
    use->used = true;
    e->d->id = id;
    return true;
}

/* Deployments that are alike (two accounts, say) are told apart by their order. */
static void name_deployment(struct entry *e)
{
    struct config_loader *l = e->l;
    const struct config_path info = {.up = e->path, .key = SLICE("model_info")};
    const struct config_path path = {.up = &info, .key = SLICE("id")};
    const struct node *own = NODE_GET(e->info, "id");
    bool given = !node_is_null(own) && own->kind == NODE_SCALAR && own->text.n;
    if (given && take_id(e, arena_strdup(&l->c->arena, own->text)))
        return;
    if (given && config_is_stored(own))
        config_error(l, config_place(own, &path), "another model has this id already");
    else if (given)
        config_warn(l, config_place(own, &path),
                    "another model has this id already; a derived one is used instead");
    struct id_use *alike = find_id(l, derive_id(l, e->d, 0));
    while (!take_id(e, derive_id(l, e->d, alike->next++)))
        ;
}

/* ---- entries ------------------------------------------------------------------------------- */

/* Prices, limits and capabilities: of model_info.base_model, else of `model`; what is called (an
 * ARN, say) need not tell. */
static void find_facts(struct entry *e)
{
    struct deployment *d = e->d;
    struct slice base = json_get_slice(d->model_info, "base_model");
    struct bedrock_name name = {.id = base};
    bedrock_name_parse(base, SLICE("bedrock"), &name);
    d->facts = models_find(e->l->c->models, name.id.n ? name.id : e->facts_id, slice_of(d->region),
                           d->model_info, &e->l->c->arena);
}

/* A model that a wildcard may stand for. */
static void note_known(void *ctx, struct slice id)
{
    struct entry *e = ctx;
    struct deployment *d = e->d;
    struct arena *a = &e->l->c->arena;
    if (!wildcard_match(slice_of(d->bedrock_id), id).p)
        return;
    const struct model *m = models_find(e->l->c->models, id, slice_of(d->region), d->model_info, a);
    map_put(d->known, slice_of(m->key), (void *)(uintptr_t)m);
}

/* Looked up once, not with every request and for every list. */
static void find_known(struct entry *e)
{
    if (!deployment_is_wildcard(e->d))
        return;
    e->d->known = ARENA_NEW(&e->l->c->arena, struct map);
    map_init(e->d->known);
    models_each_id(e->l->c->models, note_known, e);
}

/* LiteLLM's two names for it; -1: neither is given. */
static int64_t retries(struct entry *e)
{
    int64_t n = -1;
    const struct node *own = NODE_GET(e->params, "num_retries");
    const struct node *other = NODE_GET(e->params, "max_retries");
    if (node_is_null(own) ? !node_is_null(other) && node_int(other, &n) : node_int(own, &n))
        return n < 0 ? 0 : n;
    return -1;
}

static bool read_deployment(struct entry *e)
{
    struct bedrock_name name = {0};
    const struct node *drop = NODE_GET(e->params, "drop_params");
    struct deployment *d = e->d;
    bool ok = read_model(e, &name);
    read_maps(e);
    d->blocked = yyjson_is_true(json_get(d->model_info, "blocked"));
    read_preset(e);
    read_drop_list(e);
    read_prompt_caching(e);
    if (!d->model_name || !ok)
        return false;
    d->drop_params = e->l->c->settings.drop_params;
    if (!node_is_null(drop))
        node_bool(drop, &d->drop_params);
    d->tools_as_text = e->l->c->settings.tools_as_text;
    d->num_retries = retries(e);
    d->timeout_s = seconds(e, "timeout");
    d->stream_timeout_s = seconds(e, "stream_timeout");
    d->connect_timeout_s = seconds(e, "connect_timeout");
    d->first_byte_timeout_s = seconds(e, "first_byte_timeout");
    d->idle_timeout_s = seconds(e, "stream_idle_timeout");
    d->tier_timeouts = tier_seconds(e, "timeout_by_service_tier");
    d->tier_stream_timeouts = tier_seconds(e, "stream_timeout_by_service_tier");
    read_keepalive(e);
    d->signing_key = ARENA_NEW(&e->l->c->arena, struct sigv4_key);
    config_read_aws(e->l, d, e->params, name.region, e->params_path);
    config_read_route(e->l, d, e->params, e->params_path);
    name_deployment(e);
    find_facts(e);
    find_known(e);
    return true;
}

/* The members of an entry, then those of another map that it lacks. */
static const struct node *with_defaults(struct config_loader *l, const struct node *own,
                                        const struct node *defaults)
{
    if (!defaults || defaults->kind != NODE_MAP || own->kind != NODE_MAP)
        return own;
    if (defaults->weight > CONFIG_MAX_NODES - l->nodes) {
        config_error(l, config_place(defaults, NULL), "the configuration is too large");
        return own;
    }
    l->nodes += defaults->weight;
    struct node *all = node_copy(own, &l->arena);
    for (size_t i = 0; i < defaults->count; i++)
        if (!node_get(own, defaults->items[i].key))
            node_append(all, &l->arena, defaults->items[i]);
    return all;
}

/* model_info stands beside litellm_params, or in it. */
static const struct node *info_of(struct config_loader *l, const struct node *n,
                                  const struct node *params)
{
    const struct node *own = NODE_GET(n, "model_info"), *inner = NODE_GET(params, "model_info");
    if (!own || own->kind != NODE_MAP)
        return inner && inner->kind == NODE_MAP ? inner : NULL;
    return with_defaults(l, own, inner);
}

static void forget_patterns(struct deployment *d)
{
    config_free_patterns(d);
    d->routing = NULL;
}

static void read_entry(struct config_loader *l, const struct node *n, const struct node *root,
                       const struct config_path *path)
{
    const struct node *defaults =
        NODE_GET(NODE_GET(root, "router_settings"), "default_litellm_params");
    struct config *c = l->c;
    struct deployment *d = &c->deployments[c->deployment_count];
    const struct config_path params_path = {.up = path, .key = SLICE("litellm_params")};
    struct entry e = {.l = l,
                      .settings = NODE_GET(root, "litellm_settings"),
                      .d = d,
                      .path = path,
                      .params_path = &params_path};
    if (n->kind != NODE_MAP) {
        config_error(l, config_place(n, path), "expected a map, got %s", node_type_name(n));
        return;
    }
    config_check_section(l, "model_list", n, path);
    e.params = NODE_GET(n, "litellm_params");
    e.info = info_of(l, n, e.params);
    d->file = n->file;
    d->line = n->line;
    d->stored = config_is_stored(n);
    d->model_name = required_text(l, n, path, "model_name");
    if (node_is_null(e.params))
        config_error(l, config_place(n, &params_path), "is missing");
    else if (e.params->kind == NODE_MAP) {
        e.params = with_defaults(l, e.params, defaults);
        e.params = with_defaults(l, e.params, config_credential_values(l, e.params, &params_path));
        if (read_deployment(&e))
            c->deployment_count++;
        else
            forget_patterns(d);
    }
}

static bool leaves_out(const struct node *root)
{
    bool on = false;
    const struct node *n =
        NODE_GET(NODE_GET(root, "router_settings"), "ignore_invalid_deployments");
    return !node_is_null(n) && node_bool(n, &on) && on;
}

/* What was wrong with the entry that was read last is a warning, and the entry is not there. */
static void leave_out(struct config_loader *l, size_t before, struct config_place place)
{
    struct deployment *d = &l->c->deployments[before];
    if (d->known)
        map_fini(d->known);
    forget_patterns(d);
    *d = (struct deployment){0};
    l->c->deployment_count = before;
    config_warn(l, place, "is left out (ignore_invalid_deployments)");
}

/* Those that a team calls by one name are one group. */
static void gather_team_models(struct config *c)
{
    for (size_t i = 0; i < c->deployment_count; i++) {
        struct deployment *d = &c->deployments[i];
        struct slice team = json_get_slice(d->model_info, "team_id");
        struct slice name = json_get_slice(d->model_info, "team_public_model_name");
        if (!team.n || !name.n)
            continue;
        struct slice key = ARENA_JOIN(&c->arena, team, SLICE("\n"), name);
        const struct deployment *first = map_get(&c->team_models, key);
        if (first) {
            d->model_name = first->model_name;
            continue;
        }
        map_put(&c->team_models, key, d);
        map_put(&c->team_groups, slice_of(d->model_name), d);
    }
}

void config_read_models(struct config_loader *l, const struct node *root)
{
    const struct config_path path = {.key = SLICE("model_list")};
    const struct node *list = NODE_GET(root, "model_list");
    if (node_is_null(list) || (list->kind == NODE_LIST && !list->count)) {
        config_warn(l, config_place(list ? list : root, &path), "there are no models");
        return;
    }
    if (list->kind != NODE_LIST)
        return; /* reported by the check of the top level */
    l->c->deployments = arena_zalloc(&l->c->arena, list->count * sizeof(struct deployment));
    bool lenient = leaves_out(root);
    for (size_t i = 0; i < list->count; i++) {
        const struct config_path self = {.up = &path, .index = i};
        const struct node *n = list->items[i].value;
        size_t before = l->c->deployment_count;
        l->lenient = lenient && !config_is_stored(n);
        l->lessened = 0;
        read_entry(l, n, root, &self);
        l->lenient = false;
        if (l->lessened)
            leave_out(l, before, config_place(n, &self));
    }
    gather_team_models(l->c);
}
