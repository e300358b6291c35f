/* Claude's answer in Anthropic's own words: one message, or the events that build it up
 * (message_start, content blocks, message_delta, message_stop), each in a chunk of the stream.
 *
 * Where the counts of the cache stand in a stream is Bedrock's, not Anthropic's: message_start has
 * them in GovCloud, message_stop elsewhere, and message_stop always carries the metrics. */

#include "claude.h"

#include "prompt.h"
#include "reply.h"

/* ---- parts of both ------------------------------------------------------------------------- */

static void write_stop(struct json_writer *w, const struct answer *answer)
{
    json_member_string(w, "stop_reason", answer->stop);
    json_key(w, "stop_sequence");
    if (answer->stop_sequence.p)
        json_string(w, answer->stop_sequence);
    else
        json_null(w);
}

static void write_cache(struct json_writer *w, const struct usage *u)
{
    if (!u->cached)
        return;
    json_member_integer(w, "cache_creation_input_tokens", u->write);
    json_member_integer(w, "cache_read_input_tokens", u->read);
    json_key(w, "cache_creation");
    json_object(w);
    json_member_integer(w, "ephemeral_5m_input_tokens", u->write - u->write_hour);
    json_member_integer(w, "ephemeral_1h_input_tokens", u->write_hour);
    json_object_end(w);
}

static void write_output(struct json_writer *w, const struct usage *u)
{
    json_member_integer(w, "output_tokens", u->output);
    if (!u->thinking)
        return;
    json_key(w, "output_tokens_details");
    json_object(w);
    json_member_integer(w, "thinking_tokens", u->thinking);
    json_object_end(w);
}

static void write_head(struct json_writer *w, const struct answer *answer)
{
    json_member_string(w, "id", answer->id);
    json_member_string(w, "type", SLICE("message"));
    json_member_string(w, "role", SLICE("assistant"));
    json_member_string(w, "model", answer->model);
}

static void write_citation(struct json_writer *w, const struct answer_block *b)
{
    json_object(w);
    json_member_string(w, "type", SLICE("char_location"));
    json_member_string(w, "cited_text", b->cited);
    json_member_integer(w, "document_index", 0);
    json_member_string(w, "document_title", b->title);
    json_member_integer(w, "start_char_index", 0);
    json_member_integer(w, "end_char_index", (int64_t)utf8_count(b->cited));
    json_object_end(w);
}

/* ---- one message --------------------------------------------------------------------------- */

/* An empty list where the citation comes later. */
static void write_citations(struct json_writer *w, const struct answer_block *b)
{
    if (!b->cited.p)
        return;
    json_key(w, "citations");
    json_array(w);
    if (b->cited.n)
        write_citation(w, b);
    json_array_end(w);
}

static void write_block(struct json_writer *w, const struct answer_block *b)
{
    if (b->partial) /* an input that is no JSON cannot be told */
        return;
    json_object(w);
    if (b->redacted) {
        json_member_string(w, "type", SLICE("redacted_thinking"));
        json_member_string(w, "data", b->text);
    } else if (b->kind == BLOCK_REASONING) {
        json_member_string(w, "type", SLICE("thinking"));
        json_member_string(w, "thinking", b->text);
        json_member_string(w, "signature", b->signature);
    } else if (b->kind == BLOCK_TOOL_USE) {
        json_member_string(w, "type", SLICE("tool_use"));
        json_member_string(w, "id", b->id);
        json_member_string(w, "name", b->name);
        json_key(w, "input");
        json_raw(w, b->text);
    } else {
        json_member_string(w, "type", SLICE("text"));
        json_member_string(w, "text", b->text);
        write_citations(w, b);
    }
    json_object_end(w);
}

void claude_write(const struct answer *answer, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    write_head(&w, answer);
    json_key(&w, "content");
    json_array(&w);
    for (size_t i = 0; i < answer->n; i++)
        write_block(&w, &answer->blocks[i]);
    json_array_end(&w);
    write_stop(&w, answer);
    json_key(&w, "usage");
    json_object(&w);
    json_member_integer(&w, "input_tokens", answer->usage.input);
    write_cache(&w, &answer->usage);
    write_output(&w, &answer->usage);
    json_object_end(&w);
    json_object_end(&w);
}

/* ---- events -------------------------------------------------------------------------------- */

static void begin(struct frames *f, struct json_writer *w, const char *type)
{
    frames_begin(f, w);
    json_member_string(w, "type", slice_of(type));
}

static void end(struct frames *f, struct json_writer *w)
{
    frames_end(f, w, SLICE(""), false);
}

