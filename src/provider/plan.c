#include "plan_private.h"

#include <string.h>

const char *plan_repair_name(enum plan_repair r)
{
    static const char *const names[REPAIR_COUNT] = {
        [REPAIR_BLANK_TEXT] = "blank-text",
        [REPAIR_MERGED_TURNS] = "merged-turns",
        [REPAIR_FIRST_USER] = "first-user",
        [REPAIR_EMPTY_CONVERSATION] = "empty-conversation",
        [REPAIR_SYSTEM] = "system",
        [REPAIR_DOCUMENT_TEXT] = "document-text",
        [REPAIR_CITATIONS] = "citations",
        [REPAIR_BLOCK_ORDER] = "block-order",
        [REPAIR_TOOL_RESULT_ORDER] = "tool-result-order",
        [REPAIR_TOOL_RESULT_MISSING] = "tool-result-missing",
        [REPAIR_TOOL_RESULT_DUPLICATE] = "tool-result-duplicate",
        [REPAIR_TOOL_RESULT_ORPHAN] = "tool-result-orphan",
        [REPAIR_TOOL_TEXT] = "tool-text",
        [REPAIR_TOOL_INPUT] = "tool-input",
        [REPAIR_TOOL_CONFIG] = "tool-config",
        [REPAIR_TOOL_NAME] = "tool-name",
        [REPAIR_TOOL_ID] = "tool-id",
        [REPAIR_TOOL_CHOICE] = "tool-choice",
        [REPAIR_SCHEMA] = "schema",
        [REPAIR_STOP] = "stop",
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
        [REPAIR_FIELDS] = "fields",
        [REPAIR_SERVER_BLOCKS] = "server-blocks",
        [REPAIR_SERVER_TOOLS] = "server-tools",
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

static void cite(struct llm_block *b)
{
    for (; b; b = b->next) {
        b->citations = b->citations || b->kind == LLM_DOCUMENT;
        cite(b->content);
    }
}

/* Claude cites all documents of a request or none. */
static void settle_citations(struct planner *k)
{
    if (!k->cited || k->cited == k->documents || !k->claude)
        return;
    for (struct llm_message *m = k->p->messages; m; m = m->next)
        cite(m->blocks);
    plan_repaired(k, REPAIR_CITATIONS);
}

/* The model, able to do what the client vouches for. */
static const struct model *vouched(const struct provider_attempt *t)
{
    const struct llm_request *r = t->request;
    if (!r->allowed_params)
        return t->model;
    struct model *m = arena_alloc(t->prompt, sizeof(*m));
    *m = *t->model;
    bool choice = plan_is_allowed(r, "tool_choice");
    m->tools |= choice || plan_is_allowed(r, "tools") || plan_is_allowed(r, "response_format");
    m->tool_choice |= choice;
    m->forced_tool |= choice;
    if (m->thinking == THINKING_NONE &&
        (plan_is_allowed(r, "thinking") || plan_is_allowed(r, "reasoning_effort")))
        m->thinking = THINKING_ADAPTIVE_BUDGET;
    return m;
}

static void converse(struct planner *k)
{
    uint64_t before = k->p->repairs;
    plan_messages(k);
    if (plan_history_thinks(k))
        return;
    k->p->repairs = before | PLAN_REPAIR(REPAIR_THINKING_OFF);
    plan_messages(k);
}

bool plan_make(const struct provider_attempt *t, struct plan *p, struct failure *f)
{
    const struct llm_request *r = t->request;
    struct planner k = {
        .t = t,
        .r = r,
        .system = r->system,
        .messages = r->messages,
        .m = vouched(t),
        .a = t->prompt,
        .p = p,
        .f = f,
        .drop = r->drop_params || t->deployment->drop_params,
        .claude = t->model->family == FAMILY_CLAUDE ||
                  (t->model->family == FAMILY_OTHER && !t->model->known),
    };
    *p = (struct plan){.request = r, .model = k.m, .arena = t->prompt};
    k.tools_as_text = !k.m->tools || (t->deployment->tools_as_text && !r->tools);
    if (r->left_out)
        plan_repaired(&k, REPAIR_FIELDS);
    if (r->server_tools)
        plan_repaired(&k, REPAIR_SERVER_TOOLS);
    if (r->unsigned_thinking)
        plan_repaired(&k, REPAIR_THINKING_DROPPED);
    if (r->tool_input_mended)
        plan_repaired(&k, REPAIR_TOOL_INPUT);
    if (!plan_params(&k) || !plan_tools(&k) || !plan_thinking(&k))
        return false;
    plan_inject(&k);
    converse(&k);
    plan_settle_choice(&k);
    plan_sampling(&k);
    plan_cache(&k);
    settle_citations(&k);
    plan_fields_win(&k);
    if (r->guardrail)
        guard_last_text(&k);
    return true;
}
