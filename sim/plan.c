/* Turns an answer into frames.
 *
 * Happy path: messageStart; per block an optional contentBlockStart (tools only), deltas of
 * pace.chunk_bytes, contentBlockStop; messageStop; metadata. Every payload carries the padding
 * member "p", whose length changes from frame to frame, as the real service's does.
 * Failure modes are wanted ones: before each frame the script is asked whether now is the time for
 * silence, a broken checksum, an exception frame, a clean end or a cut. */

#include "plan.h"

#include "prompt.h"
#include "reply.h"

#include "wire/eventstream.h"

#include <stdlib.h>

struct build {
    struct plan *plan;
    const struct script *script;
    struct pace pace;
    int64_t deltas;     /* content deltas so far */
    int64_t wait_ms;    /* before the next frame */
    bool over;          /* nothing more is added */
    bool silent, broke; /* silence and badcrc are used up */
    size_t padding;
    struct buf payload;
};

void plan_init(struct plan *p)
{
    *p = (struct plan){.count = 0};
    buf_init(&p->bytes, PLAN_BYTES_MAX);
}

void plan_fini(struct plan *p)
{
    buf_fini(&p->bytes);
    free(p->frames);
    plan_init(p);
}

/* ---- frames -------------------------------------------------------------------------------- */

static void add_frame(struct build *b, size_t n)
{
    struct plan *p = b->plan;
    if (p->count == p->size) {
        p->size = p->size ? p->size * 2 : 64;
        p->frames = realloc(p->frames, p->size * sizeof(*p->frames));
        if (!p->frames)
            abort();
    }
    p->frames[p->count++] = (struct plan_frame){.n = n, .wait_ms = b->wait_ms};
    p->latency_ms += b->wait_ms;
    b->wait_ms = 0;
}

static void write_frame(struct build *b, struct slice type, struct slice type_header,
                        struct slice name, struct slice payload)
{
    const struct eventstream_header headers[] = {
        {type_header, name},
        {SLICE(":content-type"), SLICE("application/json")},
        {SLICE(":message-type"), type},
    };
    const size_t before = b->plan->bytes.n;
    eventstream_write(&b->plan->bytes, headers, 3, payload);
    add_frame(b, b->plan->bytes.n - before);
}

static void write_exception(struct build *b)
{
    struct buf body;
    buf_init(&body, 64 * 1024);
    fault_write_body(&b->script->exception, &body);
    write_frame(b, SLICE("exception"), SLICE(":exception-type"),
                slice_of(b->script->exception_type), buf_slice(&body));
    buf_fini(&body);
}

/* Half of the frame that has just been added stays. */
static void cut_last(struct build *b)
{
    struct plan_frame *last = &b->plan->frames[b->plan->count - 1];
    b->plan->bytes.n -= last->n - last->n / 2;
    last->n /= 2;
    b->plan->end = PLAN_CUT;
}

/* ---- what the script wants ----------------------------------------------------------------- */

static bool due(const struct build *b, int64_t after, bool last)
{
    return after != SCRIPT_NEVER && (b->deltas >= after || last);
}

static void before_frame(struct build *b, bool last)
{
    const struct script *s = b->script;
    if (!b->silent && due(b, s->silence_after, last)) {
        b->silent = true;
        b->wait_ms += s->silence_ms;
    }
    if (due(b, s->exception_after, last)) {
        write_exception(b);
        b->over = true;
    } else if (due(b, s->end_after, last)) {
        b->over = true;
    }
    b->plan->failed |= b->over;
}

static void after_frame(struct build *b, bool last)
{
    struct plan *p = b->plan;
    if (!b->broke && due(b, b->script->badcrc_after, last)) {
        b->broke = p->failed = true;
        p->bytes.p[p->bytes.n - 1] = (char)(p->bytes.p[p->bytes.n - 1] ^ 0x55);
    }
    if (due(b, b->script->cut_after, last)) {
        cut_last(b);
        b->over = p->failed = true;
    }
}

/* ---- events -------------------------------------------------------------------------------- */

static void begin(struct build *b, struct json_writer *w)
{
    buf_reset(&b->payload);
    json_begin(w, &b->payload);
    json_object(w);
}

static void end(struct build *b, struct json_writer *w, struct slice name, bool last)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    b->padding = (b->padding + 7) % 50;
    json_member_string(w, "p", slice_make(letters, b->padding + 3));
    json_object_end(w);
    if (!b->over)
        before_frame(b, last);
    if (b->over)
        return;
    write_frame(b, SLICE("event"), SLICE(":event-type"), name, buf_slice(&b->payload));
    after_frame(b, last);
}

static void message_start(struct build *b)
{
    struct json_writer w;
    begin(b, &w);
    json_member_string(&w, "role", SLICE("assistant"));
    end(b, &w, SLICE("messageStart"), false);
}

