/* Which deployment of a group serves a request.
 *
 * Happy path: a group of one: it does, unless it rests. Of several those are left out that do not
 * fit the request (tags, size), that rest, that have used up their limits; of the rest the lowest
 * `order` counts, then who served this conversation last, then the strategy.
 *
 * Failure modes: nothing is left. What was left out last is the reason.
 *
 * Every strategy is by chance among equals, and none sends more than one call into the unknown: a
 * deployment that was never measured, or not lately, gets one at a time. */

#include "router_choose.h"

#include "base/text.h"
#include "guard/rules.h"
#include "health.h"

#define STALE_MS     60000 /* a latency that is measured again now and then … */
#define STALE_CHANCE 32    /* … by one call in so many */
#define RANDOM_RANGE 4294967296.0
#define NO_PRICE     5.0 /* USD a token; LiteLLM's, so that they come last */

struct candidate {
    const struct deployment *d;
    struct tracked *tracked;
    double score; /* of the strategy */
};

struct choice {
    const struct config *config;
    const struct routing *routing;
    const struct router_query *query;
    struct slice model;
    struct arena *arena;
    struct candidate *v;
    size_t n;
    uint32_t random;
    int64_t wait_ms; /* of those that rest, or are paced, the shortest */
};

/* xorshift: the query brings one number, some choices take several. */
static uint32_t next_random(struct choice *c)
{
    uint32_t r = c->random ? c->random : 1;
    r ^= r << 13;
    r ^= r >> 17;
    r ^= r << 5;
    return c->random = r;
}

/* Keeps those of which it is true; with none of them, all, and says so. */
static bool keep(struct choice *c, bool (*fits)(struct choice *, const struct candidate *))
{
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++)
        if (fits(c, &c->v[i])) {
            struct candidate swapped = c->v[kept];
            c->v[kept++] = c->v[i];
            c->v[i] = swapped;
        }
    if (!kept)
        return false;
    c->n = kept;
    return true;
}

/* ---- tags ---------------------------------------------------------------------------------- */

static bool has_tag(const struct deployment *d, struct slice tag)
{
    yyjson_val *v;
    yyjson_arr_iter it = yyjson_arr_iter_with(d->routing->tags);
    while ((v = yyjson_arr_iter_next(&it)))
        if (slice_eq(json_slice(v), tag))
            return true;
    return false;
}

/* The tags of a request, one after the other: "x" is wished for, "&x" must be there, "!x" must not.
 * tag_routing_prefix is no part of them. */
struct tag_walk {
    yyjson_arr_iter list;
    struct slice text;
};

static struct tag_walk walk_tags(const struct choice *c)
{
    return (struct tag_walk){yyjson_arr_iter_with(c->query->tags), c->query->tag_list};
}

static bool next_tag(const struct choice *c, struct tag_walk *w, struct slice *tag, char *mark)
{
    yyjson_val *v = yyjson_arr_iter_next(&w->list);
    struct slice prefix = slice_of(c->routing->tag_prefix);
    if (!v && !w->text.n)
        return false;
    *tag = v ? json_slice(v) : slice_trim(slice_split(&w->text, ','));
    if (prefix.n && slice_starts(*tag, prefix))
        *tag = slice_skip(*tag, prefix.n);
    *mark = tag->n && (*tag->p == '!' || *tag->p == '&') ? *tag->p : '\0';
    if (*mark)
        *tag = slice_skip(*tag, 1);
    return true;
}

static bool is_marked(const struct choice *c, char wanted)
{
    struct slice tag;
    char mark;
    struct tag_walk w = walk_tags(c);
    while (next_tag(c, &w, &tag, &mark))
        if (tag.n && mark == wanted)
            return true;
    return false;
}

static bool is_allowed(struct choice *c, const struct candidate *k)
{
    struct slice tag;
    char mark;
    struct tag_walk w = walk_tags(c);
    while (next_tag(c, &w, &tag, &mark))
        if (mark && tag.n && has_tag(k->d, tag) != (mark == '&'))
            return false;
    return true;
}

static bool has_tags(struct choice *c, const struct candidate *k)
{
    bool any = c->routing->tag_match_any;
    struct slice tag;
    char mark;
    struct tag_walk w = walk_tags(c);
    while (next_tag(c, &w, &tag, &mark))
        if (!mark && tag.n && has_tag(k->d, tag) == any)
            return any;
    return !any;
}

