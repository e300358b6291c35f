#ifndef SIM_RERANK_H
#define SIM_RERANK_H

/* Rerank, of bedrock-agent-runtime: documents that share words with the query come first. Facts:
 * botocore's bedrock-agent-runtime service-2.json. Pure. */

#include "body.h"
#include "fault.h"

/* False: `f` is what the service answers. */
bool rerank_check(yyjson_val *body, struct arena *a, struct fault *f);

/* Of a body that has passed rerank_check(). */
struct slice rerank_model(yyjson_val *body);
struct slice rerank_query(yyjson_val *body);
void rerank_write(yyjson_val *body, struct arena *a, struct buf *out);

#endif
