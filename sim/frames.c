/* Frames, and what goes wrong with them.
 *
 * Happy path: each event becomes one frame, whose payload carries the padding member "p"; its
 * length changes from frame to frame, as the real service's does.
 * Failure modes are wanted ones: before each frame the script is asked whether now is the time for
 * silence, an exception frame or a clean end, behind it whether for a broken checksum or a cut. */

#include "frames.h"

#include "prompt.h"

#include "wire/crypto.h"
#include "wire/eventstream.h"

#include <stdlib.h>

void frames_init(struct frames *f, struct plan *p, const struct script *script,
                 const struct pace *pace, bool chunks)
{
    *f = (struct frames){.plan = p, .script = script, .pace = *pace, .chunks = chunks};
    buf_init(&f->event, PLAN_BYTES_MAX);
    buf_init(&f->payload, PLAN_BYTES_MAX);
}

void frames_fini(struct frames *f)
{
    buf_fini(&f->event);
    buf_fini(&f->payload);
}

/* ---- frames -------------------------------------------------------------------------------- */

static void add_frame(struct frames *f, size_t n)
{
    struct plan *p = f->plan;
    if (p->count == p->size) {
        p->size = p->size ? p->size * 2 : 64;
        p->frames = realloc(p->frames, p->size * sizeof(*p->frames));
        if (!p->frames)
            abort();
    }
    p->frames[p->count++] = (struct plan_frame){.n = n, .wait_ms = f->wait_ms};
    p->latency_ms += f->wait_ms;
    f->wait_ms = 0;
}

static void write_frame(struct frames *f, struct slice type, struct slice type_header,
                        struct slice name, struct slice payload)
{
    const struct eventstream_header headers[] = {
        {type_header, name},
        {SLICE(":content-type"), SLICE("application/json")},
        {SLICE(":message-type"), type},
    };
    const size_t before = f->plan->bytes.n;
    eventstream_write(&f->plan->bytes, headers, 3, payload);
    add_frame(f, f->plan->bytes.n - before);
}

static void write_exception(struct frames *f)
{
    struct buf body;
    buf_init(&body, 64 * 1024);
    fault_write_body(&f->script->exception, &body);
    write_frame(f, SLICE("exception"), SLICE(":exception-type"),
                slice_of(f->script->exception_type), buf_slice(&body));
    buf_fini(&body);
}

/* Half of the frame that has just been added stays. */
static void cut_last(struct frames *f)
{
    struct plan_frame *last = &f->plan->frames[f->plan->count - 1];
    f->plan->bytes.n -= last->n - last->n / 2;
    last->n /= 2;
    f->plan->end = PLAN_CUT;
}

/* ---- what the script wants ----------------------------------------------------------------- */

static bool due(const struct frames *f, int64_t after, bool last)
{
    return after != SCRIPT_NEVER && (f->deltas >= after || last);
}

static void before_frame(struct frames *f, bool last)
{
    const struct script *s = f->script;
    if (!f->silent && due(f, s->silence_after, last)) {
        f->silent = true;
        f->wait_ms += s->silence_ms;
    }
    if (due(f, s->exception_after, last)) {
        write_exception(f);
        f->over = true;
    } else if (due(f, s->end_after, last)) {
        f->over = true;
    }
    f->plan->failed |= f->over;
}

static void after_frame(struct frames *f, bool last)
{
    struct plan *p = f->plan;
    if (!f->broke && due(f, f->script->badcrc_after, last)) {
        f->broke = p->failed = true;
        p->bytes.p[p->bytes.n - 1] = (char)(p->bytes.p[p->bytes.n - 1] ^ 0x55);
    }
    bool frame = f->script->cut_frame != SCRIPT_NEVER && (int64_t)p->count > f->script->cut_frame;
    if (frame || due(f, f->script->cut_after, last)) {
        cut_last(f);
        f->over = p->failed = true;
    }
}

/* ---- events -------------------------------------------------------------------------------- */

void frames_begin(struct frames *f, struct json_writer *w)
{
    struct buf *out = f->chunks ? &f->event : &f->payload;
    buf_reset(out);
    json_begin(w, out);
    json_object(w);
}

/* {"bytes": the event in base64; the padding follows. */
static void wrap_event(struct frames *f, struct json_writer *w)
{
    json_object_end(w);
    buf_reset(&f->payload);
    json_begin(w, &f->payload);
    json_object(w);
    json_key(w, "bytes");
    json_string_begin(w);
    base64_encode(buf_slice(&f->event), &f->payload);
    json_string_end(w);
}

void frames_end(struct frames *f, struct json_writer *w, struct slice name, bool last)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (f->chunks)
        wrap_event(f, w);
    f->padding = (f->padding + 7) % 50;
    json_member_string(w, "p", slice_make(letters, f->padding + 3));
    json_object_end(w);
    if (!f->over)
        before_frame(f, last);
    if (f->over)
        return;
    write_frame(f, SLICE("event"), SLICE(":event-type"), f->chunks ? SLICE("chunk") : name,
                buf_slice(&f->payload));
    after_frame(f, last);
}

void frames_delta_begin(struct frames *f)
{
    if (f->deltas)
        f->wait_ms += f->pace.gap_ms;
}

void frames_delta_end(struct frames *f)
{
    f->deltas++;
}

struct slice frames_piece(const struct frames *f, struct slice *rest)
{
    size_t n = utf8_cut(*rest, f->pace.chunk_bytes);
    while (!n || (n < rest->n && ((unsigned char)rest->p[n] & 0xC0) == 0x80))
        n++;
    const struct slice s = slice_make(rest->p, n);
    *rest = slice_skip(*rest, n);
    return s;
}

void frames_write_metrics(const struct frames *f, struct json_writer *w, const struct usage *u,
                          bool cache)
{
    json_key(w, "amazon-bedrock-invocationMetrics");
    json_object(w);
    json_member_integer(w, "inputTokenCount", u->input);
    json_member_integer(w, "outputTokenCount", u->output);
    json_member_integer(w, "invocationLatency", f->plan->head_ms + f->plan->latency_ms);
    json_member_integer(w, "firstByteLatency", f->plan->head_ms);
    if (cache) {
        json_member_integer(w, "cacheReadInputTokenCount", u->read);
        json_member_integer(w, "cacheWriteInputTokenCount", u->write);
    }
    json_object_end(w);
}
