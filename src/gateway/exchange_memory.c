#include "exchange_memory.h"

#include "auth.h"
#include "worker_private.h"

/* Whether the model could take thinking back: it may think, and the client does not say no. */
static bool may_think(const struct exchange *ex)
{
    const struct model *m = ex->model;
    if (m->thinking == THINKING_NONE)
        return !m->known;
    return m->thinking == THINKING_ALWAYS || ex->request.thinking.kind != LLM_THINKING_OFF;
}

/* An answer may call tools when some are offered, or when the history has calls. */
static bool may_call_tools(const struct llm_request *r)
{
    if (r->tools)
        return true;
    for (const struct llm_message *m = r->messages; m; m = m->next)
        for (const struct llm_block *b = m->blocks; b; b = b->next)
            if (b->kind == LLM_TOOL_USE)
                return true;
    return false;
}

static int64_t ttl_of(const struct exchange *ex)
{
    return config_milliseconds(ex->config->settings.thinking_memory_ttl);
}

bool exchange_watch_thinking(struct exchange *ex)
{
    if (!ex->worker->memory || !may_think(ex) || !may_call_tools(&ex->request))
        return false;
    if (!ex->thinking.on) {
        ex->scope = memory_scope_of(auth_key(ex->config, ex->head), slice_of(ex->model->id));
        thinking_capture_init(&ex->thinking, &ex->arena, true);
    }
    return true;
}

bool exchange_recall(struct exchange *ex)
{
    struct memory *m = ex->worker->memory;
    if (!exchange_watch_thinking(ex))
        return true;
    if (!ex->entered) {
        memory_recall_begin(&ex->recall, m,
                            &(struct recall_request){.messages = ex->request.messages,
                                                     .arena = &ex->prompt,
                                                     .scope = &ex->scope,
                                                     .item = &ex->item,
                                                     .ttl_ms = ttl_of(ex)});
    }
    return memory_recall_step(&ex->recall);
}

/* Another deployment may be another model, which must not see this one's thinking. */
void exchange_forget_thinking(struct exchange *ex)
{
    memory_recall_cancel(&ex->recall);
    ex->recall = (struct memory_recall){0};
    thinking_capture_fini(&ex->thinking);
    ex->thinking = (struct thinking_capture){0};
    for (struct llm_message *m = ex->request.messages; m; m = m->next)
        while (m->blocks && m->blocks->recalled)
            m->blocks = m->blocks->next;
}

void exchange_keep(struct exchange *ex)
{
    if (ex->thinking.on)
        memory_keep(ex->worker->memory, &ex->scope, &ex->thinking, ttl_of(ex));
}
