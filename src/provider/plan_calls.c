/* Which result answers which call.
 *
 * The happy path: one look over the history; a result belongs to the call of its id that came last.
 * Every call gets an id that the provider takes and that no other call of the conversation has.
 *
 * Nothing fails: a result without a call, or a second one of a call, is told apart. */

#include "plan_private.h"

#include "base/map.h"

struct pairing {
    struct planner *k;
    struct plan_call **calls;
    struct plan_result **results;
    struct map by_id; /* → the first call of the id in its newest turn */
    unsigned turn;
};

static struct plan_call *add_call(struct pairing *s)
{
    struct plan_call *c = ARENA_NEW(s->k->a, struct plan_call);
    c->turn = s->turn;
    c->open = c->last = c;
    *s->calls = c;
    s->calls = &c->next;
    return c;
}

/* Some clients number the calls of each turn anew, and some models give two calls one id. */
static void note_call(struct pairing *s, struct slice id)
{
    struct plan_call *c = add_call(s), *first = map_get(&s->by_id, id);
    c->nth = first ? first->last->nth + 1 : 1;
    c->id = plan_tool_id(s->k, id, c->nth);
    if (!first || first->turn != s->turn) {
        map_put(&s->by_id, id, c);
        return;
    }
    first->last->twin = c;
    first->last = c;
    if (!first->open)
        first->open = c;
}

static void note_result(struct pairing *s, const struct llm_block *b)
{
    struct plan_result *r = ARENA_NEW(s->k->a, struct plan_result);
    struct plan_call *first = map_get(&s->by_id, b->id);
    *s->results = r;
    s->results = &r->next;
    if (!first) {
        r->orphan = true;
        plan_repaired(s->k, REPAIR_TOOL_RESULT_ORPHAN);
    } else if (!first->open) {
        plan_repaired(s->k, REPAIR_TOOL_RESULT_DUPLICATE);
    } else {
        r->call = first->open;
        r->call->result = b;
        first->open = r->call->twin;
    }
}

void plan_pair(struct planner *k, struct plan_call **calls, struct plan_result **results)
{
    struct pairing s = {.k = k, .calls = calls, .results = results};
    *calls = NULL;
    *results = NULL;
    map_init(&s.by_id);
    for (const struct llm_message *m = k->messages; m; m = m->next) {
        s.turn += m->role == LLM_USER && plan_says_anything(m);
        for (const struct llm_block *b = m->blocks; b; b = b->next) {
            if (b->kind == LLM_TOOL_USE)
                note_call(&s, b->id);
            else if (b->kind == LLM_TOOL_RESULT)
                note_result(&s, b);
        }
    }
    map_fini(&s.by_id);
}
