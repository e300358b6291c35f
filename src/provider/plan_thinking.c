/* Thinking, sampling and token limits: they depend on each other.
 *
 * The happy path: what the client asks for (a budget, an effort, adaptive) is put into the form the
 * model takes. With thinking on, Claude takes no other temperature than 1, no top_k, no forced tool
 * and wants max_tokens above the budget: all that is arranged. A history that has lost its thinking
 * switches thinking off for the turn, since the model would refuse it.
 *
 * Failure modes: an effort for a model that cannot think is an unsupported parameter.
 * Facts: Anthropic's documentation of extended and adaptive thinking; efforts → budgets as LiteLLM
 * has them. */

#include "plan_private.h"

#define BUDGET_MIN     1024
#define ANSWER_DEFAULT 4096 /* tokens for the answer itself, when only the budget is known */
#define TOP_P_MIN      0.95 /* beside thinking */

static const struct effort_row {
    const char *effort;
    int64_t budget; /* LiteLLM's, for models that take budgets */
} efforts[] = {
    {"minimal", 1024}, {"low", 1024},   {"medium", 2048},
    {"high", 4096},    {"xhigh", 8192}, {"max", 16384},
};
#define EFFORT_COUNT (sizeof(efforts) / sizeof(*efforts))

static size_t effort_rank(struct slice effort)
{
    size_t i = 0;
    while (i < EFFORT_COUNT && !slice_eq(effort, slice_of(efforts[i].effort)))
        i++;
    return i;
}

static bool wanted(const struct planner *k)
{
    const struct llm_thinking *t = &k->r->thinking;
    if (t->kind == LLM_THINKING_BUDGET || t->kind == LLM_THINKING_ADAPTIVE)
        return true;
    return t->kind == LLM_THINKING_UNSET && t->effort.n && !slice_eq(t->effort, SLICE("none"));
}

/* ---- the model's form ---------------------------------------------------------------------- */

static void set_budget(struct planner *k)
{
    const struct llm_thinking *t = &k->r->thinking;
    size_t rank = effort_rank(t->effort);
    int64_t budget = rank < EFFORT_COUNT ? efforts[rank].budget : efforts[2].budget;
    if (t->kind == LLM_THINKING_BUDGET && t->budget)
        budget = t->budget;
    if (t->kind == LLM_THINKING_ADAPTIVE || budget < BUDGET_MIN)
        plan_repaired(k, REPAIR_THINKING_BUDGET);
    k->p->thinking = PLAN_THINKING_BUDGET;
    k->p->budget = budget < BUDGET_MIN ? BUDGET_MIN : budget;
}

/* "minimal" is no effort of Anthropic's; what is above the model's ceiling is cut to it. */
static struct slice clamp_effort(struct planner *k, struct slice effort)
{
    size_t rank = effort_rank(effort);
    size_t ceiling = k->m->effort_ceiling ? effort_rank(slice_of(k->m->effort_ceiling)) : 3;
    if (rank == EFFORT_COUNT)
        return SLICE("");
    if (rank == 0)
        rank = 1;
    return slice_of(efforts[rank < ceiling ? rank : ceiling].effort);
}

/* The effort that thinks about as long as the budget. */
static struct slice effort_of_budget(int64_t budget)
{
    size_t rank = 1;
    while (rank < 3 && efforts[rank].budget < budget)
        rank++;
    return budget > 0 ? slice_of(efforts[rank].effort) : SLICE("");
}

static void set_adaptive(struct planner *k)
{
    const struct llm_thinking *t = &k->r->thinking;
    struct slice effort = t->effort;
    if (t->kind == LLM_THINKING_BUDGET) {
        effort = effort.n ? effort : effort_of_budget(t->budget);
        plan_repaired(k, REPAIR_THINKING_BUDGET);
    }
    k->p->thinking = PLAN_THINKING_ADAPTIVE;
    k->p->effort = clamp_effort(k, effort);
    k->p->display = t->display;
    /* Newer models give no text unless asked, only a signature; older ones do anyway. */
    if (!t->display.n && (k->m->thinking != THINKING_ADAPTIVE_BUDGET || !t->kind))
        k->p->display = SLICE("summarized");
}

/* "disabled" is an error where thinking is adaptive only, and means nothing without it. */
static void set_off(struct planner *k)
{
    bool said = k->r->thinking.kind == LLM_THINKING_OFF;
    bool takes = k->m->thinking == THINKING_BUDGET || k->m->thinking == THINKING_ADAPTIVE_BUDGET;
    if (said && takes)
        k->p->thinking = PLAN_THINKING_DISABLED;
    else if (said && k->m->thinking != THINKING_NONE)
        plan_repaired(k, REPAIR_THINKING_BUDGET);
}

static void set_claude(struct planner *k)
{
    bool budget = k->r->thinking.kind == LLM_THINKING_BUDGET;
    if (k->m->thinking == THINKING_BUDGET || (k->m->thinking == THINKING_ADAPTIVE_BUDGET && budget))
        set_budget(k);
    else
        set_adaptive(k);
}

