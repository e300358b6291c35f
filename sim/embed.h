#ifndef SIM_EMBED_H
#define SIM_EMBED_H

/* Embedding models on InvokeModel: Titan, Cohere, Nova. Sources: the Bedrock user guide's pages on
 * their request parameters. Pure. */

#include "body.h"
#include "fault.h"
#include "native.h"

/* False: `f` is what the service answers. `model` embeds. */
bool embed_check(yyjson_val *body, const struct model *model, struct arena *a, struct fault *f);

/* All texts of the body, one per line: where directives may stand. */
struct slice embed_text(yyjson_val *body, struct arena *a);

/* The answer; returns the tokens of the input. `body` has passed embed_check(). */
int64_t embed_write(yyjson_val *body, const struct model *model, struct arena *a, struct buf *out);

/* The shapes of the bodies, by model. */
const struct native_shape *embed_shape(const struct model *model);

#endif
