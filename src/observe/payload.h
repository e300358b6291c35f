#ifndef OBSERVE_PAYLOAD_H
#define OBSERVE_PAYLOAD_H

/* A request as LiteLLM's standard logging payload (litellm/types/utils.py, StandardLoggingPayload,
 * 1.106): what its webhooks, buckets and logs hold. */

#include "base/json.h"
#include "observe/record.h"

/* `without`: a list of members that are left out
 * (litellm_settings.standard_logging_payload_excluded_fields), or NULL. */
#define PAYLOAD_LEFT_OUT "standard_logging_payload_excluded_fields"
void payload_write(struct json_writer *w, const struct record *r, yyjson_val *without,
                   struct arena *a);

/* LiteLLM's name; empty: another server, which the gateway knows nothing of. */
struct slice payload_provider(const struct record *r);
bool payload_embeds(const struct record *r); /* it is a request for embeddings */

/* Parts of it, for sinks with shapes of their own. */
void payload_messages(struct json_writer *w, const struct record *r);   /* or null */
void payload_response(struct json_writer *w, const struct record *r);   /* a chat.completion, or
                                                                           the list of embeddings */
struct slice payload_answer(const struct record *r, struct arena *a);   /* the same as a text */
void payload_parameters(struct json_writer *w, const struct record *r); /* members; tools too */
/* The request: model (of the provider), messages, parameters, tools, user. */
void payload_request(struct json_writer *w, const struct record *r);

#endif
