/* router_settings and litellm_params → what the router chooses by (routing.h).
 *
 * Happy path: settings that are more than a number are read here, each deployment gets its share,
 * and at the end the deployments are gathered by name, so that no request has to look for them.
 *
 * Failure modes: impossible numbers and unknown strategies are errors at their line; what has no
 * effect is a warning. */

#include "config_loader.h"

#include "base/duration.h"
#include "config_reading.h"
#include "config_shown.h"
#include "guard/rules.h"

#include <stdlib.h>

#define BUDGET_MAX 1e9 /* USD */

/* ---- budgets ------------------------------------------------------------------------------- */

/* By the first names, else by the second; without a period there is no budget, as in LiteLLM. */
static void read_budget(struct reading in, const char *const usd[2], const char *const period[2],
                        struct route_budget *b)
{
    const struct config_path path = {.up = in.path, .key = slice_of(period[0])};
    size_t named = node_is_null(node_get(in.map, slice_of(period[0])));
    if (!reading_number(in, usd[0], 0, BUDGET_MAX, &b->usd))
        reading_number(in, usd[1], 0, BUDGET_MAX, &b->usd);
    b->period = reading_text(in, period[named]);
    if (b->usd <= 0 || duration_ms(b->period))
        return;
    b->usd = 0;
    if (b->period.n)
        config_error(in.l, config_place(in.map, &path), "expected a duration such as 30d");
    else
        config_warn(in.l, config_place(in.map, &path),
                    "is missing: a budget without a period has no effect");
}

static void read_provider_budgets(struct reading in)
{
    static const char *const usd[] = {"budget_limit", "max_budget"};
    static const char *const period[] = {"time_period", "budget_duration"};
    const struct config_path path = {.up = in.path, .key = SLICE("provider_budget_config")};
    const struct node *map = NODE_GET(in.map, "provider_budget_config");
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++) {
        const struct config_path self = {.up = &path, .key = map->items[i].key};
        const struct node *n = map->items[i].value;
        if (n->kind != NODE_MAP)
            config_error(in.l, config_place(n, &self), "expected a map, got %s", node_type_name(n));
        else if (slice_eq(map->items[i].key, SLICE("bedrock")))
            read_budget((struct reading){in.l, n, &self, true}, usd, period,
                        &in.l->c->settings.routing.budget);
        else
            config_warn(in.l, config_place(n, &self), "has no effect: only bedrock is called");
    }
}

/* ---- router_settings ----------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum routing_strategy strategy;
    bool other; /* LiteLLM's, but not ours */
} strategies[] = {
    {"simple-shuffle", ROUTING_SHUFFLE, false},
    {"least-busy", ROUTING_LEAST_BUSY, false},
    {"usage-based-routing", ROUTING_USAGE, false},
    {"usage-based-routing-v2", ROUTING_USAGE, false},
    {"latency-based-routing", ROUTING_LATENCY, false},
    {"cost-based-routing", ROUTING_COST, false},
    {"provider-budget-routing", ROUTING_SHUFFLE, true},
    {"lar1", ROUTING_SHUFFLE, true},
};

static void read_strategy(struct reading in)
{
    const struct config_path path = {.up = in.path, .key = SLICE("routing_strategy")};
    const struct node *n = NODE_GET(in.map, "routing_strategy");
    size_t i = 0, count = sizeof(strategies) / sizeof(*strategies);
    if (node_is_null(n) || n->kind != NODE_SCALAR)
        return;
    while (i < count && !slice_eq(n->text, slice_of(strategies[i].name)))
        i++;
    if (i == count) {
        config_error(in.l, config_place(n, &path),
                     "expected simple-shuffle, least-busy, usage-based-routing, "
                     "latency-based-routing or cost-based-routing");
        return;
    }
    in.l->c->settings.routing.strategy = strategies[i].strategy;
    if (strategies[i].other)
        config_warn(in.l, config_place(n, &path), "%s behaves as simple-shuffle",
                    strategies[i].name);
}

