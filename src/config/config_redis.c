/* The Redis that gateways share: four places may name it, the first that does counts.
 *
 * Happy path: read_source looks for an address in one place (a URL, sentinels, nodes of a cluster,
 * a host); the rest of that place and then the environment complete it. Failure modes: half an
 * address, a number out of range, a URL that is none: errors at their line, or with the name of the
 * variable. Values are never shown. */

#include "config_loader.h"
#include "redis_url.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_SIZE   64
#define DB_MAX          1000000
#define NAMESPACE_MAX   100 /* bytes */
#define CONNECT_TIMEOUT 3.0 /* seconds */
#define TIMEOUT         5.0 /* LiteLLM's */

/* A place that may name a Redis; options go by cache_params' spelling everywhere. */
struct source {
    struct config_loader *l;
    const char *name;
    const struct node *map; /* NULL: not there, or … */
    bool environment;
    const char *prefix; /* of its options */
    const struct config_path *path;
};

struct value {
    const struct node *node; /* NULL: of the environment */
    struct slice text;       /* of a scalar; p == NULL: not there */
    char name[NAME_MAX_SIZE];
};

/* ---- finding ------------------------------------------------------------------------------- */

static struct value from_environment(const struct source *s, const char *option)
{
    struct value v = {.name = "REDIS_"};
    const char *text;
    size_t n = strlen(v.name);
    for (; *option && n < sizeof(v.name) - 1; option++)
        v.name[n++] = (char)toupper((unsigned char)*option);
    text = config_env(s->l, v.name);
    v.text = text && *text ? slice_of(text) : (struct slice){0};
    return v;
}

static struct value find(const struct source *s, const char *option)
{
    struct value v = {0};
    if (s->environment)
        return from_environment(s, option);
    size_t n = strlen(s->prefix);
    memcpy(v.name, s->prefix, n);
    strncpy(v.name + n, option, sizeof(v.name) - n - 1);
    v.node = node_get(s->map, slice_of(v.name));
    if (node_is_null(v.node))
        v.node = NULL;
    else if (v.node->kind == NODE_SCALAR && v.node->text.n)
        v.text = v.node->text;
    return v;
}

/* The place itself, then the environment. */
static struct value find_rest(const struct source *s, const char *option)
{
    struct value v = find(s, option);
    return v.text.p || v.node ? v : from_environment(s, option);
}

static void complain(const struct source *s, const struct value *v, const char *text)
{
    const struct config_path path = {.up = v->node ? s->path : NULL, .key = slice_of(v->name)};
    config_error(s->l, config_place(v->node, &path), "%s", text);
}

static const char *keep(const struct source *s, struct slice text)
{
    return text.n ? arena_strdup(&s->l->c->arena, text) : NULL;
}

static const char *text_of(const struct source *s, const char *option)
{
    return keep(s, find_rest(s, option).text);
}

/* ---- numbers and truths -------------------------------------------------------------------- */

static int integer(const struct source *s, const char *option, int64_t min, int64_t max, int value)
{
    struct value v = find_rest(s, option);
    int64_t number = value;
    if (v.text.p && (!slice_to_i64(v.text, &number) || number < min || number > max)) {
        complain(s, &v, "expected a number in its range");
        number = value;
    }
    return (int)number;
}

static double seconds(const struct source *s, const char *option, double value)
{
    struct value v = find_rest(s, option);
    double number = value;
    if (v.text.p && (!slice_to_double(v.text, &number) || number <= 0 || number > 600)) {
        complain(s, &v, "expected seconds, more than 0 and at most 600");
        number = value;
    }
    return number;
}

static bool truth(const struct source *s, const char *option, bool value)
{
    struct value v = find_rest(s, option);
    struct node n = {.kind = NODE_SCALAR, .string = true, .text = v.text};
    if (v.text.p && !node_bool(&n, &value))
        complain(s, &v, "expected true or false");
    return value;
}

/* ---- nodes --------------------------------------------------------------------------------- */

static bool add_node(const struct source *s, struct config_redis *r, struct slice host,
                     struct slice port)
{
    int64_t number;
    if (!host.n || !slice_to_i64(port, &number) || number < 1 || number > 65535 ||
        r->node_count == REDIS_NODES_MAX)
        return false;
    r->nodes[r->node_count++] = (struct config_redis_node){keep(s, host), (int)number};
    return true;
}

