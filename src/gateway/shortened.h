#ifndef GATEWAY_SHORTENED_H
#define GATEWAY_SHORTENED_H

/* Prompts that are too long for where they are kept. What is left out is said in LiteLLM's words:
 * "… (litellm_truncated skipped 1234 chars) …". */

#include "base/json.h"

/* A string of which at most `max` bytes are shown: without its middle. */
void shortened_text(struct json_writer *w, struct slice s, size_t max);

/* A conversation, or any other value, with about `max` bytes of text: the last elements of a list
 * are whole, as many as there is room for; in those before them each string is shown with at most
 * SHORTENED_OLD bytes. Everything else is as it was. */
#define SHORTENED_OLD 100
void shortened_messages(struct json_writer *w, yyjson_val *messages, size_t max);
/* The same of one whose system prompt stands beside it: a first message with that role. */
void shortened_conversation(struct json_writer *w, yyjson_val *system, yyjson_val *messages,
                            size_t max);

#endif
