#include "cache_control.h"

#define TTL_MAX  4e6 /* seconds, 46 days */
#define MS_PER_S 1000

static bool refuse(struct arena *a, struct failure *f, const char *name, const char *expected,
                   yyjson_val *v)
{
    return failure_bad_param(f, a, name, "%s: expected %s, got %s", name, expected,
                             json_type_name(v));
}

static bool read_seconds(yyjson_val *cache, const char *name, struct arena *a, double *value,
                         struct failure *f)
{
    yyjson_val *v = json_get(cache, name);
    if (!v || yyjson_is_null(v) || (json_double(v, value) && *value >= 0))
        return true;
    return refuse(a, f, arena_printf(a, "cache.%s", name).p, "a number of seconds", v);
}

static bool is_namespace(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n <= CACHE_NAMESPACE_MAX;
}

static bool read_namespace(yyjson_val *cache, struct arena *a, struct slice *name,
                           struct failure *f)
{
    yyjson_val *v = json_get(cache, "namespace");
    struct slice s = json_slice(v);
    if (!v || yyjson_is_null(v))
        return true;
    if (!s.p || !is_namespace(s))
        return refuse(a, f, "cache.namespace", "at most 128 printable characters without spaces",
                      v);
    if (s.n)
        *name = s;
    return true;
}

static bool is_on(yyjson_val *cache, const char *name)
{
    return yyjson_is_true(json_get(cache, name));
}

bool cache_control_read(const struct caching *c, const struct llm_request *r, struct arena *a,
                        struct cache_control *out, struct failure *f)
{
    double ttl = c->ttl;
    bool used = r->caching != LLM_FLAG_FALSE && (!c->opt_in || is_on(r->cache, "use-cache"));
    *out = (struct cache_control){.max_age = -1, .name_space = slice_of(c->name_space)};
    if (!read_seconds(r->cache, "ttl", a, &ttl, f) ||
        !read_seconds(r->cache, "s-maxage", a, &out->max_age, f) ||
        !read_seconds(r->cache, "s-max-age", a, &out->max_age, f) ||
        !read_namespace(r->cache, a, &out->name_space, f))
        return false;
    out->ttl_ms = (int64_t)((ttl < TTL_MAX ? ttl : TTL_MAX) * MS_PER_S);
    out->take = used && !is_on(r->cache, "no-cache");
    out->keep = used && !is_on(r->cache, "no-store") && out->ttl_ms > 0;
    return true;
}
