#ifndef DIALECT_TOKEN_COUNTER_H
#define DIALECT_TOKEN_COUNTER_H

/* LiteLLM's POST /utils/token_counter: a model, and a conversation as `messages` (OpenAI's),
 * `prompt` (a text) or `contents` (Google's). Pure. */

#include "base/buf.h"
#include "llm/failure.h"
#include "llm/request.h"

/* Body → request. Everything lies in the arena or in `body`, which stays. False: see failure. */
bool token_counter_parse(yyjson_val *body, struct arena *a, struct llm_request *r,
                         struct failure *f);

struct token_count {
    int64_t tokens;
    struct slice request_model;    /* as the client named it */
    struct slice model_used;       /* as Bedrock knows it */
    bool estimated;                /* by rule of thumb, not by Bedrock */
    const struct failure *failure; /* why Bedrock did not count, when that is an error; or NULL */
};

void token_counter_write(const struct token_count *c, struct buf *out);

#endif
