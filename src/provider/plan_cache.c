/* Cache points: the client's own, those of cache_control_injection_points, and automatic ones.
 *
 * The happy path: a point stands behind what the client marked. Bedrock takes four, with TTLs that
 * do not grow along tools → system → messages, none behind a reasoning block, and none at all on
 * models that cannot cache.
 * `prompt_caching: auto` marks what an agent's conversation profits from when the client marked
 * nothing: the tools, the system prompt and the last two user turns, so that the prefix of one call
 * is found again in the next. Below the model's minimum a point would only cost.
 *
 * Nothing fails: points that have no place are left out, the oldest of too many first. */

#include "plan_private.h"

#include "llm/estimate.h"

#define POINTS_MAX 4
#define MARGIN     4 / 5 /* of the model's minimum: the estimate may be too low */

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

static void settle_ttl(struct points *c, struct slice *ttl)
{
    bool given = ttl->n > 0, hour = is_hour(*ttl);
    if (given && (!c->k->m->cache_ttl || (hour && c->short_ttl) || !hour)) {
        if (hour)
            plan_repaired(c->k, REPAIR_CACHE_TTL);
        *ttl = slice_make(NULL, 0);
        hour = false;
    }
    c->short_ttl = c->short_ttl || !hour;
    c->count++;
}

/* A point behind thinking moves in front of it when something else stands there. */
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

static void settle_tools(struct points *c)
{
    for (struct llm_tool *t = c->k->p->tools; t; t = t->next) {
        if (t->cache_point && !c->k->m->prompt_cache) {
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

/* ---- putting points in --------------------------------------------------------------------- */

static void put_point(struct planner *k, struct llm_block **list, struct slice ttl)
{
    struct llm_block **at = list;
    const struct llm_block *last = NULL;
    for (; *at; at = &(*at)->next)
        last = *at;
    if (!last || last->kind == LLM_CACHE_POINT || last->kind == LLM_REASONING)
        return;
    llm_block_add(&at, k->a, LLM_CACHE_POINT)->ttl = ttl;
}

static bool role_is(const struct llm_message *m, struct slice role)
{
    return slice_eq(role, m->role == LLM_USER ? SLICE("user") : SLICE("assistant"));
}

/* The i-th turn, from the end when negative, the system prompt being the first where there is one
 * (clients count it among their messages). */
static struct llm_block **turn_at(struct planner *k, int64_t index)
{
    int64_t n = k->p->system != NULL, i = 0;
    for (const struct llm_message *m = k->p->messages; m; m = m->next)
        n++;
    index += index < 0 ? n : 0;
    if (k->p->system && index == i++)
        return &k->p->system;
    for (struct llm_message *m = k->p->messages; m; m = m->next)
        if (i++ == index)
            return &m->blocks;
    return NULL;
}

static void inject_role(struct planner *k, struct slice role, struct slice ttl)
{
    if (slice_eq(role, SLICE("system")))
        put_point(k, &k->p->system, ttl);
    for (struct llm_message *m = k->p->messages; m; m = m->next)
        if (role_is(m, role))
            put_point(k, &m->blocks, ttl);
}

/* {location: message, role | index, control: {type, ttl}} as in LiteLLM; location tool_config puts
 * one behind the tools. */
static void inject_one(struct planner *k, yyjson_val *point)
{
    int64_t index;
    struct slice ttl = json_get_slice(json_get(point, "control"), "ttl");
    struct slice location = json_get_slice(point, "location");
    struct llm_block **list;
    if (slice_eq(location, SLICE("tool_config"))) {
        for (struct llm_tool *t = k->p->tools; t; t = t->next)
            if (!t->next)
                t->cache_point = true;
    } else if (json_int(json_get(point, "index"), &index)) {
        list = turn_at(k, index);
        if (list)
            put_point(k, list, ttl);
    } else {
        inject_role(k, json_get_slice(point, "role"), ttl);
    }
}

static void inject(struct planner *k)
{
    yyjson_val *point;
    yyjson_arr_iter it = yyjson_arr_iter_with(k->r->cache_points);
    while ((point = yyjson_arr_iter_next(&it)))
        inject_one(k, point);
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

/* Tokens of what stands in front of the messages. */
static int64_t head_tokens(const struct planner *k)
{
    struct llm_request head = {.system = k->p->system, .tools = k->p->tools};
    return llm_estimate_request(&head);
}

static int64_t all_tokens(const struct planner *k)
{
    struct llm_request all = {
        .system = k->p->system, .tools = k->p->tools, .messages = k->p->messages};
    return llm_estimate_request(&all);
}

static void mark_last_users(struct planner *k, struct slice none)
{
    struct llm_message *last = NULL, *before = NULL;
    for (struct llm_message *m = k->p->messages; m; m = m->next)
        if (m->role == LLM_USER) {
            before = last;
            last = m;
        }
    if (before)
        put_point(k, &before->blocks, none);
    if (last)
        put_point(k, &last->blocks, none);
}

static void mark(struct planner *k)
{
    struct slice none = {NULL, 0};
    int64_t least = (k->m->cache_min_tokens ? k->m->cache_min_tokens : 1024) * MARGIN;
    if (has_points(k->p) || all_tokens(k) < least)
        return;
    if (head_tokens(k) >= least) {
        for (struct llm_tool *t = k->p->tools; t; t = t->next)
            t->cache_point = !t->next;
        put_point(k, &k->p->system, none);
    }
    mark_last_users(k, none);
}

void plan_cache(struct planner *k)
{
    struct points c = {.k = k};
    if (k->m->prompt_cache) {
        inject(k);
        if (k->t->deployment->prompt_caching_auto)
            mark(k);
    }
    settle_all(&c);
    thin(&c);
}
