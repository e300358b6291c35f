/* Converse's answers → neutral events.
 *
 * The happy paths: ConverseStream's events become neutral ones one by one; Converse's document
 * becomes the same events at once. Frames, errors and ends are bedrock_decoder.c's.
 *
 * Failure modes: a document without a message or a stop reason is none. A stream that ends between
 * messageStop and metadata is complete but for its usage. Unknown events and deltas are skipped:
 * AWS adds some now and then. */

#include "bedrock_decoder.h"

static int64_t written_for_1h(yyjson_val *usage)
{
    yyjson_val *row;
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(usage, "cacheDetails"));
    int64_t n = 0;
    while ((row = yyjson_arr_iter_next(&it)))
        if (slice_eq(json_get_slice(row, "ttl"), SLICE("1h")))
            n += bedrock_count(row, "inputTokens");
    return n;
}

/* additionalModelResponseFields has what was asked for, nested as its path says. */
static void note_thinking(struct bedrock_decoder *d, yyjson_val *fields)
{
    yyjson_val *details = json_get(json_get(fields, "usage"), "output_tokens_details");
    d->thinking_tokens = bedrock_count(details, "thinking_tokens");
    if (!d->thinking_tokens)
        d->thinking_tokens = bedrock_count(details, "reasoning_tokens");
}

static void emit_note(struct bedrock_decoder *d, struct slice name, yyjson_val *json)
{
    if (json && !yyjson_is_null(json))
        bedrock_emit(d, &(struct llm_event){.kind = EV_NOTE, .name = name, .json = json});
}

/* What stands beside the usage, in `metadata` and in whole answers. */
static void emit_notes(struct bedrock_decoder *d, yyjson_val *beside)
{
    emit_note(d, SLICE("trace"), json_get(beside, "trace"));
    emit_note(d, SLICE("service_tier"), json_get(json_get(beside, "serviceTier"), "type"));
}

static void emit_citation(struct bedrock_decoder *d, unsigned block, yyjson_val *citation)
{
    bedrock_emit(d, &(struct llm_event){.kind = EV_CITATION, .block = block, .json = citation});
}

static void emit_usage(struct bedrock_decoder *d, yyjson_val *usage)
{
    struct llm_usage u = {
        .input = bedrock_count(usage, "inputTokens"),
        .output = bedrock_count(usage, "outputTokens"),
        .cache_read = bedrock_count(usage, "cacheReadInputTokens"),
        .cache_write = bedrock_count(usage, "cacheWriteInputTokens"),
        .cache_write_1h = written_for_1h(usage),
        .tells_cache =
            json_get(usage, "cacheReadInputTokens") || json_get(usage, "cacheWriteInputTokens"),
        .tells_ttl = yyjson_arr_size(json_get(usage, "cacheDetails")) > 0,
    };
    u.reasoning = bedrock_reasoning_tokens(d, u.output);
    u.tells_thinking = d->thinking_tokens > 0;
    if (u.cache_write_1h > u.cache_write)
        u.cache_write_1h = u.cache_write;
    if (yyjson_is_obj(usage))
        bedrock_emit(d, &(struct llm_event){.kind = EV_USAGE, .usage = &u});
}

static void emit_tool_start(struct bedrock_decoder *d, unsigned block, yyjson_val *tool)
{
    bedrock_emit_tool_start(d, block, json_get_slice(tool, "toolUseId"),
                            json_get_slice(tool, "name"));
}

/* ---- ConverseStream ------------------------------------------------------------------------ */

static void on_delta(struct bedrock_decoder *d, unsigned block, yyjson_val *delta)
{
    struct slice text = json_get_slice(delta, "text");
    if (text.p) { /* a delta is of one kind, and nearly all are of this */
        bedrock_emit_text(d, EV_TEXT, block, text);
        return;
    }
    yyjson_val *reasoning = json_get(delta, "reasoningContent");
    yyjson_val *tool = json_get(delta, "toolUse");
    yyjson_val *citation = json_get(delta, "citation");
    if (citation)
        emit_citation(d, block, citation);
    if (tool)
        bedrock_emit_tool_args(d, block, json_get_slice(tool, "input"));
    if (reasoning) {
        bedrock_emit_text(d, EV_REASONING, block, json_get_slice(reasoning, "text"));
        bedrock_emit_text(d, EV_SIGNATURE, block, json_get_slice(reasoning, "signature"));
        bedrock_emit_text(d, EV_REDACTED, block, json_get_slice(reasoning, "redactedContent"));
    }
}

