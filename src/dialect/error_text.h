#ifndef DIALECT_ERROR_TEXT_H
#define DIALECT_ERROR_TEXT_H

/* The message of a failure as LiteLLM words it, in all dialects: clients look for its exception
 * classes ("litellm.RateLimitError: BedrockException - …"). */

#include "base/json.h"
#include "llm/failure.h"

/* As parts of a string that has begun. */
void error_text_write(struct json_writer *w, const struct failure *f);

#endif
