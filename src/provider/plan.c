#include "plan_private.h"

#include <string.h>

const char *plan_repair_name(enum plan_repair r)
{
    static const char *const names[REPAIR_COUNT] = {
        [REPAIR_BLANK_TEXT] = "blank-text",
        [REPAIR_MERGED_TURNS] = "merged-turns",
        [REPAIR_FIRST_USER] = "first-user",
        [REPAIR_EMPTY_CONVERSATION] = "empty-conversation",
        [REPAIR_BLOCK_ORDER] = "block-order",
        [REPAIR_TOOL_RESULT_ORDER] = "tool-result-order",
        [REPAIR_TOOL_RESULT_MISSING] = "tool-result-missing",
        [REPAIR_TOOL_RESULT_DUPLICATE] = "tool-result-duplicate",
        [REPAIR_TOOL_RESULT_ORPHAN] = "tool-result-orphan",
        [REPAIR_TOOL_CONFIG] = "tool-config",
        [REPAIR_TOOL_NAME] = "tool-name",
        [REPAIR_TOOL_ID] = "tool-id",
        [REPAIR_TOOL_CHOICE] = "tool-choice",
        [REPAIR_SCHEMA] = "schema",
        [REPAIR_PREFILL] = "prefill",
        [REPAIR_CACHE_POINTS] = "cache-points",
        [REPAIR_CACHE_TTL] = "cache-ttl",
        [REPAIR_SAMPLING] = "sampling",
        [REPAIR_MAX_TOKENS] = "max-tokens",
        [REPAIR_THINKING_BUDGET] = "thinking-budget",
        [REPAIR_THINKING_RECALLED] = "thinking-recalled",
        [REPAIR_THINKING_OFF] = "thinking-off",
        [REPAIR_THINKING_DROPPED] = "thinking-dropped",
        [REPAIR_BETA] = "beta",
    };
    return names[r];
}

/* The guardrail is meant to look at what the user says now, not at the whole history again. */
static void guard_last_text(struct planner *k)
{
    struct llm_message *last = k->p->messages;
    struct llm_block *text = NULL;
    while (last->next)
        last = last->next;
    for (struct llm_block *b = last->blocks; b; b = b->next)
        if (b->kind == LLM_TEXT)
            text = b;
    if (text && last->role == LLM_USER)
        text->guarded = true;
}

bool plan_make(const struct provider_attempt *t, struct plan *p, struct failure *f)
{
    struct planner k = {
        .t = t,
        .r = t->request,
        .m = t->model,
        .a = t->prompt,
        .p = p,
        .f = f,
        .drop = t->request->drop_params || t->deployment->drop_params,
    };
    *p = (struct plan){.request = t->request, .model = t->model, .arena = t->prompt};
    if (t->request->unsigned_thinking)
        plan_repaired(&k, REPAIR_THINKING_DROPPED);
    if (!plan_params(&k) || !plan_tools(&k) || !plan_thinking(&k))
        return false;
    plan_messages(&k);
    plan_cache(&k);
    if (t->request->guardrail)
        guard_last_text(&k);
    return true;
}
