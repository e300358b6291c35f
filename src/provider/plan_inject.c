/* Cache points that the configuration or the client asks for by place, as LiteLLM's
 * cache_control_injection_points do: {location: message, role | index, control: {type, ttl}}, and
 * {location: tool_config} for one behind the tools.
 *
 * Roles and indexes are those of the client's messages, before any of them is moved or merged; so
 * the conversation that is planned is a copy, with the points in it. A point that finds no message
 * is none. */

#include "plan_private.h"

struct injector {
    struct planner *k;
    struct llm_message **at; /* the copies, by index */
    size_t count;
};

static bool is_answer(const struct llm_message *m)
{
    return m->blocks && m->blocks->kind == LLM_TOOL_RESULT;
}

static bool role_is(const struct llm_message *m, struct slice role)
{
    if (m->role == LLM_ASSISTANT)
        return slice_eq(role, SLICE("assistant"));
    return slice_eq(role, is_answer(m) ? SLICE("tool") : SLICE("user"));
}

/* The blocks belong to the request: they are copied up to where the point is put. */
static void put_point(struct injector *j, struct llm_block **list, struct slice ttl)
{
    const struct llm_block *from = *list;
    struct llm_block **tail = list;
    if (!from)
        return;
    for (; from; from = from->next) {
        struct llm_block *own = arena_alloc(j->k->a, sizeof(*own));
        *own = *from;
        own->next = NULL;
        *tail = own;
        tail = &own->next;
        if (!from->next && from->kind == LLM_CACHE_POINT)
            return; /* the client has put one there */
    }
    llm_block_add(&tail, j->k->a, LLM_CACHE_POINT)->ttl = ttl;
}

static void inject_role(struct injector *j, struct slice role, struct slice ttl)
{
    if (slice_eq(role, SLICE("system")) || slice_eq(role, SLICE("developer")))
        put_point(j, &j->k->system, ttl);
    for (size_t i = 0; i < j->count; i++)
        if (role_is(j->at[i], role))
            put_point(j, &j->at[i]->blocks, ttl);
}

static void inject_index(struct injector *j, int64_t index, struct slice ttl)
{
    int64_t system = (int64_t)j->k->r->system_count, all = system + (int64_t)j->count;
    index += index < 0 ? all : 0;
    if (index < 0 || index >= all)
        return;
    if (index < system)
        put_point(j, &j->k->system, ttl);
    else
        put_point(j, &j->at[index - system]->blocks, ttl);
}

static void inject_behind_tools(struct planner *k, struct slice ttl)
{
    struct llm_tool *t = k->p->tools;
    while (t && t->next)
        t = t->next;
    if (!t || t->cache_point)
        return;
    t->cache_point = true;
    t->ttl = ttl;
}

static void inject_one(struct injector *j, yyjson_val *point)
{
    int64_t index;
    yyjson_val *place = json_get(point, "index");
    struct slice ttl = json_get_slice(json_get(point, "control"), "ttl");
    if (slice_eq(json_get_slice(point, "location"), SLICE("tool_config")))
        inject_behind_tools(j->k, ttl);
    else if (json_int(place, &index) || slice_to_i64(json_slice(place), &index))
        inject_index(j, index, ttl);
    else
        inject_role(j, json_get_slice(point, "role"), ttl);
}

static void copy_messages(struct injector *j)
{
    const struct llm_message *from = j->k->messages;
    struct llm_message *list = NULL, **tail = &list;
    for (const struct llm_message *m = from; m; m = m->next)
        j->count++;
    j->at = arena_alloc(j->k->a, (j->count + 1) * sizeof(struct llm_message *));
    for (size_t i = 0; from; from = from->next, i++) {
        struct llm_message *own = arena_alloc(j->k->a, sizeof(*own));
        *own = *from;
        own->next = NULL;
        *tail = j->at[i] = own;
        tail = &own->next;
    }
    j->k->messages = list;
}

void plan_inject(struct planner *k)
{
    struct injector j = {.k = k};
    yyjson_val *point;
    yyjson_arr_iter it = yyjson_arr_iter_with(k->r->cache_points);
    if (!k->m->prompt_cache || !yyjson_arr_size(k->r->cache_points))
        return;
    copy_messages(&j);
    while ((point = yyjson_arr_iter_next(&it)))
        inject_one(&j, point);
}