/* tag_regex. */
static bool has_agent(struct choice *c, const struct candidate *k)
{
    const struct guard_rules *rules = k->d->routing->agents;
    struct guard_found found = {0};
    struct guard_scan scan;
    struct buf out;
    if (!rules || !c->query->user_agent.n)
        return false;
    guard_scan_init(&scan, &rules, 1, &found);
    buf_init(&out, GUARD_WINDOW);
    guard_scan_text(
        &scan,
        ARENA_JOIN(c->arena, SLICE("User-Agent: "), text_dup_utf8(c->arena, c->query->user_agent)),
        &out);
    buf_fini(&out);
    guard_scan_fini(&scan);
    return found.logged > 0;
}

static bool is_meant(struct choice *c, const struct candidate *k)
{
    return has_tags(c, k) || has_agent(c, k);
}

static bool is_default(struct choice *c, const struct candidate *k)
{
    return has_tag(k->d, SLICE("default"));
}

/* LiteLLM's: those with the tags, or for the client's User-Agent, else those with the tag
 * "default"; without tags those for the User-Agent, else the default ones, else all. What is only
 * forbidden leaves the default ones. */
static bool filter_tags(struct choice *c)
{
    if (!c->routing->tag_filtering)
        return true;
    bool wishes = is_marked(c, '\0'), needs = is_marked(c, '&');
    if (!wishes && !needs && !keep(c, has_agent))
        keep(c, is_default);
    if (!keep(c, is_allowed))
        return false;
    return !wishes || keep(c, is_meant) || keep(c, is_default);
}

/* ---- what fits, what may be called --------------------------------------------------------- */

static const struct model *facts(struct choice *c, const struct deployment *d)
{
    enum bedrock_api api;
    struct slice id = router_model_id(d, c->model, &api, c->arena);
    return router_facts(c->config, d, id, c->arena);
}

static bool is_large_enough(struct choice *c, const struct candidate *k)
{
    int64_t room = facts(c, k->d)->max_input_tokens;
    return !room || c->query->estimated_tokens <= room;
}

static bool is_there(struct choice *c, const struct candidate *k)
{
    struct slice region = c->query->region;
    return slice_eq(k->d->routing->region, region) || slice_eq(slice_of(k->d->region), region);
}

static bool takes_prefill(struct choice *c, const struct candidate *k)
{
    return facts(c, k->d)->prefill;
}

static bool note_wait(struct choice *c, int64_t ms)
{
    if (ms && (!c->wait_ms || ms < c->wait_ms))
        c->wait_ms = ms;
    return !ms;
}

static bool is_awake(struct choice *c, const struct candidate *k)
{
    return note_wait(c, tracked_rests(k->tracked, c->query->now));
}

static bool is_healthy(struct choice *c, const struct candidate *k)
{
    return !health_is_sick(c->query->health, k->d, c->query->now);
}

static bool is_free(struct choice *c, const struct candidate *k)
{
    int64_t own = k->d->routing->max_parallel, most = own ? own : c->routing->max_parallel;
    return (!most || tracked_running(k->tracked) < most) &&
           note_wait(c, tracked_full_wait(k->tracked, c->query->now)) &&
           note_wait(c, tracked_pace_wait(k->tracked, c->routing, c->query->now));
}

/* Calls a second of all of them together; 0: one is not paced. */
static double pace_of(const struct choice *c)
{
    double sum = 0;
    for (size_t i = 0; c->routing->adaptive_pacing && i < c->n; i++) {
        double pace = tracked_pace(c->v[i].tracked);
        if (pace <= 0)
            return 0;
        sum += pace;
    }
    return sum;
}

static bool is_within_limits(struct choice *c, const struct candidate *k)
{
    const struct route_params *p = k->d->routing;
    const struct router_query *q = c->query;
    return (!p->rpm || tracked_requests(k->tracked, q->now) < p->rpm) &&
           (!p->tpm || tracked_tokens(k->tracked, q->now) + q->estimated_tokens <= p->tpm);
}

static bool is_among(const struct candidate *k, const struct deployment *const *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] == k->d)
            return true;
    return false;
}

static bool is_untried(struct choice *c, const struct candidate *k)
{
    return !is_among(k, c->query->tried, c->query->tried_count);
}

static bool is_not_passed_over(struct choice *c, const struct candidate *k)
{
    return !is_among(k, c->query->passed_over, c->query->passed_over_count);
}

static void keep_lowest_order(struct choice *c)
{
    int64_t lowest = ROUTE_ORDER_LAST;
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].d->routing->order < lowest)
            lowest = c->v[i].d->routing->order;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].d->routing->order == lowest)
            c->v[kept++] = c->v[i];
    c->n = kept;
}

