/* general_settings: allowed_ips, trusted_proxy_ranges, allowed_routes, … → struct access_settings.
 *
 * Failure modes: what is no address or no route, an empty list of those that may call, a forwarded
 * address that nobody is believed about: errors, since the gateway would be open, or closed, to
 * others than was meant. */

#include "config_loader.h"

#include "config/access.h"

#define GENERAL "general_settings"

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
            config_error(l, config_place(item, &self),
                         "expected an address or a range, such as 192.0.2.7 or 10.0.0.0/8");
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
        if (a->allowed_ips.n)
            config_error(l, config_place(use, &path), "%s", why);
        else
            config_warn(l, config_place(use, &path), "%s", why);
    }
    if (!used)
        a->proxies.n = 0;
}

/* ---- routes ---------------------------------------------------------------------------------- */

static struct route_names read_routes(struct config_loader *l, const struct node *general,
                                      const char *name)
{
    const struct config_path path = path_of(name);
    const struct node *list = list_of(general, name);
    size_t n = list ? list->count : 0;
    struct slice *v = arena_zalloc(&l->c->arena, n * sizeof(*v));
    for (size_t i = 0; i < n; i++) {
        const struct config_path self = {.up = &path, .index = i};
        const struct node *item = list->items[i].value;
        if (item->kind != NODE_SCALAR || !item->text.n)
            config_error(l, config_place(item, &self),
                         "expected a path, such as /v1/models or /v1/*, or a group of routes");
        v[i] = arena_dup(&l->c->arena, item->text);
    }
    return (struct route_names){v, n};
}

void config_read_access(struct config_loader *l, const struct node *root)
{
    const struct node *general = node_get(root, SLICE(GENERAL));
    struct access_settings *a = &l->c->access;
    check_empty(l, list_of(general, "allowed_ips"), "allowed_ips");
    check_empty(l, list_of(general, "allowed_routes"), "allowed_routes");
    a->allowed_ips = read_ranges(l, list_of(general, "allowed_ips"), "allowed_ips");
    read_proxies(l, general, a);
    a->allowed_routes = read_routes(l, general, "allowed_routes");
    a->admin_only_routes = read_routes(l, general, "admin_only_routes");
    a->public_routes = read_routes(l, general, "public_routes");
    a->guards = a->allowed_ips.n || a->allowed_routes.n || a->public_routes.n;
}