/* "host:port" */
static bool add_pair(const struct source *s, struct config_redis *r, struct slice text)
{
    ptrdiff_t colon = -1;
    for (size_t i = 0; i < text.n; i++)
        colon = text.p[i] == ':' ? (ptrdiff_t)i : colon;
    return colon > 0 &&
           add_node(s, r, slice_make(text.p, (size_t)colon), slice_skip(text, (size_t)colon + 1));
}

static struct slice scalar(const struct node *n)
{
    return !node_is_null(n) && n->kind == NODE_SCALAR ? n->text : (struct slice){0};
}

/* "host:port", [host, port] or {host: …, port: …} */
static bool add_any(const struct source *s, struct config_redis *r, const struct node *n)
{
    if (n->kind == NODE_SCALAR)
        return add_pair(s, r, n->text);
    if (n->kind == NODE_LIST)
        return n->count == 2 &&
               add_node(s, r, scalar(n->items[0].value), scalar(n->items[1].value));
    return add_node(s, r, scalar(NODE_GET(n, "host")), scalar(NODE_GET(n, "port")));
}

static bool add_list(const struct source *s, struct config_redis *r, const struct node *list)
{
    bool ok = list && list->kind == NODE_LIST && list->count > 0;
    for (size_t i = 0; ok && i < list->count; i++)
        ok = add_any(s, r, list->items[i].value);
    return ok;
}

/* Of the environment: as JSON, or host:port,host:port. */
static bool add_text(const struct source *s, struct config_redis *r, const struct value *v)
{
    struct slice rest = slice_trim(v->text);
    bool ok = true;
    if (slice_starts(rest, SLICE("["))) {
        struct slice text = arena_printf(&s->l->arena, "nodes: %.*s", SLICE_ARG(rest));
        return add_list(s, r, NODE_GET(config_parse_yaml(s->l, v->name, text), "nodes"));
    }
    while (ok && rest.p)
        ok = add_pair(s, r, slice_trim(slice_split(&rest, ',')));
    return ok;
}

static bool read_nodes(const struct source *s, const char *option, struct config_redis *r)
{
    struct value v = find(s, option);
    if (!v.node && !v.text.p)
        return false;
    if (v.node ? !add_list(s, r, v.node) : !add_text(s, r, &v))
        complain(s, &v,
                 "expected a list of at most 16 nodes: host:port, [host, port] or {host, port}");
    return r->node_count > 0;
}

/* ---- one place ----------------------------------------------------------------------------- */

static bool read_url(const struct source *s, struct config_redis *r)
{
    struct value v = find(s, "url");
    const char *error;
    if (!v.text.p)
        return false;
    error = redis_url_read(v.text, &s->l->c->arena, r);
    if (error)
        complain(s, &v, error);
    return true;
}

static bool read_sentinels(const struct source *s, struct config_redis *r)
{
    struct value v;
    if (!read_nodes(s, "sentinel_nodes", r))
        return false;
    v = find_rest(s, "service_name");
    r->service = keep(s, v.text);
    r->sentinel_username = text_of(s, "sentinel_username");
    r->sentinel_password = text_of(s, "sentinel_password");
    if (!r->service)
        complain(s, &v, "is missing: the name under which the sentinels know the master");
    return true;
}

static bool read_host(const struct source *s, struct config_redis *r)
{
    struct value v = find(s, "host");
    if (!v.text.p)
        return false;
    r->nodes[0].host = keep(s, v.text);
    r->nodes[0].port = integer(s, "port", 1, 65535, REDIS_PORT);
    r->node_count = 1;
    return true;
}

/* What goes with an address that is no URL. */
static void read_access(const struct source *s, struct config_redis *r)
{
    r->username = text_of(s, "username");
    r->password = text_of(s, "password");
    r->db = integer(s, "db", 0, DB_MAX, 0);
    r->tls = truth(s, "ssl", false);
}

