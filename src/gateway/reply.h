#ifndef GATEWAY_REPLY_H
#define GATEWAY_REPLY_H

/* The head of a reply: x-litellm-* headers as LiteLLM gives them, CORS, and the upstream's own
 * headers as llm_provider-*. Everything is written into ex->out. */

#include "exchange.h"

/* A reply with a body known in full. */
void reply_whole(struct exchange *ex, int status, struct slice content_type, struct slice body);

/* The whole answer of a model, as JSON. False: it is larger than max_response_size_mb; see
 * ex->failure (400). */
bool reply_answer(struct exchange *ex, struct slice body);

/* The answer in ex->own. */
void reply_own(struct exchange *ex);

/* The head of another server's answer; `length` of its body, -1: not known. */
void reply_passed(struct exchange *ex, int status, struct http_headers headers, int64_t length);

/* The head of an event stream. */
void reply_stream_begin(struct exchange *ex);

/* ex->failure as clients read it: with its id and the groups, where the configuration wants that.
 */
struct failure reply_told_failure(struct exchange *ex);

/* The reply for ex->failure, in the route's dialect. */
void reply_failure(struct exchange *ex);

/* Answer to a CORS preflight. */
void reply_preflight(struct exchange *ex);

/* 307: the same request belongs to `path` (with the query it came with). */
void reply_redirect(struct exchange *ex, struct slice path);

/* Keeps the upstream's headers for the reply (bounded in number and bytes). */
void reply_keep_upstream_headers(struct exchange *ex, struct http_headers headers);

/* The body of an error that no exchange exists for (conn_events.refusal). */
void reply_refusal(int status, const char *reason, struct buf *body);

#endif
