/* general_settings.pass_through_endpoints → struct pass_endpoints.
 *
 * Failure modes: an endpoint without a path or a target, a target that is no URL of a server, a
 * header that would break the request's framing, guardrails (which are not there: what they would
 * guard must not pass without), one of the database where another has its path: errors at their
 * line. */

#include "config_reading.h"
#include "wire/crypto.h"

#define SECONDS    600.0
#define COST_MAX   1e6
#define NAME       "pass_through_endpoints"
#define ENV_PREFIX SLICE("os.environ/")

static const char *const known[] = {"id",
                                    "path",
                                    "target",
                                    "headers",
                                    "auth",
                                    "timeout",
                                    "include_subpath",
                                    "forward_headers",
                                    "methods",
                                    "guardrails",
                                    "cost_per_request",
                                    "is_from_config",
                                    "default_query_params"};

static void check_names(struct reading in)
{
    for (size_t i = 0; i < in.map->count; i++) {
        const struct config_path path = {.up = in.path, .key = in.map->items[i].key};
        size_t k = 0, n = sizeof(known) / sizeof(*known);
        while (k < n && !slice_eq(in.map->items[i].key, slice_of(known[k])))
            k++;
        if (k == n)
            config_warn(in.l, config_place(in.map->items[i].value, &path),
                        "unknown option, ignored");
    }
}

static void read_flag(struct reading in, const char *name, bool *flag)
{
    const struct config_path path = {.up = in.path, .key = slice_of(name)};
    const struct node *n = node_get(in.map, slice_of(name));
    if (!node_is_null(n) && !node_bool(n, flag))
        config_error(in.l, config_place(n, &path), "expected true or false");
}

/* NULL: not there, or something else, which is an error. */
static const struct node *member(struct reading in, const char *name, enum node_kind kind,
                                 const char *expected)
{
    const struct config_path path = {.up = in.path, .key = slice_of(name)};
    const struct node *n = node_get(in.map, slice_of(name));
    if (node_is_null(n))
        return NULL;
    if (n->kind == kind)
        return n;
    config_error(in.l, config_place(n, &path), "expected %s", expected);
    return NULL;
}

/* ---- headers --------------------------------------------------------------------------------- */

/* "Bearer os.environ/NAME": a variable at the end of a text, as in LiteLLM; one that is the whole
 * text was put in before. */
static struct slice with_variable(struct config_loader *l, const struct node *n,
                                  const struct config_path *path)
{
    ptrdiff_t at = slice_find(n->text, ENV_PREFIX);
    if (at < 0)
        return arena_dup(&l->c->arena, n->text);
    const char *name = slice_skip(n->text, (size_t)at + ENV_PREFIX.n).p;
    const char *value = config_env(l, name);
    if (!value)
        config_error(l, config_place(n, path), "the environment variable \"%.64s\" is not set",
                     name);
    return ARENA_JOIN(&l->c->arena, slice_make(n->text.p, (size_t)at), slice_of(value));
}

static bool is_line(struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < ' ' && value.p[i] != '\t')
            return false;
    return true;
}

/* Basic authentication out of both: so LiteLLM's users write it for Langfuse. */
static struct slice langfuse_credentials(struct config_loader *l, struct slice user,
                                         struct slice secret)
{
    struct buf b;
    buf_init(&b, HTTP1_HEAD_MAX);
    BUF_LITERAL(&b, "Basic ");
    base64_encode(ARENA_JOIN(&l->arena, user, SLICE(":"), secret), &b);
    struct slice value = arena_dup(&l->c->arena, buf_slice(&b));
    buf_fini(&b);
    return value;
}

static void read_headers(struct reading in, struct pass_endpoint *e)
{
    const struct config_path path = {.up = in.path, .key = SLICE("headers")};
    const struct node *map = member(in, "headers", NODE_MAP, "a map of headers");
    size_t n = map ? map->count : 0;
    struct http_header *v = arena_zalloc(&in.l->c->arena, (n + 1) * sizeof(*v));
    struct slice user = {0}, secret = {0};
    for (size_t i = 0; i < n; i++) {
        const struct config_path self = {.up = &path, .key = map->items[i].key};
        const struct node *value = map->items[i].value;
        struct slice text =
            value->kind == NODE_SCALAR ? with_variable(in.l, value, &self) : SLICE("");
        if (value->kind != NODE_SCALAR || !http_is_token(self.key) || !is_line(text))
            config_error(in.l, config_place(value, &self), "expected the value of a header");
        else if (slice_eq(self.key, SLICE("LANGFUSE_PUBLIC_KEY")))
            user = text;
        else if (slice_eq(self.key, SLICE("LANGFUSE_SECRET_KEY")))
            secret = text;
        else
            v[e->headers.n++] = (struct http_header){arena_dup(&in.l->c->arena, self.key), text};
    }
    if (user.n || secret.n)
        v[e->headers.n++] =
            (struct http_header){SLICE("Authorization"), langfuse_credentials(in.l, user, secret)};
    e->headers.v = v;
}

