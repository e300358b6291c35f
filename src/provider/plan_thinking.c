/* Thinking: in which form the model is asked for it, and whether the conversation lets it.
 *
 * The happy path: what the client asks for (a budget, an effort, adaptive) is put into the form the
 * model takes, and the thinking of earlier turns is sent as it came. A tool loop that has lost its
 * thinking switches thinking off for the turn, since a model with a budget would refuse it; a model
 * that can think adaptively does that instead, since it does not ask.
 *
 * Failure modes: an effort for a model that cannot think is an unsupported parameter.
 * Facts: Anthropic's documentation of extended and adaptive thinking, Amazon's of Nova 2; efforts →
 * budgets as LiteLLM has them. */

#include "plan_private.h"

#define BUDGET_MIN 1024

static const struct effort_row {
    const char *effort;
    int64_t budget; /* LiteLLM's, for models that take budgets */
} efforts[] = {
    {"minimal", 1024}, {"low", 1024},   {"medium", 2048},
    {"high", 4096},    {"xhigh", 8192}, {"max", 16384},
};
enum { MINIMAL, LOW, MEDIUM, HIGH, XHIGH, EFFORT_COUNT = sizeof(efforts) / sizeof(*efforts) };

static size_t effort_rank(struct slice effort)
{
    size_t i = 0;
    while (i < EFFORT_COUNT && !slice_eq(effort, slice_of(efforts[i].effort)))
        i++;
    return i;
}

/* The rank of the effort that thinks about as long as the budget. */
static size_t rank_of_budget(int64_t budget)
{
    size_t rank = LOW;
    while (rank < HIGH && efforts[rank].budget < budget)
        rank++;
    return rank;
}

static bool wanted(const struct planner *k)
{
    const struct llm_thinking *t = &k->r->thinking;
    if (t->kind == LLM_THINKING_BUDGET || t->kind == LLM_THINKING_ADAPTIVE)
        return true;
    return t->kind == LLM_THINKING_UNSET && t->effort.n && !slice_eq(t->effort, SLICE("none"));
}

/* ---- effort -------------------------------------------------------------------------------- */

/* "minimal" is no effort of Anthropic's, not every model has "xhigh", and each has a highest. Words
 * we do not know are the model's to judge. */
static struct slice fit_effort(struct planner *k, struct slice effort)
{
    size_t rank = effort_rank(effort), asked = rank;
    size_t ceiling = k->m->effort_ceiling ? effort_rank(slice_of(k->m->effort_ceiling)) : HIGH;
    if (rank == EFFORT_COUNT)
        return effort;
    if (rank > ceiling)
        rank = ceiling;
    if (rank == XHIGH && !k->m->effort_xhigh)
        rank = HIGH;
    if (rank < asked)
        plan_repaired(k, REPAIR_THINKING_BUDGET);
    return slice_of(efforts[rank == MINIMAL ? LOW : rank].effort);
}

/* Anthropic's output_config.effort: how thorough the whole answer is, with thinking or without. */
static bool settle_output_effort(struct planner *k)
{
    struct slice effort = k->r->thinking.output_effort;
    if (!effort.n)
        return true;
    if (!k->claude || (k->m->family == FAMILY_CLAUDE && !k->m->effort))
        return plan_unsupported(k, SLICE("output_config"));
    k->p->effort = fit_effort(k, effort);
    return true;
}

/* ---- the model's form ---------------------------------------------------------------------- */

static void set_budget(struct planner *k)
{
    const struct llm_thinking *t = &k->r->thinking;
    size_t rank = effort_rank(t->effort);
    int64_t budget = efforts[rank < EFFORT_COUNT ? rank : MEDIUM].budget;
    if (t->kind == LLM_THINKING_BUDGET && t->budget)
        budget = t->budget;
    if (t->kind == LLM_THINKING_ADAPTIVE || budget < BUDGET_MIN)
        plan_repaired(k, REPAIR_THINKING_BUDGET);
    k->p->thinking = PLAN_THINKING_BUDGET;
    k->p->budget = budget < BUDGET_MIN ? BUDGET_MIN : budget;
}

/* Newer models give no text unless asked, only a signature; older ones do anyway. */
static void set_display(struct planner *k)
{
    const struct llm_thinking *t = &k->r->thinking;
    k->p->display = t->display;
    if (!t->display.n && (k->m->thinking != THINKING_ADAPTIVE_BUDGET || !t->kind))
        k->p->display = SLICE("summarized");
}

static void set_adaptive(struct planner *k)
{
    const struct llm_thinking *t = &k->r->thinking;
    struct slice effort = effort_rank(t->effort) < EFFORT_COUNT ? t->effort : SLICE("");
    if (t->kind == LLM_THINKING_BUDGET) {
        if (!effort.n && t->budget)
            effort = slice_of(efforts[rank_of_budget(t->budget)].effort);
        plan_repaired(k, REPAIR_THINKING_BUDGET);
    }
    k->p->thinking = PLAN_THINKING_ADAPTIVE;
    if (effort.n && !k->p->effort.n)
        k->p->effort = fit_effort(k, effort);
    set_display(k);
}

