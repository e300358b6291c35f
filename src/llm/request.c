#include "llm/request.h"

#include "llm/event.h"

void llm_request_init(struct llm_request *r)
{
    *r = (struct llm_request){.max_tokens = -1};
}

struct llm_block *llm_block_add(struct llm_block ***tail, struct arena *a, enum llm_block_kind kind)
{
    struct llm_block *b = ARENA_NEW(a, struct llm_block);
    b->kind = kind;
    **tail = b;
    *tail = &b->next;
    return b;
}

int64_t llm_usage_prompt(const struct llm_usage *u)
{
    return u->input + u->cache_read + u->cache_write;
}
