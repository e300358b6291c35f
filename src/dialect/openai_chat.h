#ifndef DIALECT_OPENAI_CHAT_H
#define DIALECT_OPENAI_CHAT_H

/* Shared by the files of the OpenAI chat completions dialect; the request side, where they say the
 * same, by Responses too. */

#include "parse.h"

/* Single members (openai_chat_params.c). */
bool chat_parse_n(struct parse *p, yyjson_val *v);
bool chat_parse_response_format(struct parse *p, yyjson_val *v);
bool chat_parse_parallel_tool_calls(struct parse *p, yyjson_val *v);
bool chat_parse_reasoning_effort(struct parse *p, yyjson_val *v);
bool chat_parse_service_tier(struct parse *p, yyjson_val *v);

bool chat_parse_functions(struct parse *p, yyjson_val *functions);
bool chat_parse_function_call(struct parse *p, yyjson_val *choice);
bool chat_parse_messages(struct parse *p, yyjson_val *messages);
bool chat_parse_tools(struct parse *p, yyjson_val *tools);
bool chat_parse_tool_choice(struct parse *p, yyjson_val *choice);

/* The legacy function_call of an assistant message: likewise, under an id of our own … */
bool chat_parse_legacy_call(struct parse *p, struct slice path, yyjson_val *call,
                            struct llm_block ***tail);
/* … which the next message of role "function" answers. */
struct slice chat_legacy_id(struct parse *p);

/* One entry of an assistant message's tool_calls: appends a LLM_TOOL_USE block. */
bool chat_parse_tool_call(struct parse *p, struct slice path, yyjson_val *call,
                          struct llm_block ***tail);

/* A call's arguments, as a client sent them back: one JSON object. */
struct slice chat_tool_input(struct parse *p, struct slice text);

/* {name: text} */
struct slice chat_wrap_text(struct arena *a, const char *name, struct slice text);

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
