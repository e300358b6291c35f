/* OpenAI chat completions, answer side, streamed: neutral events → chat.completion.chunk events.
 *
 * The happy path of a stream: the part of a chunk that never changes is written once and copied in
 * front of each delta; one upstream event becomes one SSE event, text deltas one for one.
 *
 * Failure modes: EV_FAIL becomes an SSE event with an `error` object, after which nothing follows:
 * no finish chunk and no [DONE], so that half an answer is never taken for a whole one. */

#include "openai_answer.h"
#include "openai_chat.h"
#include "openai_error.h"
#include "wire/sse.h"

#define PREFIX_MAX (16 * 1024) /* id, model and framing of a chunk */

#define RECENT_CALLS 16 /* tool calls whose arguments may still come; in practice it is one */

struct encoder {
    struct slice chunk; /* `{"id":…,"choices":[{"index":0,"delta":{` */
    bool include_usage;
    bool role_sent;
    bool merge_reasoning;          /* thinking is shown as <think> text … */
    bool think_open;               /* … and </think> is due */
    bool legacy;                   /* function_call instead of tool_calls */
    unsigned tool_calls;           /* opened so far: the index of the next one */
    unsigned blocks[RECENT_CALLS]; /* block index of call i, at i % RECENT_CALLS */
    unsigned thoughts;             /* blocks of thinking that began */
    unsigned thought;              /* block index of the last of them */
};

void *chat_encoder(struct arena *a, const struct llm_request *r, const struct dialect_answer *ans)
{
    struct encoder *enc = ARENA_NEW(a, struct encoder);
    struct json_writer w;
    struct buf b;
    buf_init(&b, PREFIX_MAX + 6 * ans->model.n);
    json_begin(&w, &b);
    json_object(&w);
    json_member_string(&w, "id", ans->id);
    json_member_integer(&w, "created", ans->created);
    json_member_string(&w, "model", ans->model);
    json_member_string(&w, "object", SLICE("chat.completion.chunk"));
    BUF_LITERAL(&b, ",\"choices\":[{\"index\":0,\"delta\":{");
    enc->chunk = arena_dup(a, buf_slice(&b));
    enc->include_usage = r->include_usage;
    enc->merge_reasoning = r->merge_reasoning;
    enc->legacy = r->legacy_functions;
    buf_fini(&b);
    return enc;
}

/* Begins a chunk and leaves the writer inside its delta. */
static void delta_begin(struct encoder *enc, struct json_writer *w, struct buf *out)
{
    sse_begin(out);
    buf_add(out, enc->chunk);
    json_begin(w, out);
    if (!enc->role_sent)
        json_member_string(w, "role", SLICE("assistant"));
    enc->role_sent = true;
}

static void delta_end(struct buf *out)
{
    BUF_LITERAL(out, "},\"finish_reason\":null}]}");
    sse_end(out);
}

static void encode_text(struct encoder *enc, struct slice text, struct buf *out)
{
    struct json_writer w;
    delta_begin(enc, &w, out);
    json_key(&w, "content");
    json_string_begin(&w);
    if (enc->think_open)
        json_string_part(&w, SLICE(THINK_END));
    json_string_part(&w, text);
    json_string_end(&w);
    enc->think_open = false;
    delta_end(out);
}

/* merge_reasoning_content_in_choices: thinking as text in tags, for clients that know no better. */
static void write_merged(struct encoder *enc, struct json_writer *w, struct slice text)
{
    json_key(w, "content");
    json_string_begin(w);
    if (!enc->think_open && text.n)
        json_string_part(w, SLICE(THINK_BEGIN));
    json_string_part(w, text);
    json_string_end(w);
    enc->think_open = enc->think_open || text.n;
}

/* Which of the answer's blocks of thinking this belongs to: OpenAI's SDKs put pieces together by
 * their index, and refuse a list without. */
static unsigned thought_index(struct encoder *enc, unsigned block)
{
    if (!enc->thoughts || enc->thought != block)
        enc->thoughts++;
    enc->thought = block;
    return enc->thoughts - 1;
}

/* LiteLLM's shape: the plain text for those who show it, the block for those who send it back. */
static void encode_reasoning(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    struct json_writer w;
    bool clear = e->kind == EV_REASONING;
    delta_begin(enc, &w, out);
    if (enc->merge_reasoning)
        write_merged(enc, &w, clear ? e->text : SLICE(""));
    else
        json_member_string(&w, "reasoning_content", clear ? e->text : SLICE(""));
    json_key(&w, "thinking_blocks");
    json_array(&w);
    json_object(&w);
    json_member_integer(&w, "index", thought_index(enc, e->block));
    if (e->kind == EV_REDACTED) {
        json_member_string(&w, "type", SLICE("redacted_thinking"));
        json_member_string(&w, "data", e->text);
    } else {
        json_member_string(&w, "type", SLICE("thinking"));
        json_member_string(&w, "thinking", clear ? e->text : SLICE(""));
        if (!clear)
            json_member_string(&w, "signature", e->text);
    }
    json_object_end(&w);
    json_array_end(&w);
    delta_end(out);
}

