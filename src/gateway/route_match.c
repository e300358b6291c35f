#include "route_match.h"

/* ---- groups ---------------------------------------------------------------------------------- */

/* … or is about such calls, as they are kept */
static bool calls_model(const struct route *route)
{
    return !route->handle || route->dialect == &dialect_openai_responses;
}

static bool shows(const struct route *route)
{
    return !route->admin && slice_eq(slice_of(route->method), SLICE("GET"));
}

static bool is_llm(const struct route *route)
{
    return calls_model(route) || shows(route);
}

static bool is_anthropic(const struct route *route)
{
    return calls_model(route) && route->dialect == &dialect_anthropic_messages;
}

static bool is_managing(const struct route *route)
{
    return route->admin;
}

static bool is_open(const struct route *route)
{
    return route->open;
}

static bool begins(const struct route *route, const char *beginning)
{
    return slice_starts(slice_of(route->path), slice_of(beginning));
}

static bool is_pass_through(const struct route *route)
{
    return route->passes || begins(route, "/bedrock/");
}

static bool is_about_keys(const struct route *route)
{
    return begins(route, "/key/") || begins(route, "/v2/key/");
}

static bool is_spend(const struct route *route)
{
    return begins(route, "/spend/");
}

static bool is_global_spend(const struct route *route)
{
    return begins(route, "/global/");
}

/* What stands in LiteLLM's groups, as far as there are such routes here. */
static bool is_of_group(struct slice group, const struct route *route)
{
    static const struct {
        const char *name;
        bool (*has)(const struct route *route);
    } groups[] = {
        {"llm_api_routes", is_llm},
        {"openai_routes", is_llm},
        {"anthropic_routes", is_anthropic},
        {"mapped_pass_through_routes", is_pass_through},
        {"info_routes", shows},
        {"management_routes", is_managing},
        {"key_management_routes", is_about_keys},
        {"spend_tracking_routes", is_spend},
        {"global_spend_tracking_routes", is_global_spend},
        {"public_routes", is_open},
    };
    struct slice before = SLICE("LiteLLMRoutes.");
    if (slice_starts(group, before))
        group = slice_skip(group, before.n);
    for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
        if (slice_eq(group, slice_of(groups[i].name)))
            return groups[i].has(route);
    return false;
}

/* ---- paths ----------------------------------------------------------------------------------- */

/* Segment by segment; "{…}" is any of them. */
static bool fits(struct slice pattern, struct slice path)
{
    while (pattern.p && path.p) {
        struct slice wanted = slice_split(&pattern, '/'), got = slice_split(&path, '/');
        bool hole = slice_starts(wanted, SLICE("{")) && slice_ends(wanted, SLICE("}"));
        if (hole ? !got.n : !slice_eq(wanted, got))
            return false;
    }
    return !pattern.p && !path.p;
}

bool route_matches(struct slice name, const struct route *route, struct slice path)
{
    struct slice star = SLICE("*");
    if (!slice_starts(name, SLICE("/")))
        return slice_eq(name, star) || is_of_group(name, route);
    if (slice_ends(name, star))
        return slice_starts(path, slice_make(name.p, name.n - star.n));
    return slice_eq(name, slice_of(route->path)) || fits(name, path);
}

bool route_matches_any(struct name_list names, const struct route *route, struct slice path)
{
    for (size_t i = 0; i < names.n; i++)
        if (route_matches(names.v[i], route, path))
            return true;
    return false;
}