/* One that the URL names wins. A file that cannot be read is better known now than later. */
static const char *read_file_name(const struct source *s, const char *option, const char *of_url)
{
    struct value v = find_rest(s, option);
    const char *name = of_url ? of_url : keep(s, v.text), *error = NULL;
    const struct config_host *host = s->l->host;
    struct slice text;
    if (name && !host->read_file(host->ctx, name, &s->l->arena, &text, &error))
        complain(s, &v, error);
    return name;
}

static void read_tls(const struct source *s, struct config_redis *r)
{
    struct value verify = find_rest(s, "ssl_cert_reqs");
    r->tls_ca_file = read_file_name(s, "ssl_ca_certs", r->tls_ca_file);
    r->tls_certificate = read_file_name(s, "ssl_certfile", r->tls_certificate);
    r->tls_key = read_file_name(s, "ssl_keyfile", r->tls_key);
    if (verify.text.p)
        r->tls_verify = !slice_eq_nocase(verify.text, SLICE("none")) &&
                        !slice_eq_nocase(verify.text, SLICE("CERT_NONE"));
}

/* False: it names no Redis. */
static bool read_source(const struct source *s, struct config_redis *r)
{
    struct config_redis found = {.tls_verify = true};
    bool url = read_url(s, &found);
    if (!url && !read_sentinels(s, &found) &&
        !read_nodes(s, s->environment ? "cluster_nodes" : "redis_startup_nodes", &found) &&
        !read_host(s, &found))
        return false;
    if (!url)
        read_access(s, &found);
    read_tls(s, &found);
    found.connect_timeout = seconds(s, "socket_connect_timeout", CONNECT_TIMEOUT);
    found.timeout = seconds(s, "socket_timeout", TIMEOUT);
    found.source = s->name;
    *r = found;
    return true;
}

/* ---- all of them --------------------------------------------------------------------------- */

static bool is_redis(struct slice type)
{
    return slice_starts(type, SLICE("redis"));
}

/* With ours, which are about any of them. */
static void read_policy(struct config_loader *l, const struct node *general, struct config_redis *r)
{
    const struct config_path up = {.key = SLICE("general_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("shared_namespace")};
    const struct settings *s = &l->c->settings;
    struct slice name = slice_of(s->shared_namespace);
    const struct node *closed = NODE_GET(general, "fail_closed_rate_limit_enforcement");
    if (!node_is_null(closed))
        node_bool(closed, &r->fail_closed);
    r->patience = s->shared_patience;
    r->name_space = s->shared_namespace;
    if (name.n > NAMESPACE_MAX || slice_find_char(name, '{') >= 0 ||
        slice_find_char(name, '}') >= 0)
        config_error(l, config_place(NODE_GET(general, "shared_namespace"), &path),
                     "expected at most %d bytes without braces", NAMESPACE_MAX);
}

void config_read_redis(struct config_loader *l, const struct node *root)
{
    const struct node *general = NODE_GET(root, "general_settings"),
                      *router = NODE_GET(root, "router_settings"),
                      *params = NODE_GET(NODE_GET(root, "litellm_settings"), "cache_params");
    const struct config_path up[] = {{.key = SLICE("general_settings")},
                                     {.key = SLICE("router_settings")},
                                     {.key = SLICE("litellm_settings")}};
    const struct config_path coordination = {.up = &up[0], .key = SLICE("coordination_redis")},
                             cache = {.up = &up[2], .key = SLICE("cache_params")},
                             type_path = {.up = &cache, .key = SLICE("type")};
    const struct node *type = NODE_GET(params, "type");
    bool wanted = is_redis(scalar(type));
    const struct source sources[] = {
        {l, "general_settings.coordination_redis", NODE_GET(general, "coordination_redis"), false,
         "", &coordination},
        {l, "router_settings", router, false, "redis_", &up[1]},
        {l, "litellm_settings.cache_params", wanted || node_is_null(type) ? params : NULL, false,
         "", &cache},
        {l, "the environment", NULL, true, "", NULL},
    };
    struct config_redis *r = &l->c->redis;
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources) && !r->source; i++)
        read_source(&sources[i], r);
    read_policy(l, general, r);
    if (wanted && !r->source)
        config_error(l, config_place(type, &type_path),
                     "needs an address: url, host or sentinel_nodes here, or REDIS_URL or "
                     "REDIS_HOST in the environment");
}
