/* Bedrock's answers → neutral events: the part that all APIs share.
 *
 * The happy paths: the frames of a stream (wire/eventstream) are parsed and handed to the form one
 * by one, as they come, with InvokeModel's `chunk` frames unwrapped; a whole answer is one JSON
 * document, collected and handed over at the end.
 *
 * Failure modes: an HTTP error is collected (bounded) and becomes EV_FAIL; an exception or error
 * frame, a bad CRC, an unreadable payload likewise; a body that ends before the model said why it
 * stopped is a failure too, never a short answer.
 *
 * Exactly one EV_END or EV_FAIL is emitted; afterwards the rest is swallowed. */

#include "bedrock_decoder.h"

#include "llm/estimate.h"

#include "wire/crypto.h"

#include <string.h>

#define ERROR_BODY_MAX  (64 * 1024)        /* bytes of an HTTP error that are kept */
#define ANSWER_BODY_MAX (64 * 1024 * 1024) /* bytes of a whole answer */
#define RETRY_AFTER_MAX 3600               /* seconds */
#define COUNT_MAX       1000000000000      /* tokens: sums of counts fit */

/* ---- emitting ------------------------------------------------------------------------------ */

void bedrock_emit(struct bedrock_decoder *d, const struct llm_event *e)
{
    if (d->over || (d->passes_on && e->kind == EV_END))
        return;
    d->over = e->kind == EV_END || e->kind == EV_FAIL;
    d->sink->event(d->sink->user, e);
}

void bedrock_emit_kind(struct bedrock_decoder *d, enum llm_event_kind kind, unsigned block)
{
    bedrock_emit(d, &(struct llm_event){.kind = kind, .block = block});
}

void bedrock_emit_text(struct bedrock_decoder *d, enum llm_event_kind kind, unsigned block,
                       struct slice text)
{
    if (kind == EV_REASONING)
        d->thought += llm_estimate_text(text);
    if (text.n)
        bedrock_emit(d, &(struct llm_event){.kind = kind, .block = block, .text = text});
}

int64_t bedrock_reasoning_tokens(const struct bedrock_decoder *d, int64_t output)
{
    int64_t n = d->thinking_tokens ? d->thinking_tokens : d->thought;
    return n < output ? n : output;
}

void bedrock_emit_failure(struct bedrock_decoder *d, const struct failure *f)
{
    bedrock_emit(d, &(struct llm_event){.kind = EV_FAIL, .failure = f});
}

void bedrock_fail_unreadable(struct bedrock_decoder *d, const char *why)
{
    struct failure f = {0};
    failure_set(&f, d->arena, FAILURE_BAD_GATEWAY, 502, "Bedrock's answer cannot be read: %s", why);
    f.upstream = true;
    f.retryable = true;
    bedrock_emit_failure(d, &f);
}

static enum llm_stop stop_of(struct slice reason)
{
    static const struct {
        const char *reason;
        enum llm_stop stop;
    } rows[] = {
        {"end_turn", LLM_STOP_END_TURN},
        {"tool_use", LLM_STOP_TOOL_USE},
        {"max_tokens", LLM_STOP_MAX_TOKENS},
        {"stop_sequence", LLM_STOP_SEQUENCE},
        {"guardrail_intervened", LLM_STOP_CONTENT_FILTER},
        {"content_filtered", LLM_STOP_CONTENT_FILTER},
        {"refusal", LLM_STOP_CONTENT_FILTER},
        {"malformed_model_output", LLM_STOP_MALFORMED_OUTPUT},
        {"malformed_tool_use", LLM_STOP_MALFORMED_TOOL_USE},
        {"model_context_window_exceeded", LLM_STOP_CONTEXT_WINDOW},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(reason, slice_of(rows[i].reason)))
            return rows[i].stop;
    return LLM_STOP_OTHER;
}

int64_t bedrock_count(yyjson_val *v, const char *name)
{
    int64_t n = 0;
    if (!json_int(json_get(v, name), &n) || n < 0)
        return 0;
    return n < COUNT_MAX ? n : COUNT_MAX;
}

/* Blocks past the 64th share a bit: an answer with that many has no call without arguments. */
static uint64_t block_bit(unsigned block)
{
    return UINT64_C(1) << (block < 63 ? block : 63);
}

