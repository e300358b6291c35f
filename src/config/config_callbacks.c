#include "config_loader.h"

/* A list, or one name alone. */
static yyjson_val *names(struct config_loader *l, const struct node *root, const char *name)
{
    const struct config_path up = {.key = SLICE("litellm_settings")};
    const struct config_path path = {.up = &up, .key = slice_of(name)};
    const struct node *n = node_get(NODE_GET(root, "litellm_settings"), slice_of(name));
    if (node_is_null(n) || n->kind == NODE_MAP || (n->kind == NODE_SCALAR && !n->text.n))
        return NULL;
    if (n->kind == NODE_LIST)
        return config_read_list(l, NODE_GET(root, "litellm_settings"), "litellm_settings", name);
    struct node list = {.kind = NODE_LIST, .file = n->file, .line = n->line};
    struct node_item one = {.line = n->line, .value = (struct node *)(uintptr_t)n};
    list.items = &one;
    list.count = 1;
    return config_read_json(l, &list, &path);
}

static yyjson_val *map(struct config_loader *l, const struct node *parent, const char *name)
{
    const struct config_path path = {.key = slice_of(name)};
    const struct node *n = node_get(parent, slice_of(name));
    return !node_is_null(n) && n->kind == NODE_MAP ? config_read_json(l, n, &path) : NULL;
}

/* default_team_settings, by team. */
static yyjson_val *teams(struct config_loader *l, const struct node *settings)
{
    const struct config_path up = {.key = SLICE("litellm_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("default_team_settings")};
    yyjson_val *list = config_read_list(l, settings, "litellm_settings", "default_team_settings"),
               *team;
    struct buf b;
    struct json_writer w;
    size_t i, n;
    if (!list)
        return NULL;
    buf_init(&b, CONFIG_MAX_JSON);
    json_begin(&w, &b);
    json_object(&w);
    yyjson_arr_foreach(list, i, n, team)
    {
        yyjson_val *own = callback_list_make(team, &l->arena);
        if (!json_get_slice(team, "team_id").n)
            config_error(l, config_place(NODE_GET(settings, "default_team_settings"), &path),
                         "team_id is missing");
        if (own)
            json_key_slice(&w, json_get_slice(team, "team_id")), json_value(&w, own);
    }
    json_object_end(&w);
    yyjson_val *made = json_parse(buf_slice(&b), &l->c->arena, NULL);
    buf_fini(&b);
    return made;
}

static bool names_s3(yyjson_val *names)
{
    return json_list_has(names, SLICE("s3")) || json_list_has(names, SLICE("s3_v2"));
}

/* Names alone; what stands beside one ({name: {settings}}) is as if callback_settings said it. */
static yyjson_val *plain(struct config_loader *l, yyjson_val *names, struct json_writer *settings)
{
    struct buf b;
    struct json_writer w;
    size_t i, n, k, m;
    yyjson_val *entry, *key, *own;
    if (!names)
        return NULL;
    buf_init(&b, CONFIG_MAX_JSON);
    json_begin(&w, &b);
    json_array(&w);
    yyjson_arr_foreach(names, i, n, entry)
    {
        if (yyjson_is_str(entry))
            json_value(&w, entry);
        yyjson_obj_foreach(entry, k, m, key, own)
        {
            json_string(&w, json_slice(key));
            if (yyjson_is_obj(own))
                json_key_slice(settings, json_slice(key)), json_value(settings, own);
        }
    }
    json_array_end(&w);
    yyjson_val *made = json_parse(buf_slice(&b), &l->c->arena, NULL);
    buf_fini(&b);
    return made;
}

static bool is_no_name(struct slice name)
{
    return !name.n;
}

static void read_names(struct config_loader *l, const struct node *root)
{
    struct callbacks *c = &l->c->callbacks;
    struct buf b;
    struct json_writer w;
    buf_init(&b, CONFIG_MAX_JSON);
    json_begin(&w, &b);
    json_object(&w);
    c->both = plain(l, names(l, root, "callbacks"), &w);
    c->success = plain(l, names(l, root, "success_callback"), &w);
    c->failure = plain(l, names(l, root, "failure_callback"), &w);
    c->audit = plain(l, names(l, root, "audit_log_callbacks"), &w);
    json_members_but(&w, map(l, root, "callback_settings"), is_no_name);
    json_object_end(&w);
    c->settings = json_parse(buf_slice(&b), &l->c->arena, NULL);
    buf_fini(&b);
}

/* What sinks read themselves. */
static yyjson_val *options(struct config_loader *l, const struct node *settings)
{
    static const char *const names[] = {"langfuse_default_tags",
                                        "langfuse_enable_update_trace_keys",
                                        "standard_logging_payload_excluded_fields"};
    const struct config_path up = {.key = SLICE("litellm_settings")};
    struct buf b;
    struct json_writer w;
    buf_init(&b, CONFIG_MAX_JSON);
    json_begin(&w, &b);
    json_object(&w);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct config_path path = {.up = &up, .key = slice_of(names[i])};
        const struct node *n = node_get(settings, slice_of(names[i]));
        yyjson_val *v = node_is_null(n) ? NULL : config_read_json(l, n, &path);
        if (v)
            json_key_slice(&w, slice_of(names[i])), json_value(&w, v);
    }
    json_object_end(&w);
    yyjson_val *made = json_parse(buf_slice(&b), &l->c->arena, NULL);
    buf_fini(&b);
    return yyjson_obj_size(made) ? made : NULL;
}

void config_read_callbacks(struct config_loader *l, const struct node *root)
{
    const struct node *settings = NODE_GET(root, "litellm_settings");
    struct callbacks *c = &l->c->callbacks;
    read_names(l, root);
    c->teams = teams(l, settings);
    c->options = options(l, settings);
    c->s3 = map(l, settings, "s3_callback_params");
    if (c->s3 &&
        (names_s3(c->both) || names_s3(c->success) || names_s3(c->failure) || names_s3(c->audit)))
        c->s3_identity = config_read_s3_identity(l, NODE_GET(settings, "s3_callback_params"));
    c->allowed_hosts =
        config_read_list(l, settings, "litellm_settings", "callback_url_allowed_hosts");
    c->headers = map(l, settings, "generic_logger_headers");
}
