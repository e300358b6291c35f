#ifndef TESTS_UNIT_LLM_SEEN_H
#define TESTS_UNIT_LLM_SEEN_H

/* What reached the client of a stream, as one text that a test can compare. */

#include "../base/check.h"

#include "llm/event.h"

struct seen {
    char text[4096];
    size_t n;
};

static inline void see(struct seen *s, struct slice text)
{
    assert_true(s->n + text.n < sizeof(s->text));
    memcpy(s->text + s->n, text.p, text.n);
    s->n += text.n;
    s->text[s->n] = '\0';
}

static inline const char *seen_name(enum llm_event_kind kind)
{
    static const char *const names[] = {
        [EV_START] = "start",        [EV_BLOCK_START] = "call", [EV_TEXT] = "text",
        [EV_REASONING] = "thought",  [EV_SIGNATURE] = "signed", [EV_REDACTED] = "redacted",
        [EV_TOOL_ARGS] = "args",     [EV_CITATION] = "cited",   [EV_FOREIGN] = "foreign",
        [EV_BLOCK_STOP] = "stopped", [EV_STOP] = "stop",        [EV_NOTE] = "note",
        [EV_USAGE] = "usage",        [EV_END] = "end",          [EV_FAIL] = "fail"};
    return names[kind];
}

#endif
