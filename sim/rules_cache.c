/* Cache points: at most four, TTLs not increasing along tools → system → messages, not after a
 * reasoning block, only where the model caches. */

#include "rules.h"

#define POINTS_MAX 4

struct points {
    unsigned count;
    bool short_seen; /* a point of five minutes came before */
};

static bool check_point(const struct check *c, yyjson_val *point, const char *place,
                        struct points *p)
{
    const struct slice ttl = json_get_slice(point, "ttl");
    const bool hour = slice_eq(ttl, SLICE("1h"));
    if (!c->model->cache_min)
        return fault_set(c->fault, 403, "AccessDeniedException",
                         SLICE("You invoked an unsupported model or your request did not allow "
                               "prompt caching. See the documentation for more information."));
    if (ttl.n && !c->model->cache_hour)
        return fault_model(c->fault, c->arena,
                           "%s.cache_control.ephemeral.ttl: Extra inputs are not permitted", place);
    if (hour && p->short_seen)
        return fault_model(c->fault, c->arena,
                           "%s.cache_control.ttl: a ttl='1h' cache_control block must not come "
                           "after a ttl='5m' cache_control block. Note that blocks are processed "
                           "in the following order: `tools`, `system`, `messages`.",
                           place);
    p->short_seen |= !hour;
    p->count++;
    return true;
}

static bool check_list(const struct check *c, yyjson_val *list, const char *place, struct points *p)
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
        if (kind == BLOCK_CACHE_POINT && !check_point(c, value, at.p, p))
            return false;
        before = kind;
    }
    return true;
}

bool rules_cache_points(const struct check *c)
{
    size_t i, n;
    yyjson_val *message;
    struct points p = {0};
    if (!check_list(c, body_tools(c->body), "tools", &p) ||
        !check_list(c, json_get(c->body, "system"), "system", &p))
        return false;
    yyjson_arr_foreach(json_get(c->body, "messages"), i, n, message)
    {
        const struct slice place = arena_printf(c->arena, "messages.%zu.content", i);
        if (!check_list(c, message_content(message), place.p, &p))
            return false;
    }
    if (p.count > POINTS_MAX)
        return fault_model(c->fault, c->arena,
                           "A maximum of 4 blocks with cache_control may be provided. Found %u.",
                           p.count);
    return true;
}