/* ---- what is shown --------------------------------------------------------------------------- */

static bool is_shown(struct slice section, struct slice name)
{
    return !slice_eq(section, SLICE("headers")) && !config_is_secret(name);
}

static void show_map(struct json_writer *w, struct slice section, const struct node *map)
{
    json_object(w);
    for (size_t i = 0; i < map->count; i++) {
        json_key_slice(w, map->items[i].key);
        if (is_shown(section, map->items[i].key))
            node_write_json(map->items[i].value, w);
        else
            json_string(w, SLICE(PASS_MASK));
    }
    json_object_end(w);
}

/* Its parameters may be secrets. */
static void show_target(struct json_writer *w, struct slice url)
{
    struct slice rest = url, server = slice_split(&rest, '?');
    json_string_begin(w);
    json_string_part(w, config_names_a_user(url) ? SLICE(PASS_MASK) : server);
    if (rest.p)
        json_string_part(w, SLICE("?" PASS_MASK));
    json_string_end(w);
}

static yyjson_val *show(struct reading in)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, CONFIG_MAX_JSON);
    json_begin(&w, &b);
    json_object(&w);
    for (size_t i = 0; i < in.map->count; i++) {
        const struct node_item *item = &in.map->items[i];
        json_key_slice(&w, item->key);
        if (item->value->kind == NODE_MAP)
            show_map(&w, item->key, item->value);
        else if (slice_eq(item->key, SLICE("target")) && item->value->kind == NODE_SCALAR)
            show_target(&w, item->value->text);
        else
            node_write_json(item->value, &w);
    }
    json_object_end(&w);
    yyjson_val *v = json_parse(buf_slice(&b), &in.l->c->arena, NULL);
    buf_fini(&b);
    return v;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void read_methods(struct reading in, struct pass_endpoint *e)
{
    static const char *const names[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"};
    const struct config_path path = {.up = in.path, .key = SLICE("methods")};
    const struct node *list = member(in, "methods", NODE_LIST, "a list of methods");
    size_t n = list ? list->count : 0;
    struct slice *v = arena_zalloc(&in.l->c->arena, n * sizeof(*v));
    for (size_t i = 0; i < n; i++) {
        const struct config_path self = {.up = &path, .index = i};
        const struct node *item = list->items[i].value;
        for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
            if (item->kind == NODE_SCALAR && slice_eq_nocase(item->text, slice_of(names[k])))
                v[i] = slice_of(names[k]);
        if (!v[i].n)
            config_error(in.l, config_place(item, &self), "expected a method, such as POST");
    }
    e->methods = v;
    e->method_count = n;
}

static void read_parameters(struct reading in, struct pass_endpoint *e)
{
    const struct node *map = member(in, "default_query_params", NODE_MAP, "a map of parameters");
    size_t n = map ? map->count : 0;
    struct pass_parameter *v = arena_zalloc(&in.l->c->arena, n * sizeof(*v));
    for (size_t i = 0; i < n; i++)
        if (map->items[i].value->kind == NODE_SCALAR)
            v[e->parameter_count++] =
                (struct pass_parameter){arena_dup(&in.l->c->arena, map->items[i].key),
                                        arena_dup(&in.l->c->arena, map->items[i].value->text)};
    e->parameters = v;
}

static bool is_path(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '?' || s.p[i] == '#')
            return false;
    return slice_starts(s, SLICE("/"));
}

/* "https://host…": who is asked must not depend on what a client writes behind it. */
static bool is_server(struct slice url)
{
    struct slice rest = slice_starts(url, SLICE("https://"))  ? slice_skip(url, 8)
                        : slice_starts(url, SLICE("http://")) ? slice_skip(url, 7)
                                                              : SLICE("");
    for (size_t i = 0; i < url.n; i++)
        if (url.p[i] <= ' ' || url.p[i] >= 0x7f || url.p[i] == '#')
            return false;
    return rest.n && *rest.p != '/' && *rest.p != '?';
}

