/* Bedrock's answers → neutral events.
 *
 * The happy paths: ConverseStream's frames (wire/eventstream) become events one by one, as they
 * come; Converse's single JSON document is collected and becomes the same events at the end.
 *
 * Failure modes: an HTTP error is collected (bounded) and becomes EV_FAIL; an exception or error
 * frame, a bad CRC, an unreadable payload likewise; a body that ends before messageStop is a
 * failure too, never a short answer. A stream that ends between messageStop and metadata is
 * complete but for its usage. Unknown events and deltas are skipped: AWS adds some now and then.
 *
 * Exactly one EV_END or EV_FAIL is emitted; afterwards the rest is swallowed. */

#include "bedrock.h"

#include "wire/eventstream.h"

#include <string.h>

#define ERROR_BODY_MAX  (64 * 1024)        /* bytes of an HTTP error that are kept */
#define ANSWER_BODY_MAX (64 * 1024 * 1024) /* bytes of a whole answer */
#define RETRY_AFTER_MAX 3600               /* seconds */

struct decoder {
    const struct llm_sink *sink;
    struct arena *arena;       /* of the attempt: failures live here */
    struct arena scratch;      /* one frame or the whole document */
    struct eventstream frames; /* streamed answers */
    struct buf body;           /* whole answers and errors */
    int status;
    bool streamed;
    struct slice error_type; /* x-amzn-errortype */
    int retry_after_s;       /* of the Retry-After header; 0: none */
    bool over;               /* EV_END or EV_FAIL is out */
    bool stopped;            /* messageStop was seen */
    uint64_t tools_open;     /* bit per block index: a tool call without arguments so far */
};

/* ---- emitting ------------------------------------------------------------------------------ */

static void emit(struct decoder *d, const struct llm_event *e)
{
    if (d->over)
        return;
    d->over = e->kind == EV_END || e->kind == EV_FAIL;
    d->sink->event(d->sink->user, e);
}

static void emit_kind(struct decoder *d, enum llm_event_kind kind, unsigned block)
{
    emit(d, &(struct llm_event){.kind = kind, .block = block});
}

static void emit_text(struct decoder *d, enum llm_event_kind kind, unsigned block,
                      struct slice text)
{
    if (text.n)
        emit(d, &(struct llm_event){.kind = kind, .block = block, .text = text});
}

static void emit_failure(struct decoder *d, const struct failure *f)
{
    emit(d, &(struct llm_event){.kind = EV_FAIL, .failure = f});
}

static void fail_unreadable(struct decoder *d, const char *why)
{
    struct failure f = {0};
    failure_set(&f, d->arena, FAILURE_BAD_GATEWAY, 502, "Bedrock's answer cannot be read: %s", why);
    f.upstream = true;
    f.retryable = true;
    emit_failure(d, &f);
}

/* ---- the parts both forms share ------------------------------------------------------------ */

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
        {"malformed_model_output", LLM_STOP_MALFORMED_OUTPUT},
        {"malformed_tool_use", LLM_STOP_MALFORMED_TOOL_USE},
        {"model_context_window_exceeded", LLM_STOP_CONTEXT_WINDOW},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(reason, slice_of(rows[i].reason)))
            return rows[i].stop;
    return LLM_STOP_END_TURN; /* a reason AWS added later: the answer is there all the same */
}

static int64_t count(yyjson_val *usage, const char *name)
{
    int64_t n = 0;
    return json_int(json_get(usage, name), &n) && n > 0 ? n : 0;
}

static int64_t written_for_1h(yyjson_val *usage)
{
    yyjson_val *row;
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(usage, "cacheDetails"));
    int64_t n = 0;
    while ((row = yyjson_arr_iter_next(&it)))
        if (slice_eq(json_get_slice(row, "ttl"), SLICE("1h")))
            n += count(row, "inputTokens");
    return n;
}

static void emit_usage(struct decoder *d, yyjson_val *usage)
{
    struct llm_usage u = {
        .input = count(usage, "inputTokens"),
        .output = count(usage, "outputTokens"),
        .cache_read = count(usage, "cacheReadInputTokens"),
        .cache_write = count(usage, "cacheWriteInputTokens"),
        .cache_write_1h = written_for_1h(usage),
    };
    if (u.cache_write_1h > u.cache_write)
        u.cache_write_1h = u.cache_write;
    if (yyjson_is_obj(usage))
        emit(d, &(struct llm_event){.kind = EV_USAGE, .usage = &u});
}

