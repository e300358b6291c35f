/* Cache points: the client's own (and those injected for it), and automatic ones.
 *
 * The happy path: a point stands behind what the client marked. Bedrock takes four, with TTLs that
 * do not grow along tools → system → messages, none behind a reasoning block, and none at all on
 * models that cannot cache.
 * `prompt_caching: auto` marks what an agent's conversation profits from when the client marked
 * nothing: the tools, the system prompt and the last two user turns, so that the prefix of one call
 * is found again in the next. Below the model's minimum nothing would be cached.
 *
 * Nothing fails: points that have no place are left out, the oldest of too many first. */

#include "plan_private.h"

#include "llm/estimate.h"

#define POINTS_MAX  4
#define MIN_TOKENS  1024 /* where the model's minimum is not known */
#define MIN_PERCENT 80   /* of the minimum that are enough: the estimate may be too low */

/* ---- walking ------------------------------------------------------------------------------- */

struct points {
    struct planner *k;
    unsigned count; /* in the plan so far */
    bool short_ttl; /* one of five minutes was passed: no hour may follow */
};

static bool is_hour(struct slice ttl)
{
    return slice_eq(ttl, SLICE("1h"));
}

/* Five minutes need not be said. */
static void settle_ttl(struct points *c, struct slice *ttl)
{
    bool hour = is_hour(*ttl) && c->k->m->cache_ttl && !c->short_ttl;
    if (is_hour(*ttl) && !hour)
        plan_repaired(c->k, REPAIR_CACHE_TTL);
    if (!hour)
        *ttl = slice_make(NULL, 0);
    c->short_ttl = !hour;
    c->count++;
}

/* Not at the beginning, not behind thinking, not twice. */
static void settle_list(struct points *c, struct llm_block **at)
{
    const struct llm_block *before = NULL;
    while (*at) {
        struct llm_block *b = *at;
        bool misplaced = b->kind == LLM_CACHE_POINT &&
                         (!c->k->m->prompt_cache || !before || before->kind == LLM_REASONING ||
                          before->kind == LLM_CACHE_POINT);
        if (misplaced) {
            *at = b->next;
            plan_repaired(c->k, REPAIR_CACHE_POINTS);
            continue;
        }
        if (b->kind == LLM_CACHE_POINT)
            settle_ttl(c, &b->ttl);
        before = b;
        at = &b->next;
    }
}

/* Nova's tools are part of what a point in the messages caches, and take none themselves. */
static bool takes_tool_points(const struct planner *k)
{
    return k->m->prompt_cache && k->m->family != FAMILY_NOVA;
}

static void settle_tools(struct points *c)
{
    for (struct llm_tool *t = c->k->p->tools; t; t = t->next) {
        if (t->cache_point && !takes_tool_points(c->k)) {
            t->cache_point = false;
            plan_repaired(c->k, REPAIR_CACHE_POINTS);
        }
        if (t->cache_point)
            settle_ttl(c, &t->ttl);
    }
}

static void settle_all(struct points *c)
{
    settle_tools(c);
    settle_list(c, &c->k->p->system);
    for (struct llm_message *m = c->k->p->messages; m; m = m->next)
        settle_list(c, &m->blocks);
}

/* ---- too many ------------------------------------------------------------------------------ */

/* Takes points out of the list from its beginning. */
static void thin_list(struct llm_block **at, unsigned *surplus)
{
    while (*at && *surplus) {
        if ((*at)->kind == LLM_CACHE_POINT) {
            *at = (*at)->next;
            (*surplus)--;
        } else {
            at = &(*at)->next;
        }
    }
}

static unsigned count_points(const struct llm_block *b)
{
    unsigned n = 0;
    for (; b; b = b->next)
        n += b->kind == LLM_CACHE_POINT;
    return n;
}

/* The newest points reach furthest, and one behind tools and system serves every conversation:
 * those in between go first. */
static void thin(struct points *c)
{
    struct plan *p = c->k->p;
    unsigned surplus = c->count > POINTS_MAX ? c->count - POINTS_MAX : 0;
    if (!surplus)
        return;
    plan_repaired(c->k, REPAIR_CACHE_POINTS);
    unsigned in_system = count_points(p->system), spare = in_system ? in_system - 1 : 0;
    unsigned from_system = spare < surplus ? spare : surplus;
    surplus -= from_system;
    thin_list(&p->system, &from_system);
    for (struct llm_tool *t = p->tools; t && surplus; t = t->next)
        if (t->cache_point && t->next) {
            t->cache_point = false;
            surplus--;
        }
    for (struct llm_message *m = p->messages; m && surplus; m = m->next)
        thin_list(&m->blocks, &surplus);
    thin_list(&p->system, &surplus);
}

/* ---- automatic ------------------------------------------------------------------------------ */

static bool has_points(const struct plan *p)
{
    for (const struct llm_tool *t = p->tools; t; t = t->next)
        if (t->cache_point)
            return true;
    for (const struct llm_message *m = p->messages; m; m = m->next)
        if (count_points(m->blocks))
            return true;
    return count_points(p->system) > 0;
}

/* How long an automatic point holds. */
static struct slice automatic_ttl(const struct planner *k)
{
    bool hour = k->t->deployment->prompt_caching_hour && k->m->cache_ttl;
    return hour ? SLICE("1h") : SLICE("");
}

static void put_point(struct planner *k, struct llm_block **at)
{
    const struct llm_block *last = NULL;
    for (; *at; at = &(*at)->next)
        last = *at;
    if (last)
        llm_block_add(&at, k->a, LLM_CACHE_POINT)->ttl = automatic_ttl(k);
}

static void mark_tools(struct planner *k)
{
    struct llm_tool *last = k->p->tools;
    while (last && last->next)
        last = last->next;
    if (!last || !takes_tool_points(k))
        return;
    last->cache_point = true;
    last->ttl = automatic_ttl(k);
}

static void mark_last_users(struct planner *k)
{
    struct llm_message *last = NULL, *before = NULL;
    for (struct llm_message *m = k->p->messages; m; m = m->next)
        if (m->role == LLM_USER) {
            before = last;
            last = m;
        }
    if (before)
        put_point(k, &before->blocks);
    if (last)
        put_point(k, &last->blocks);
}

static void mark(struct planner *k)
{
    int64_t least = k->m->cache_min_tokens ? k->m->cache_min_tokens : MIN_TOKENS;
    struct llm_request head = {.system = k->p->system, .tools = k->p->tools}, all = head;
    all.messages = k->p->messages;
    least = least * MIN_PERCENT / 100;
    if (has_points(k->p) || !llm_estimate_reaches(&all, least))
        return;
    if (llm_estimate_reaches(&head, least)) {
        mark_tools(k);
        put_point(k, &k->p->system);
    }
    mark_last_users(k);
}

void plan_cache(struct planner *k)
{
    struct points c = {.k = k};
    if (k->m->prompt_cache && k->t->deployment->prompt_caching_auto)
        mark(k);
    settle_all(&c);
    thin(&c);
}
