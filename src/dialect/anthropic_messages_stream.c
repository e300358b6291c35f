/* Anthropic's Messages, answer side, streamed: neutral events → message_start, content_block_…,
 * message_delta, message_stop.
 *
 * The happy path: message_start leaves with EV_START; each block is opened by its first delta (a
 * tool call by its beginning), gets the next index, and is closed by its end or, but for calls, by
 * the next block; one upstream delta becomes one event. Why the model stopped is held until its
 * usage is known: both stand in message_delta.
 *
 * Failure modes: EV_FAIL becomes an `error` event, after which nothing follows. */

#include "anthropic_messages.h"

#define NOTES_MAX (64 * 1024) /* bytes of what the provider tells beside */

#define CALLS_OPEN 16 /* tool calls whose arguments may still come; in practice it is one */

enum open { OPEN_NOTHING, OPEN_TEXT, OPEN_THINKING, OPEN_FOREIGN };

struct call {
    bool open;
    unsigned block; /* the provider's index */
    int64_t index;  /* ours */
};

struct encoder {
    struct arena *arena;
    struct slice id, model;
    bool begun;
    int64_t next;   /* index of the next block */
    enum open open; /* the block that is no call … */
    unsigned block; /* … by the provider's index … */
    int64_t index;  /* … and by ours */
    struct call calls[CALLS_OPEN];
    unsigned call_count; /* that began: the last is at (call_count - 1) % CALLS_OPEN */
    enum llm_stop stop;
    struct slice stop_sequence, stop_word;
    struct llm_usage usage;
    struct buf notes; /* members, each with a comma before it; in the arena */
};

void *messages_encoder(struct arena *a, const struct llm_request *r,
                       const struct dialect_answer *ans)
{
    struct encoder *enc = ARENA_NEW(a, struct encoder);
    enc->arena = a;
    enc->id = ARENA_JOIN(a, SLICE("msg_"), ans->uuid);
    enc->model = ans->model;
    return enc;
}

/* ---- events -------------------------------------------------------------------------------- */

static void event_end(struct buf *out)
{
    BUF_LITERAL(out, "}\n\n");
}

static void add_index(int64_t index, struct buf *out)
{
    char room[SLICE_DIGITS];
    buf_add(out, slice_digits(index, room));
}

static void begin(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    static const struct llm_usage unknown = {0};
    struct json_writer w;
    enc->begun = true;
    BUF_LITERAL(out, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "id", e->kind == EV_START && e->id.n ? e->id : enc->id);
    json_member_string(&w, "type", SLICE("message"));
    json_member_string(&w, "role", SLICE("assistant"));
    json_member_string(&w, "model", enc->model);
    (json_key(&w, "content"), json_array(&w), json_array_end(&w));
    (json_key(&w, "stop_reason"), json_null(&w));
    (json_key(&w, "stop_sequence"), json_null(&w));
    json_key(&w, "usage");
    messages_write_usage(&w, e->kind == EV_START && e->usage ? e->usage : &unknown, true);
    json_object_end(&w);
    event_end(out);
}

static void stop_block(int64_t index, struct buf *out)
{
    BUF_LITERAL(out, "event: content_block_stop\n"
                     "data: {\"type\":\"content_block_stop\",\"index\":");
    add_index(index, out);
    event_end(out);
}

static void close_block(struct encoder *enc, struct buf *out)
{
    if (enc->open != OPEN_NOTHING)
        stop_block(enc->index, out);
    enc->open = OPEN_NOTHING;
}

static void close_call(struct call *c, struct buf *out)
{
    if (c->open)
        stop_block(c->index, out);
    c->open = false;
}

/* The block itself follows, and event_end. */
static void start_begin(int64_t index, struct buf *out)
{
    BUF_LITERAL(out, "event: content_block_start\n"
                     "data: {\"type\":\"content_block_start\",\"index\":");
    add_index(index, out);
    BUF_LITERAL(out, ",\"content_block\":");
}

