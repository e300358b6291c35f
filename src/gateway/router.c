#include "router.h"

struct slice router_wildcard(struct slice pattern, struct slice name)
{
    ptrdiff_t star = slice_find_char(pattern, '*');
    if (star < 0)
        return slice_make(NULL, 0);
    struct slice before = slice_make(pattern.p, (size_t)star);
    struct slice after = slice_skip(pattern, (size_t)star + 1);
    if (name.n <= before.n + after.n || !slice_starts(name, before) || !slice_ends(name, after))
        return slice_make(NULL, 0);
    return slice_make(name.p + before.n, name.n - before.n - after.n);
}

static bool serves(const struct deployment *d, struct slice group, struct slice model)
{
    struct slice name = slice_of(d->model_name);
    return group.p ? slice_eq(name, group) : router_wildcard(name, model).p != NULL;
}

/* "converse/us.anthropic…" → "us.anthropic…": the route words of LiteLLM's model strings. */
static struct slice strip_route(struct slice id, enum bedrock_api *api)
{
    static const struct {
        struct slice word;
        enum bedrock_api api;
    } routes[] = {{{"bedrock/", 8}, BEDROCK_AUTO},
                  {{"converse/", 9}, BEDROCK_CONVERSE},
                  {{"invoke/", 7}, BEDROCK_INVOKE}};
    for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
        if (!slice_starts(id, routes[i].word))
            continue;
        id = slice_skip(id, routes[i].word.n);
        if (routes[i].api != BEDROCK_AUTO)
            *api = routes[i].api;
    }
    return id;
}

struct slice router_fill(struct slice pattern, struct slice star, struct arena *a)
{
    ptrdiff_t at = slice_find_char(pattern, '*');
    if (at < 0)
        return pattern;
    return ARENA_JOIN(a, slice_make(pattern.p, (size_t)at), star,
                      slice_skip(pattern, (size_t)at + 1));
}

bool router_is_wildcard(const struct deployment *d)
{
    return slice_find_char(slice_of(d->bedrock_id), '*') >= 0;
}

/* A name without '*' in front of a wildcard is itself the model. */
static struct router_pick picked(const struct deployment *d, struct slice model, struct arena *a)
{
    struct slice group = slice_of(d->model_name), star = model;
    struct router_pick pick = {d, group, slice_of(d->bedrock_id), d->api};
    if (slice_find_char(group, '*') >= 0)
        star = router_wildcard(group, model);
    if (slice_eq(pick.model_id, SLICE("*")))
        pick.model_id = strip_route(star, &pick.api);
    else if (router_is_wildcard(d))
        pick.model_id = router_fill(pick.model_id, star, a);
    return pick;
}

const struct model *router_facts(const struct config *c, const struct deployment *d,
                                 struct slice id, struct arena *a)
{
    if (!d->known)
        return d->facts;
    const struct model *m = map_get(d->known, id);
    return m ? m : models_find(c->models, id, slice_of(d->region), d->model_info, a);
}

/* One of the deployments that serve, or none. `group` NULL: those with a wildcard. */
static struct router_pick pick_one(const struct config *c, struct slice group, struct slice model,
                                   uint32_t random, struct arena *a)
{
    size_t count = 0;
    for (size_t i = 0; i < c->deployment_count; i++)
        count += serves(&c->deployments[i], group, model);
    size_t chosen = count ? random % count : 0;
    for (size_t i = 0; count && i < c->deployment_count; i++)
        if (serves(&c->deployments[i], group, model) && chosen-- == 0)
            return picked(&c->deployments[i], model, a);
    return (struct router_pick){0};
}

struct slice router_alias(const struct config *c, struct slice name)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(c->model_group_alias);
    while ((key = yyjson_obj_iter_next(&it))) {
        yyjson_val *target = yyjson_obj_iter_get_val(key);
        if (slice_eq(json_slice(key), name))
            return yyjson_is_str(target) ? json_slice(target) : json_get_slice(target, "model");
    }
    return slice_make(NULL, 0);
}

struct router_pick router_pick(const struct config *c, struct slice model, uint32_t random,
                               struct arena *a)
{
    struct router_pick pick = pick_one(c, model, model, random, a);
    struct slice alias = pick.deployment ? slice_make(NULL, 0) : router_alias(c, model);
    if (alias.n)
        pick = pick_one(c, alias, alias, random, a);
    if (!pick.deployment)
        pick = pick_one(c, slice_make(NULL, 0), alias.n ? alias : model, random, a);
    return pick;
}
