#ifndef TESTS_INVOKE_TRACE_H
#define TESTS_INVOKE_TRACE_H

/* Answers of InvokeModel, fed at every split, and the events that come of them as lines. */

#include "attempt.h"

#include "bedrock_decoder.h"
#include "wire/crypto.h"
#include "wire/eventstream.h"

typedef void *make_decoder(const struct provider_attempt *t, int status,
                           struct http_headers headers, const struct llm_sink *sink);

static inline void trace_json(struct buf *out, yyjson_val *v)
{
    struct json_writer w;
    json_begin(&w, out);
    json_value(&w, v);
}

static inline void trace_usage(struct buf *out, const struct llm_usage *u)
{
    buf_addf(out, "in %d out %d read %d write %d 1h %d thinking %d", (int)u->input, (int)u->output,
             (int)u->cache_read, (int)u->cache_write, (int)u->cache_write_1h, (int)u->reasoning);
}

static inline void trace_event(void *user, const struct llm_event *e)
{
    static const char *const names[] = {"start",    "tool", "text",     "thinking", "signature",
                                        "redacted", "args", "citation", "foreign",  "block",
                                        "stop",     "note", "used",     "end",      "fail"};
    struct buf *out = user;
    buf_addf(out, "%s", names[e->kind]);
    if (e->kind == EV_START) { /* its id and first counts: in tests/golden */
        buf_add_char(out, '\n');
        return;
    }
    if (e->kind < EV_STOP)
        buf_addf(out, "%u", e->block);
    if (e->kind == EV_STOP)
        buf_addf(out, " %d", (int)e->stop);
    if (e->kind == EV_FAIL)
        buf_addf(out, " %d %d %.*s", (int)e->failure->kind, e->failure->status,
                 SLICE_ARG(e->failure->message));
    if (e->id.n || e->name.n)
        buf_addf(out, " %.*s %.*s", SLICE_ARG(e->id), SLICE_ARG(e->name));
    if (e->text.n)
        buf_addf(out, " %.*s", SLICE_ARG(e->text));
    if (e->json)
        (buf_add_char(out, ' '), trace_json(out, e->json));
    if (e->usage)
        (buf_add_char(out, ' '), trace_usage(out, e->usage));
    buf_add_char(out, '\n');
}

/* One `chunk` frame. */
static inline void trace_chunk(struct buf *frames, const char *json)
{
    struct eventstream_header h[] = {{SLICE(":event-type"), SLICE("chunk")},
                                     {SLICE(":content-type"), SLICE("application/json")},
                                     {SLICE(":message-type"), SLICE("event")}};
    struct buf payload;
    buf_init(&payload, 1 << 20);
    BUF_LITERAL(&payload, "{\"bytes\":\"");
    base64_encode(slice_of(json), &payload);
    BUF_LITERAL(&payload, "\",\"p\":\"abcd\"}");
    eventstream_write(frames, h, 3, buf_slice(&payload));
    buf_fini(&payload);
}

/* Feeds `first` bytes, then the rest (SIZE_MAX: one by one). */
static inline void trace_feed(struct fixture *x, make_decoder *make, struct slice bytes,
                              size_t first, struct buf *out)
{
    struct arena_mark mark = arena_mark(&x->arena);
    bool more = true;
    size_t step = first == SIZE_MAX ? 1 : first;
    x->sink = (struct llm_sink){trace_event, out};
    void *d = make(&x->attempt, 200, (struct http_headers){0}, &x->sink);
    for (size_t n; more && bytes.n; bytes = slice_skip(bytes, n)) {
        n = step && step < bytes.n ? step : bytes.n;
        more = bedrock_feed(d, slice_make(bytes.p, n));
        step = first == SIZE_MAX ? 1 : 0;
    }
    bedrock_finish(d);
    bedrock_fini(d);
    arena_rewind(&x->arena, mark);
}

/* The same events come at every split. */
static inline void check_trace(make_decoder *make, bool stream, struct slice bytes,
                               const char *events)
{
    struct fixture x;
    struct buf out;
    fixture_init(&x);
    x.request.stream = stream;
    buf_init(&out, 1 << 20);
    trace_feed(&x, make, bytes, SIZE_MAX, &out);
    buf_add_char(&out, '\0');
    assert_string_equal(out.p, events);
    for (size_t first = 0; first <= bytes.n; first++) {
        buf_reset(&out);
        trace_feed(&x, make, bytes, first, &out);
        check_text(buf_slice(&out), events);
    }
    buf_fini(&out);
    fixture_fini(&x);
}

/* `chunks`: JSON events, NULL at the end. */
static inline void check_stream(make_decoder *make, const char *const *chunks, const char *events)
{
    struct buf frames;
    buf_init(&frames, 1 << 20);
    for (; *chunks; chunks++)
        trace_chunk(&frames, *chunks);
    check_trace(make, true, buf_slice(&frames), events);
    buf_fini(&frames);
}

#endif
