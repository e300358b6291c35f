/* general_settings: allowed_ips, trusted_proxy_ranges, allowed_routes, … → struct access_settings.
 *
 * Failure modes: what is no address or no route, an empty list of those that may call, a forwarded
 * address that nobody is believed about: errors, since the gateway would be open, or closed, to
 * others than was meant. What the database says of addresses is not left out, which would open it:
 * it is a warning, and closed to those who may have been meant. */

#include "config_reading.h"

#include "config/access.h"

#define GENERAL        "general_settings"
#define TRIES_DEFAULT  10
#define WINDOW_DEFAULT 60  /* seconds */
#define BLOCK_DEFAULT  300 /* seconds */
#define WINDOW_MAX     (24 * 3600)

static struct config_path path_of(const char *name)
{
    static const struct config_path general = {.key = {.p = GENERAL, .n = sizeof(GENERAL) - 1}};
    return (struct config_path){.up = &general, .key = slice_of(name)};
}

/* NULL: not set, or no list (which was reported). */
static const struct node *list_of(const struct node *general, const char *name)
{
    const struct node *n = node_get(general, slice_of(name));
    return !node_is_null(n) && n->kind == NODE_LIST ? n : NULL;
}

/* Nobody would be let in; whoever means that need not start. */
static void check_empty(struct config_loader *l, const struct node *list, const char *name)
{
    const struct config_path path = path_of(name);
    if (list && !list->count)
        config_error(l, config_place(list, &path),
                     "an empty list would refuse everybody: leave it out, or say who may");
}

/* ---- addresses ------------------------------------------------------------------------------- */

#define NOBODYS SLICE("0.0.0.0") /* no peer has it */

static void report_range(struct config_loader *l, const struct node *item,
                         const struct config_path *path, struct ip_range *range)
{
    static const char expected[] = "expected an address or a range, such as 192.0.2.7 or "
                                   "10.0.0.0/8";
    if (config_is_stored(item) && ip_range_parse(NOBODYS, range))
        config_warn(l, config_place(item, path), "%s; lets nobody in", expected);
    else
        config_error(l, config_place(item, path), "%s", expected);
}

static struct ip_ranges read_ranges(struct config_loader *l, const struct node *list,
                                    const char *name)
{
    const struct config_path path = path_of(name);
    size_t n = list ? list->count : 0;
    struct ip_range *v = arena_zalloc(&l->c->arena, n * sizeof(*v));
    for (size_t i = 0; i < n; i++) {
        const struct config_path self = {.up = &path, .index = i};
        const struct node *item = list->items[i].value;
        if (item->kind != NODE_SCALAR || !ip_range_parse(item->text, &v[i]))
            report_range(l, item, &self, &v[i]);
    }
    return (struct ip_ranges){v, n};
}

