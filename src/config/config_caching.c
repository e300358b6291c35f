/* litellm_settings.cache and cache_params → struct caching. router_settings.cache_responses,
 * cache_kwargs and caching_groups are LiteLLM's other way to say the same.
 *
 * Failure modes: impossible numbers and unknown modes are errors at their line; a kind of cache
 * that does not exist here is a warning, and answers are kept in memory. */

#include "config_loader.h"

#define DEFAULT_TTL      600 /* seconds, LiteLLM's in memory */
#define DEFAULT_SIZE_MB  64
#define DEFAULT_ENTRY_KB 1024
#define SIZE_MB_MAX      65536
#define ENTRY_KB_MAX     65536

struct reading {
    struct config_loader *l;
    const struct node *map;
    const struct config_path *path;
};

/* The section's check has looked at its type. False: not there. */
static bool number(struct reading in, const char *key, double min, double max, double *value)
{
    const struct config_path path = {.up = in.path, .key = slice_of(key)};
    const struct node *n = node_get(in.map, slice_of(key));
    double v;
    if (node_is_null(n) || !node_number(n, &v))
        return false;
    if (v < min || v > max)
        config_error(in.l, config_place(n, &path), "expected a number from %.12g to %.12g", min,
                     max);
    else
        *value = v;
    return true;
}

static void integer(struct reading in, const char *key, int64_t max, int64_t *value)
{
    double v = (double)*value;
    number(in, key, 1, (double)max, &v);
    *value = (int64_t)v;
}

static bool flag(const struct node *map, const char *key, bool *value)
{
    const struct node *n = node_get(map, slice_of(key));
    return !node_is_null(n) && node_bool(n, value);
}

struct word {
    const char *name;
    int value;
};

/* The value of a word, or -1: not there, or none of them, which `expected` says. */
static int word(struct reading in, const char *key, const struct word *words, const char *expected)
{
    const struct config_path path = {.up = in.path, .key = slice_of(key)};
    const struct node *n = node_get(in.map, slice_of(key));
    if (node_is_null(n) || n->kind != NODE_SCALAR)
        return -1;
    for (; words->name; words++)
        if (slice_eq(n->text, slice_of(words->name)))
            return words->value;
    config_error(in.l, config_place(n, &path), "expected %s", expected);
    return -1;
}

/* ---- what is read -------------------------------------------------------------------------- */

static void read_type(struct reading in, struct caching *c)
{
    enum { LOCAL, SHARED, OTHER };
    static const struct word types[] = {{"local", LOCAL},
                                        {"redis", SHARED},
                                        {"redis-semantic", OTHER},
                                        {"valkey-semantic", OTHER},
                                        {"qdrant-semantic", OTHER},
                                        {"s3", OTHER},
                                        {"gcs", OTHER},
                                        {"azure-blob", OTHER},
                                        {"disk", OTHER},
                                        {NULL, 0}};
    const struct config_path path = {.up = in.path, .key = SLICE("type")};
    int type = word(in, "type", types, "local or redis");
    c->shared = type == SHARED || type < 0;
    if (type == OTHER)
        config_warn(in.l, config_place(NODE_GET(in.map, "type"), &path),
                    "is not supported: answers are kept in memory, for equal requests");
}

static void read_words(struct reading in, struct caching *c)
{
    static const struct word modes[] = {{"default_on", false}, {"default_off", true}, {NULL, 0}};
    static const struct word scopes[] = {
        {"key", CACHING_BY_KEY}, {"team", CACHING_BY_TEAM}, {"all", CACHING_FOR_ALL}, {NULL, 0}};
    const struct node *name = NODE_GET(in.map, "namespace");
    int mode = word(in, "mode", modes, "default_on or default_off");
    int scope = word(in, "scope", scopes, "key, team or all");
    c->opt_in = mode > 0;
    c->scope = scope < 0 ? CACHING_BY_KEY : (enum caching_scope)scope;
    if (!node_is_null(name) && name->kind == NODE_SCALAR && name->text.n)
        c->name_space = arena_strdup(&in.l->c->arena, name->text);
}

