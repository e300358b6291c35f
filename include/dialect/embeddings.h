#ifndef DIALECT_EMBEDDINGS_H
#define DIALECT_EMBEDDINGS_H

/* OpenAI's embeddings (POST /v1/embeddings). Pure.
 * Source: OpenAI's API reference; the usage object is LiteLLM's. */

#include "base/buf.h"
#include "llm/embed.h"
#include "llm/event.h"

/* Body → parameters and inputs. `dimensions`, when given, is a positive integer and stays in
 * r->extra. Everything lies in the arena or in `body`, which stays. False: see failure. */
bool embeddings_parse(yyjson_val *body, struct arena *a, struct llm_request *r,
                      struct embed_request *e, struct failure *f);

/* One vector as the client wants it: the list of numbers as the provider wrote them, or (base64)
 * little-endian 32-bit floats. In the arena. False: not a list of numbers. */
bool embeddings_vector(yyjson_val *list, enum embed_format format, struct arena *a,
                       struct slice *json);

/* One entry of the answer. */
struct embeddings_item {
    struct slice json; /* from embeddings_vector */
    struct slice type; /* "float", or empty */
};

/* The answer for `count` inputs, in their order. */
void embeddings_write(struct slice model, const struct embeddings_item *items, size_t count,
                      const struct llm_usage *usage, struct buf *out);

#endif
