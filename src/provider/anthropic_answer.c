/* Anthropic's answers over InvokeModel → neutral events.
 *
 * The happy paths: the events in a stream's chunks become neutral ones one by one; a whole message
 * becomes the same events at once. Token counts come in pieces (message_start, message_delta,
 * message_stop, Bedrock's metrics) that repeat each other: the largest of each holds, nothing is
 * added up.
 *
 * Failure modes: an error event or an error in place of a message is a failure of its kind. A
 * stream that ends behind the stop reason is complete. Events, deltas and blocks that nobody here
 * knows (pings) are skipped; blocks of server
 * tools are handed on as they are. */

#include "anthropic.h"

#include "invoke.h"

struct anthropic {
    struct bedrock_decoder core;
    struct llm_usage usage;
    bool has_usage;
    yyjson_val *edits; /* context_management of the answer, or NULL */
    uint64_t tools;    /* bit per block: a call of the client's tools … */
    uint64_t foreign;  /* … or of a kind that has no neutral form */
};

/* ---- usage --------------------------------------------------------------------------------- */

static void raise(int64_t *count, int64_t reported)
{
    if (reported > *count)
        *count = reported;
}

static void merge_usage(struct anthropic *x, yyjson_val *usage)
{
    struct llm_usage *u = &x->usage;
    yyjson_val *written = json_get(usage, "cache_creation");
    x->has_usage = x->has_usage || yyjson_is_obj(usage);
    u->tells_cache = u->tells_cache || json_get(usage, "cache_read_input_tokens");
    u->tells_ttl = u->tells_ttl || yyjson_is_obj(written);
    raise(&u->input, bedrock_count(usage, "input_tokens"));
    raise(&u->output, bedrock_count(usage, "output_tokens"));
    raise(&u->cache_read, bedrock_count(usage, "cache_read_input_tokens"));
    raise(&u->cache_write, bedrock_count(usage, "cache_creation_input_tokens"));
    raise(&u->cache_write_1h, bedrock_count(written, "ephemeral_1h_input_tokens"));
    raise(&u->cache_write, u->cache_write_1h + bedrock_count(written, "ephemeral_5m_input_tokens"));
    raise(&x->core.thinking_tokens,
          bedrock_count(json_get(usage, "output_tokens_details"), "thinking_tokens"));
}

static void fill(int64_t *count, yyjson_val *metrics, const char *name)
{
    if (!*count)
        *count = bedrock_count(metrics, name);
}

/* Bedrock's own counts stand in for those that the model did not report; what message_start says of
 * the output is only its beginning. */
static void merge_metrics(struct anthropic *x, yyjson_val *metrics)
{
    x->has_usage = x->has_usage || yyjson_is_obj(metrics);
    fill(&x->usage.input, metrics, "inputTokenCount");
    raise(&x->usage.output, bedrock_count(metrics, "outputTokenCount"));
    fill(&x->usage.cache_read, metrics, "cacheReadInputTokenCount");
    fill(&x->usage.cache_write, metrics, "cacheWriteInputTokenCount");
}

static void emit_usage(struct anthropic *x)
{
    x->usage.reasoning = bedrock_reasoning_tokens(&x->core, x->usage.output);
    x->usage.tells_thinking = x->core.thinking_tokens > 0;
    if (x->has_usage)
        bedrock_emit(&x->core, &(struct llm_event){.kind = EV_USAGE, .usage = &x->usage});
}

/* ---- errors -------------------------------------------------------------------------------- */

static void emit_error(struct bedrock_decoder *d, yyjson_val *error)
{
    static const struct {
        const char *type, *exception;
    } rows[] = {
        {"authentication_error", "UnrecognizedClientException"},
        {"invalid_request_error", "ValidationException"},
        {"not_found_error", "ResourceNotFoundException"},
        {"overloaded_error", "ServiceUnavailableException"},
        {"permission_error", "AccessDeniedException"},
        {"rate_limit_error", "ThrottlingException"},
        {"request_too_large", "ValidationException"},
        {"timeout_error", "ModelTimeoutException"},
    };
    struct failure f = {0};
    struct slice type = json_get_slice(error, "type"), text = json_get_slice(error, "message");
    const char *exception = "InternalServerException"; /* api_error, and what comes later */
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(type, slice_of(rows[i].type)))
            exception = rows[i].exception;
    bedrock_exception(&f, d->attempt, slice_of(exception), text.n ? text : type);
    bedrock_emit_failure(d, &f);
}