static void read_strategy_args(struct reading in)
{
    struct routing *r = &in.l->c->settings.routing;
    const struct config_path path = {.up = in.path, .key = SLICE("routing_strategy_args")};
    struct reading args = {in.l, NODE_GET(in.map, "routing_strategy_args"), &path, true};
    reading_number(args, "ttl", 0, CONFIG_MAX_SECONDS, &r->latency_ttl);
    reading_number(args, "lowest_latency_buffer", 0, 1000, &r->latency_buffer);
    if (reading_integer(args, "max_latency_list_size", 1, &r->latency_window) &&
        r->latency_window > LATENCY_WINDOW_MAX)
        r->latency_window = LATENCY_WINDOW_MAX;
}

/* "RateLimitErrorAllowedFails: 5" */
static void read_allowed_fails(struct reading in)
{
    struct routing *r = &in.l->c->settings.routing;
    const struct config_path path = {.up = in.path, .key = SLICE("allowed_fails_policy")};
    size_t known = 0;
    struct reading policy = {in.l, NODE_GET(in.map, "allowed_fails_policy"), &path, true};
    for (unsigned i = 0; i < FAIL_CLASSES; i++) {
        const char *name = routing_fail_name(i);
        struct slice key = arena_printf(&in.l->arena, "%sAllowedFails", name);
        known += node_get(policy.map, key) != NULL;
        reading_integer(policy, key.p, 0, &r->allowed_fails_of[i]);
    }
    if (policy.map && policy.map->kind == NODE_MAP && known < policy.map->count)
        config_warn(in.l, config_place(policy.map, &path),
                    "holds a class that is not known: the names are %sAllowedFails and the like",
                    routing_fail_name(FAIL_RATE_LIMIT));
}

/* In either section; the router's wins. */
static void read_allowed_fails_of_all(struct reading in, struct reading litellm)
{
    struct routing *r = &in.l->c->settings.routing;
    if (!reading_integer(in, "allowed_fails", 0, &r->allowed_fails))
        reading_integer(litellm, "allowed_fails", 0, &r->allowed_fails);
}

#define CHECK_LIMITS (1u << 8) /* beside the bits of affinity */

/* A list of the names of optional_pre_call_checks, as bits. */
static unsigned read_checks(struct config_loader *l, const struct node *list,
                            const struct config_path *path)
{
    static const struct {
        struct slice name;
        unsigned bit;
    } known[] = {{SLICE("session_affinity"), AFFINITY_SESSION},
                 {SLICE("deployment_affinity"), AFFINITY_KEY},
                 {SLICE("prompt_caching"), AFFINITY_PROMPT},
                 {SLICE("enforce_model_rate_limits"), CHECK_LIMITS}};
    unsigned bits = 0;
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct node *n = list->items[i].value;
        const struct config_path self = {.up = path, .index = i};
        unsigned bit = 0;
        for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++)
            bit |= slice_eq(n->text, known[k].name) ? known[k].bit : 0;
        bits |= bit;
        if (!bit)
            config_warn(l, config_place(n, &self),
                        "has no effect: session_affinity, deployment_affinity, prompt_caching and "
                        "enforce_model_rate_limits have");
    }
    return bits;
}

static void read_pre_call_checks(struct reading in)
{
    const struct config_path path = {.up = in.path, .key = SLICE("optional_pre_call_checks")};
    unsigned bits = read_checks(in.l, NODE_GET(in.map, "optional_pre_call_checks"), &path);
    in.l->c->settings.routing.affinity = bits & ~(unsigned)CHECK_LIMITS;
    in.l->c->settings.routing.enforce_limits = bits & CHECK_LIMITS;
}

/* For GET /router/settings and /config/list. */
static yyjson_val *shown(struct config_loader *l, const struct node *section)
{
    struct buf text;
    struct json_writer w;
    if (node_is_null(section) || section->kind != NODE_MAP)
        return NULL;
    buf_init(&text, CONFIG_MAX_JSON);
    json_begin(&w, &text);
    config_write_shown(section, &w);
    yyjson_val *v = json_parse(buf_slice(&text), &l->c->arena, NULL);
    buf_fini(&text);
    return v;
}

