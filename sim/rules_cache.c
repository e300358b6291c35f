/* Cache points: at most four, TTLs not increasing along tools → system → messages, not after a
 * reasoning block, only where the model caches. */

#include "rules.h"

#define POINTS_MAX 4

static bool unsupported(const struct check *c, const char *place)
{
    if (c->native)
        return fault_model(c->fault, c->arena, "%s.cache_control: Extra inputs are not permitted",
                           place);
    return fault_set(c->fault, 403, "AccessDeniedException",
                     SLICE("You invoked an unsupported model or your request did not allow prompt "
                           "caching. See the documentation for more information."));
}

bool rules_cache_point(const struct check *c, struct slice ttl, const char *place,
                       struct cache_points *points)
{
    const bool hour = slice_eq(ttl, SLICE("1h"));
    if (!c->model->cache_min)
        return unsupported(c, place);
    if (ttl.n && !c->model->cache_hour)
        return fault_model(c->fault, c->arena,
                           "%s.cache_control.ephemeral.ttl: Extra inputs are not permitted", place);
    if (hour && points->short_seen)
        return fault_model(c->fault, c->arena,
                           "%s.cache_control.ttl: a ttl='1h' cache_control block must not come "
                           "after a ttl='5m' cache_control block. Note that blocks are processed "
                           "in the following order: `tools`, `system`, `messages`.",
                           place);
    points->short_seen |= !hour;
    points->count++;
    return true;
}

bool rules_cache_count(const struct check *c, const struct cache_points *points)
{
    if (points->count <= POINTS_MAX)
        return true;
    return fault_model(c->fault, c->arena,
                       "A maximum of 4 blocks with cache_control may be provided. Found %u.",
                       points->count);
}

static bool check_list(const struct check *c, yyjson_val *list, const char *place,
                       struct cache_points *p)
{
    size_t i, n;
    yyjson_val *block, *value;
    enum block_kind before = BLOCK_OTHER;
    yyjson_arr_foreach(list, i, n, block)
    {
        const enum block_kind kind = block_kind(block, &value);
        const struct slice at = arena_printf(c->arena, "%s.%zu", place, i ? i - 1 : 0);
        if (kind == BLOCK_CACHE_POINT && before == BLOCK_REASONING)
            return fault_validation(c->fault, c->arena,
                                    "Cache point cannot be inserted after reasoning block.");
        if (kind == BLOCK_CACHE_POINT &&
            !rules_cache_point(c, json_get_slice(value, "ttl"), at.p, p))
            return false;
        before = kind;
    }
    return true;
}

bool rules_cache_points(const struct check *c)
{
    size_t i, n;
    yyjson_val *message;
    struct cache_points p = {0};
    if (!check_list(c, body_tools(c->body), "tools", &p) ||
        !check_list(c, json_get(c->body, "system"), "system", &p))
        return false;
    yyjson_arr_foreach(json_get(c->body, "messages"), i, n, message)
    {
        const struct slice place = arena_printf(c->arena, "messages.%zu.content", i);
        if (!check_list(c, message_content(message), place.p, &p))
            return false;
    }
    return rules_cache_count(c, &p);
}