/* Blocks past the 64th share a bit: an answer with that many has no call without arguments. */
static uint64_t block_bit(unsigned block)
{
    return UINT64_C(1) << (block < 63 ? block : 63);
}

/* A tool without parameters gets no argument delta; clients expect an object all the same. */
static void close_tool(struct decoder *d, unsigned block)
{
    if (d->tools_open & block_bit(block))
        emit_text(d, EV_TOOL_ARGS, block, SLICE("{}"));
    d->tools_open &= ~block_bit(block);
}

static void emit_stop(struct decoder *d, struct slice reason)
{
    for (unsigned block = 0; d->tools_open; block++)
        close_tool(d, block);
    d->stopped = true;
    emit(d, &(struct llm_event){.kind = EV_STOP, .stop = stop_of(reason)});
}

static void emit_tool_start(struct decoder *d, unsigned block, yyjson_val *tool)
{
    d->tools_open |= block_bit(block);
    emit(d, &(struct llm_event){.kind = EV_BLOCK_START,
                                .block = block,
                                .id = json_get_slice(tool, "toolUseId"),
                                .name = json_get_slice(tool, "name")});
}

static void emit_block_stop(struct decoder *d, unsigned block)
{
    close_tool(d, block);
    emit_kind(d, EV_BLOCK_STOP, block);
}

static void emit_tool_args(struct decoder *d, unsigned block, struct slice text)
{
    if (text.n)
        d->tools_open &= ~block_bit(block);
    emit_text(d, EV_TOOL_ARGS, block, text);
}

/* ---- ConverseStream ------------------------------------------------------------------------ */

static void on_delta(struct decoder *d, unsigned block, yyjson_val *delta)
{
    struct slice text = json_get_slice(delta, "text");
    if (text.p) { /* a delta is of one kind, and nearly all are of this */
        emit_text(d, EV_TEXT, block, text);
        return;
    }
    yyjson_val *reasoning = json_get(delta, "reasoningContent");
    yyjson_val *tool = json_get(delta, "toolUse");
    if (tool)
        emit_tool_args(d, block, json_get_slice(tool, "input"));
    if (reasoning) {
        emit_text(d, EV_REASONING, block, json_get_slice(reasoning, "text"));
        emit_text(d, EV_SIGNATURE, block, json_get_slice(reasoning, "signature"));
        emit_text(d, EV_REDACTED, block, json_get_slice(reasoning, "redactedContent"));
    }
}

static void on_event(struct decoder *d, struct slice type, yyjson_val *payload)
{
    unsigned block = (unsigned)count(payload, "contentBlockIndex");
    if (slice_eq(type, SLICE("contentBlockDelta"))) {
        on_delta(d, block, json_get(payload, "delta"));
    } else if (slice_eq(type, SLICE("contentBlockStart"))) {
        yyjson_val *tool = json_get(json_get(payload, "start"), "toolUse");
        if (tool)
            emit_tool_start(d, block, tool);
    } else if (slice_eq(type, SLICE("contentBlockStop"))) {
        emit_block_stop(d, block);
    } else if (slice_eq(type, SLICE("messageStart"))) {
        emit_kind(d, EV_START, 0);
    } else if (slice_eq(type, SLICE("messageStop"))) {
        emit_stop(d, json_get_slice(payload, "stopReason"));
    } else if (slice_eq(type, SLICE("metadata"))) {
        emit_usage(d, json_get(payload, "usage"));
        if (d->stopped)
            emit_kind(d, EV_END, 0);
    }
}

static void on_exception(struct decoder *d, const struct eventstream_message *m)
{
    struct failure f = {0};
    struct slice type = m->exception_type.n ? m->exception_type : m->error_code;
    bedrock_exception(&f, d->arena, type, m->payload.n ? m->payload : m->error_message);
    emit_failure(d, &f);
}

static bool on_frame(void *user, const struct eventstream_message *m)
{
    struct decoder *d = user;
    struct arena_mark mark = arena_mark(&d->scratch);
    if (!slice_eq(m->message_type, SLICE("event"))) {
        on_exception(d, m);
        return false;
    }
    yyjson_val *payload = json_parse(m->payload, &d->scratch, NULL);
    if (payload)
        on_event(d, m->event_type, payload);
    else
        fail_unreadable(d, "an event is not JSON");
    arena_rewind(&d->scratch, mark);
    return !d->over;
}