void config_read_routing(struct config_loader *l, const struct node *root)
{
    const struct config_path router_path = {.key = SLICE("router_settings")};
    const struct config_path litellm_path = {.key = SLICE("litellm_settings")};
    struct reading in = {l, NODE_GET(root, "router_settings"), &router_path};
    struct reading litellm = {l, NODE_GET(root, "litellm_settings"), &litellm_path};
    struct routing *r = &l->c->settings.routing;
    r->latency_ttl = 3600;
    r->latency_window = 10;
    r->allowed_fails = -1;
    for (unsigned i = 0; i < FAIL_CLASSES; i++)
        r->allowed_fails_of[i] = -1;
    read_strategy(in);
    read_strategy_args(in);
    read_allowed_fails_of_all(in, litellm);
    read_allowed_fails(in);
    read_pre_call_checks(in);
    read_provider_budgets(in);
    l->c->router_settings = shown(l, in.map);
    l->c->litellm_settings = shown(l, litellm.map);
    l->c->general_settings = shown(l, NODE_GET(root, "general_settings"));
}

/* ---- one deployment ------------------------------------------------------------------------ */

static struct slice region_of(const struct deployment *d)
{
    struct slice named = json_get_slice(d->params, "region_name"), region = slice_of(d->region);
    if (!named.n)
        named = json_get_slice(d->model_info, "region_name");
    return named.n ? named : slice_split(&region, '-');
}

/* Case counts, as in LiteLLM. */
static struct guard_rules *read_agents(struct reading in)
{
    const struct config_path up = {.up = in.path, .key = SLICE("tag_regex")};
    const struct node *list = NODE_GET(in.map, "tag_regex");
    struct guard_rules *rules = NULL;
    for (size_t i = 0; !node_is_null(list) && list->kind == NODE_LIST && i < list->count; i++) {
        const struct config_path path = {.up = &up, .index = i};
        const struct node *n = list->items[i].value;
        const char *error = "expected a pattern";
        if (!rules)
            rules = guard_rules_new();
        if (n->kind != NODE_SCALAR || !n->text.n ||
            !guard_rules_add(rules, n->text, SLICE(""), GUARD_LOG,
                             ARENA_JOIN(&in.l->arena, SLICE("(?-i)"), n->text), &in.l->arena,
                             &error))
            config_error(in.l, config_place(n, &path), "%s", error);
    }
    return rules;
}

static struct slice read_session_header(struct reading in)
{
    const struct config_path path = {.up = in.path, .key = SLICE("provider_affinity_header")};
    struct slice name = reading_text(in, "provider_affinity_header");
    bool ours = http_header_traits(name) || slice_starts_nocase(name, SLICE("x-amz-")) ||
                slice_starts_nocase(name, SLICE("proxy-")) ||
                slice_starts_nocase(name, SLICE("content-")) ||
                slice_eq_nocase(name, SLICE("user-agent"));
    if (name.n && (ours || !http_is_token(name)))
        config_error(in.l, config_place(in.map, &path),
                     "expected the name of a header that carries no key and frames no call");
    return arena_dup(&in.l->c->arena, name);
}

void config_read_route(struct config_loader *l, struct deployment *d, const struct node *params,
                       const struct config_path *path)
{
    static const char *const usd[] = {"max_budget", "max_budget"};
    static const char *const period[] = {"budget_duration", "budget_duration"};
    struct reading in = {l, params, path};
    struct route_params *p = ARENA_NEW(&l->c->arena, struct route_params);
    yyjson_val *tags = json_get(d->params, "tags");
    *p = (struct route_params){.weight = -1, .order = ROUTE_ORDER_LAST, .cooldown_s = -1};
    reading_number(in, "weight", 0, 1e9, &p->weight);
    reading_integer(in, "rpm", 0, &p->rpm);
    reading_integer(in, "tpm", 0, &p->tpm);
    reading_integer(in, "itpm", 0, &p->itpm);
    reading_integer(in, "otpm", 0, &p->otpm);
    read_budget(in, usd, period, &p->budget);
    reading_integer(in, "max_parallel_requests", 0, &p->max_parallel);
    reading_integer(in, "order", -1000000, &p->order);
    reading_number(in, "cooldown_time", 0, CONFIG_MAX_SECONDS, &p->cooldown_s);
    config_read_key_defaults(in, &p->per_key);
    p->tags = yyjson_is_arr(tags) ? tags : NULL;
    p->agents = read_agents(in);
    config_read_clientside(in, p);
    p->session_header = read_session_header(in);
    p->region = region_of(d);
    d->routing = p;
}

