#ifndef TESTS_GATEWAY_ANSWER_H
#define TESTS_GATEWAY_ANSWER_H

#include "thinking.h"

/* An answer in shorthand: words of kind, block and text. "T0abc" thinking, "S0abc" signature,
 * "R0abc" redacted thinking, "C1abc" a tool call with that id, "X1abc" text. */
static inline void answer_feed(struct thinking_capture *c, const char *answer)
{
    static const char letters[] = "TSRCX";
    static const enum llm_event_kind kinds[] = {EV_REASONING, EV_SIGNATURE, EV_REDACTED,
                                                EV_BLOCK_START, EV_TEXT};
    struct slice rest = slice_of(answer);
    while (rest.n) {
        struct slice word = slice_split(&rest, ' '), text = slice_skip(word, 2);
        struct llm_event e = {.kind = kinds[strchr(letters, word.p[0]) - letters],
                              .block = (unsigned)(word.p[1] - '0')};
        *(e.kind == EV_BLOCK_START ? &e.id : &e.text) = text;
        thinking_capture(c, &e);
    }
}

#endif