static void read_proxies(struct config_loader *l, const struct node *general,
                         struct access_settings *a)
{
    static const char forwarded[] = "use_x_forwarded_for";
    const struct config_path path = path_of(forwarded);
    const struct node *list = list_of(general, "trusted_proxy_ranges");
    const struct node *mcp = list_of(general, "mcp_trusted_proxy_ranges");
    const struct node *use = node_get(general, slice_of(forwarded));
    bool used = true, said = use && node_bool(use, &used);
    a->proxies_known = list || mcp;
    a->proxies = list ? read_ranges(l, list, "trusted_proxy_ranges")
                      : read_ranges(l, mcp, "mcp_trusted_proxy_ranges");
    if (said && used && !a->proxies.n) {
        static const char why[] =
            "needs trusted_proxy_ranges, the addresses of the proxies in front: anybody else could "
            "write any address into that header";
        (a->file_ips ? config_error : config_warn)(l, config_place(use, &path), "%s", why);
    }
    if (!used)
        a->proxies.n = 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

static struct name_list names_of(struct config_loader *l, const struct node *list,
                                 const struct config_path *path)
{
    struct slice *v = arena_zalloc(&l->c->arena, list->count * sizeof(*v));
    for (size_t i = 0; i < list->count; i++) {
        const struct config_path self = {.up = path, .index = i};
        const struct node *item = list->items[i].value;
        if (item->kind != NODE_SCALAR || !item->text.n)
            config_error(l, config_place(item, &self), "expected a name");
        v[i] = arena_dup(&l->c->arena, item->text);
    }
    return (struct name_list){v, list->count};
}

static struct name_list read_names(struct config_loader *l, const struct node *section,
                                   const char *name)
{
    const struct config_path path = path_of(name);
    const struct node *list = list_of(section, name);
    return list ? names_of(l, list, &path) : (struct name_list){0};
}

static struct name_list lines_of(struct config_loader *l, struct slice text)
{
    size_t lines = 1, n = 0;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    struct slice *v = arena_alloc(&l->c->arena, lines * sizeof(*v));
    while (text.p) {
        struct slice line = slice_trim(slice_split(&text, '\n'));
        if (line.n)
            v[n++] = arena_dup(&l->c->arena, line);
    }
    return (struct name_list){v, n};
}

struct name_list config_read_lines(struct config_loader *l, const struct node *n,
                                   const struct config_path *path)
{
    const char *error = "expected a list of names, or the path of a file of them";
    struct slice text;
    if (node_is_null(n))
        return (struct name_list){0};
    if (n->kind == NODE_LIST)
        return names_of(l, n, path);
    if (n->kind == NODE_SCALAR && n->text.n) {
        const char *file = config_join_path(&l->arena, n->file, n->text);
        if (l->host->read_file(l->host->ctx, file, &l->arena, &text, &error))
            return lines_of(l, text);
    }
    config_error(l, config_place(n, path), "%s", error);
    return (struct name_list){0};
}

/* ---- what calls must say ----------------------------------------------------------------------
 */

static bool flag(const struct node *section, const char *name)
{
    const struct node *n = node_get(section, slice_of(name));
    bool on = false;
    return n && node_bool(n, &on) && on;
}

static enum session_demand read_session(struct config_loader *l, const struct node *general)
{
    const struct config_path path = path_of("missing_session_id");
    const struct node *n = NODE_GET(general, "missing_session_id");
    if (node_is_null(n) || n->kind != NODE_SCALAR)
        return SESSION_AS_COMES;
    if (slice_eq(n->text, SLICE("generate")))
        return SESSION_MADE;
    if (!slice_eq(n->text, SLICE("reject")))
        config_error(l, config_place(n, &path), "expected generate or reject");
    return SESSION_NEEDED;
}

static void read_mapping(struct config_loader *l, const struct node *n,
                         const struct config_path *path, struct access_settings *a)
{
    struct reading in = {.l = l, .map = n, .path = path, .nested = true};
    struct slice header = n->kind == NODE_MAP ? reading_text(in, "header_name") : SLICE("");
    struct slice role = n->kind == NODE_MAP ? reading_text(in, "litellm_user_role") : SLICE("");
    const char **whose = slice_eq(role, SLICE("customer"))        ? &a->customer_header
                         : slice_eq(role, SLICE("internal_user")) ? &a->user_header
                                                                  : NULL;
    if (!header.n || !whose)
        config_error(l, config_place(n, path),
                     "expected {header_name, litellm_user_role: customer or internal_user}");
    else if (!*whose)
        *whose = arena_strdup(&l->c->arena, header);
}

/* A list, or one of them alone. */
static void read_mappings(struct config_loader *l, const struct node *general,
                          struct access_settings *a)
{
    const struct config_path path = path_of("user_header_mappings");
    const struct node *n = NODE_GET(general, "user_header_mappings");
    if (node_is_null(n))
        return;
    if (n->kind != NODE_LIST)
        read_mapping(l, n, &path, a);
    for (size_t i = 0; n->kind == NODE_LIST && i < n->count; i++) {
        const struct config_path self = {.up = &path, .index = i};
        read_mapping(l, n->items[i].value, &self, a);
    }
}

static void read_demands(struct config_loader *l, const struct node *general,
                         const struct node *litellm, struct access_settings *a)
{
    const struct config_path path = {.key = SLICE("litellm_settings")};
    const struct config_path blocked_path = {.up = &path, .key = SLICE("blocked_user_list")};
    const struct node *services = NODE_GET(general, "service_account_settings");
    struct request_demands *d = &a->demands;
    struct name_list blocked =
        config_read_lines(l, NODE_GET(litellm, "blocked_user_list"), &blocked_path);
    for (size_t i = 0; i < blocked.n; i++)
        map_put(&d->blocked, blocked.v[i], d);
    d->user = flag(general, "enforce_user_param");
    d->no_tags = flag(general, "reject_clientside_metadata_tags");
    d->session = read_session(l, general);
    d->members = read_names(l, general, "enforced_params");
    d->of_services = read_names(l, services, "enforced_params");
    d->any = d->user || d->no_tags || d->session == SESSION_NEEDED || d->members.n ||
             d->of_services.n || blocked.n;
}

/* ---- the admin UI -----------------------------------------------------------------------------
 */

static void read_overrides(struct config_loader *l, const struct node *general,
                           struct login_tries *t)
{
    static const char name[] = "max_failed_login_attempts_per_source_overrides";
    const struct config_path path = path_of(name);
    const struct node *map = node_get(general, slice_of(name));
    size_t n = !node_is_null(map) && map->kind == NODE_MAP ? map->count : 0;
    struct ip_range *ranges = arena_zalloc(&l->c->arena, n * sizeof(*ranges));
    int64_t *most = arena_zalloc(&l->c->arena, n * sizeof(*most));
    for (size_t i = 0; i < n; i++) {
        const struct config_path self = {.up = &path, .key = map->items[i].key};
        const struct node *value = map->items[i].value;
        if (!ip_range_parse(map->items[i].key, &ranges[i]) || !node_int(value, &most[i]) ||
            most[i] < 0)
            config_error(l, config_place(value, &self),
                         "expected an address or a range, and how many tries it has");
    }
    *t = (struct login_tries){TRIES_DEFAULT, 0, ranges, most, n};
}

static void read_logins(struct config_loader *l, const struct node *general,
                        struct access_settings *a)
{
    const struct config_path path = {.key = SLICE(GENERAL)};
    const struct config_path mode_path = path_of("ui_access_mode");
    const struct node *mode = NODE_GET(general, "ui_access_mode");
    struct reading in = {.l = l, .map = general, .path = &path};
    struct login_tries *t = &a->logins;
    int64_t window = WINDOW_DEFAULT, block = BLOCK_DEFAULT;
    read_overrides(l, general, t);
    reading_integer(in, "max_failed_login_attempts_per_source", 1, &t->most);
    reading_integer(in, "failed_login_window_seconds", 1, &window);
    reading_integer(in, "failed_login_block_seconds", 1, &block);
    window = window > block ? window : block;
    t->ms = (window < WINDOW_MAX ? window : WINDOW_MAX) * 1000;
    if (node_is_null(mode))
        return;
    a->ui_of_admins = mode->kind == NODE_SCALAR && slice_eq(mode->text, SLICE("admin_only"));
    if (!a->ui_of_admins && (mode->kind != NODE_SCALAR || !slice_eq(mode->text, SLICE("all"))))
        config_error(l, config_place(mode, &mode_path),
                     "expected all or admin_only: groups of the provider are not looked at");
}

static size_t count_of_file(const struct node *list)
{
    size_t n = 0;
    while (list && n < list->count && !config_is_stored(list->items[n].value))
        n++;
    return n;
}

void config_read_access(struct config_loader *l, const struct node *root)
{
    const struct node *general = node_get(root, SLICE(GENERAL));
    const struct node *litellm = NODE_GET(root, "litellm_settings");
    struct access_settings *a = &l->c->access;
    check_empty(l, list_of(general, "allowed_ips"), "allowed_ips");
    check_empty(l, list_of(general, "allowed_routes"), "allowed_routes");
    a->allowed_ips = read_ranges(l, list_of(general, "allowed_ips"), "allowed_ips");
    a->file_ips = count_of_file(list_of(general, "allowed_ips"));
    read_proxies(l, general, a);
    a->allowed_routes = read_names(l, general, "allowed_routes");
    a->admin_only_routes = read_names(l, general, "admin_only_routes");
    a->public_routes = read_names(l, general, "public_routes");
    a->guards = a->allowed_ips.n || a->allowed_routes.n || a->public_routes.n;
    a->checks_fallbacks = flag(general, "enforce_fallback_model_access") ||
                          flag(NODE_GET(root, "router_settings"), "fallback_access_check");
    read_demands(l, general, litellm, a);
    read_mappings(l, general, a);
    read_logins(l, general, a);
}