static void converse_event(struct bedrock_decoder *d, struct slice type, yyjson_val *payload)
{
    unsigned block = (unsigned)bedrock_count(payload, "contentBlockIndex");
    if (slice_eq(type, SLICE("contentBlockDelta"))) {
        on_delta(d, block, json_get(payload, "delta"));
    } else if (slice_eq(type, SLICE("contentBlockStart"))) {
        yyjson_val *tool = json_get(json_get(payload, "start"), "toolUse");
        if (tool)
            emit_tool_start(d, block, tool);
    } else if (slice_eq(type, SLICE("contentBlockStop"))) {
        bedrock_emit_block_stop(d, block);
    } else if (slice_eq(type, SLICE("messageStart"))) {
        bedrock_emit_kind(d, EV_START, 0);
    } else if (slice_eq(type, SLICE("messageStop"))) {
        note_thinking(d, json_get(payload, "additionalModelResponseFields"));
        bedrock_emit_stop(d, json_get_slice(payload, "stopReason"), SLICE(""));
    } else if (slice_eq(type, SLICE("metadata"))) {
        emit_notes(d, payload);
        emit_usage(d, json_get(payload, "usage"));
        if (d->stopped)
            bedrock_emit_kind(d, EV_END, 0);
    }
}

/* ---- Converse ------------------------------------------------------------------------------ */

static void emit_whole_reasoning(struct bedrock_decoder *d, unsigned block, yyjson_val *reasoning)
{
    yyjson_val *text = json_get(reasoning, "reasoningText");
    bedrock_emit_text(d, EV_REASONING, block, json_get_slice(text, "text"));
    bedrock_emit_text(d, EV_SIGNATURE, block, json_get_slice(text, "signature"));
    bedrock_emit_text(d, EV_REDACTED, block, json_get_slice(reasoning, "redactedContent"));
}

static void emit_cited(struct bedrock_decoder *d, unsigned block, yyjson_val *cited)
{
    yyjson_val *item;
    yyjson_arr_iter texts = yyjson_arr_iter_with(json_get(cited, "content"));
    yyjson_arr_iter citations = yyjson_arr_iter_with(json_get(cited, "citations"));
    while ((item = yyjson_arr_iter_next(&texts)))
        bedrock_emit_text(d, EV_TEXT, block, json_get_slice(item, "text"));
    while ((item = yyjson_arr_iter_next(&citations)))
        emit_citation(d, block, item);
}

static void emit_content(struct bedrock_decoder *d, yyjson_val *content)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(content);
    for (unsigned block = 0; (item = yyjson_arr_iter_next(&it)); block++) {
        yyjson_val *tool = json_get(item, "toolUse");
        yyjson_val *reasoning = json_get(item, "reasoningContent");
        bedrock_emit_text(d, EV_TEXT, block, json_get_slice(item, "text"));
        if (tool) {
            emit_tool_start(d, block, tool);
            bedrock_emit_tool_input(d, block, json_get(tool, "input"));
        }
        if (reasoning)
            emit_whole_reasoning(d, block, reasoning);
        emit_cited(d, block, json_get(item, "citationsContent"));
        bedrock_emit_block_stop(d, block);
    }
}

static bool converse_whole(struct bedrock_decoder *d, yyjson_val *body)
{
    yyjson_val *message = json_get(json_get(body, "output"), "message");
    struct slice reason = json_get_slice(body, "stopReason");
    if (!yyjson_is_obj(message) || !reason.n)
        return false;
    bedrock_emit_kind(d, EV_START, 0);
    emit_content(d, json_get(message, "content"));
    note_thinking(d, json_get(body, "additionalModelResponseFields"));
    bedrock_emit_stop(d, reason, SLICE(""));
    emit_notes(d, body);
    emit_usage(d, json_get(body, "usage"));
    return true;
}

static const struct bedrock_form converse = {
    .not_ours = "it is not a Converse answer",
    .event = converse_event,
    .whole = converse_whole,
};

void *bedrock_converse_decoder(const struct provider_attempt *t, int status,
                               struct http_headers headers, const struct llm_sink *sink)
{
    struct bedrock_decoder *d = ARENA_NEW(t->arena, struct bedrock_decoder);
    bedrock_decoder_init(d, &converse, t, status, headers, sink);
    return d;
}
