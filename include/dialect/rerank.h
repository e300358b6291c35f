#ifndef DIALECT_RERANK_H
#define DIALECT_RERANK_H

/* Cohere's rerank, as LiteLLM has it (POST /rerank, /v1/rerank, /v2/rerank). Pure.
 * Source: Cohere's API reference; the answer is LiteLLM's. */

#include "base/buf.h"
#include "llm/failure.h"
#include "llm/request.h"
#include "llm/rerank.h"

/* Body → parameters and documents; what else it has stays in r->extra, for the model. Everything
 * lies in the arena or in `body`, which stays. False: see failure. */
bool rerank_parse(yyjson_val *body, struct arena *a, struct llm_request *r,
                  struct rerank_request *out, struct failure *f);

void rerank_write(struct slice id, const struct rerank_request *r,
                  const struct rerank_result *results, size_t count, size_t units, struct buf *out);

#endif