/* A tool without parameters gets no argument delta; clients expect an object all the same. */
static void close_tool(struct bedrock_decoder *d, unsigned block)
{
    if (d->tools_open & block_bit(block))
        bedrock_emit_text(d, EV_TOOL_ARGS, block, SLICE("{}"));
    d->tools_open &= ~block_bit(block);
}

void bedrock_emit_stop(struct bedrock_decoder *d, struct slice reason, struct slice sequence)
{
    for (unsigned block = 0; d->tools_open; block++)
        close_tool(d, block);
    struct llm_event stop = {.kind = EV_STOP, .stop = stop_of(reason), .text = sequence};
    if (stop.stop == LLM_STOP_OTHER)
        stop.name = reason;
    d->stopped = true;
    bedrock_emit(d, &stop);
}

void bedrock_emit_tool_start(struct bedrock_decoder *d, unsigned block, struct slice id,
                             struct slice name)
{
    d->tools_open |= block_bit(block);
    bedrock_emit(
        d, &(struct llm_event){.kind = EV_BLOCK_START, .block = block, .id = id, .name = name});
}

void bedrock_emit_tool_args(struct bedrock_decoder *d, unsigned block, struct slice text)
{
    if (text.n)
        d->tools_open &= ~block_bit(block);
    bedrock_emit_text(d, EV_TOOL_ARGS, block, text);
}

void bedrock_emit_tool_input(struct bedrock_decoder *d, unsigned block, yyjson_val *input)
{
    struct buf args;
    struct json_writer w;
    buf_init(&args, ANSWER_BODY_MAX);
    json_begin(&w, &args);
    if (yyjson_is_obj(input))
        json_value_spaced(&w, input); /* LiteLLM's clients compare texts */
    bedrock_emit_tool_args(d, block, buf_slice(&args));
    buf_fini(&args);
}

void bedrock_emit_block_stop(struct bedrock_decoder *d, unsigned block)
{
    close_tool(d, block);
    bedrock_emit_kind(d, EV_BLOCK_STOP, block);
}

/* ---- streams ------------------------------------------------------------------------------- */

static void on_exception(struct bedrock_decoder *d, const struct eventstream_message *m)
{
    struct failure f = {0};
    struct slice type = m->exception_type.n ? m->exception_type : m->error_code;
    bedrock_exception(&f, d->attempt, type, m->payload.n ? m->payload : m->error_message);
    bedrock_emit_failure(d, &f);
}

/* {"bytes":"…","p":"…"}, as Bedrock writes it: base64 has no escapes, so that the text ends with
 * the next quote. */
static struct slice wrapped_text(struct bedrock_decoder *d, struct slice chunk)
{
    const struct slice front = SLICE("{\"bytes\":\"");
    if (slice_starts(chunk, front) && slice_ends(chunk, SLICE("}"))) {
        struct slice rest = slice_skip(chunk, front.n);
        return slice_split(&rest, '"');
    }
    return json_get_slice(json_parse(chunk, &d->scratch, NULL), "bytes");
}

/* InvokeModel's chunks hold the model's own event in base64; NULL: they do not. */
static yyjson_val *unwrap(struct bedrock_decoder *d, struct slice chunk)
{
    struct slice text = wrapped_text(d, chunk), json;
    return text.p && base64_decode(text, &d->scratch, &json) ? json_parse(json, &d->scratch, NULL)
                                                             : NULL;
}

static bool is_native(const struct bedrock_decoder *d)
{
    return d->attempt->request->native != LLM_NATIVE_NONE;
}

static void emit_raw(struct bedrock_decoder *d, struct slice bytes)
{
    if (is_native(d))
        bedrock_emit_text(d, EV_RAW, 0, bytes);
}

static bool on_frame(void *user, const struct eventstream_message *m)
{
    struct bedrock_decoder *d = user;
    struct arena_mark mark = arena_mark(&d->scratch);
    if (!slice_eq(m->message_type, SLICE("event"))) {
        on_exception(d, m);
        return false;
    }
    emit_raw(d, m->frame);
    yyjson_val *payload = slice_eq(m->event_type, SLICE("chunk"))
                              ? unwrap(d, m->payload)
                              : json_parse(m->payload, &d->scratch, NULL);
    if (payload)
        d->form->event(d, m->event_type, payload);
    else if (!is_native(d))
        bedrock_fail_unreadable(d, "an event is not JSON");
    arena_rewind(&d->scratch, mark);
    return !d->over;
}

