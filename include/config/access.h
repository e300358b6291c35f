#ifndef CONFIG_ACCESS_H
#define CONFIG_ACCESS_H

/* general_settings: from where the gateway may be called, and which of its routes by whom. */

#include "wire/ip.h"

/* Paths, patterns and groups as written; what they match gateway/route_match.h knows. */
struct route_names {
    const struct slice *v;
    size_t n; /* 0: not set */
};

struct access_settings {
    bool guards; /* allowed_ips, allowed_routes or public_routes: who comes is looked at */
    struct ip_ranges allowed_ips; /* n == 0: everybody may call */
    struct ip_ranges proxies;     /* whose X-Forwarded-For counts; n == 0: nobody's */
    bool proxies_known; /* trusted_proxy_ranges says which there are, or that there are none */
    struct route_names allowed_routes, admin_only_routes, public_routes;
};

#endif