/* ---- strategies ---------------------------------------------------------------------------- */

static const struct candidate *by_chance(struct choice *c)
{
    return &c->v[c->n > 1 ? next_random(c) % c->n : 0];
}

static double weight_of(const struct deployment *d, int what)
{
    const struct route_params *p = d->routing;
    double weight = what == 0 ? p->weight : (double)(what == 1 ? p->rpm : p->tpm);
    return weight > 0 ? weight : 0;
}

/* By weight, else rpm, else tpm, whichever one of them has; who then has none is not chosen. */
static const struct candidate *by_weight(struct choice *c)
{
    double sum = 0, at;
    int what = 0;
    for (; what < 3 && sum <= 0; what++)
        for (size_t i = 0; i < c->n; i++)
            sum += c->v[i].score = weight_of(c->v[i].d, what);
    if (sum <= 0)
        return by_chance(c);
    at = next_random(c) / RANDOM_RANGE * sum;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].score > 0 && (at -= c->v[i].score) < 0)
            return &c->v[i];
    return by_chance(c);
}

static const struct candidate *by_score(struct choice *c, double slack)
{
    double lowest = c->v[0].score;
    size_t kept = 0;
    for (size_t i = 1; i < c->n; i++)
        if (c->v[i].score < lowest)
            lowest = c->v[i].score;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].score <= lowest * (1 + slack))
            c->v[kept++] = c->v[i];
    c->n = kept;
    return by_chance(c);
}

static const struct candidate *least_busy(struct choice *c)
{
    for (size_t i = 0; i < c->n; i++)
        c->v[i].score = (double)tracked_load(c->v[i].tracked, c->query->now);
    return by_score(c, 0);
}

/* Tokens of the minute; between deployments with limits, the share of them. */
static double usage_of(struct choice *c, const struct candidate *k, bool shares)
{
    const struct route_params *p = k->d->routing;
    double tokens = (double)tracked_tokens(k->tracked, c->query->now);
    double requests = (double)tracked_requests(k->tracked, c->query->now);
    if (!shares)
        return tokens;
    double of_tokens = p->tpm ? tokens / (double)p->tpm : 0;
    double of_requests = p->rpm ? requests / (double)p->rpm : 0;
    return of_tokens > of_requests ? of_tokens : of_requests;
}

static const struct candidate *least_used(struct choice *c)
{
    bool shares = true;
    for (size_t i = 0; i < c->n; i++)
        shares = shares && (c->v[i].d->routing->tpm || c->v[i].d->routing->rpm);
    for (size_t i = 0; i < c->n; i++)
        c->v[i].score = usage_of(c, &c->v[i], shares);
    return by_score(c, 0);
}

static bool is_fresh(struct choice *c, const struct candidate *k)
{
    return k->score >= 0;
}

/* Which one was never measured, or not lately, and nobody is at it; n: none. */
static size_t to_be_measured(struct choice *c)
{
    bool chance = next_random(c) % STALE_CHANCE == 0;
    size_t seen = 0, found = c->n;
    for (size_t i = 0; i < c->n; i++) {
        int64_t age;
        double s = c->v[i].score =
            tracked_latency(c->v[i].tracked, c->routing, c->query->streamed, c->query->now, &age);
        bool wanted = s < 0 || (chance && age > STALE_MS);
        if (wanted && !tracked_running(c->v[i].tracked) && next_random(c) % ++seen == 0)
            found = i;
    }
    return found;
}

static const struct candidate *fastest(struct choice *c)
{
    size_t unknown = to_be_measured(c);
    if (unknown < c->n)
        return &c->v[unknown];
    return keep(c, is_fresh) ? by_score(c, c->routing->latency_buffer) : least_busy(c);
}

static const struct candidate *cheapest(struct choice *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct model *m = facts(c, c->v[i].d);
        c->v[i].score = m->has_prices ? m->prices.input + m->prices.output : 2 * NO_PRICE;
    }
    return by_score(c, 0);
}

static const struct candidate *by_strategy(struct choice *c)
{
    switch (c->routing->strategy) {
    case ROUTING_SHUFFLE: return by_weight(c);
    case ROUTING_LEAST_BUSY: return least_busy(c);
    case ROUTING_USAGE: return least_used(c);
    case ROUTING_LATENCY: return fastest(c);
    case ROUTING_COST: return cheapest(c);
    }
    return by_chance(c);
}

/* ---- affinity ------------------------------------------------------------------------------ */

