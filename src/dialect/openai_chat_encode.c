/* OpenAI chat completions, answer side: neutral events → chat.completion.chunk events, a folded
 * answer → one chat.completion.
 *
 * The happy path of a stream: the part of a chunk that never changes is written once and copied in
 * front of each delta; one upstream event becomes one SSE event, text deltas one for one.
 *
 * Failure modes: EV_FAIL becomes an SSE event with an `error` object, after which nothing follows:
 * no finish chunk and no [DONE], so that half an answer is never taken for a whole one. */

#include "openai_chat.h"
#include "openai_error.h"
#include "wire/sse.h"

#define PREFIX_MAX (16 * 1024) /* id, model and framing of a chunk */

#define RECENT_CALLS 16 /* tool calls whose arguments may still come; in practice it is one */

struct encoder {
    struct slice chunk; /* `{"id":…,"choices":[{"index":0,"delta":{` */
    bool include_usage;
    bool role_sent;
    unsigned tool_calls;           /* opened so far: the index of the next one */
    unsigned blocks[RECENT_CALLS]; /* block index of call i, at i % RECENT_CALLS */
};

static const char *finish_reason(enum llm_stop stop)
{
    switch (stop) {
    case LLM_STOP_END_TURN:
    case LLM_STOP_SEQUENCE:
    case LLM_STOP_MALFORMED_OUTPUT: return "stop";
    case LLM_STOP_TOOL_USE:
    case LLM_STOP_MALFORMED_TOOL_USE: return "tool_calls";
    case LLM_STOP_MAX_TOKENS:
    case LLM_STOP_CONTEXT_WINDOW: return "length";
    case LLM_STOP_CONTENT_FILTER: return "content_filter";
    }
    return "stop";
}

/* ---- usage --------------------------------------------------------------------- */

static void write_prompt_details(struct json_writer *w, const struct llm_usage *u)
{
    json_key(w, "prompt_tokens_details");
    json_object(w);
    json_member_integer(w, "cached_tokens", u->cache_read);
    json_member_integer(w, "cache_write_tokens", u->cache_write);
    json_member_integer(w, "cache_creation_tokens", u->cache_write);
    json_member_integer(w, "text_tokens", u->input);
    if (u->cache_write_1h) {
        json_key(w, "cache_creation_token_details");
        json_object(w);
        json_member_integer(w, "ephemeral_5m_input_tokens", u->cache_write - u->cache_write_1h);
        json_member_integer(w, "ephemeral_1h_input_tokens", u->cache_write_1h);
        json_object_end(w);
    }
    json_object_end(w);
}

static void write_usage(struct json_writer *w, const struct llm_usage *u)
{
    json_key(w, "usage");
    json_object(w);
    json_member_integer(w, "completion_tokens", u->output);
    json_member_integer(w, "prompt_tokens", llm_usage_prompt(u));
    json_member_integer(w, "total_tokens", llm_usage_prompt(u) + u->output);
    json_key(w, "completion_tokens_details");
    json_object(w);
    json_member_integer(w, "reasoning_tokens", u->reasoning);
    json_member_integer(w, "text_tokens", u->output - u->reasoning);
    json_object_end(w);
    write_prompt_details(w, u);
    json_member_integer(w, "cache_creation_input_tokens", u->cache_write);
    json_member_integer(w, "cache_read_input_tokens", u->cache_read);
    if (u->has_cost) {
        char room[SLICE_MONEY];
        json_key(w, "cost");
        json_raw(w, slice_money(u->cost, room));
    }
    json_object_end(w);
}

/* ---- streams ------------------------------------------------------------------------------- */

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
    json_member_string(&w, "content", text);
    delta_end(out);
}

