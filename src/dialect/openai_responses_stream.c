/* OpenAI's Responses, answer side, streamed: neutral events → the events of a response.
 *
 *     created, in_progress, (item: output_item.added, [part.added, delta…, done, part.done],
 *     output_item.done)…, completed | incomplete                      or, at any point:  error,
 * failed
 *
 * The happy path of a stream: what stands in front of each delta is written once per item and
 * copied; one upstream event becomes one event. An item ends when the next one begins, or the
 * answer: only then it is known whether the model had said all of it.
 *
 * Failure modes: EV_FAIL becomes `error` and `response.failed`, after which nothing follows. An
 * answer that is too large fails the same way. */

#include "openai_responses.h"

#include "error_text.h"
#include "openai_error.h"
#include "wire/sse.h"

struct encoder {
    struct responses_answer answer;
    int64_t sequence;  /* number of the next event */
    struct slice head; /* of the open item's deltas */
    bool begun;
    bool failed;       /* nothing may follow */
    bool keeps;        /* the response is wanted … */
    struct slice kept; /* … and complete */
};

void *responses_encoder(struct arena *a, const struct llm_request *r,
                        const struct dialect_answer *ans)
{
    struct encoder *enc = ARENA_NEW(a, struct encoder);
    responses_answer_init(&enc->answer, a, r, ans);
    enc->keeps = responses_wants_kept(r->said);
    return enc;
}

void *responses_encoder_of_whole(struct arena *a, const struct llm_request *r,
                                 const struct dialect_answer *ans)
{
    struct encoder *enc = responses_encoder(a, r, ans);
    enc->keeps = true;
    return enc;
}

struct slice responses_kept(const void *encoder)
{
    const struct encoder *enc = encoder;
    return enc->kept;
}

/* ---- events -------------------------------------------------------------------------------- */

static void event_begin(struct encoder *enc, struct json_writer *w, struct slice type,
                        struct buf *out)
{
    BUF_LITERAL(out, "event: ");
    buf_add(out, type);
    BUF_LITERAL(out, "\n");
    sse_begin(out);
    json_begin(w, out);
    json_object(w);
    json_member_string(w, "type", type);
    json_member_integer(w, "sequence_number", enc->sequence++);
}

static void event_end(struct json_writer *w)
{
    json_object_end(w);
    sse_end(w->out);
}

/* Of an item, or of its only part. */
static void item_event_begin(struct encoder *enc, struct json_writer *w, struct slice type,
                             struct buf *out)
{
    const struct responses_item *item = enc->answer.open;
    event_begin(enc, w, type, out);
    json_member_string(w, "item_id", item->id);
    json_member_integer(w, "output_index", item->index);
    if (item->kind == RESPONSES_MESSAGE)
        json_member_integer(w, "content_index", 0);
    else if (item->kind == RESPONSES_REASONING)
        json_member_integer(w, "summary_index", 0);
}

/* Where the response lies in `out`. */
struct place {
    size_t at, n;
};

static struct place response_event(struct encoder *enc, struct slice type, bool ended,
                                   const struct failure *f, struct buf *out)
{
    struct json_writer w;
    struct place place;
    event_begin(enc, &w, type, out);
    json_key(&w, "response");
    place.at = out->n;
    responses_write(&w, &enc->answer, ended, f);
    place.n = out->n - place.at;
    event_end(&w);
    return place;
}

static void item_event(struct encoder *enc, struct slice type, struct slice status, struct buf *out)
{
    struct json_writer w;
    event_begin(enc, &w, type, out);
    json_member_integer(&w, "output_index", enc->answer.open->index);
    json_key(&w, "item");
    responses_write_item(&w, enc->answer.open, status);
    event_end(&w);
}

static void part_event(struct encoder *enc, struct slice type, struct buf *out)
{
    struct json_writer w;
    item_event_begin(enc, &w, type, out);
    json_key(&w, "part");
    responses_write_part(&w, enc->answer.open);
    event_end(&w);
}

