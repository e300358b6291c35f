#include "openai_answer.h"

#include "wire/sse.h"

const char *openai_finish_reason(enum llm_stop stop)
{
    switch (stop) {
    case LLM_STOP_END_TURN:
    case LLM_STOP_SEQUENCE:
    case LLM_STOP_MALFORMED_OUTPUT:
    case LLM_STOP_OTHER: return "stop";
    case LLM_STOP_TOOL_USE:
    case LLM_STOP_MALFORMED_TOOL_USE: return "tool_calls";
    case LLM_STOP_MAX_TOKENS:
    case LLM_STOP_CONTEXT_WINDOW: return "length";
    case LLM_STOP_CONTENT_FILTER: return "content_filter";
    }
    return "stop";
}

static void write_prompt_details(struct json_writer *w, const struct llm_usage *u)
{
    json_key(w, "prompt_tokens_details");
    json_object(w);
    json_member_integer(w, "cached_tokens", u->cache_read);
    json_member_integer(w, "cache_write_tokens", u->cache_write);
    json_member_integer(w, "cache_creation_tokens", u->cache_write);
    json_member_integer(w, "text_tokens", u->input);
    if (u->cache_write_1h) {
        json_key(w, "cache_creation_token_details");
        llm_usage_write_lifetimes(w, u);
    }
    json_object_end(w);
}

void openai_write_usage(struct json_writer *w, const struct llm_usage *u)
{
    json_key(w, "usage");
    json_object(w);
    json_member_integer(w, "completion_tokens", u->output);
    json_member_integer(w, "prompt_tokens", llm_usage_prompt(u));
    json_member_integer(w, "total_tokens", llm_usage_prompt(u) + u->output);
    json_key(w, "completion_tokens_details");
    json_object(w);
    json_member_integer(w, "reasoning_tokens", u->reasoning);
    json_member_integer(w, "text_tokens", u->output - u->reasoning);
    json_object_end(w);
    write_prompt_details(w, u);
    json_member_integer(w, "cache_creation_input_tokens", u->cache_write);
    json_member_integer(w, "cache_read_input_tokens", u->cache_read);
    if (u->has_cost) {
        char room[SLICE_MONEY];
        json_key(w, "cost");
        json_raw(w, slice_money(u->cost, room));
    }
    json_object_end(w);
}

void openai_keep_alive(struct buf *out)
{
    sse_comment(out, SLICE("keep-alive"));
}
