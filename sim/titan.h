#ifndef SIM_TITAN_H
#define SIM_TITAN_H

/* Titan text in its own words, on InvokeModel: inputText in, outputText out. Source: the Bedrock
 * user guide's "Amazon Titan Text models". Pure. */

#include "frames.h"
#include "native.h"

extern const struct native_shape titan_shape;

/* The same request as a Converse body; `body` has passed the shape. */
yyjson_val *titan_to_converse(yyjson_val *body, struct arena *a);

void titan_write(const struct answer *answer, struct buf *out);
void titan_stream(struct frames *f, const struct answer *answer);

#endif