/* Where a budget can be switched off, that is said; where thinking has to be asked for, saying
 * nothing is enough; and the newest cannot be kept from it. */
static void set_off(struct planner *k)
{
    const struct llm_thinking *t = &k->r->thinking;
    bool said = t->kind == LLM_THINKING_OFF;
    if (k->m->thinking == THINKING_ALWAYS && (said || slice_eq(t->effort, SLICE("none"))))
        plan_repaired(k, REPAIR_THINKING_BUDGET);
    if (said && (k->m->thinking == THINKING_BUDGET || k->m->thinking == THINKING_ADAPTIVE_BUDGET))
        k->p->thinking = PLAN_THINKING_DISABLED;
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
    const struct llm_thinking *t = &k->r->thinking;
    size_t rank = effort_rank(t->effort);
    if (rank == EFFORT_COUNT)
        rank = t->budget ? rank_of_budget(t->budget) : MEDIUM;
    const char *effort = rank <= LOW ? "low" : rank == MEDIUM ? "medium" : "high";
    if (t->kind)
        plan_repaired(k, REPAIR_THINKING_BUDGET);
    if (k->m->family == FAMILY_NOVA) {
        struct slice json =
            arena_printf(k->a, "{\"type\":\"enabled\",\"maxReasoningEffort\":\"%s\"}", effort);
        plan_field(k, SLICE("reasoningConfig"), json.p);
        k->nova_high = rank >= HIGH;
    } else if (k->m->family == FAMILY_OPENAI) {
        plan_field(k, SLICE("reasoning_effort"), arena_printf(k->a, "\"%s\"", effort).p);
    }
}

bool plan_thinking(struct planner *k)
{
    bool own = k->r->thinking.kind != LLM_THINKING_UNSET;
    if (!settle_output_effort(k))
        return false;
    if (!wanted(k)) {
        if (k->claude)
            set_off(k);
        return true;
    }
    if (k->m->thinking == THINKING_NONE)
        return plan_unsupported(k, own ? SLICE("thinking") : SLICE("reasoning_effort"));
    if (k->claude)
        set_claude(k);
    else
        set_other(k);
    return true;
}

/* ---- the history --------------------------------------------------------------------------- */

/* A signature without its text, from a model that shows what it thinks: the client has lost a part.
 */
static bool is_torn(const struct planner *k, const struct llm_block *b)
{
    bool shows = k->m->thinking == THINKING_BUDGET || k->m->thinking == THINKING_ADAPTIVE_BUDGET;
    return shows && b->signature.n && !b->text.n &&
           !slice_eq(k->r->thinking.display, SLICE("omitted"));
}

/* Thinking is sent as it came, but where the model would refuse it. Others than Claude do. */
bool plan_keeps_thinking(struct planner *k, const struct llm_block *b)
{
    bool off = k->p->repairs & PLAN_REPAIR(REPAIR_THINKING_OFF);
    bool thinks = plan_thinks(k->p) || k->m->thinking == THINKING_ALWAYS;
    if (b->recalled && (off || !thinks))
        return false;
    if (off || !k->claude || k->m->thinking == THINKING_NONE || is_torn(k, b)) {
        plan_repaired(k, REPAIR_THINKING_DROPPED);
        return false;
    }
    if (b->recalled)
        plan_repaired(k, REPAIR_THINKING_RECALLED);
    return true;
}

static bool begins_with_thinking(const struct llm_message *m)
{
    return m && m->blocks->kind == LLM_REASONING;
}

/* The answer that is being worked on must begin with thinking as long as its tool calls are being
 * worked off. Whether words of the user among the results begin a new answer is not documented, so
 * both readings must hold. */
static bool loop_thinks(const struct plan *p)
{
    const struct llm_message *loop = NULL, *answer = NULL; /* where it began, in both readings */
    bool results = false, asked = true;                    /* of the last user turn */
    for (const struct llm_message *m = p->messages; m; m = m->next) {
        if (m->role == LLM_ASSISTANT) {
            loop = results ? loop : m;
            answer = asked ? m : answer;
            continue;
        }
        results = asked = false;
        for (const struct llm_block *b = m->blocks; b; b = b->next) {
            results |= b->kind == LLM_TOOL_RESULT;
            asked |= b->kind != LLM_TOOL_RESULT && b->kind != LLM_CACHE_POINT;
        }
    }
    return !results || (begins_with_thinking(loop) && begins_with_thinking(answer));
}

bool plan_history_thinks(struct planner *k)
{
    struct plan *p = k->p;
    if (p->thinking != PLAN_THINKING_BUDGET || loop_thinks(p))
        return true;
    if (k->m->thinking == THINKING_ADAPTIVE_BUDGET) {
        set_adaptive(k);
        return true;
    }
    p->thinking = PLAN_THINKING_UNSET;
    return false;
}