static const struct candidate *last_one(struct choice *c, uint64_t key)
{
    uint32_t serial = affinity_get(c->query->kept, key, c->query->now);
    for (size_t i = 0; serial && i < c->n; i++)
        if (tracked_serial(c->v[i].tracked) == serial)
            return &c->v[i];
    return NULL;
}

static const struct candidate *choose(struct choice *c, const struct pool *pool)
{
    const struct router_query *q = c->query;
    if (!q->kept || !q->affinity)
        return by_strategy(c);
    uint64_t key = affinity_hash(q->affinity, pool->name);
    const struct candidate *k = last_one(c, key);
    if (!k)
        k = by_strategy(c);
    affinity_put(q->kept, key, tracked_serial(k->tracked), q->affinity_ttl, q->now);
    return k;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static struct candidate *candidates(const struct router_query *q, const struct pool *pool,
                                    struct arena *a)
{
    struct candidate *v = arena_alloc(a, pool->count * sizeof(*v));
    for (size_t i = 0; i < pool->count; i++)
        v[i] = (struct candidate){pool->members[i],
                                  tracker_of(q->tracker, pool->members[i], q->now), 0};
    return v;
}

static enum router_refusal narrow(struct choice *c, struct router_pick *pick)
{
    if (!filter_tags(c))
        return ROUTER_NO_TAGS;
    if (c->query->prefill && !keep(c, takes_prefill))
        return ROUTER_NO_PREFILL;
    if (c->query->region.n && !keep(c, is_there))
        return ROUTER_NO_REGION;
    if (c->query->must_fit && !keep(c, is_large_enough))
        return ROUTER_TOO_LONG;
    if (!keep(c, is_awake))
        return ROUTER_RESTING;
    if (c->query->passed_over_count >= ROUTER_PASSED_OVER_MAX || !keep(c, is_not_passed_over))
        return ROUTER_LIMITED;
    if (routing_has_limits(c->routing)) /* an estimate: the exact count is asked in PLACE */
        keep(c, is_within_limits);
    if (c->query->health)
        keep(c, is_healthy); /* a sick one is better than none */
    pick->pace = pace_of(c);
    c->wait_ms = 0;
    if (!keep(c, is_free))
        return ROUTER_BUSY;
    keep(c, is_untried);
    keep_lowest_order(c);
    return ROUTER_PICKED;
}

static bool needs_facts(const struct router_query *q)
{
    return q->prefill || q->must_fit || q->region.n;
}

static bool has_places(const struct routing *r, const struct deployment *d)
{
    return r->max_parallel || d->routing->max_parallel;
}

/* Without tags, limits, facts and checks there is nothing to choose. */
static void take_only(const struct routing *r, const struct router_query *q,
                      const struct deployment *d, struct router_pick *pick)
{
    struct tracked *tracked = tracker_of(q->tracker, d, q->now);
    pick->wait_ms = tracked_rests(tracked, q->now);
    pick->refusal = pick->wait_ms ? ROUTER_RESTING : ROUTER_PICKED;
    if (!pick->wait_ms && (pick->wait_ms = tracked_pace_wait(tracked, r, q->now)))
        pick->refusal = ROUTER_BUSY;
    pick->pace = r->adaptive_pacing ? tracked_pace(tracked) : 0;
    pick->deployment = pick->wait_ms ? NULL : d;
}

void router_choose(const struct config *config, const struct router_query *q,
                   const struct pool *pool, struct slice model, struct router_pick *pick,
                   struct arena *a)
{
    const struct routing *r = &config->settings.routing;
    pick->refusal = ROUTER_PICKED;
    if (!q->tracker) {
        pick->deployment = pool->members[q->random % pool->count];
        return;
    }
    if (pool->count == 1 && !r->tag_filtering && !has_places(r, pool->members[0]) &&
        !routing_has_limits(r) && !needs_facts(q) && !q->passed_over_count) {
        take_only(r, q, pool->members[0], pick);
        return;
    }
    struct arena_mark mark = arena_mark(a);
    struct choice c = {config, r, q, model, a, candidates(q, pool, a), pool->count, q->random, 0};
    pick->refusal = narrow(&c, pick);
    pick->wait_ms = pick->refusal == ROUTER_LIMITED  ? TRACKER_STEP_MS
                    : pick->refusal == ROUTER_PICKED ? 0
                                                     : c.wait_ms;
    if (pick->refusal == ROUTER_PICKED)
        pick->deployment = choose(&c, pool)->d;
    arena_rewind(a, mark);
}