static void message_start(struct frames *f, const struct answer *answer)
{
    struct json_writer w;
    begin(f, &w, "message_start");
    json_key(&w, "message");
    json_object(&w);
    write_head(&w, answer);
    json_key(&w, "content");
    json_array(&w);
    json_array_end(&w);
    json_key(&w, "stop_reason");
    json_null(&w);
    json_key(&w, "stop_sequence");
    json_null(&w);
    json_key(&w, "usage");
    json_object(&w);
    json_member_integer(&w, "input_tokens", answer->usage.input);
    if (answer->cache_first)
        write_cache(&w, &answer->usage);
    json_member_integer(&w, "output_tokens", 1);
    json_object_end(&w);
    json_object_end(&w);
    end(f, &w);
}

/* A block as it starts: everything it will grow is empty yet. */
static void block_start(struct frames *f, const struct answer_block *b, size_t index)
{
    struct json_writer w;
    struct answer_block bare = *b;
    bare.partial = false;
    bare.signature = SLICE("");
    bare.cited.n = 0;
    if (!b->redacted)
        bare.text = b->kind == BLOCK_TOOL_USE ? SLICE("{}") : SLICE("");
    begin(f, &w, "content_block_start");
    json_member_integer(&w, "index", (int64_t)index);
    json_key(&w, "content_block");
    write_block(&w, &bare);
    end(f, &w);
}

static void delta(struct frames *f, size_t index, const char *type, const char *member,
                  struct slice text)
{
    struct json_writer w;
    if (f->over)
        return;
    frames_delta_begin(f);
    begin(f, &w, "content_block_delta");
    json_member_integer(&w, "index", (int64_t)index);
    json_key(&w, "delta");
    json_object(&w);
    json_member_string(&w, "type", slice_of(type));
    json_key_slice(&w, slice_of(member));
    json_string(&w, text);
    json_object_end(&w);
    end(f, &w);
    frames_delta_end(f);
}

static void deltas(struct frames *f, size_t index, const char *type, const char *member,
                   struct slice text)
{
    while (text.n && !f->over)
        delta(f, index, type, member, frames_piece(f, &text));
}

static void citation(struct frames *f, const struct answer_block *b, size_t index)
{
    struct json_writer w;
    if (f->over || !b->cited.p)
        return;
    frames_delta_begin(f);
    begin(f, &w, "content_block_delta");
    json_member_integer(&w, "index", (int64_t)index);
    json_key(&w, "delta");
    json_object(&w);
    json_member_string(&w, "type", SLICE("citations_delta"));
    json_key(&w, "citation");
    write_citation(&w, b);
    json_object_end(&w);
    end(f, &w);
    frames_delta_end(f);
}

static void block(struct frames *f, const struct answer_block *b, size_t index)
{
    struct json_writer w;
    block_start(f, b, index);
    if (b->kind == BLOCK_REASONING && !b->redacted) {
        deltas(f, index, "thinking_delta", "thinking", b->text);
        delta(f, index, "signature_delta", "signature", b->signature);
    } else if (b->kind == BLOCK_TOOL_USE) {
        delta(f, index, "input_json_delta", "partial_json", SLICE(""));
        deltas(f, index, "input_json_delta", "partial_json", b->text);
    } else if (b->kind == BLOCK_TEXT) {
        deltas(f, index, "text_delta", "text", b->text);
        citation(f, b, index);
    }
    begin(f, &w, "content_block_stop");
    json_member_integer(&w, "index", (int64_t)index);
    end(f, &w);
}

static void message_delta(struct frames *f, const struct answer *answer)
{
    struct json_writer w;
    begin(f, &w, "message_delta");
    json_key(&w, "delta");
    json_object(&w);
    write_stop(&w, answer);
    json_object_end(&w);
    json_key(&w, "usage");
    json_object(&w);
    write_output(&w, &answer->usage);
    json_object_end(&w);
    frames_end(f, &w, SLICE(""), true);
}

static void message_stop(struct frames *f, const struct answer *answer)
{
    struct json_writer w;
    const struct usage *u = &answer->usage;
    const bool cache = u->cached && !answer->cache_first;
    begin(f, &w, "message_stop");
    if (cache) {
        json_key(&w, "usage");
        json_object(&w);
        write_cache(&w, u);
        json_object_end(&w);
    }
    frames_write_metrics(f, &w, u, cache);
    frames_end(f, &w, SLICE(""), true);
}

void claude_stream(struct frames *f, const struct answer *answer)
{
    message_start(f, answer);
    for (size_t i = 0; i < answer->n; i++)
        block(f, &answer->blocks[i], i);
    message_delta(f, answer);
    message_stop(f, answer);
}
