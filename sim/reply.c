#include "reply.h"

#include "prompt.h"

static void write_reasoning(struct json_writer *w, const struct answer_block *b)
{
    json_key(w, "reasoningContent");
    json_object(w);
    if (b->redacted) {
        json_member_string(w, "redactedContent", b->text);
        json_object_end(w);
        return;
    }
    json_key(w, "reasoningText");
    json_object(w);
    json_member_string(w, "text", b->text);
    json_member_string(w, "signature", b->signature);
    json_object_end(w);
    json_object_end(w);
}

static void write_tool_use(struct json_writer *w, const struct answer_block *b)
{
    json_key(w, "toolUse");
    json_object(w);
    json_member_string(w, "toolUseId", b->id);
    json_member_string(w, "name", b->name);
    json_key(w, "input");
    json_raw(w, b->text);
    json_object_end(w);
}

static void write_texts(struct json_writer *w, struct slice text)
{
    json_array(w);
    json_object(w);
    json_member_string(w, "text", text);
    json_object_end(w);
    json_array_end(w);
}

void reply_write_citation(struct json_writer *w, const struct answer_block *b)
{
    json_object(w);
    json_member_string(w, "title", b->title);
    json_key(w, "sourceContent");
    write_texts(w, b->cited);
    json_key(w, "location");
    json_object(w);
    json_key(w, "documentChar");
    json_object(w);
    json_member_integer(w, "documentIndex", 0);
    json_member_integer(w, "start", 0);
    json_member_integer(w, "end", (int64_t)utf8_count(b->cited));
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
}

static void write_cited(struct json_writer *w, const struct answer_block *b)
{
    json_key(w, "citationsContent");
    json_object(w);
    json_key(w, "content");
    write_texts(w, b->text);
    json_key(w, "citations");
    json_array(w);
    reply_write_citation(w, b);
    json_array_end(w);
    json_object_end(w);
}

static void write_block(struct json_writer *w, const struct answer_block *b)
{
    if (b->partial) /* an input that is no JSON cannot be told */
        return;
    json_object(w);
    if (b->kind == BLOCK_REASONING)
        write_reasoning(w, b);
    else if (b->kind == BLOCK_TOOL_USE)
        write_tool_use(w, b);
    else if (b->cited.p)
        write_cited(w, b);
    else
        json_member_string(w, "text", b->text);
    json_object_end(w);
}

static void write_thinking_tokens(struct json_writer *w, int64_t tokens)
{
    json_key(w, "usage");
    json_object(w);
    json_key(w, "output_tokens_details");
    json_object(w);
    json_member_integer(w, "thinking_tokens", tokens);
    json_object_end(w);
    json_object_end(w);
}

void reply_write_stop(struct json_writer *w, const struct answer *answer)
{
    const bool thinking = answer->wants_thinking_tokens && answer->usage.thinking;
    json_member_string(w, "stopReason", answer->stop);
    if (!answer->wants_stop_sequence && !thinking)
        return;
    json_key(w, "additionalModelResponseFields");
    json_object(w);
    if (answer->wants_stop_sequence) {
        json_key(w, "stop_sequence");
        if (answer->stop_sequence.p)
            json_string(w, answer->stop_sequence);
        else
            json_null(w);
    }
    if (thinking)
        write_thinking_tokens(w, answer->usage.thinking);
    json_object_end(w);
}

void reply_write_metadata(struct json_writer *w, const struct answer *answer, int64_t latency_ms)
{
    json_key(w, "usage");
    usage_write(w, &answer->usage);
    json_key(w, "metrics");
    json_object(w);
    json_member_integer(w, "latencyMs", latency_ms);
    json_object_end(w);
    if (answer->performance) {
        json_key(w, "performanceConfig");
        json_value(w, answer->performance);
    }
    if (answer->tier) {
        json_key(w, "serviceTier");
        json_value(w, answer->tier);
    }
}

void reply_write(const struct answer *answer, int64_t latency_ms, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_key(&w, "output");
    json_object(&w);
    json_key(&w, "message");
    json_object(&w);
    json_member_string(&w, "role", SLICE("assistant"));
    json_key(&w, "content");
    json_array(&w);
    for (size_t i = 0; i < answer->n; i++)
        write_block(&w, &answer->blocks[i]);
    json_array_end(&w);
    json_object_end(&w);
    json_object_end(&w);
    reply_write_stop(&w, answer);
    reply_write_metadata(&w, answer, latency_ms);
    json_object_end(&w);
}
