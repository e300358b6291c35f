#ifndef DIALECT_COMPLETIONS_H
#define DIALECT_COMPLETIONS_H

/* OpenAI's legacy completions with several choices: for several prompts, or several for each
 * (llm_request.separate). Pure. */

#include "dialect/dialect.h"

#define COMPLETIONS_MAX 128 /* choices of one answer */

struct completions_choice {
    size_t index;      /* prompt × choices of each + which of them, as OpenAI counts */
    struct slice echo; /* in front of the text; or empty */
    struct slice text; /* of whole answers */
    enum llm_stop stop;
};

/* The whole answer; usage NULL: without. */
void completions_write(const struct dialect_answer *ans, const struct completions_choice *choices,
                       size_t count, const struct llm_usage *usage, struct buf *out);

/* Of a stream: an encoder of one choice, in `a`, which writes its text and its end, and nothing of
 * what stands behind all of them (usage NULL: not wanted). */
void *completions_choice_encoder(struct arena *a, const struct dialect_answer *ans,
                                 const struct completions_choice *c);
void completions_choice_encode(void *encoder, const struct llm_event *e, struct buf *out);
void completions_write_end(const struct dialect_answer *ans, const struct llm_usage *usage,
                           struct buf *out);

#endif
