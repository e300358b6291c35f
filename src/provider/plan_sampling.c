/* Token limits and sampling, which depend on thinking.
 *
 * The happy path: what the client says is passed on. With thinking on, Claude takes no other
 * temperature than 1, no top_k and wants max_tokens above the budget; some models take one of
 * temperature and top_p, some neither; Bedrock's temperatures end at 1, OpenAI's at 2.
 *
 * Nothing fails: what does not fit is left out, raised or lowered.
 * Facts: Anthropic's documentation of extended thinking and of its parameters, Amazon's of Nova 2.
 */

#include "plan_private.h"

#define BUDGET_MIN     1024
#define ANSWER_DEFAULT 4096 /* tokens for the answer itself, when only the budget is known */
#define TOP_P_MIN      0.95 /* beside thinking */

/* ---- limits -------------------------------------------------------------------------------- */

static void cap(struct planner *k, int64_t *tokens, int64_t limit, enum plan_repair repair)
{
    if (limit <= 0 || *tokens <= limit)
        return;
    *tokens = limit;
    plan_repaired(k, repair);
}

/* max_tokens counts thinking and answer: the client's figure was meant for the answer when it
 * leaves no room for the budget. */
static void make_room(struct planner *k, int64_t limit)
{
    struct plan *p = k->p;
    if (limit > BUDGET_MIN)
        cap(k, &p->budget, limit - BUDGET_MIN, REPAIR_THINKING_BUDGET);
    if (p->max_tokens < 0) {
        p->max_tokens = p->budget + ANSWER_DEFAULT;
        if (limit > 0 && p->max_tokens > limit)
            p->max_tokens = limit;
    } else if (p->max_tokens <= p->budget) {
        p->max_tokens += p->budget;
        plan_repaired(k, REPAIR_MAX_TOKENS);
    }
}

static void settle_limits(struct planner *k)
{
    struct plan *p = k->p;
    int64_t limit = k->m->max_output_tokens;
    p->max_tokens = k->r->max_tokens;
    if (p->thinking == PLAN_THINKING_BUDGET)
        make_room(k, limit);
    cap(k, &p->max_tokens, limit, REPAIR_MAX_TOKENS);
    if (!k->nova_high || p->max_tokens < 0)
        return;
    p->max_tokens = -1;
    plan_repaired(k, REPAIR_MAX_TOKENS);
}

/* ---- sampling ------------------------------------------------------------------------------ */

static void leave_out(struct planner *k, yyjson_val **v)
{
    if (*v)
        plan_repaired(k, REPAIR_SAMPLING);
    *v = NULL;
}

static double number(yyjson_val *v, double otherwise)
{
    double value;
    return json_double(v, &value) ? value : otherwise;
}

/* Of the two, the one that says nothing goes; else top_p. */
static void leave_one(struct planner *k)
{
    struct plan *p = k->p;
    if (!k->m->one_sampler || !p->temperature || !p->top_p)
        return;
    bool plain = number(p->temperature, 1) == 1 && number(p->top_p, 1) < 1;
    leave_out(k, plain ? &p->temperature : &p->top_p);
}

static void leave_out_for_thinking(struct planner *k)
{
    struct plan *p = k->p;
    if (number(p->temperature, 1) < 1)
        leave_out(k, &p->temperature);
    if (number(p->top_p, 1) < TOP_P_MIN)
        leave_out(k, &p->top_p);
    leave_out(k, &p->top_k);
}

static bool takes_top_k(const struct model *m)
{
    return m->family != FAMILY_LLAMA && m->family != FAMILY_MISTRAL && m->family != FAMILY_TITAN;
}

static void settle_sampling(struct planner *k)
{
    struct plan *p = k->p;
    bool none = !k->m->sampling || k->nova_high;
    p->temperature = k->r->temperature;
    p->top_p = k->r->top_p;
    p->top_k = k->r->top_k;
    if (number(p->temperature, 0) > 1) {
        p->temperature = json_parse(SLICE("1"), k->a, NULL);
        plan_repaired(k, REPAIR_SAMPLING);
    }
    if (none) {
        leave_out(k, &p->temperature);
        leave_out(k, &p->top_p);
    }
    if (none || !takes_top_k(k->m))
        leave_out(k, &p->top_k);
    if (plan_asks_to_think(p))
        leave_out_for_thinking(k);
    leave_one(k);
}

void plan_sampling(struct planner *k)
{
    settle_limits(k);
    settle_sampling(k);
}