void config_free_patterns(const struct deployment *d)
{
    if (!d->routing)
        return;
    guard_rules_free(d->routing->agents);
    guard_rules_free(d->routing->bases);
}

/* ---- groups -------------------------------------------------------------------------------- */

/* Each group once, with the number of its deployments; without those that are blocked. */
static size_t count_members(struct config *c, struct pool *pools)
{
    size_t n = 0;
    for (size_t i = 0; i < c->deployment_count; i++) {
        struct slice name = slice_of(c->deployments[i].model_name);
        struct pool *pool = map_get(&c->pools.by_name, name);
        if (c->deployments[i].blocked)
            continue;
        if (!pool) {
            pool = &pools[n++];
            pool->name = name;
            pool->limits = pool->per_key = (struct limit_set)LIMIT_SET_NONE;
            pool->affinity = c->settings.routing.affinity;
            map_put(&c->pools.by_name, name, pool);
        }
        pool->count++;
    }
    return n;
}

/* The first deployment that says something counts, as in LiteLLM. */
static void join(int64_t *limit, int64_t other)
{
    if (*limit == LIMIT_NONE)
        *limit = other;
}

static void fill(struct config *c, struct pool *pool, struct deployment *d)
{
    if (!pool->members) {
        pool->members = arena_alloc(&c->arena, pool->count * sizeof(void *));
        pool->count = 0;
    }
    pool->members[pool->count++] = d;
    pool->caches = pool->caches || d->prompt_caching_auto;
    d->routing->pool = pool;
    join(&pool->per_key.rpm, d->routing->per_key.rpm);
    join(&pool->per_key.tpm, d->routing->per_key.tpm);
}

/* What a pattern leaves open is the shorter the more it says. */
static int by_precision(const void *a, const void *b)
{
    const struct pool *x = *(const struct pool *const *)a, *y = *(const struct pool *const *)b;
    if (x->name.n != y->name.n)
        return x->name.n > y->name.n ? -1 : 1;
    return x < y ? -1 : 1; /* in file order */
}

static void read_affinity(struct config_loader *l, const struct node *root)
{
    const struct config_path router = {.key = SLICE("router_settings")};
    const struct config_path path = {.up = &router, .key = SLICE("model_group_affinity_config")};
    const struct node *map =
        NODE_GET(NODE_GET(root, "router_settings"), "model_group_affinity_config");
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++) {
        const struct config_path self = {.up = &path, .key = map->items[i].key};
        struct pool *pool = map_get(&l->c->pools.by_name, map->items[i].key);
        unsigned bits = read_checks(l, map->items[i].value, &self);
        if (pool)
            pool->affinity = bits & ~(unsigned)CHECK_LIMITS;
        else
            config_warn(l, config_place(map->items[i].value, &self), "there is no such group");
    }
}

void config_gather_pools(struct config_loader *l, const struct node *root)
{
    struct config *c = l->c;
    struct pool *pools = arena_zalloc(&c->arena, (c->deployment_count + 1) * sizeof(*pools));
    size_t n = count_members(c, pools);
    for (size_t i = 0; i < c->deployment_count; i++)
        if (!c->deployments[i].blocked)
            fill(c, map_get(&c->pools.by_name, slice_of(c->deployments[i].model_name)),
                 &c->deployments[i]);
    c->pools.wild = arena_alloc(&c->arena, (n + 1) * sizeof(void *));
    for (size_t i = 0; i < n; i++)
        if (slice_find_char(pools[i].name, '*') >= 0)
            c->pools.wild[c->pools.wild_count++] = &pools[i];
    if (c->pools.wild_count)
        qsort(c->pools.wild, c->pools.wild_count, sizeof(void *), by_precision);
    read_affinity(l, root);
}