static void block_start(struct build *b, const struct answer_block *block, size_t index)
{
    struct json_writer w;
    begin(b, &w);
    json_member_integer(&w, "contentBlockIndex", (int64_t)index);
    json_key(&w, "start");
    json_object(&w);
    json_key(&w, "toolUse");
    json_object(&w);
    json_member_string(&w, "name", block->name);
    json_member_string(&w, "toolUseId", block->id);
    json_object_end(&w);
    json_object_end(&w);
    end(b, &w, SLICE("contentBlockStart"), false);
}

static void write_delta(struct json_writer *w, const char *outer, const char *inner,
                        struct slice text)
{
    json_key(w, "delta");
    json_object(w);
    if (outer) {
        json_key_slice(w, slice_of(outer));
        json_object(w);
    }
    json_key_slice(w, slice_of(inner));
    json_string(w, text);
    if (outer)
        json_object_end(w);
    json_object_end(w);
}

static void delta(struct build *b, size_t index, const char *outer, const char *inner,
                  struct slice text)
{
    struct json_writer w;
    if (b->over)
        return;
    if (b->deltas)
        b->wait_ms += b->pace.gap_ms;
    begin(b, &w);
    json_member_integer(&w, "contentBlockIndex", (int64_t)index);
    write_delta(&w, outer, inner, text);
    end(b, &w, SLICE("contentBlockDelta"), false);
    b->deltas++;
}

static void block_stop(struct build *b, size_t index)
{
    struct json_writer w;
    begin(b, &w);
    json_member_integer(&w, "contentBlockIndex", (int64_t)index);
    end(b, &w, SLICE("contentBlockStop"), false);
}

/* The next piece of a text: whole characters, at least one. */
static struct slice piece(struct slice *rest, size_t max)
{
    size_t n = utf8_cut(*rest, max);
    while (!n || (n < rest->n && ((unsigned char)rest->p[n] & 0xC0) == 0x80))
        n++;
    const struct slice s = slice_make(rest->p, n);
    *rest = slice_skip(*rest, n);
    return s;
}

static void deltas(struct build *b, size_t index, const char *outer, const char *inner,
                   struct slice text)
{
    while (text.n && !b->over)
        delta(b, index, outer, inner, piece(&text, b->pace.chunk_bytes));
}

static void block(struct build *b, const struct answer_block *block, size_t index)
{
    if (block->redacted) {
        delta(b, index, "reasoningContent", "redactedContent", block->text);
    } else if (block->kind == BLOCK_REASONING) {
        deltas(b, index, "reasoningContent", "text", block->text);
        delta(b, index, "reasoningContent", "signature", block->signature);
    } else if (block->kind == BLOCK_TOOL_USE) {
        block_start(b, block, index);
        delta(b, index, "toolUse", "input", SLICE(""));
        deltas(b, index, "toolUse", "input", block->text);
    } else {
        deltas(b, index, NULL, "text", block->text);
    }
    block_stop(b, index);
}

static void message_stop(struct build *b, const struct answer *answer)
{
    struct json_writer w;
    begin(b, &w);
    reply_write_stop(&w, answer);
    end(b, &w, SLICE("messageStop"), true);
}

static void metadata(struct build *b, const struct answer *answer)
{
    struct json_writer w;
    begin(b, &w);
    reply_write_metadata(&w, answer, b->plan->head_ms + b->plan->latency_ms);
    end(b, &w, SLICE("metadata"), true);
}

static struct pace pace_of(const struct script *script, const struct pace *pace)
{
    struct pace p = *pace;
    if (script->gap_ms != SCRIPT_NEVER)
        p.gap_ms = script->gap_ms;
    if (script->chunks)
        p.chunk_bytes = (size_t)script->chunk_bytes;
    return p;
}

void plan_stream(struct plan *p, const struct answer *answer, const struct script *script,
                 const struct pace *pace)
{
    struct build b = {.plan = p, .script = script, .pace = pace_of(script, pace)};
    buf_init(&b.payload, PLAN_BYTES_MAX);
    p->head_ms = pace->first_ms + script->slow_head_ms;
    message_start(&b);
    for (size_t i = 0; i < answer->n; i++)
        block(&b, &answer->blocks[i], i);
    message_stop(&b, answer);
    metadata(&b, answer);
    buf_fini(&b.payload);
}

int64_t plan_whole_ms(const struct answer *answer, const struct script *script,
                      const struct pace *pace)
{
    const struct pace p = pace_of(script, pace);
    int64_t pieces = 0;
    for (size_t i = 0; i < answer->n; i++)
        pieces += (int64_t)(answer->blocks[i].text.n / p.chunk_bytes) + 1;
    const int64_t gaps = pieces > 1 ? pieces - 1 : 0;
    const int64_t silence = script->silence_after != SCRIPT_NEVER ? script->silence_ms : 0;
    return p.first_ms + script->slow_head_ms + silence + gaps * p.gap_ms;
}
