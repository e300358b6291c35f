#include "exchange_client.h"

#include "login.h"
#include "route_match.h"
#include "worker_private.h"

/* ---- where it comes from --------------------------------------------------------------------- */

bool exchange_address(const struct exchange *ex, struct ip *ip)
{
    if (!ip_parse(slice_of(conn_peer(ex->conn)), ip))
        return false;
    ip_forwarded(ex->head->headers, ex->config->access.proxies, ip);
    return true;
}

struct slice exchange_client(struct exchange *ex)
{
    struct ip ip;
    if (ex->client.p)
        return ex->client;
    if (ex->config->access.proxies.n && exchange_address(ex, &ip))
        ex->client = ip_text(&ip, &ex->arena);
    else
        ex->client = arena_dup(&ex->arena, slice_of(conn_peer(ex->conn)));
    return ex->client;
}

struct slice exchange_client_group(struct exchange *ex)
{
    struct ip ip;
    if (!exchange_address(ex, &ip))
        return exchange_client(ex);
    ip = ip_group(&ip);
    return ip_text(&ip, &ex->arena);
}

/* The narrowest range counts. */
int64_t exchange_client_tries(const struct exchange *ex)
{
    const struct login_tries *t = &ex->config->access.logins;
    int64_t most = t->most;
    unsigned bits = 0;
    struct ip ip;
    if (!t->range_count || !exchange_address(ex, &ip))
        return most;
    for (size_t i = 0; i < t->range_count; i++) {
        if (t->ranges[i].bits < bits || !ip_is_in(&ip, &t->ranges[i]))
            continue;
        bits = t->ranges[i].bits;
        most = t->range_most[i];
    }
    return most;
}

/* ---- what it may ----------------------------------------------------------------------------- */

static bool refuse(struct exchange *ex, const char *before, struct slice what, const char *after)
{
    failure_set(&ex->failure, &ex->arena, FAILURE_PERMISSION, 403, "%s%.*s%s", before,
                SLICE_ARG(what), after);
    ex->failure.type = "auth_error";
    ex->failure.param = SLICE("None");
    ex->failure.param_shown = true;
    return false;
}

/* Whoever starts and watches the gateway asks these from addresses of its own. */
static bool is_probe(const struct route *route)
{
    return route->open && slice_starts(slice_of(route->path), SLICE("/health/"));
}

bool exchange_client_may(struct exchange *ex)
{
    const struct access_settings *a = &ex->config->access;
    struct ip ip;
    if (a->allowed_ips.n && !is_probe(ex->route) &&
        !(exchange_address(ex, &ip) && ip_is_in_any(&ip, a->allowed_ips)))
        return refuse(ex, "Access forbidden: IP address ", exchange_client(ex), " not allowed.");
    if (a->allowed_routes.n && !ex->route->open &&
        !route_matches_any(a->allowed_routes, ex->route, ex->head->path))
        return refuse(ex, "Access forbidden: Route ", ex->head->path, " not allowed");
    return true;
}

bool exchange_is_public(struct exchange *ex)
{
    if (ex->route->admin || ex->route->also ||
        !route_matches_any(ex->config->access.public_routes, ex->route, ex->head->path))
        return false;
    caller_init(&ex->caller, &ex->arena);
    ex->caller.role = ROLE_INTERNAL_USER_VIEWER;
    return true;
}

bool exchange_admin_only(struct exchange *ex)
{
    if (ex->login && ex->config->access.ui_of_admins && ex->caller.role != ROLE_PROXY_ADMIN &&
        ex->caller.role != ROLE_PROXY_ADMIN_VIEWER)
        return refuse(ex, LOGIN_FOR_ADMINS, SLICE(""), "");
    if (ex->caller.role == ROLE_PROXY_ADMIN ||
        !route_matches_any(ex->config->access.admin_only_routes, ex->route, ex->head->path))
        return true;
    return refuse(ex, "user not allowed to access this route. Route=", ex->head->path,
                  " is an admin only route");
}
