#ifndef CONFIG_ACCESS_H
#define CONFIG_ACCESS_H

/* general_settings: from where the gateway may be called, and which of its routes by whom. */

#include "base/map.h"
#include "wire/ip.h"

struct name_list {
    const struct slice *v;
    size_t n; /* 0: not set */
};

enum session_demand { SESSION_AS_COMES, SESSION_MADE, SESSION_NEEDED };

/* What calls of models must say, or may not. */
struct request_demands {
    bool any;
    bool user;                    /* whom they are for (enforce_user_param) */
    bool no_tags;                 /* reject_clientside_metadata_tags */
    enum session_demand session;  /* missing_session_id */
    struct name_list members;     /* of the body, "a" or "a.b" (enforced_params) … */
    struct name_list of_services; /* … and of keys of services, besides */
    struct map blocked;           /* blocked_user_list */
};

/* Wrong tries to log in at the admin UI. */
struct login_tries {
    int64_t most; /* within … */
    int64_t ms;
    const struct ip_range *ranges; /* that have others: … */
    const int64_t *range_most;     /* … 0: no limit */
    size_t range_count;
};

struct access_settings {
    bool guards; /* allowed_ips, allowed_routes or public_routes: who comes is looked at */
    struct ip_ranges allowed_ips; /* n == 0: everybody may call */
    size_t file_ips;              /* so many of them, the first, are the file's */
    struct ip_ranges proxies;     /* whose X-Forwarded-For counts; n == 0: nobody's */
    bool proxies_known; /* trusted_proxy_ranges says which there are, or that there are none */
    /* As written; what they match gateway/route_match.h knows. */
    struct name_list allowed_routes, admin_only_routes, public_routes;
    struct request_demands demands;
    const char *user_header;     /* names the user, in the place of the key's; NULL: none does */
    const char *customer_header; /* names the end user; NULL: none does */
    struct login_tries logins;
    bool checks_fallbacks; /* enforce_fallback_model_access, or the router's */
    bool ui_of_admins;     /* ui_access_mode: admin_only */
};

#endif