/* What everybody may see of a target. */
static struct slice without_user(struct config_loader *l, struct slice url)
{
    struct slice rest = slice_skip(url, (size_t)(slice_find(url, SLICE("://")) + 3));
    struct slice scheme = slice_make(url.p, url.n - rest.n), host = slice_split(&rest, '/');
    for (ptrdiff_t at; (at = slice_find_char(host, '@')) >= 0;)
        host = slice_skip(host, (size_t)at + 1);
    return ARENA_JOIN(&l->c->arena, scheme, host, SLICE("/"), rest);
}

static void read_addresses(struct reading in, struct pass_endpoint *e)
{
    struct slice target = reading_text(in, "target");
    e->path = reading_text(in, "path");
    if (e->path.n > 1 && slice_ends(e->path, SLICE("/")))
        e->path.n--;
    if (!is_path(e->path))
        config_error(in.l, config_place(in.map, in.path), "expected a path, such as /v1/rerank");
    if (!is_server(target))
        config_error(in.l, config_place(in.map, in.path),
                     "expected a target, such as https://api.example/v1/rerank");
    e->target = slice_split(&target, '?');
    e->target_query = target.p ? target : SLICE("");
    if (slice_find_char(slice_skip(e->target, e->target.n < 8 ? e->target.n : 8), '/') < 0)
        e->target = ARENA_JOIN(&in.l->c->arena, e->target, SLICE("/"));
    e->told = config_names_a_user(e->target) ? without_user(in.l, e->target) : e->target;
}

static void read_endpoint(struct reading in, double timeout, struct pass_endpoint *e)
{
    const struct config_path guards = {.up = in.path, .key = SLICE("guardrails")};
    *e = (struct pass_endpoint){.auth = true, .timeout = timeout};
    if (in.map->kind != NODE_MAP) {
        config_error(in.l, config_place(in.map, in.path), "expected {path, target, headers, …}");
        return;
    }
    check_names(in);
    e->id = reading_text(in, "id");
    e->stored = config_is_stored(in.map);
    e->shown = show(in);
    read_addresses(in, e);
    read_headers(in, e);
    read_methods(in, e);
    read_parameters(in, e);
    read_flag(in, "auth", &e->auth);
    read_flag(in, "include_subpath", &e->subpaths);
    read_flag(in, "forward_headers", &e->forward);
    reading_number(in, "cost_per_request", 0, COST_MAX, &e->cost);
    reading_number(in, "timeout", 0, CONFIG_MAX_SECONDS, &e->timeout);
    if (!node_is_null(NODE_GET(in.map, "guardrails")))
        config_error(in.l, config_place(NODE_GET(in.map, "guardrails"), &guards),
                     "guardrails do not look at what passes through");
}

static bool share_method(const struct pass_endpoint *a, const struct pass_endpoint *b)
{
    for (size_t i = 0; i < a->method_count; i++)
        for (size_t k = 0; k < b->method_count; k++)
            if (slice_eq(a->methods[i], b->methods[k]))
                return true;
    return !a->method_count || !b->method_count;
}

/* One of the database would never be asked. */
static void check_path(struct reading in, const struct pass_endpoint *all,
                       const struct pass_endpoint *e)
{
    for (const struct pass_endpoint *other = all; e->stored && other < e; other++)
        if (slice_eq(other->path, e->path) && share_method(other, e))
            config_error(in.l, config_place(in.map, in.path),
                         "another endpoint has this path already");
}

void config_read_passes(struct config_loader *l, const struct node *root)
{
    const struct config_path general_path = {.key = SLICE("general_settings")};
    const struct config_path path = {.up = &general_path, .key = SLICE(NAME)};
    struct reading general = {
        .l = l, .map = NODE_GET(root, "general_settings"), .path = &general_path};
    const struct node *list = NODE_GET(general.map, NAME);
    size_t n = !node_is_null(list) && list->kind == NODE_LIST ? list->count : 0;
    struct pass_endpoint *v = arena_zalloc(&l->c->arena, n * sizeof(*v));
    double timeout = SECONDS;
    reading_number(general, "pass_through_request_timeout", 0, CONFIG_MAX_SECONDS, &timeout);
    for (size_t i = 0; i < n; i++) {
        const struct config_path self = {.up = &path, .index = i};
        struct reading in = {.l = l, .map = list->items[i].value, .path = &self, .nested = true};
        read_endpoint(in, timeout, &v[i]);
        check_path(in, v, &v[i]);
    }
    l->c->passes = (struct pass_endpoints){v, n};
}
