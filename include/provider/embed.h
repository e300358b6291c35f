#ifndef PROVIDER_EMBED_H
#define PROVIDER_EMBED_H

/* Vectors from Bedrock's embedding models through InvokeModel: Titan text (v1, v2) and multimodal,
 * Cohere embed (v3, v4), Nova multimodal. Titan and Nova take one input a call, Cohere up to
 * EMBED_COHERE_TEXTS. Pure, like every provider.
 * Source: the models' parameter pages in the AWS documentation.
 *
 * What the client adds (input_type, truncate, normalize, embeddingPurpose, …) goes to the model as
 * it is; `dimensions` under the model's own name for it. Vectors are asked for as floats always:
 * how the client wants them written is no business of Bedrock's. */

#include "llm/embed.h"
#include "provider/provider.h"

#define EMBED_COHERE_TEXTS 96 /* in one call, Bedrock's limit */

enum embed_family {
    EMBED_TITAN_V1,
    EMBED_TITAN_V2,
    EMBED_TITAN_IMAGE,
    EMBED_COHERE,
    EMBED_NOVA,
    EMBED_FAMILIES
};

/* The inputs `first` … `first + count - 1`. */
struct embed_call {
    size_t first, count;
};

struct embed_plan {
    const struct embed_request *request;
    enum embed_family family;
    struct embed_call *calls; /* in the attempt's arena */
    size_t count;             /* 0 when there are no inputs */
};

/* `t->request` holds the parameters. False: see failure (no embedding model; `dimensions` that the
 * model does not take and that are not to be dropped). */
bool embed_plan_make(const struct provider_attempt *t, const struct embed_request *r,
                     struct embed_plan *p, struct failure *f);

/* The i-th call, signed. t->body is scratch; what `call` points to lies in the arena. */
bool embed_build(const struct provider_attempt *t, const struct embed_plan *p, size_t i,
                 struct http_call *call, struct failure *f);

/* What one call answered. */
struct embed_answer {
    yyjson_val **vectors; /* one for each input of the call: lists, their items not looked at */
    struct slice type;    /* Cohere's, when a type was asked for: "float"; else empty */
    int64_t tokens;       /* of the inputs */
    bool estimated;       /* Bedrock did not count them */
    size_t images;        /* of the inputs; priced one by one */
};

/* The whole answer to the i-th call. Vectors live in `scratch`, failures in the attempt's arena.
 * False: see failure (an error of Bedrock's, or an answer that is not understood). */
bool embed_read(const struct provider_attempt *t, const struct embed_plan *p, size_t i, int status,
                struct http_headers headers, struct slice body, struct arena *scratch,
                struct embed_answer *out, struct failure *f);

#endif
