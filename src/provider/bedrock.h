#ifndef PROVIDER_BEDROCK_H
#define PROVIDER_BEDROCK_H

/* Shared by the files of the Bedrock providers (Converse and InvokeModel, streamed or not).
 * Source of the wire facts: botocore's model of bedrock-runtime and the AWS documentation. */

#include "provider/provider.h"

#define BEDROCK_BODY_MAX (25u * 1000 * 1000) /* bytes of a request, Bedrock's own limit */

/* Where Claude tells how many of the output's tokens were thinking. */
#define BEDROCK_THINKING_PATH "/usage/output_tokens_details"

/* The Converse body of a plan. Too large: body->overflow. */
void bedrock_write_body(struct plan *p, struct buf *body);

/* The part of it that CountTokens looks at, as its body. Likewise. */
void bedrock_write_counted(struct plan *p, struct buf *body);

void *bedrock_converse_decoder(const struct provider_attempt *t, int status,
                               struct http_headers headers, const struct llm_sink *sink);

/* The call of `api` ("/converse", "/invoke", …) of the attempt's model with what lies in t->body,
 * signed. A ':' of the id travels as it is when `raw_colon`, as %3A otherwise; both are right.
 * `extra`: headers of the API's own, signed with the rest; may be empty. False: see failure. */
bool bedrock_sign_call(const struct provider_attempt *t, struct slice api, bool raw_colon,
                       struct http_headers extra, struct http_call *call, struct failure *f);

/* The same for a call that is none of a model: `path` is encoded. */
bool bedrock_sign_path(const struct provider_attempt *t, struct slice path, struct http_call *call,
                       struct failure *f);

/* The same for a call of bedrock-agent-runtime, whose model stands in the body; its host is that of
 * the endpoint with the one name for the other, as in LiteLLM. */
bool bedrock_sign_agent_call(const struct provider_attempt *t, struct slice path,
                             struct http_call *call, struct failure *f);

/* An HTTP error: status, the x-amzn-errortype header (may be empty) and the body. */
void bedrock_failure(struct failure *f, const struct provider_attempt *t, int status,
                     struct slice error_type, struct slice body);

/* An exception or error frame in a stream: its type and its payload. */
void bedrock_exception(struct failure *f, const struct provider_attempt *t, struct slice type,
                       struct slice payload);

/* One sentence, without its stop, on what helps against an error; p == NULL: none. `text` is the
 * error's, in lower case. */
struct slice bedrock_hint(const struct provider_attempt *t, struct slice code, struct slice text);

#endif
