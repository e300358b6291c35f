#include "callback_hosts.h"

#include "fetch.h"
#include "worker_private.h"

/* A value of the operator's: a URL, or a host. */
static bool names_host(struct slice value, struct slice authority)
{
    struct slice named = fetch_authority(value);
    return slice_eq_nocase(named.p ? named : slice_split(&value, '/'), authority);
}

static bool any_names_host(yyjson_val *v, struct slice authority, unsigned depth)
{
    size_t i, n;
    yyjson_val *key, *member;
    if (yyjson_is_str(v))
        return names_host(json_slice(v), authority);
    yyjson_obj_foreach(v, i, n, key, member) if (depth && any_names_host(member, authority,
                                                                         depth - 1)) return true;
    return false;
}

static bool variable_names_host(const struct config *c, struct slice authority)
{
    for (size_t i = 0; sink_kind_at(i); i++)
        for (const char *const *v = sink_kind_at(i)->variables; *v; v++) {
            const char *value = config_variable(c, *v);
            if (value && names_host(slice_of(value), authority))
                return true;
        }
    return false;
}

bool callback_host_is_trusted(const void *worker, const char *url)
{
    const struct config *c = ((const struct worker *)worker)->config;
    struct slice authority = fetch_authority(slice_of(url));
    return fetch_lists_host(c->callbacks.allowed_hosts, slice_of(url)) ||
           (authority.n && (variable_names_host(c, authority) ||
                            any_names_host(c->callbacks.settings, authority, 2) ||
                            any_names_host(c->callbacks.s3, authority, 1)));
}
