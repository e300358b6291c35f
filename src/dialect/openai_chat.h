#ifndef DIALECT_OPENAI_CHAT_H
#define DIALECT_OPENAI_CHAT_H

/* Shared by the files of the OpenAI chat completions dialect. */

#include "dialect/dialect.h"

/* What a parse carries along. */
struct chat_parse {
    struct arena *a;
    struct llm_request *r;
    struct failure *f;
    unsigned function_calls; /* legacy calls without ids so far */
};

/* 400 naming the member: the message becomes "path: text". `path` is followed by a NUL (a literal,
 * or from arena_printf). Returns false. */
bool chat_refuse(struct chat_parse *p, struct slice path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "expected X, got Y" for a member of the wrong type. Returns false. */
bool chat_refuse_type(struct chat_parse *p, struct slice path, const char *expected, yyjson_val *v);

/* Paths for errors, made for every part of every message: "base.member" and "base[i]". */
struct slice chat_path_member(struct chat_parse *p, struct slice base, struct slice member);
struct slice chat_path_item(struct chat_parse *p, struct slice base, size_t i);

/* A boolean; LiteLLM's clients write "true" here and there. */
bool chat_parse_flag(struct chat_parse *p, const char *name, yyjson_val *v, bool *flag);

/* Keeps a member for the provider to judge. */
bool chat_set_extra(struct chat_parse *p, struct slice name, yyjson_val *value);

/* Single members (openai_chat_params.c). */
bool chat_parse_n(struct chat_parse *p, yyjson_val *v);
bool chat_parse_response_format(struct chat_parse *p, yyjson_val *v);
bool chat_parse_parallel_tool_calls(struct chat_parse *p, yyjson_val *v);
bool chat_parse_reasoning_effort(struct chat_parse *p, yyjson_val *v);
bool chat_parse_thinking(struct chat_parse *p, yyjson_val *v);
bool chat_parse_output_config(struct chat_parse *p, yyjson_val *v);
bool chat_parse_service_tier(struct chat_parse *p, yyjson_val *v);
bool chat_parse_guardrail(struct chat_parse *p, yyjson_val *v);
bool chat_parse_cache_points(struct chat_parse *p, yyjson_val *v);
bool chat_parse_extra_headers(struct chat_parse *p, yyjson_val *v);
bool chat_parse_drop_list(struct chat_parse *p, yyjson_val *v);
bool chat_parse_allowed_params(struct chat_parse *p, yyjson_val *v);
bool chat_parse_mock_response(struct chat_parse *p, yyjson_val *v);
bool chat_parse_mock_timeout(struct chat_parse *p, yyjson_val *v);

/* What the client says about attempts. */
bool chat_parse_context_fallbacks(struct chat_parse *p, yyjson_val *v);
bool chat_parse_disable_fallbacks(struct chat_parse *p, yyjson_val *v);
bool chat_parse_fallbacks(struct chat_parse *p, yyjson_val *v);
bool chat_parse_mock_policy(struct chat_parse *p, yyjson_val *v);
bool chat_parse_mock_context(struct chat_parse *p, yyjson_val *v);
bool chat_parse_mock_fallbacks(struct chat_parse *p, yyjson_val *v);
bool chat_parse_mock_rate_limit(struct chat_parse *p, yyjson_val *v);
bool chat_parse_num_retries(struct chat_parse *p, yyjson_val *v);
bool chat_parse_tags(struct chat_parse *p, yyjson_val *v);
bool chat_parse_region(struct chat_parse *p, yyjson_val *v);

bool chat_parse_functions(struct chat_parse *p, yyjson_val *functions);
bool chat_parse_function_call(struct chat_parse *p, yyjson_val *choice);
bool chat_parse_messages(struct chat_parse *p, yyjson_val *messages);
bool chat_parse_tools(struct chat_parse *p, yyjson_val *tools);
bool chat_parse_tool_choice(struct chat_parse *p, yyjson_val *choice);

/* The legacy function_call of an assistant message: likewise, under an id of our own … */
bool chat_parse_legacy_call(struct chat_parse *p, struct slice path, yyjson_val *call,
                            struct llm_block ***tail);
/* … which the next message of role "function" answers. */
struct slice chat_legacy_id(struct chat_parse *p);

/* One entry of an assistant message's tool_calls: appends a LLM_TOOL_USE block. */
bool chat_parse_tool_call(struct chat_parse *p, struct slice path, yyjson_val *call,
                          struct llm_block ***tail);

/* A content part of a message that is an image, a document or a video: appends a block. */
bool chat_is_media(struct slice type);
bool chat_parse_media(struct chat_parse *p, struct slice path, yyjson_val *part,
                      struct llm_block ***tail);

/* Around thinking that is shown as text. */
#define THINK_BEGIN "<think>"
#define THINK_END   "</think>"

/* As openai_finish_reason; `legacy`: a call is a "function_call". */
const char *chat_finish_reason(enum llm_stop stop, bool legacy);

void *chat_encoder(struct arena *a, const struct llm_request *r, const struct dialect_answer *ans);
void chat_encode(void *encoder, const struct llm_event *e, struct buf *out);
void chat_encode_whole(const struct llm_response *response, const struct llm_request *r,
                       const struct dialect_answer *ans, struct buf *out);

#endif
