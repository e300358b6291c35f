#ifndef DIALECT_OPENAI_ERROR_H
#define DIALECT_OPENAI_ERROR_H

/* A failure as OpenAI's clients know it and LiteLLM writes it: {"error": {message, type, param,
 * code}}. Shared by all dialects of OpenAI's. */

#include "base/json.h"
#include "llm/failure.h"

void openai_error_member(struct json_writer *w, const struct failure *f); /* "error": … */
void openai_error_write(const struct failure *f, struct buf *out);        /* the object */
void openai_error_event(const struct failure *f, struct buf *out); /* as an event of a stream */

#endif
