#ifndef GUARD_STREAM_H
#define GUARD_STREAM_H

/* Filters in the way of an answer's events: texts and thinking pass through a scan (guard/rules.h),
 * arguments of a tool are held until they are whole. Each block of the answer is looked at by
 * itself. Once something blocks, nothing more is handed on. Pure. */

#include "guard/rules.h"
#include "llm/event.h"

#define GUARD_ARGS_MAX                                                                             \
    (8u * 1024 * 1024) /* bytes of a tool's arguments; more count as a failure                     \
                        */

struct guard_stream {
    struct llm_sink sink; /* events come here … */
    struct llm_sink next; /* … and go there */
    struct guard_scan scan;
    struct buf out, args;
    enum llm_event_kind open; /* EV_TEXT, EV_REASONING, EV_TOOL_ARGS; EV_START: no block is */
    unsigned block;
    bool thought_changed; /* its signature does not hold any more, and is left out */
};

/* As guard_scan_init; `found` tells what came of it. */
void guard_stream_init(struct guard_stream *s, const struct guard_rules *const *sets, size_t n,
                       struct guard_found *found, struct llm_sink next);
void guard_stream_fini(struct guard_stream *s);

#endif