/* ---- streams ------------------------------------------------------------------------------- */

/* Blocks past the 64th share a bit, as in bedrock_decoder.c. */
static uint64_t block_bit(unsigned block)
{
    return UINT64_C(1) << (block < 63 ? block : 63);
}

static void emit_foreign(struct anthropic *x, unsigned block, yyjson_val *json)
{
    if (yyjson_is_obj(json))
        bedrock_emit(&x->core,
                     &(struct llm_event){.kind = EV_FOREIGN, .block = block, .json = json});
}

static void on_block_start(struct anthropic *x, unsigned block, yyjson_val *content)
{
    struct slice type = json_get_slice(content, "type");
    x->tools &= ~block_bit(block);
    x->foreign &= ~block_bit(block);
    if (slice_eq(type, SLICE("tool_use"))) {
        x->tools |= block_bit(block);
        bedrock_emit_tool_start(&x->core, block, json_get_slice(content, "id"),
                                json_get_slice(content, "name"));
    } else if (slice_eq(type, SLICE("text"))) {
        bedrock_emit_text(&x->core, EV_TEXT, block, json_get_slice(content, "text"));
    } else if (slice_eq(type, SLICE("thinking"))) {
        bedrock_emit_text(&x->core, EV_REASONING, block, json_get_slice(content, "thinking"));
        bedrock_emit_text(&x->core, EV_SIGNATURE, block, json_get_slice(content, "signature"));
    } else if (slice_eq(type, SLICE("redacted_thinking"))) {
        bedrock_emit_text(&x->core, EV_REDACTED, block, json_get_slice(content, "data"));
    } else {
        x->foreign |= block_bit(block);
        emit_foreign(x, block, content);
    }
}

static void emit_citation(struct bedrock_decoder *d, unsigned block, yyjson_val *citation)
{
    if (yyjson_is_obj(citation))
        bedrock_emit(d, &(struct llm_event){.kind = EV_CITATION, .block = block, .json = citation});
}

static void on_delta(struct anthropic *x, unsigned block, yyjson_val *delta)
{
    struct bedrock_decoder *d = &x->core;
    struct slice type = json_get_slice(delta, "type");
    if (x->foreign & block_bit(block)) {
        emit_foreign(x, block, delta);
    } else if (slice_eq(type, SLICE("text_delta"))) {
        bedrock_emit_text(d, EV_TEXT, block, json_get_slice(delta, "text"));
    } else if (slice_eq(type, SLICE("input_json_delta"))) {
        if (x->tools & block_bit(block))
            bedrock_emit_tool_args(d, block, json_get_slice(delta, "partial_json"));
    } else if (slice_eq(type, SLICE("thinking_delta"))) {
        bedrock_emit_text(d, EV_REASONING, block, json_get_slice(delta, "thinking"));
    } else if (slice_eq(type, SLICE("signature_delta"))) {
        bedrock_emit_text(d, EV_SIGNATURE, block, json_get_slice(delta, "signature"));
    } else if (slice_eq(type, SLICE("citations_delta"))) {
        emit_citation(d, block, json_get(delta, "citation"));
    }
}

/* What context_management did: told behind the stop, as everything that stands beside. */
static void keep_edits(struct anthropic *x, yyjson_val *holder)
{
    yyjson_val *edits = json_get(holder, "context_management");
    if (yyjson_is_obj(edits))
        x->edits = json_parse(json_text_of(edits, x->core.arena), x->core.arena, NULL);
}

static void emit_notes(struct anthropic *x, yyjson_val *body)
{
    invoke_emit_notes(&x->core, body);
    if (x->edits)
        bedrock_emit(&x->core, &(struct llm_event){.kind = EV_NOTE,
                                                   .name = SLICE("context_management"),
                                                   .json = x->edits});
}

static void emit_start(struct anthropic *x, yyjson_val *message)
{
    merge_usage(x, json_get(message, "usage"));
    bedrock_emit(&x->core, &(struct llm_event){.kind = EV_START,
                                               .id = json_get_slice(message, "id"),
                                               .usage = &x->usage});
}

