/* Titan text: plan → prompt, answer → neutral events.
 *
 * The happy path: the conversation becomes one text, each turn with its speaker before it and
 * Titan's turn left open at the end; the answer is text in one block, with a reason in its last
 * part and token counts.
 *
 * Failure modes: an image, document or video is refused, since there is nowhere to put it. Frames,
 * HTTP errors and streams that end without a reason are bedrock_decoder.c's. */

#include "titan.h"

#include "invoke.h"

#define USER "\n\nUser: "
#define BOT  "\n\nBot: "

/* ---- the prompt ---------------------------------------------------------------------------- */

static void part(struct json_writer *w, struct slice before, struct slice text, struct slice after)
{
    json_string_part(w, before);
    json_string_part(w, text);
    json_string_part(w, after);
}

/* The plan has told tool calls as text already; what they gave is told here. */
static void write_block(struct json_writer *w, struct slice speaker, const struct llm_block *b)
{
    if (b->kind == LLM_TEXT)
        part(w, speaker, b->text, SLICE(""));
    if (b->kind != LLM_TOOL_RESULT)
        return;
    part(w, speaker, SLICE("[tool result for "), b->id);
    json_string_part(w, SLICE(":"));
    for (const struct llm_block *c = b->content; c; c = c->next)
        if (c->kind == LLM_TEXT)
            part(w, SLICE(" "), c->text, SLICE(""));
    json_string_part(w, SLICE("]"));
}

static void write_prompt(struct json_writer *w, const struct plan *p)
{
    enum llm_role last = LLM_USER;
    json_key(w, "inputText");
    json_string_begin(w);
    for (const struct llm_block *b = p->system; b; b = b->next)
        if (b->kind == LLM_TEXT)
            part(w, SLICE(USER "<admin>"), b->text, SLICE("</admin>"));
    for (const struct llm_message *m = p->messages; m; m = m->next) {
        for (const struct llm_block *b = m->blocks; b; b = b->next)
            write_block(w, m->role == LLM_USER ? SLICE(USER) : SLICE(BOT), b);
        last = m->role;
    }
    if (last == LLM_USER)
        json_string_part(w, SLICE(BOT));
    json_string_end(w);
}

/* The plan has written this member. */
static bool is_written(const struct plan *p, struct slice name)
{
    return (p->temperature && slice_eq(name, SLICE("temperature"))) ||
           (p->top_p && slice_eq(name, SLICE("topP"))) ||
           (p->stop_count && slice_eq(name, SLICE("stopSequences"))) ||
           (p->max_tokens >= 0 && slice_eq(name, SLICE("maxTokenCount")));
}

static void write_config(struct json_writer *w, const struct plan *p)
{
    json_key(w, "textGenerationConfig");
    json_object(w);
    if (p->temperature)
        (json_key(w, "temperature"), json_value(w, p->temperature));
    if (p->top_p)
        (json_key(w, "topP"), json_value(w, p->top_p));
    if (p->stop_count) {
        json_key(w, "stopSequences");
        json_array(w);
        for (size_t i = 0; i < p->stop_count; i++)
            json_string(w, p->stop[i]);
        json_array_end(w);
    }
    if (p->max_tokens >= 0)
        json_member_integer(w, "maxTokenCount", p->max_tokens);
    for (const struct llm_extra *e = p->fields; e; e = e->next)
        if (!is_written(p, e->name))
            (json_key_slice(w, e->name), json_value(w, e->value));
    json_object_end(w);
}

static bool is_media(const struct llm_block *b)
{
    return b->kind == LLM_IMAGE || b->kind == LLM_DOCUMENT || b->kind == LLM_VIDEO;
}

static bool has_media(const struct llm_block *b)
{
    for (; b; b = b->next)
        if (is_media(b) || has_media(b->content))
            return true;
    return false;
}

bool titan_write_body(const struct plan *p, struct arena *a, struct buf *body, struct failure *f)
{
    struct json_writer w;
    for (const struct llm_message *m = p->messages; m; m = m->next)
        if (has_media(m->blocks))
            return failure_bad_param(f, a, "messages", "Titan text models take text only");
    json_begin(&w, body);
    json_object(&w);
    write_prompt(&w, p);
    write_config(&w, p);
    invoke_write_guardrail(&w, p);
    json_object_end(&w);
    return true;
}