/* LiteLLM's shape: the plain text for those who show it, the block for those who send it back. */
static void encode_reasoning(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    struct json_writer w;
    bool clear = e->kind == EV_REASONING;
    delta_begin(enc, &w, out);
    json_member_string(&w, "reasoning_content", clear ? e->text : SLICE(""));
    json_key(&w, "thinking_blocks");
    json_array(&w);
    json_object(&w);
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

static void encode_tool_start(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    struct json_writer w;
    enc->blocks[enc->tool_calls % RECENT_CALLS] = e->block;
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
    buf_addf(out, "},\"finish_reason\":\"%s\"}]}", finish_reason(stop));
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
    write_usage(&w, usage);
    json_object_end(&w);
    sse_end(out);
}

void chat_encode(void *encoder, const struct llm_event *e, struct buf *out)
{
    struct encoder *enc = encoder;
    switch (e->kind) {
    case EV_START:
    case EV_CITATION:
    case EV_NOTE:
    case EV_BLOCK_STOP: break;
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

/* ---- whole answers ------------------------------------------------------------------------- */

/* All parts of one kind, as one string. */
static void write_joined(struct json_writer *w, const struct llm_response *r,
                         enum llm_part_kind kind)
{
    json_string_begin(w);
    for (const struct llm_part *p = r->parts; p; p = p->next)
        if (p->kind == kind)
            json_string_part(w, buf_slice(&p->text));
    json_string_end(w);
}

static bool has_part(const struct llm_response *r, enum llm_part_kind kind)
{
    for (const struct llm_part *p = r->parts; p; p = p->next)
        if (p->kind == kind)
            return true;
    return false;
}

static void write_tool_calls(struct json_writer *w, const struct llm_response *r)
{
    json_key(w, "tool_calls");
    json_array(w);
    for (const struct llm_part *p = r->parts; p; p = p->next) {
        if (p->kind != LLM_PART_TOOL_CALL)
            continue;
        json_object(w);
        json_member_integer(w, "index", p->block);
        json_member_string(w, "id", p->id);
        json_member_string(w, "type", SLICE("function"));
        json_key(w, "function");
        json_object(w);
        json_member_string(w, "name", p->name);
        json_member_string(w, "arguments", buf_slice(&p->text));
        json_object_end(w);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_thinking_blocks(struct json_writer *w, const struct llm_response *r)
{
    json_key(w, "thinking_blocks");
    json_array(w);
    for (const struct llm_part *p = r->parts; p; p = p->next) {
        if (p->kind != LLM_PART_REASONING)
            continue;
        json_object(w);
        if (p->redacted.n) {
            json_member_string(w, "type", SLICE("redacted_thinking"));
            json_member_string(w, "data", buf_slice(&p->redacted));
        } else {
            json_member_string(w, "type", SLICE("thinking"));
            json_member_string(w, "thinking", buf_slice(&p->text));
            if (p->signature.n)
                json_member_string(w, "signature", buf_slice(&p->signature));
        }
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_answer_message(struct json_writer *w, const struct llm_response *r)
{
    json_key(w, "message");
    json_object(w);
    json_member_string(w, "role", SLICE("assistant"));
    json_key(w, "content");
    write_joined(w, r, LLM_PART_TEXT);
    if (has_part(r, LLM_PART_TOOL_CALL))
        write_tool_calls(w, r);
    if (has_part(r, LLM_PART_REASONING)) {
        json_key(w, "reasoning_content");
        write_joined(w, r, LLM_PART_REASONING);
        write_thinking_blocks(w, r);
    }
    json_object_end(w);
}

void chat_encode_whole(const struct llm_response *response, const struct llm_request *r,
                       const struct dialect_answer *ans, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "id", ans->id);
    json_member_integer(&w, "created", ans->created);
    json_member_string(&w, "model", ans->model);
    json_member_string(&w, "object", SLICE("chat.completion"));
    json_key(&w, "choices");
    json_array(&w);
    json_object(&w);
    json_member_integer(&w, "index", 0);
    write_answer_message(&w, response);
    json_member_string(&w, "finish_reason", slice_of(finish_reason(response->stop)));
    json_object_end(&w);
    json_array_end(&w);
    write_usage(&w, &response->usage);
    json_object_end(&w);
}