static unsigned call_by_name(struct slice name)
{
    static const struct {
        struct slice name;
        unsigned call;
    } calls[] = {
        {SLICE("completion"), CACHING_CHAT},      {SLICE("text_completion"), CACHING_COMPLETIONS},
        {SLICE("embedding"), CACHING_EMBEDDINGS}, {SLICE("anthropic_messages"), CACHING_MESSAGES},
        {SLICE("responses"), CACHING_RESPONSES},
    };
    struct slice sync = slice_starts(name, SLICE("a")) ? slice_skip(name, 1) : name;
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        if (slice_eq(name, calls[i].name) || slice_eq(sync, calls[i].name))
            return calls[i].call;
    return 0;
}

/* LiteLLM has two names for each: "completion" and "acompletion". */
static void read_calls(struct reading in, struct caching *c)
{
    const struct config_path path = {.up = in.path, .key = SLICE("supported_call_types")};
    const struct node *list = NODE_GET(in.map, "supported_call_types");
    c->calls = CACHING_ALL;
    if (node_is_null(list) || list->kind != NODE_LIST)
        return;
    c->calls = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct config_path self = {.up = &path, .index = i};
        const struct node *n = list->items[i].value;
        unsigned call = call_by_name(n->text);
        c->calls |= call;
        if (!call)
            config_warn(in.l, config_place(n, &self),
                        "no such calls are cached: completion, text_completion, embedding, "
                        "anthropic_messages and responses are");
    }
}

/* The most precise wins: of this kind of cache, of any, of the process. */
static void read_ttl(struct reading in, struct reading kwargs, struct reading litellm,
                     struct caching *c)
{
    static const char *const local[] = {"default_in_memory_ttl", "default_in_memory_ttl"};
    static const char *const redis[] = {"default_in_redis_ttl", "default_redis_ttl"};
    const char *const *names = c->shared && !node_is_null(NODE_GET(in.map, "type")) ? redis : local;
    c->ttl = DEFAULT_TTL;
    if (!number(in, names[0], 0, CONFIG_MAX_SECONDS, &c->ttl) &&
        !number(in, "ttl", 0, CONFIG_MAX_SECONDS, &c->ttl) &&
        !number(kwargs, "ttl", 0, CONFIG_MAX_SECONDS, &c->ttl))
        number(litellm, names[1], 0, CONFIG_MAX_SECONDS, &c->ttl);
}

/* [[a, b], [c, d]] */
static void read_groups(struct config_loader *l, const struct node *router, struct caching *c)
{
    const struct config_path up = {.key = SLICE("router_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("caching_groups")};
    const struct node *list = NODE_GET(router, "caching_groups");
    c->groups = config_read_list(l, router, "router_settings", "caching_groups");
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct config_path self = {.up = &path, .index = i};
        if (list->items[i].value->kind != NODE_LIST)
            config_error(l, config_place(list->items[i].value, &self),
                         "expected a list of model groups");
    }
}

void config_read_caching(struct config_loader *l, const struct node *root)
{
    const struct config_path litellm_path = {.key = SLICE("litellm_settings")};
    const struct config_path router_path = {.key = SLICE("router_settings")};
    const struct config_path params_path = {.up = &litellm_path, .key = SLICE("cache_params")};
    const struct config_path kwargs_path = {.up = &router_path, .key = SLICE("cache_kwargs")};
    const struct node *router = NODE_GET(root, "router_settings");
    struct reading litellm = {l, NODE_GET(root, "litellm_settings"), &litellm_path};
    struct reading in = {l, NODE_GET(litellm.map, "cache_params"), &params_path};
    struct reading kwargs = {l, NODE_GET(router, "cache_kwargs"), &kwargs_path};
    struct caching *c = &l->c->settings.caching;
    c->single_flight = true;
    c->size_mb = DEFAULT_SIZE_MB;
    c->entry_kb = DEFAULT_ENTRY_KB;
    if (!flag(litellm.map, "cache", &c->on))
        flag(router, "cache_responses", &c->on);
    flag(in.map, "single_flight", &c->single_flight);
    integer(in, "max_size_mb", SIZE_MB_MAX, &c->size_mb);
    integer(in, "max_entry_kb", ENTRY_KB_MAX, &c->entry_kb);
    read_type(in, c);
    read_words(in, c);
    read_calls(in, c);
    read_ttl(in, kwargs, litellm, c);
    read_groups(l, router, c);
}