static void feed_frames(struct bedrock_decoder *d, struct slice bytes)
{
    enum eventstream_error e = eventstream_feed(&d->frames, bytes, on_frame, d);
    if (e != ES_OK && e != ES_STOPPED)
        bedrock_fail_unreadable(d, eventstream_error_text(e));
}

static void finish_stream(struct bedrock_decoder *d)
{
    d->passes_on = false;
    if (!d->stopped || !eventstream_at_boundary(&d->frames)) {
        bedrock_fail_unreadable(d, "the stream ended before it was complete");
        return;
    }
    if (d->form->end)
        d->form->end(d);
    bedrock_emit_kind(d, EV_END, 0);
}

/* ---- whole answers and errors -------------------------------------------------------------- */

static void finish_whole(struct bedrock_decoder *d)
{
    yyjson_val *body = json_parse(buf_slice(&d->body), &d->scratch, NULL);
    emit_raw(d, buf_slice(&d->body));
    if (!d->form->whole(d, body) && !is_native(d))
        bedrock_fail_unreadable(d, d->form->not_ours);
    bedrock_emit_kind(d, EV_END, 0);
}

static void finish_error(struct bedrock_decoder *d)
{
    struct failure f = {0};
    bedrock_failure(&f, d->attempt, d->status, d->error_type, buf_slice(&d->body));
    if (d->retry_after_s)
        f.retry_after_s = d->retry_after_s;
    bedrock_emit_failure(d, &f);
}

/* Of an error its beginning is enough; half a whole answer is none. */
static void collect(struct bedrock_decoder *d, struct slice bytes)
{
    size_t room = d->body.cap - d->body.n;
    if (bytes.n > room && d->status == 200)
        bedrock_fail_unreadable(d, "it is too large");
    else
        buf_add(&d->body, slice_make(bytes.p, bytes.n < room ? bytes.n : room));
}

/* ---- the decoder --------------------------------------------------------------------------- */

/* Seconds; the header's other form, a date, is not used by AWS. */
static int retry_after(struct http_headers headers)
{
    int64_t s;
    if (!slice_to_i64(http_header_get(headers, "retry-after"), &s) || s < 0)
        return 0;
    return s < RETRY_AFTER_MAX ? (int)s : RETRY_AFTER_MAX;
}

void bedrock_decoder_init(struct bedrock_decoder *d, const struct bedrock_form *form,
                          const struct provider_attempt *t, int status, struct http_headers headers,
                          const struct llm_sink *sink)
{
    d->form = form;
    d->sink = sink;
    d->attempt = t;
    d->arena = t->arena;
    d->status = status;
    d->streamed = status == 200 && t->request->stream;
    d->passes_on = d->streamed && is_native(d);
    d->retry_after_s = retry_after(headers);
    d->error_type = arena_dup(t->arena, http_header_get(headers, "x-amzn-errortype"));
    d->service_tier = arena_dup(t->arena, http_header_get(headers, "x-amzn-bedrock-service-tier"));
    arena_init(&d->scratch);
    eventstream_init(&d->frames);
    buf_init(&d->body, status == 200 ? ANSWER_BODY_MAX : ERROR_BODY_MAX);
}

bool bedrock_feed(void *decoder, struct slice bytes)
{
    struct bedrock_decoder *d = decoder;
    if (d->over)
        return false;
    if (d->streamed)
        feed_frames(d, bytes);
    else
        collect(d, bytes);
    return !d->over;
}

void bedrock_finish(void *decoder)
{
    struct bedrock_decoder *d = decoder;
    if (d->over)
        return;
    if (d->streamed)
        finish_stream(d);
    else if (d->status == 200)
        finish_whole(d);
    else
        finish_error(d);
}

void bedrock_fini(void *decoder)
{
    struct bedrock_decoder *d = decoder;
    if (!d)
        return;
    eventstream_fini(&d->frames);
    buf_fini(&d->body);
    arena_fini(&d->scratch);
}
