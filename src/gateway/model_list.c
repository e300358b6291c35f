/* Names of models.
 *
 * Happy path: aliases first, as LiteLLM lists them, then the groups in the order of the file; a
 * group whose name is a pattern and whose model is one too becomes the models that fit both.
 *
 * Failure modes: a pattern in front of a single model ("claude-*" → one Claude) can be asked for
 * under any name, so it is listed as a pattern or not at all. */

#include "model_list.h"

#include "config/wildcard.h"

#include "router.h"

struct making {
    const struct config *config;
    struct arena *arena;
    struct model_list list;
    size_t size;                       /* of list.v */
    struct map names;                  /* listed so far */
    const struct deployment *wildcard; /* being expanded */
};

static void add(struct making *m, struct model_listed l)
{
    struct model_list *list = &m->list;
    if (map_get(&m->names, l.name))
        return;
    if (list->n == m->size) {
        size_t size = m->size ? 2 * m->size : 32;
        list->v = arena_realloc(m->arena, list->v, m->size * sizeof(l), size * sizeof(l));
        m->size = size;
    }
    list->v[list->n++] = l;
    map_put(&m->names, l.name, m);
}

bool model_list_find(const struct config *c, struct slice name, struct model_listed *l,
                     struct arena *a)
{
    struct router_pick pick = router_pick(c, &(struct router_query){.model = name}, a);
    if (!pick.deployment)
        return false;
    *l = (struct model_listed){.name = name, .group = pick.group, .api = pick.api};
    if (deployment_is_wildcard(pick.deployment))
        l->star = wildcard_match(slice_of(pick.deployment->bedrock_id), pick.model_id);
    return true;
}

/* A group of the same name hides an alias. */
static bool is_group(const struct config *c, struct slice name)
{
    return map_get(&c->pools.by_name, name);
}

static void add_aliases(struct making *m)
{
    struct model_listed l;
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(m->config->model_group_alias);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice name = json_slice(key);
        bool hidden = yyjson_is_true(json_get(yyjson_obj_iter_get_val(key), "hidden"));
        if (!hidden && !is_group(m->config, name) && model_list_find(m->config, name, &l, m->arena))
            add(m, l);
    }
}

/* An id that the wildcard's model stands for. */
static void expand(void *ctx, struct slice id)
{
    struct making *m = ctx;
    struct slice pattern = slice_of(m->wildcard->model_name);
    struct slice star = wildcard_match(slice_of(m->wildcard->bedrock_id), id);
    if (!star.p)
        return;
    star = arena_dup(m->arena, star);
    add(m, (struct model_listed){wildcard_fill(pattern, star, m->arena), pattern, star,
                                 m->wildcard->api});
}

static void add_groups(struct making *m, unsigned what)
{
    for (size_t i = 0; i < m->config->deployment_count; i++) {
        const struct deployment *d = &m->config->deployments[i];
        struct slice name = slice_of(d->model_name);
        bool pattern = slice_find_char(name, '*') >= 0, fixed = !deployment_is_wildcard(d);
        if (d->blocked && !(what & LIST_BLOCKED))
            continue;
        if (!pattern || what & LIST_WILDCARDS || (fixed && what & LIST_FIXED_WILDCARDS))
            add(m, (struct model_listed){name, name, {0}, d->api});
        m->wildcard = d;
        if (pattern && !fixed)
            models_each_id(m->config->models, expand, m);
    }
}

struct model_list model_list_new(const struct config *c, unsigned what, struct arena *a)
{
    struct making m = {.config = c, .arena = a};
    map_init(&m.names);
    add_aliases(&m);
    m.list.aliases = m.list.n;
    add_groups(&m, what);
    map_fini(&m.names);
    return m.list;
}

bool model_list_entry(const struct config *c, const struct model_listed *l,
                      const struct deployment *d, struct model_entry *e, struct arena *a)
{
    struct slice model = slice_of(d->model);
    if (!slice_eq(slice_of(d->model_name), l->group))
        return false;
    *e = (struct model_entry){l->name, model, d, d->facts, l->star.p ? l->api : d->api};
    if (!l->star.p)
        return true;
    struct slice id = wildcard_fill(slice_of(d->bedrock_id), l->star, a);
    e->model = wildcard_fill(model, l->star, a);
    e->facts = router_facts(c, d, id, a);
    return true;
}
