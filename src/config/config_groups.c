/* What the configuration says of model groups beside their deployments: aliases, fallbacks, which
 * are shown to everybody.
 *
 * Kept as JSON, as written; router.c and model_list.c read it. */

#include "config_loader.h"

#define DEFAULT_RETRIES   2
#define DEFAULT_FALLBACKS 5

yyjson_val *config_read_json(struct config_loader *l, const struct node *n,
                             const struct config_path *path)
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, CONFIG_MAX_JSON);
    json_begin(&w, &text);
    node_write_json(n, &w);
    yyjson_val *v = json_parse(buf_slice(&text), &l->c->arena, NULL);
    if (!v)
        config_error(l, config_place(n, path), "not valid UTF-8, or too large");
    buf_fini(&text);
    return v;
}

/* Name → group, or → {model: group, hidden: bool}. */
static void read_aliases(struct config_loader *l, const struct node *router)
{
    const struct config_path up = {.key = SLICE("router_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("model_group_alias")};
    const struct node *map = NODE_GET(router, "model_group_alias");
    if (node_is_null(map) || map->kind != NODE_MAP)
        return;
    for (size_t i = 0; i < map->count; i++) {
        const struct config_path self = {.up = &path, .key = map->items[i].key};
        const struct node *n = map->items[i].value, *group = n;
        if (n->kind == NODE_MAP)
            group = NODE_GET(n, "model");
        if (node_is_null(group) || group->kind != NODE_SCALAR)
            config_error(l, config_place(n, &self), "expected the name of a model group");
    }
    l->c->model_group_alias = config_read_json(l, map, &path);
}

yyjson_val *config_read_list(struct config_loader *l, const struct node *section,
                             const char *section_name, const char *name)
{
    const struct config_path up = {.key = slice_of(section_name)};
    const struct config_path path = {.up = &up, .key = slice_of(name)};
    const struct node *list = node_get(section, slice_of(name));
    bool there = !node_is_null(list) && list->kind == NODE_LIST && list->count;
    return there ? config_read_json(l, list, &path) : NULL;
}

/* They may stand in either section; the router's win. */
static yyjson_val *read_fallbacks(struct config_loader *l, const struct node *router,
                                  const struct node *litellm, const char *name)
{
    yyjson_val *list = config_read_list(l, router, "router_settings", name);
    return list ? list : config_read_list(l, litellm, "litellm_settings", name);
}

static const struct node *either(const struct node *router, const struct node *litellm,
                                 const char *name)
{
    const struct node *n = node_get(router, slice_of(name));
    return node_is_null(n) ? node_get(litellm, slice_of(name)) : n;
}

static int64_t read_count(const struct node *n, int64_t otherwise)
{
    int64_t v = otherwise;
    return !node_is_null(n) && node_int(n, &v) && v >= 0 ? v : otherwise;
}

static yyjson_val *read_json(struct config_loader *l, const struct node *section,
                             const char *section_name, const char *name)
{
    const struct config_path up = {.key = slice_of(section_name)};
    const struct config_path path = {.up = &up, .key = slice_of(name)};
    const struct node *node = node_get(section, slice_of(name));
    return node_is_null(node) ? NULL : config_read_json(l, node, &path);
}

static yyjson_val *read_map(struct config_loader *l, const struct node *section,
                            const char *section_name, const char *name)
{
    yyjson_val *map = read_json(l, section, section_name, name);
    return yyjson_is_obj(map) ? map : NULL;
}

static void read_retries(struct config_loader *l, const struct node *router,
                         const struct node *litellm)
{
    const struct node *after = either(router, litellm, "retry_after");
    struct config *c = l->c;
    c->num_retries = read_count(either(router, litellm, "num_retries"), DEFAULT_RETRIES);
    c->num_retries_per_request =
        read_count(node_get(litellm, SLICE("num_retries_per_request")), -1);
    c->max_fallbacks = read_count(either(router, litellm, "max_fallbacks"), DEFAULT_FALLBACKS);
    c->retry_policy = read_map(l, router, "router_settings", "retry_policy");
    c->model_group_retry_policy =
        read_map(l, router, "router_settings", "model_group_retry_policy");
    if (node_is_null(after) || !node_number(after, &c->retry_after) || c->retry_after < 0)
        c->retry_after = 0;
}

/* Python's fullmatch: the whole of it, in upper and lower case as written. First as it stands, so
 * that an error is about what was written. */
static void read_alias_pattern(struct config_loader *l, const struct node *litellm)
{
    struct slice pattern = slice_of(l->c->settings.rules.aliases), none = SLICE("");
    const char *error = NULL;
    const struct config_path up = {.key = SLICE("litellm_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("key_alias_pattern")};
    if (!pattern.n)
        return;
    struct slice whole = ARENA_JOIN(&l->arena, SLICE("\\A(?-i:"), pattern, SLICE(")\\z"));
    struct guard_rules *rules = l->c->key_aliases = guard_rules_new();
    if (!guard_rules_add(rules, none, none, GUARD_LOG, pattern, &l->arena, &error) ||
        !guard_rules_add(rules, none, none, GUARD_BLOCK, whole, &l->arena, &error))
        config_error(l, config_place(node_get(litellm, path.key), &path), "%s", error);
}

static void read_team_schema(struct config_loader *l, const struct node *general)
{
    const struct config_path up = {.key = SLICE("general_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("team_metadata_schema")};
    const struct node *list = node_get(general, path.key);
    yyjson_val *fields = config_read_list(l, general, "general_settings", "team_metadata_schema");
    for (size_t i = 0; i < yyjson_arr_size(fields); i++) {
        const struct config_path at = {.up = &path, .index = i};
        struct slice key = json_get_slice(yyjson_arr_get(fields, i), "key");
        bool twice = false;
        for (size_t k = 0; k < i; k++)
            twice = twice || slice_eq(json_get_slice(yyjson_arr_get(fields, k), "key"), key);
        if (!key.n || twice)
            config_error(l, config_place(list->items[i].value, &at),
                         twice ? "the key stands twice" : "expected {key, label}");
    }
    l->c->team_schema = fields;
}

/* What is said of that which is made in the database. */
static void read_made(struct config_loader *l, const struct node *litellm)
{
    struct config *c = l->c;
    const struct {
        yyjson_val **to;
        const char *name;
    } rows[] = {{&c->new_key, "default_key_generate_params"},
                {&c->most_of_key, "upperbound_key_generate_params"},
                {&c->key_rules, "key_generation_settings"},
                {&c->new_user, "default_internal_user_params"},
                {&c->new_team, "default_team_params"},
                {&c->tag_budgets, "tag_budget_config"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        *rows[i].to = read_map(l, litellm, "litellm_settings", rows[i].name);
    c->user_budget = read_json(l, litellm, "litellm_settings", "max_internal_user_budget");
    c->user_budget_duration =
        read_json(l, litellm, "litellm_settings", "internal_user_budget_duration");
    read_alias_pattern(l, litellm);
}

void config_read_groups(struct config_loader *l, const struct node *root)
{
    const struct node *router = NODE_GET(root, "router_settings");
    const struct node *litellm = NODE_GET(root, "litellm_settings");
    struct config *c = l->c;
    read_aliases(l, router);
    read_retries(l, router, litellm);
    read_made(l, litellm);
    read_team_schema(l, NODE_GET(root, "general_settings"));
    c->fallbacks = read_fallbacks(l, router, litellm, "fallbacks");
    c->default_fallbacks = read_fallbacks(l, router, litellm, "default_fallbacks");
    c->context_window_fallbacks = read_fallbacks(l, router, litellm, "context_window_fallbacks");
    c->content_policy_fallbacks = read_fallbacks(l, router, litellm, "content_policy_fallbacks");
    c->health_groups = config_read_list(l, NODE_GET(root, "general_settings"), "general_settings",
                                        "background_health_check_model_groups");
    if (!c->health_groups)
        c->health_groups =
            config_read_list(l, router, "router_settings", "background_health_check_model_groups");
    c->public_model_groups =
        config_read_list(l, litellm, "litellm_settings", "public_model_groups");
    c->request_metadata =
        config_read_list(l, litellm, "litellm_settings", "bedrock_request_metadata_fields");
}
