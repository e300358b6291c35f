#ifndef LLM_ESTIMATE_H
#define LLM_ESTIMATE_H

/* Tokens of a text, counted by rule of thumb: words, numbers, punctuation and ideographs as the
 * tokenizers in use cut them, on average. For what no provider reports (the thinking inside an
 * answer, an answer whose client left) and for limits that must be checked before the call. Exact
 * counts come from Bedrock's CountTokens. Pure; never negative; 0 for an empty text. */

#include "llm/request.h"

int64_t llm_estimate_text(struct slice text);

/* A text that comes in pieces: its first kilobyte is counted, the rest is taken for like it. All
 * zero to begin with. */
struct llm_estimate {
    size_t bytes, counted;
    int64_t tokens; /* of those counted */
};
void llm_estimate_add(struct llm_estimate *e, struct slice piece);
int64_t llm_estimate_sum(const struct llm_estimate *e);

/* The whole prompt: system, tools and messages with their framing; images by size. */
int64_t llm_estimate_request(const struct llm_request *r);

/* Whether that is at least so many tokens. A prompt that is long by its bytes is not counted, which
 * would take milliseconds. */
bool llm_estimate_reaches(const struct llm_request *r, int64_t tokens);

#endif