/* ---- failures ------------------------------------------------------------------------------ */

/* Flat, as OpenAI documents it; and with the object that its SDKs raise. */
static void encode_failure(struct encoder *enc, const struct failure *f, struct buf *out)
{
    struct json_writer w;
    event_begin(enc, &w, SLICE("error"), out);
    json_member_string(&w, "code", responses_error_code(f));
    json_key(&w, "message");
    json_string_begin(&w);
    error_text_write(&w, f);
    json_string_end(&w);
    (json_key(&w, "param"), json_null(&w));
    openai_error_member(&w, f);
    event_end(&w);
    if (enc->answer.open)
        enc->answer.open->incomplete = true;
    response_event(enc, SLICE("response.failed"), true, f, out);
    enc->failed = true;
}

static void fail_too_large(struct encoder *enc, struct buf *out)
{
    struct failure f = {0};
    failure_set(&f, enc->answer.arena, FAILURE_BAD_GATEWAY, 502,
                "the model's answer is larger than %u bytes", LLM_ANSWER_MAX);
    encode_failure(enc, &f, out);
}

static void fail_if_too_large(struct encoder *enc, struct buf *out)
{
    if (enc->answer.bytes > LLM_ANSWER_MAX)
        fail_too_large(enc, out);
}

/* ---- deltas -------------------------------------------------------------------------------- */

/* Everything up to the delta's text. */
static void make_head(struct encoder *enc, const char *type, const char *part)
{
    const struct responses_item *item = enc->answer.open;
    enc->head = arena_printf(enc->answer.arena,
                             "event: response.%s.delta\n"
                             "data: {\"type\":\"response.%s.delta\",\"item_id\":\"%.*s\","
                             "\"output_index\":%u,%s\"delta\":\"",
                             type, type, SLICE_ARG(item->id), item->index, part);
}

static void delta_end(struct encoder *enc, struct slice members, struct buf *out)
{
    char digits[SLICE_DIGITS];
    BUF_LITERAL(out, "\",\"sequence_number\":");
    buf_add(out, slice_digits(enc->sequence++, digits));
    buf_add(out, members);
    BUF_LITERAL(out, "}\n\n");
}

/* The text, and once more for later. */
static void delta(struct encoder *enc, struct slice text, struct slice members, struct buf *out)
{
    struct json_writer w;
    buf_add(out, enc->head);
    size_t before = out->n;
    json_begin(&w, out);
    json_string_part(&w, text);
    responses_append(&enc->answer, &enc->answer.open->text,
                     slice_make(out->p + before, out->n - before));
    delta_end(enc, members, out);
    fail_if_too_large(enc, out);
}

/* ---- the end of an item -------------------------------------------------------------------- */

/* `member`: what the text is called. */
static void text_done(struct encoder *enc, struct slice type, const char *member, struct buf *out)
{
    struct json_writer w;
    item_event_begin(enc, &w, type, out);
    json_key_slice(&w, slice_of(member));
    json_string_begin(&w);
    buf_add(out, responses_text_slice(&enc->answer.open->text));
    json_string_end(&w);
    if (enc->answer.open->kind == RESPONSES_MESSAGE)
        (json_key(&w, "logprobs"), json_array(&w), json_array_end(&w));
    event_end(&w);
}

/* A call without arguments has an empty object for them. */
static void call_done(struct encoder *enc, struct buf *out)
{
    struct responses_item *item = enc->answer.open;
    if (!item->text.n && !item->incomplete)
        delta(enc, SLICE("{}"), SLICE(""), out);
    text_done(enc, SLICE("response.function_call_arguments.done"), "arguments", out);
}

/* Its head begins at `begin` and its text at `before`; without a text there is no event. */
static void custom_delta(struct encoder *enc, size_t begin, size_t before, struct buf *out)
{
    responses_append(&enc->answer, &enc->answer.open->text,
                     slice_make(out->p + before, out->n - before));
    if (out->n > before)
        delta_end(enc, SLICE(""), out);
    else
        out->n = begin;
}

