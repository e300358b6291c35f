#ifndef DIALECT_OPENAI_ANSWER_H
#define DIALECT_OPENAI_ANSWER_H

/* What OpenAI's answers (chat, completions, embeddings) have in common. */

#include "base/json.h"
#include "dialect/dialect.h"

/* The member "usage": OpenAI's counts, LiteLLM's cache details, OpenRouter's cost. */
void openai_write_usage(struct json_writer *w, const struct llm_usage *u);

/* A comment of the event stream. */
void openai_keep_alive(struct buf *out);

#endif