static void start_block(struct encoder *enc, enum open open, unsigned block, struct buf *out)
{
    close_block(enc, out);
    enc->open = open;
    enc->block = block;
    enc->index = enc->next++;
    start_begin(enc->index, out);
}

static bool is_open(const struct encoder *enc, enum open open, unsigned block)
{
    return enc->open == open && enc->block == block;
}

/* The delta itself follows, and event_end. */
static void delta_begin(int64_t index, struct buf *out)
{
    BUF_LITERAL(out, "event: content_block_delta\n"
                     "data: {\"type\":\"content_block_delta\",\"index\":");
    add_index(index, out);
    BUF_LITERAL(out, ",\"delta\":");
}

static void add_string(struct buf *out, struct slice s)
{
    struct json_writer w;
    json_begin(&w, out);
    json_string(&w, s);
}

/* `head`: the delta up to its string. */
static void add_delta(int64_t index, struct slice head, struct slice text, struct buf *out)
{
    delta_begin(index, out);
    buf_add(out, head);
    add_string(out, text);
    BUF_LITERAL(out, "}}\n\n");
}

/* ---- blocks -------------------------------------------------------------------------------- */

static void open_text(struct encoder *enc, unsigned block, struct buf *out)
{
    if (is_open(enc, OPEN_TEXT, block))
        return;
    start_block(enc, OPEN_TEXT, block, out);
    BUF_LITERAL(out, "{\"type\":\"text\",\"text\":\"\"}");
    event_end(out);
}

static void encode_text(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    open_text(enc, e->block, out);
    add_delta(enc->index, SLICE("{\"type\":\"text_delta\",\"text\":"), e->text, out);
}

static void encode_citation(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    struct json_writer w;
    open_text(enc, e->block, out);
    delta_begin(enc->index, out);
    BUF_LITERAL(out, "{\"type\":\"citations_delta\",\"citation\":");
    json_begin(&w, out);
    messages_write_citation(&w, e->json);
    BUF_LITERAL(out, "}}\n\n");
}

static void open_thinking(struct encoder *enc, unsigned block, struct buf *out)
{
    if (is_open(enc, OPEN_THINKING, block))
        return;
    start_block(enc, OPEN_THINKING, block, out);
    BUF_LITERAL(out, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
    event_end(out);
}

static void encode_thinking(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    open_thinking(enc, e->block, out);
    if (e->kind == EV_REASONING)
        add_delta(enc->index, SLICE("{\"type\":\"thinking_delta\",\"thinking\":"), e->text, out);
    else
        add_delta(enc->index, SLICE("{\"type\":\"signature_delta\",\"signature\":"), e->text, out);
}

/* Comes whole. */
static void encode_redacted(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    int64_t index = enc->next++;
    close_block(enc, out);
    start_begin(index, out);
    BUF_LITERAL(out, "{\"type\":\"redacted_thinking\",\"data\":");
    add_string(out, e->text);
    buf_add_char(out, '}');
    event_end(out);
    stop_block(index, out);
}

static void encode_tool_start(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    struct json_writer w;
    struct call *c = &enc->calls[enc->call_count++ % CALLS_OPEN];
    close_block(enc, out);
    close_call(c, out); /* the one that has been open for longest */
    *c = (struct call){true, e->block, enc->next++};
    start_begin(c->index, out);
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "type", SLICE("tool_use"));
    json_member_string(&w, "id", e->id);
    json_member_string(&w, "name", e->name);
    (json_key(&w, "input"), json_object(&w), json_object_end(&w));
    json_object_end(&w);
    event_end(out);
}

/* The newest open call of that block, or NULL. */
static struct call *call_of_block(struct encoder *enc, unsigned block)
{
    for (unsigned i = enc->call_count; i > 0 && i + CALLS_OPEN > enc->call_count; i--) {
        struct call *c = &enc->calls[(i - 1) % CALLS_OPEN];
        if (c->open && c->block == block)
            return c;
    }
    return NULL;
}

/* Arguments of a call that never began have nothing to be attached to. */
static void encode_tool_args(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    const struct call *c = call_of_block(enc, e->block);
    if (c)
        add_delta(c->index, SLICE("{\"type\":\"input_json_delta\",\"partial_json\":"), e->text,
                  out);
}

