#include "router.h"

#include "config/wildcard.h"

#include "router_choose.h"

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

/* A name without '*' in front of a wildcard is itself the model. */
struct slice router_model_id(const struct deployment *d, struct slice model, enum bedrock_api *api,
                             struct arena *a)
{
    struct slice group = slice_of(d->model_name), star = model, id = slice_of(d->bedrock_id);
    *api = d->api;
    if (slice_find_char(group, '*') >= 0)
        star = wildcard_match(group, model);
    if (slice_eq(id, SLICE("*")))
        return strip_route(star, api);
    return deployment_is_wildcard(d) ? wildcard_fill(id, star, a) : id;
}

const struct model *router_facts(const struct config *c, const struct deployment *d,
                                 struct slice id, struct arena *a)
{
    if (!d->known)
        return d->facts;
    const struct model *m = map_get(d->known, id);
    return m ? m : models_find(c->models, id, slice_of(d->region), d->model_info, a);
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

static const struct pool *wild_pool(const struct config *c, struct slice model)
{
    for (size_t i = 0; i < c->pools.wild_count; i++)
        if (wildcard_match(c->pools.wild[i]->name, model).p)
            return c->pools.wild[i];
    return NULL;
}

const struct pool *router_pool(const struct config *c, struct slice *model)
{
    const struct pool *pool = map_get(&c->pools.by_name, *model);
    if (pool)
        return pool;
    struct slice alias = router_alias(c, *model);
    if (alias.n)
        *model = alias;
    pool = alias.n ? map_get(&c->pools.by_name, alias) : NULL;
    return pool ? pool : wild_pool(c, *model);
}

struct router_pick router_pick(const struct config *c, const struct router_query *q,
                               struct arena *a)
{
    struct slice model = q->model;
    const struct pool *pool = router_pool(c, &model);
    struct router_pick pick = {.refusal = ROUTER_NO_MODEL};
    if (!pool)
        return pick;
    pick.group = pool->name;
    router_choose(c, q, pool, model, &pick, a);
    if (pick.deployment)
        pick.model_id = router_model_id(pick.deployment, model, &pick.api, a);
    return pick;
}
