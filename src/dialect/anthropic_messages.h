#ifndef DIALECT_ANTHROPIC_MESSAGES_H
#define DIALECT_ANTHROPIC_MESSAGES_H

/* Shared by the files of Anthropic's Messages dialect (POST /v1/messages).
 * Source: Anthropic's API reference and the types of its SDKs. */

#include "parse.h"

/* ---- requests -------------------------------------------------------------------------------- */

bool messages_parse_messages(struct parse *p, yyjson_val *v);
bool messages_parse_system(struct parse *p, yyjson_val *v);
bool messages_parse_tools(struct parse *p, yyjson_val *v);
bool messages_parse_tool_choice(struct parse *p, yyjson_val *v);

/* The ttl of a cache_control. True: the holder has one. */
bool messages_cache_control(yyjson_val *holder, struct slice *ttl);

/* ---- answers --------------------------------------------------------------------------------- */

/* Anthropic's word for why the model stopped; `word`: the provider's, for LLM_STOP_OTHER. */
struct slice messages_stop_reason(enum llm_stop stop, struct slice word);

/* The object of a usage. `cache`: with the counts of the cache, known or not. */
void messages_write_usage(struct json_writer *w, const struct llm_usage *u, bool cache);

/* A citation in Anthropic's form, whichever form the provider gave it. */
void messages_write_citation(struct json_writer *w, yyjson_val *citation);

/* {"type": "error", "error": {type, message}} */
void messages_error_write(const struct failure *f, struct buf *out);

void *messages_encoder(struct arena *a, const struct llm_request *r,
                       const struct dialect_answer *ans);
void messages_encode(void *encoder, const struct llm_event *e, struct buf *out);
void messages_keep_alive(struct buf *out);
void messages_encode_whole(const struct llm_response *response, const struct llm_request *r,
                           const struct dialect_answer *ans, struct buf *out);

#endif