/* What the head had to see all of before it could be said. */
static void custom_done(struct encoder *enc, struct buf *out)
{
    struct responses_item *item = enc->answer.open;
    size_t begin = out->n, before;
    buf_add(out, enc->head);
    before = out->n;
    responses_custom_end(&item->custom, responses_text_slice(&item->arguments), out);
    custom_delta(enc, begin, before, out);
    text_done(enc, SLICE("response.custom_tool_call_input.done"), "input", out);
}

static void parts_done(struct encoder *enc, struct buf *out)
{
    const struct responses_item *item = enc->answer.open;
    switch (item->kind) {
    case RESPONSES_MESSAGE:
        text_done(enc, SLICE("response.output_text.done"), "text", out);
        part_event(enc, SLICE("response.content_part.done"), out);
        break;
    case RESPONSES_REASONING:
        if (!item->opened)
            break;
        text_done(enc, SLICE("response.reasoning_summary_text.done"), "text", out);
        part_event(enc, SLICE("response.reasoning_summary_part.done"), out);
        break;
    case RESPONSES_CALL: call_done(enc, out); break;
    case RESPONSES_CUSTOM: custom_done(enc, out); break;
    }
}

static void close_item(struct encoder *enc, bool incomplete, struct buf *out)
{
    struct responses_item *item = enc->answer.open;
    if (!item)
        return;
    item->incomplete = incomplete;
    parts_done(enc, out);
    item_event(enc, SLICE("response.output_item.done"),
               incomplete ? SLICE("incomplete") : SLICE("completed"), out);
    enc->answer.open = NULL;
}

/* ---- items --------------------------------------------------------------------------------- */

static void open_item(struct encoder *enc, enum responses_kind kind, unsigned block,
                      struct buf *out)
{
    close_item(enc, false, out);
    responses_open(&enc->answer, kind, block);
    item_event(enc, SLICE("response.output_item.added"), SLICE("in_progress"), out);
}

static bool is_open(const struct encoder *enc, enum responses_kind kind)
{
    return enc->answer.open && enc->answer.open->kind == kind;
}

/* Texts in a row are one: providers begin a new block for each citation. */
static void need_message(struct encoder *enc, unsigned block, struct buf *out)
{
    if (is_open(enc, RESPONSES_MESSAGE))
        return;
    open_item(enc, RESPONSES_MESSAGE, block, out);
    part_event(enc, SLICE("response.content_part.added"), out);
    make_head(enc, "output_text", "\"content_index\":0,");
}

static void encode_text(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    need_message(enc, e->block, out);
    delta(enc, e->text, SLICE(",\"logprobs\":[]"), out);
}

static void encode_citation(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    struct json_writer w;
    need_message(enc, e->block, out);
    struct responses_item *item = enc->answer.open;
    struct slice annotation = responses_annotate(&enc->answer, e->json);
    item_event_begin(enc, &w, SLICE("response.output_text.annotation.added"), out);
    json_member_integer(&w, "annotation_index", item->annotation_count - 1);
    json_key(&w, "annotation");
    json_raw(&w, annotation);
    event_end(&w);
    fail_if_too_large(enc, out);
}

static void need_reasoning(struct encoder *enc, unsigned block, struct buf *out)
{
    if (!is_open(enc, RESPONSES_REASONING) || enc->answer.open->block != block)
        open_item(enc, RESPONSES_REASONING, block, out);
}

static void encode_reasoning(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    need_reasoning(enc, e->block, out);
    if (!enc->answer.open->opened) {
        if (!e->text.n)
            return;
        enc->answer.open->opened = true;
        part_event(enc, SLICE("response.reasoning_summary_part.added"), out);
        make_head(enc, "reasoning_summary_text", "\"summary_index\":0,");
    }
    delta(enc, e->text, SLICE(""), out);
}