/* Other families have a field of their own; those without think as they please. */
static void set_other(struct planner *k)
{
    size_t rank = effort_rank(k->r->thinking.effort);
    const char *effort = rank < 2 ? "low" : rank == 2 || rank == EFFORT_COUNT ? "medium" : "high";
    struct slice json = arena_printf(k->a,
                                     k->m->family == FAMILY_NOVA
                                         ? "{\"type\":\"enabled\",\"maxReasoningEffort\":\"%s\"}"
                                         : "\"%s\"",
                                     effort);
    if (k->m->family == FAMILY_NOVA)
        plan_field(k, SLICE("reasoningConfig"), json.p);
    else if (k->m->family == FAMILY_OPENAI)
        plan_field(k, SLICE("reasoning_effort"), json.p);
}

static bool settle_form(struct planner *k)
{
    struct slice name =
        k->r->thinking.kind == LLM_THINKING_UNSET ? SLICE("reasoning_effort") : SLICE("thinking");
    if (!wanted(k)) {
        if (k->m->family == FAMILY_CLAUDE)
            set_off(k);
        return true;
    }
    if (k->m->thinking == THINKING_NONE)
        return plan_unsupported(k, name);
    if (k->m->family == FAMILY_CLAUDE)
        set_claude(k);
    else
        set_other(k);
    return true;
}

/* ---- what thinking changes ----------------------------------------------------------------- */

static bool is_on(const struct plan *p)
{
    return p->thinking == PLAN_THINKING_BUDGET || p->thinking == PLAN_THINKING_ADAPTIVE;
}

static void leave_out(struct planner *k, yyjson_val **v)
{
    if (*v)
        plan_repaired(k, REPAIR_SAMPLING);
    *v = NULL;
}

static void settle_sampling(struct planner *k)
{
    double value;
    struct plan *p = k->p;
    p->temperature = k->r->temperature;
    p->top_p = k->r->top_p;
    p->top_k = k->r->top_k;
    if (!k->m->sampling) {
        leave_out(k, &p->temperature);
        leave_out(k, &p->top_p);
        leave_out(k, &p->top_k);
    }
    if (k->m->family == FAMILY_LLAMA || k->m->family == FAMILY_MISTRAL ||
        k->m->family == FAMILY_TITAN)
        leave_out(k, &p->top_k);
    if (!is_on(p))
        return;
    if (json_double(p->temperature, &value) && value < 1)
        leave_out(k, &p->temperature);
    if (json_double(p->top_p, &value) && value < TOP_P_MIN)
        leave_out(k, &p->top_p);
    leave_out(k, &p->top_k);
}

static void relax_choice(struct planner *k)
{
    struct plan *p = k->p;
    bool forced = p->tool_choice == LLM_TOOLS_REQUIRED || p->tool_choice == LLM_TOOLS_NAMED;
    if (!is_on(p) || !forced)
        return;
    bool own = k->r->tool_choice == LLM_TOOLS_REQUIRED || k->r->tool_choice == LLM_TOOLS_NAMED;
    p->tool_choice = own ? LLM_TOOLS_AUTO : LLM_TOOLS_UNSET;
    plan_repaired(k, REPAIR_TOOL_CHOICE);
}

static void cap(struct planner *k, int64_t *tokens, int64_t limit, enum plan_repair repair)
{
    if (limit <= 0 || *tokens <= limit)
        return;
    *tokens = limit;
    plan_repaired(k, repair);
}

/* max_tokens counts thinking and answer: the client's figure was meant for the answer when it
 * leaves no room for the budget. */
static void settle_limits(struct planner *k)
{
    struct plan *p = k->p;
    int64_t limit = k->m->known ? k->m->max_output_tokens : 0;
    p->max_tokens = k->r->max_tokens;
    if (p->thinking == PLAN_THINKING_BUDGET) {
        if (limit > BUDGET_MIN)
            cap(k, &p->budget, limit - BUDGET_MIN, REPAIR_THINKING_BUDGET);
        if (p->max_tokens >= 0 && p->max_tokens <= p->budget) {
            p->max_tokens += p->budget;
            plan_repaired(k, REPAIR_MAX_TOKENS);
        }
        if (p->max_tokens < 0)
            p->max_tokens = p->budget + ANSWER_DEFAULT;
    }
    cap(k, &p->max_tokens, limit, REPAIR_MAX_TOKENS);
}

bool plan_thinking(struct planner *k)
{
    if (!settle_form(k))
        return false;
    settle_limits(k);
    if (k->p->thinking == PLAN_THINKING_BUDGET && !plan_history_thinks(k->r)) {
        k->p->thinking = PLAN_THINKING_UNSET;
        plan_repaired(k, REPAIR_THINKING_OFF);
    }
    settle_sampling(k);
    relax_choice(k);
    return true;
}
