#ifndef DIALECT_OPENAI_CHAT_H
#define DIALECT_OPENAI_CHAT_H

/* Shared by the files of the OpenAI chat completions dialect. */

#include "dialect/dialect.h"

/* What a parse carries along. */
struct chat_parse {
    struct arena *a;
    struct llm_request *r;
    struct failure *f;
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

bool chat_parse_messages(struct chat_parse *p, yyjson_val *messages);
bool chat_parse_tools(struct chat_parse *p, yyjson_val *tools);
bool chat_parse_tool_choice(struct chat_parse *p, yyjson_val *choice);

/* One entry of an assistant message's tool_calls: appends a LLM_TOOL_USE block. */
bool chat_parse_tool_call(struct chat_parse *p, struct slice path, yyjson_val *call,
                          struct llm_block ***tail);

/* A content part of a message that is an image, a document or a video: appends a block. */
bool chat_is_media(struct slice type);
bool chat_parse_media(struct chat_parse *p, struct slice path, yyjson_val *part,
                      struct llm_block ***tail);

void *chat_encoder(struct arena *a, const struct llm_request *r, const struct dialect_answer *ans);
void chat_encode(void *encoder, const struct llm_event *e, struct buf *out);
void chat_encode_whole(const struct llm_response *response, const struct llm_request *r,
                       const struct dialect_answer *ans, struct buf *out);

#endif
