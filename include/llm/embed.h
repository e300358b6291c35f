#ifndef LLM_EMBED_H
#define LLM_EMBED_H

/* Texts and images to vectors, in no dialect. What a request says besides its inputs (model, user,
 * parameters for the model in `extra`) stands in a struct llm_request. */

#include "llm/request.h"

#define EMBED_INPUTS_MAX 8192 /* of one request; OpenAI takes 2048 */

enum embed_format { EMBED_UNSET, EMBED_FLOAT, EMBED_BASE64 };

struct embed_request {
    struct slice *inputs; /* a text, or a medium as a data URL: "data:image/png;base64,…" */
    size_t count;
    enum embed_format format; /* of the vectors in the answer to the client */
};

#endif