static void feed_frames(struct decoder *d, struct slice bytes)
{
    enum eventstream_error e = eventstream_feed(&d->frames, bytes, on_frame, d);
    if (e != ES_OK && e != ES_STOPPED)
        fail_unreadable(d, eventstream_error_text(e));
}

static void finish_stream(struct decoder *d)
{
    if (d->stopped && eventstream_at_boundary(&d->frames))
        emit_kind(d, EV_END, 0);
    else
        fail_unreadable(d, "the stream ended before it was complete");
}

/* ---- Converse ------------------------------------------------------------------------------ */

static void emit_whole_tool(struct decoder *d, unsigned block, yyjson_val *tool)
{
    struct buf args;
    struct json_writer w;
    buf_init(&args, ANSWER_BODY_MAX);
    json_begin(&w, &args);
    emit_tool_start(d, block, tool);
    if (yyjson_is_obj(json_get(tool, "input")))
        json_value(&w, json_get(tool, "input"));
    emit_tool_args(d, block, buf_slice(&args));
    buf_fini(&args);
}

static void emit_whole_reasoning(struct decoder *d, unsigned block, yyjson_val *reasoning)
{
    yyjson_val *text = json_get(reasoning, "reasoningText");
    emit_text(d, EV_REASONING, block, json_get_slice(text, "text"));
    emit_text(d, EV_SIGNATURE, block, json_get_slice(text, "signature"));
    emit_text(d, EV_REDACTED, block, json_get_slice(reasoning, "redactedContent"));
}

static void emit_content(struct decoder *d, yyjson_val *content)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(content);
    for (unsigned block = 0; (item = yyjson_arr_iter_next(&it)); block++) {
        yyjson_val *tool = json_get(item, "toolUse");
        yyjson_val *reasoning = json_get(item, "reasoningContent");
        emit_text(d, EV_TEXT, block, json_get_slice(item, "text"));
        if (tool)
            emit_whole_tool(d, block, tool);
        if (reasoning)
            emit_whole_reasoning(d, block, reasoning);
        emit_block_stop(d, block);
    }
}

static void finish_whole(struct decoder *d)
{
    yyjson_val *body = json_parse(buf_slice(&d->body), &d->scratch, NULL);
    yyjson_val *message = json_get(json_get(body, "output"), "message");
    struct slice reason = json_get_slice(body, "stopReason");
    if (!yyjson_is_obj(message) || !reason.n) {
        fail_unreadable(d, "it is not a Converse answer");
        return;
    }
    emit_kind(d, EV_START, 0);
    emit_content(d, json_get(message, "content"));
    emit_stop(d, reason);
    emit_usage(d, json_get(body, "usage"));
    emit_kind(d, EV_END, 0);
}

static void finish_error(struct decoder *d)
{
    struct failure f = {0};
    bedrock_failure(&f, d->arena, d->status, d->error_type, buf_slice(&d->body));
    f.retry_after_s = d->retry_after_s;
    emit_failure(d, &f);
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

void *bedrock_decoder(const struct provider_attempt *t, int status, struct http_headers headers,
                      const struct llm_sink *sink)
{
    struct decoder *d = ARENA_NEW(t->arena, struct decoder);
    d->sink = sink;
    d->arena = t->arena;
    d->status = status;
    d->streamed = status == 200 && t->request->stream;
    d->retry_after_s = retry_after(headers);
    d->error_type = arena_dup(t->arena, http_header_get(headers, "x-amzn-errortype"));
    arena_init(&d->scratch);
    eventstream_init(&d->frames);
    buf_init(&d->body, status == 200 ? ANSWER_BODY_MAX : ERROR_BODY_MAX);
    return d;
}

/* Of an error its beginning is enough; half a whole answer is none. */
static void collect(struct decoder *d, struct slice bytes)
{
    size_t room = d->body.cap - d->body.n;
    if (bytes.n > room && d->status == 200)
        fail_unreadable(d, "it is too large");
    else
        buf_add(&d->body, slice_make(bytes.p, bytes.n < room ? bytes.n : room));
}

bool bedrock_feed(void *decoder, struct slice bytes)
{
    struct decoder *d = decoder;
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
    struct decoder *d = decoder;
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
    struct decoder *d = decoder;
    if (!d)
        return;
    eventstream_fini(&d->frames);
    buf_fini(&d->body);
    arena_fini(&d->scratch);
}