/* What signs the thinking, or all of it encrypted: said with the item, when it is done. */
static void encode_sealed(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    need_reasoning(enc, e->block, out);
    struct responses_item *item = enc->answer.open;
    struct json_writer w;
    size_t before = out->n;
    json_begin(&w, out);
    json_string_part(&w, e->text);
    responses_append(&enc->answer, e->kind == EV_REDACTED ? &item->redacted : &item->signature,
                     slice_make(out->p + before, out->n - before));
    out->n = before;
    fail_if_too_large(enc, out);
}

static void encode_tool_start(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    close_item(enc, false, out);
    bool custom = responses_open_call(&enc->answer, e)->kind == RESPONSES_CUSTOM;
    item_event(enc, SLICE("response.output_item.added"), SLICE("in_progress"), out);
    make_head(enc, custom ? "custom_tool_call_input" : "function_call_arguments", "");
}

static void encode_custom(struct encoder *enc, struct slice piece, struct buf *out)
{
    struct responses_item *item = enc->answer.open;
    size_t begin = out->n, before;
    responses_append(&enc->answer, &item->arguments, piece);
    buf_add(out, enc->head);
    before = out->n;
    responses_custom_feed(&item->custom, piece, out);
    custom_delta(enc, begin, before, out);
    fail_if_too_large(enc, out);
}

/* Arguments of a call that is not open have nothing to be attached to. */
static void encode_tool_args(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    const struct responses_item *item = enc->answer.open;
    if (!item || item->block != e->block)
        return;
    if (item->kind == RESPONSES_CUSTOM)
        encode_custom(enc, e->text, out);
    else if (item->kind == RESPONSES_CALL)
        delta(enc, e->text, SLICE(""), out);
}

/* ---- the whole ----------------------------------------------------------------------------- */

static void begin(struct encoder *enc, struct buf *out)
{
    enc->begun = true;
    response_event(enc, SLICE("response.created"), false, NULL, out);
    response_event(enc, SLICE("response.in_progress"), false, NULL, out);
}

static void encode_stop(struct encoder *enc, enum llm_stop stop, struct buf *out)
{
    enc->answer.stopped = true;
    enc->answer.stop = stop;
    close_item(enc, responses_is_cut(&enc->answer), out);
}

/* LiteLLM's clients wait for [DONE]; OpenAI's know it too. */
static void encode_end(struct encoder *enc, struct buf *out)
{
    close_item(enc, false, out);
    bool cut = responses_is_cut(&enc->answer);
    struct place response = response_event(
        enc, cut ? SLICE("response.incomplete") : SLICE("response.completed"), true, NULL, out);
    if (enc->keeps && !out->overflow)
        enc->kept = arena_dup(enc->answer.arena, slice_make(out->p + response.at, response.n));
    sse_data(out, SLICE("[DONE]"));
}

void responses_encode(void *encoder, const struct llm_event *e, struct buf *out)
{
    struct encoder *enc = encoder;
    if (enc->failed)
        return;
    if (!enc->begun)
        begin(enc, out);
    switch (e->kind) {
    case EV_START:
    case EV_FOREIGN:
    case EV_RAW:
    case EV_NOTE:
    case EV_BLOCK_STOP: break;
    case EV_BLOCK_START: encode_tool_start(enc, e, out); break;
    case EV_TEXT: encode_text(enc, e, out); break;
    case EV_REASONING: encode_reasoning(enc, e, out); break;
    case EV_SIGNATURE:
    case EV_REDACTED: encode_sealed(enc, e, out); break;
    case EV_TOOL_ARGS: encode_tool_args(enc, e, out); break;
    case EV_CITATION: encode_citation(enc, e, out); break;
    case EV_STOP: encode_stop(enc, e->stop, out); break;
    case EV_USAGE:
        enc->answer.has_usage = true;
        enc->answer.usage = *e->usage;
        break;
    case EV_END: encode_end(enc, out); break;
    case EV_FAIL: encode_failure(enc, e->failure, out); break;
    }
}
