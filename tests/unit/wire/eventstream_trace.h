#ifndef TESTS_UNIT_WIRE_EVENTSTREAM_TRACE_H
#define TESTS_UNIT_WIRE_EVENTSTREAM_TRACE_H

/* Runs the event-stream decoder over bytes cut in some way and writes down what came. */

#include "cuts.h"
#include "wire/eventstream.h"

struct eventstream_trace {
    struct buf *out;
    size_t stop_after; /* messages; the sink says stop at the last of them. 0: never */
    size_t count;
};

/* '-' for an absent header tells it from an empty one. */
static inline void trace_header(struct buf *out, const char *name, struct slice value)
{
    buf_addf(out, "%s=%zu%s:%.*s ", name, value.n, value.p ? "" : "-", SLICE_ARG(value));
}

static inline bool trace_message(void *user, const struct eventstream_message *m)
{
    struct eventstream_trace *t = user;
    trace_header(t->out, "message", m->message_type);
    trace_header(t->out, "event", m->event_type);
    trace_header(t->out, "exception", m->exception_type);
    trace_header(t->out, "code", m->error_code);
    trace_header(t->out, "text", m->error_message);
    trace_header(t->out, "content", m->content_type);
    buf_addf(t->out, "payload=%zu:", m->payload.n);
    buf_add(t->out, m->payload);
    buf_add_char(t->out, '\n');
    return ++t->count != t->stop_after;
}

static inline void eventstream_trace(struct slice bytes, struct cuts cuts, size_t stop_after,
                                     struct buf *out)
{
    struct eventstream_trace trace = {.out = out, .stop_after = stop_after};
    struct eventstream es;
    enum eventstream_error e = ES_OK;
    bool more = true;
    eventstream_init(&es);
    while (more && e == ES_OK) {
        struct slice piece = cuts_next(&cuts, &bytes);
        more = bytes.n > 0;
        e = eventstream_feed(&es, piece, trace_message, &trace);
        free((char *)(uintptr_t)piece.p);
    }
    if (eventstream_feed(&es, slice_make(NULL, 0), trace_message, &trace) != e)
        abort(); /* a failure stays, and nothing is delivered out of nothing */
    buf_addf(out, "%s%s\n", eventstream_error_text(e),
             e || eventstream_at_boundary(&es) ? "" : ", cut");
    eventstream_fini(&es);
}

#endif