static void encode_block_stop(struct encoder *enc, unsigned block, struct buf *out)
{
    struct call *c = call_of_block(enc, block);
    if (c)
        close_call(c, out);
    else if (enc->block == block)
        close_block(enc, out);
}

static void encode_foreign(struct encoder *enc, const struct llm_event *e, struct buf *out)
{
    struct json_writer w;
    if (is_open(enc, OPEN_FOREIGN, e->block))
        delta_begin(enc->index, out);
    else
        start_block(enc, OPEN_FOREIGN, e->block, out);
    json_begin(&w, out);
    json_value(&w, e->json);
    event_end(out);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void keep_stop(struct encoder *enc, const struct llm_event *e)
{
    enc->stop = e->stop;
    enc->stop_sequence = arena_dup(enc->arena, e->text);
    enc->stop_word = arena_dup(enc->arena, e->name);
}

static void keep_note(struct encoder *enc, const struct llm_event *e)
{
    struct json_writer w;
    if (!enc->notes.cap) {
        enc->notes.p = arena_alloc(enc->arena, NOTES_MAX);
        enc->notes.size = enc->notes.cap = NOTES_MAX;
    }
    size_t before = enc->notes.n;
    json_begin(&w, &enc->notes);
    w.comma = true;
    json_key_slice(&w, e->name);
    json_value(&w, e->json);
    if (enc->notes.overflow) { /* half a member is none */
        enc->notes.n = before;
        enc->notes.overflow = false;
    }
}

static void close_all(struct encoder *enc, struct buf *out)
{
    close_block(enc, out);
    for (unsigned i = 0; i < CALLS_OPEN; i++)
        close_call(&enc->calls[(enc->call_count + i) % CALLS_OPEN], out);
}

static void encode_end(struct encoder *enc, struct buf *out)
{
    struct json_writer w;
    close_all(enc, out);
    BUF_LITERAL(out, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":");
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "stop_reason", messages_stop_reason(enc->stop, enc->stop_word));
    json_key(&w, "stop_sequence");
    if (enc->stop_sequence.n)
        json_string(&w, enc->stop_sequence);
    else
        json_null(&w);
    json_object_end(&w);
    json_key(&w, "usage");
    messages_write_usage(&w, &enc->usage, true);
    buf_add(out, buf_slice(&enc->notes));
    event_end(out);
    BUF_LITERAL(out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

static void encode_failure(const struct failure *f, struct buf *out)
{
    BUF_LITERAL(out, "event: error\ndata: ");
    messages_error_write(f, out);
    BUF_LITERAL(out, "\n\n");
}

void messages_keep_alive(struct buf *out)
{
    BUF_LITERAL(out, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
}

void messages_encode(void *encoder, const struct llm_event *e, struct buf *out)
{
    struct encoder *enc = encoder;
    if (!enc->begun && e->kind != EV_FAIL)
        begin(enc, e, out);
    switch (e->kind) {
    case EV_START:
    case EV_RAW: break;
    case EV_BLOCK_START: encode_tool_start(enc, e, out); break;
    case EV_TEXT: encode_text(enc, e, out); break;
    case EV_REASONING:
    case EV_SIGNATURE: encode_thinking(enc, e, out); break;
    case EV_REDACTED: encode_redacted(enc, e, out); break;
    case EV_TOOL_ARGS: encode_tool_args(enc, e, out); break;
    case EV_CITATION: encode_citation(enc, e, out); break;
    case EV_FOREIGN: encode_foreign(enc, e, out); break;
    case EV_BLOCK_STOP: encode_block_stop(enc, e->block, out); break;
    case EV_STOP: keep_stop(enc, e); break;
    case EV_NOTE: keep_note(enc, e); break;
    case EV_USAGE: enc->usage = *e->usage; break;
    case EV_END: encode_end(enc, out); break;
    case EV_FAIL: encode_failure(e->failure, out); break;
    }
}