static void on_message_delta(struct anthropic *x, yyjson_val *event)
{
    yyjson_val *delta = json_get(event, "delta");
    struct slice reason = invoke_stop_reason(event, json_get_slice(delta, "stop_reason"));
    merge_usage(x, json_get(event, "usage"));
    keep_edits(x, event);
    if (!reason.n || x->core.stopped)
        return;
    bedrock_emit_stop(&x->core, reason, json_get_slice(delta, "stop_sequence"));
}

static void anthropic_end(struct bedrock_decoder *d)
{
    emit_usage((struct anthropic *)d);
}

static void on_message_stop(struct anthropic *x, yyjson_val *event)
{
    merge_usage(x, json_get(event, "usage"));
    merge_metrics(x, json_get(event, "amazon-bedrock-invocationMetrics"));
    if (!x->core.stopped)
        bedrock_emit_stop(&x->core, invoke_stop_reason(event, SLICE("end_turn")), SLICE(""));
    emit_notes(x, event);
    emit_usage(x);
    bedrock_emit_kind(&x->core, EV_END, 0);
}

static void anthropic_event(struct bedrock_decoder *d, struct slice frame, yyjson_val *event)
{
    struct anthropic *x = (struct anthropic *)d;
    struct slice type = json_get_slice(event, "type");
    unsigned block = (unsigned)bedrock_count(event, "index");
    if (!slice_eq(frame, SLICE("chunk")))
        return;
    if (slice_eq(type, SLICE("content_block_delta"))) {
        on_delta(x, block, json_get(event, "delta"));
    } else if (slice_eq(type, SLICE("content_block_start"))) {
        on_block_start(x, block, json_get(event, "content_block"));
    } else if (slice_eq(type, SLICE("content_block_stop"))) {
        bedrock_emit_block_stop(d, block);
    } else if (slice_eq(type, SLICE("message_start"))) {
        emit_start(x, json_get(event, "message"));
    } else if (slice_eq(type, SLICE("message_delta"))) {
        on_message_delta(x, event);
    } else if (slice_eq(type, SLICE("message_stop"))) {
        on_message_stop(x, event);
    } else if (slice_eq(type, SLICE("error"))) {
        emit_error(d, json_get(event, "error"));
    }
}

/* ---- whole messages ------------------------------------------------------------------------ */

static void emit_citations(struct bedrock_decoder *d, unsigned block, yyjson_val *citations)
{
    yyjson_val *citation;
    yyjson_arr_iter it = yyjson_arr_iter_with(citations);
    while ((citation = yyjson_arr_iter_next(&it)))
        emit_citation(d, block, citation);
}

static void emit_content(struct anthropic *x, yyjson_val *content)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(content);
    for (unsigned block = 0; (item = yyjson_arr_iter_next(&it)); block++) {
        on_block_start(x, block, item);
        if (slice_eq(json_get_slice(item, "type"), SLICE("tool_use")))
            bedrock_emit_tool_input(&x->core, block, json_get(item, "input"));
        emit_citations(&x->core, block, json_get(item, "citations"));
        bedrock_emit_block_stop(&x->core, block);
    }
}

static bool anthropic_whole(struct bedrock_decoder *d, yyjson_val *body)
{
    struct anthropic *x = (struct anthropic *)d;
    struct slice reason = invoke_stop_reason(body, json_get_slice(body, "stop_reason"));
    if (slice_eq(json_get_slice(body, "type"), SLICE("error"))) {
        emit_error(d, json_get(body, "error"));
        return true;
    }
    if (!yyjson_is_arr(json_get(body, "content")) || !reason.n)
        return false;
    emit_start(x, body);
    keep_edits(x, body);
    emit_content(x, json_get(body, "content"));
    bedrock_emit_stop(d, reason, json_get_slice(body, "stop_sequence"));
    emit_notes(x, body);
    emit_usage(x);
    return true;
}

static const struct bedrock_form anthropic = {
    .not_ours = "it is not a message of Anthropic's",
    .event = anthropic_event,
    .whole = anthropic_whole,
    .end = anthropic_end,
};

void *anthropic_decoder(const struct provider_attempt *t, int status, struct http_headers headers,
                        const struct llm_sink *sink)
{
    struct anthropic *x = ARENA_NEW(t->arena, struct anthropic);
    x->usage = invoke_usage(headers);
    x->has_usage = x->usage.input || x->usage.output;
    bedrock_decoder_init(&x->core, &anthropic, t, status, headers, sink);
    return x;
}
