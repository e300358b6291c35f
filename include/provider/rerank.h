#ifndef PROVIDER_RERANK_H
#define PROVIDER_RERANK_H

/* Bedrock's Rerank (bedrock-agent-runtime): Amazon's and Cohere's models put documents in order.
 * Pure. Source: botocore's model of bedrock-agent-runtime. */

#include "llm/rerank.h"
#include "provider/provider.h"

/* The call, signed, its body in t->body. What r->extra of the attempt's request holds goes to the
 * model as it is. False: see failure. */
bool rerank_build(const struct provider_attempt *t, const struct rerank_request *r,
                  struct http_call *call, struct failure *f);

/* The whole answer: at most r->count results, in the attempt's arena. False: see failure. */
bool rerank_read(const struct provider_attempt *t, const struct rerank_request *r, int status,
                 struct http_headers headers, struct slice body, struct rerank_result **results,
                 size_t *count, struct failure *f);

#endif