/* ---- the answer ---------------------------------------------------------------------------- */

struct titan {
    struct bedrock_decoder core;
    bool started;
    struct llm_usage usage;
};

static struct slice stop_word(struct slice reason)
{
    static const struct {
        const char *titan, *bedrock;
    } rows[] = {
        {"FINISH", "end_turn"},
        {"LENGTH", "max_tokens"},
        {"STOP_CRITERIA_MET", "stop_sequence"},
        {"CONTENT_FILTERED", "content_filtered"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(reason, slice_of(rows[i].titan)))
            return slice_of(rows[i].bedrock);
    return SLICE("end_turn"); /* its answer is there all the same */
}

static void raise(int64_t *count, int64_t reported)
{
    if (reported > *count)
        *count = reported;
}

static void emit_usage(struct titan *t)
{
    if (t->usage.input || t->usage.output)
        bedrock_emit(&t->core, &(struct llm_event){.kind = EV_USAGE, .usage = &t->usage});
}

static void finish_block(struct titan *t, struct slice reason, yyjson_val *body)
{
    bedrock_emit_block_stop(&t->core, 0);
    bedrock_emit_stop(&t->core, invoke_stop_reason(body, stop_word(reason)), SLICE(""));
    invoke_emit_notes(&t->core, body);
}

/* The last part has a reason and, from Bedrock itself, the counts. */
static void titan_event(struct bedrock_decoder *d, struct slice type, yyjson_val *part)
{
    struct titan *t = (struct titan *)d;
    yyjson_val *metrics = json_get(part, "amazon-bedrock-invocationMetrics");
    struct slice reason = json_get_slice(part, "completionReason");
    if (!slice_eq(type, SLICE("chunk")))
        return;
    if (!t->started)
        bedrock_emit_kind(d, EV_START, 0);
    t->started = true;
    raise(&t->usage.input, bedrock_count(part, "inputTextTokenCount"));
    raise(&t->usage.output, bedrock_count(part, "totalOutputTextTokenCount"));
    raise(&t->usage.input, bedrock_count(metrics, "inputTokenCount"));
    raise(&t->usage.output, bedrock_count(metrics, "outputTokenCount"));
    if (!d->stopped)
        bedrock_emit_text(d, EV_TEXT, 0, json_get_slice(part, "outputText"));
    if (reason.n && !d->stopped)
        finish_block(t, reason, part);
    if (d->stopped && metrics) {
        emit_usage(t);
        bedrock_emit_kind(d, EV_END, 0);
    }
}

static void titan_end(struct bedrock_decoder *d)
{
    emit_usage((struct titan *)d);
}

static bool titan_whole(struct bedrock_decoder *d, yyjson_val *body)
{
    struct titan *t = (struct titan *)d;
    yyjson_val *result = yyjson_arr_get_first(json_get(body, "results"));
    struct slice reason = json_get_slice(result, "completionReason");
    if (!reason.n)
        return false;
    raise(&t->usage.input, bedrock_count(body, "inputTextTokenCount"));
    raise(&t->usage.output, bedrock_count(result, "tokenCount"));
    bedrock_emit_kind(d, EV_START, 0);
    bedrock_emit_text(d, EV_TEXT, 0, json_get_slice(result, "outputText"));
    finish_block(t, reason, body);
    emit_usage(t);
    return true;
}

static const struct bedrock_form titan = {
    .not_ours = "it is not an answer of Titan's",
    .event = titan_event,
    .whole = titan_whole,
    .end = titan_end,
};

void *titan_decoder(const struct provider_attempt *t, int status, struct http_headers headers,
                    const struct llm_sink *sink)
{
    struct titan *own = ARENA_NEW(t->arena, struct titan);
    own->usage = invoke_usage(headers);
    bedrock_decoder_init(&own->core, &titan, t, status, headers, sink);
    return own;
}
