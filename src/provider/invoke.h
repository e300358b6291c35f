#ifndef PROVIDER_INVOKE_H
#define PROVIDER_INVOKE_H

/* InvokeModel, whatever the body: what Converse has as members travels in headers here.
 * Source: AWS's API reference of InvokeModel and InvokeModelWithResponseStream. */

#include "bedrock_decoder.h"
#include "provider/plan.h"

/* The part of guardrailConfig that goes into the body; nothing without one. */
void invoke_write_guardrail(struct json_writer *w, const struct plan *p);

/* Why the model stopped, as `body` says it: a guardrail that stepped in goes first. */
struct slice invoke_stop_reason(yyjson_val *body, struct slice reason);

/* What stands beside the answer: the guardrail's trace in `body`, the tier in the head. */
void invoke_emit_notes(struct bedrock_decoder *d, yyjson_val *body);

/* The head of a whole answer counts tokens too. */
struct llm_usage invoke_usage(struct http_headers headers);

#endif