/* The form of before there were tools: one call, without an id. */
static void encode_function(struct encoder *enc, struct slice name, struct slice arguments,
                            struct buf *out)
{
    struct json_writer w;
    delta_begin(enc, &w, out);
    json_key(&w, "function_call");
    json_object(&w);
    if (name.n)
        json_member_string(&w, "name", name);
    json_member_string(&w, "arguments", arguments);
    json_object_end(&w);
    delta_end(out);
}

static void encode_tool_start(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    struct json_writer w;
    enc->blocks[enc->tool_calls % RECENT_CALLS] = e->block;
    if (enc->legacy) {
        enc->tool_calls++;
        encode_function(enc, e->name, SLICE(""), out);
        return;
    }
    delta_begin(enc, &w, out);
    json_key(&w, "tool_calls");
    json_array(&w);
    json_object(&w);
    json_member_integer(&w, "index", enc->tool_calls++);
    json_member_string(&w, "id", e->id);
    json_member_string(&w, "type", SLICE("function"));
    json_key(&w, "function");
    json_object(&w);
    json_member_string(&w, "name", e->name);
    json_member_string(&w, "arguments", SLICE(""));
    json_object_end(&w);
    json_object_end(&w);
    json_array_end(&w);
    delta_end(out);
}

/* The newest call of that block, or -1. */
static int64_t call_of_block(const struct encoder *enc, unsigned block)
{
    for (unsigned i = enc->tool_calls; i > 0 && i + RECENT_CALLS > enc->tool_calls; i--)
        if (enc->blocks[(i - 1) % RECENT_CALLS] == block)
            return i - 1;
    return -1;
}

static void encode_tool_args(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    struct json_writer w;
    int64_t call = call_of_block(enc, e->block);
    if (call < 0) /* arguments of a call that never began: nothing to attach them to */
        return;
    if (enc->legacy) {
        encode_function(enc, SLICE(""), e->text, out);
        return;
    }
    delta_begin(enc, &w, out);
    json_key(&w, "tool_calls");
    json_array(&w);
    json_object(&w);
    json_member_integer(&w, "index", call);
    json_key(&w, "function");
    json_object(&w);
    json_member_string(&w, "arguments", e->text);
    json_object_end(&w);
    json_object_end(&w);
    json_array_end(&w);
    delta_end(out);
}

static void encode_stop(struct encoder *enc, enum llm_stop stop, struct buf *out)
{
    struct json_writer w;
    delta_begin(enc, &w, out);
    buf_addf(out, "},\"finish_reason\":\"%s\"}]}", chat_finish_reason(stop, enc->legacy));
    sse_end(out);
}

static void encode_citation(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    struct json_writer w;
    delta_begin(enc, &w, out);
    json_key(&w, "provider_specific_fields");
    json_object(&w);
    (json_key(&w, "citation"), json_value(&w, e->json));
    json_object_end(&w);
    delta_end(out);
}

/* Beside the choices, as in whole answers. */
static void encode_note(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    struct json_writer w;
    delta_begin(enc, &w, out);
    BUF_LITERAL(out, "}}]");
    w.comma = true;
    json_key_slice(&w, e->name);
    json_value(&w, e->json);
    json_object_end(&w);
    sse_end(out);
}

/* OpenAI sends no choice here; LiteLLM an empty one, which spares clients that index choices[0]. */
static void encode_usage(struct encoder *enc, const struct llm_usage *usage, struct buf *out)
{
    struct json_writer w;
    if (!enc->include_usage)
        return;
    delta_begin(enc, &w, out);
    BUF_LITERAL(out, "}}]");
    w.comma = true;
    openai_write_usage(&w, usage);
    json_object_end(&w);
    sse_end(out);
}

void chat_encode(void *encoder, const struct llm_event *e, struct buf *out)
{
    struct encoder *enc = encoder;
    switch (e->kind) {
    case EV_START:
    case EV_FOREIGN:
    case EV_RAW:
    case EV_BLOCK_STOP: break;
    case EV_CITATION: encode_citation(enc, e, out); break;
    case EV_NOTE: encode_note(enc, e, out); break;
    case EV_BLOCK_START: encode_tool_start(enc, e, out); break;
    case EV_TEXT: encode_text(enc, e->text, out); break;
    case EV_REASONING:
    case EV_SIGNATURE:
    case EV_REDACTED: encode_reasoning(enc, e, out); break;
    case EV_TOOL_ARGS: encode_tool_args(enc, e, out); break;
    case EV_STOP: encode_stop(enc, e->stop, out); break;
    case EV_USAGE: encode_usage(enc, e->usage, out); break;
    case EV_END: sse_data(out, SLICE("[DONE]")); break;
    case EV_FAIL: openai_error_event(e->failure, out); break;
    }
}
