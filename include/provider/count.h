#ifndef PROVIDER_COUNT_H
#define PROVIDER_COUNT_H

/* Tokens of a prompt by Bedrock's CountTokens, which costs nothing: the request as Converse would
 * get it (messages, system, toolConfig), for the foundation model behind a profile.
 * Source: botocore's model of bedrock-runtime. Pure. */

#include "provider/provider.h"

/* The id to count for; p == NULL: CountTokens does not know this model, so estimate. */
struct slice count_model(const struct provider_attempt *t);

/* The signed call. False: see failure. */
bool count_build(const struct provider_attempt *t, struct slice model, struct http_call *call,
                 struct failure *f);

/* The answer. False: see failure. `*unsupported`: the failure only says that Bedrock does not count
 * for this model. */
bool count_read(const struct provider_attempt *t, int status, struct http_headers headers,
                struct slice body, int64_t *tokens, bool *unsupported, struct failure *f);

#endif
