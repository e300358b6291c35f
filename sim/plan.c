/* Turns an answer into frames, in the grammar of the operation. Here: Converse's.
 *
 * messageStart; per block an optional contentBlockStart (tools only), deltas of pace.chunk_bytes,
 * contentBlockStop; messageStop; metadata. What may go wrong on the way is frames.c's business. */

#include "plan.h"

#include "claude.h"
#include "frames.h"
#include "reply.h"
#include "titan.h"

#include <stdlib.h>

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

/* ---- events -------------------------------------------------------------------------------- */

static void message_start(struct frames *f)
{
    struct json_writer w;
    frames_begin(f, &w);
    json_member_string(&w, "role", SLICE("assistant"));
    frames_end(f, &w, SLICE("messageStart"), false);
}

static void block_start(struct frames *f, const struct answer_block *block, size_t index)
{
    struct json_writer w;
    frames_begin(f, &w);
    json_member_integer(&w, "contentBlockIndex", (int64_t)index);
    json_key(&w, "start");
    json_object(&w);
    json_key(&w, "toolUse");
    json_object(&w);
    json_member_string(&w, "name", block->name);
    json_member_string(&w, "toolUseId", block->id);
    json_object_end(&w);
    json_object_end(&w);
    frames_end(f, &w, SLICE("contentBlockStart"), false);
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

static void delta(struct frames *f, size_t index, const char *outer, const char *inner,
                  struct slice text)
{
    struct json_writer w;
    if (f->over)
        return;
    frames_delta_begin(f);
    frames_begin(f, &w);
    json_member_integer(&w, "contentBlockIndex", (int64_t)index);
    write_delta(&w, outer, inner, text);
    frames_end(f, &w, SLICE("contentBlockDelta"), false);
    frames_delta_end(f);
}

static void block_stop(struct frames *f, size_t index)
{
    struct json_writer w;
    frames_begin(f, &w);
    json_member_integer(&w, "contentBlockIndex", (int64_t)index);
    frames_end(f, &w, SLICE("contentBlockStop"), false);
}

static void deltas(struct frames *f, size_t index, const char *outer, const char *inner,
                   struct slice text)
{
    while (text.n && !f->over)
        delta(f, index, outer, inner, frames_piece(f, &text));
}

static void citation(struct frames *f, const struct answer_block *b, size_t index)
{
    struct json_writer w;
    if (f->over || !b->cited.p)
        return;
    frames_delta_begin(f);
    frames_begin(f, &w);
    json_member_integer(&w, "contentBlockIndex", (int64_t)index);
    json_key(&w, "delta");
    json_object(&w);
    json_key(&w, "citation");
    reply_write_citation(&w, b);
    json_object_end(&w);
    frames_end(f, &w, SLICE("contentBlockDelta"), false);
    frames_delta_end(f);
}

static void block(struct frames *f, const struct answer_block *block, size_t index)
{
    if (block->redacted) {
        delta(f, index, "reasoningContent", "redactedContent", block->text);
    } else if (block->kind == BLOCK_REASONING) {
        deltas(f, index, "reasoningContent", "text", block->text);
        delta(f, index, "reasoningContent", "signature", block->signature);
    } else if (block->kind == BLOCK_TOOL_USE) {
        block_start(f, block, index);
        delta(f, index, "toolUse", "input", SLICE(""));
        deltas(f, index, "toolUse", "input", block->text);
    } else {
        deltas(f, index, NULL, "text", block->text);
        citation(f, block, index);
    }
    block_stop(f, index);
}

static void message_stop(struct frames *f, const struct answer *answer)
{
    struct json_writer w;
    frames_begin(f, &w);
    reply_write_stop(&w, answer);
    frames_end(f, &w, SLICE("messageStop"), true);
}

static void metadata(struct frames *f, const struct answer *answer)
{
    struct json_writer w;
    frames_begin(f, &w);
    reply_write_metadata(&w, answer, f->plan->head_ms + f->plan->latency_ms);
    frames_end(f, &w, SLICE("metadata"), true);
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

static void converse(struct frames *f, const struct answer *answer)
{
    message_start(f);
    for (size_t i = 0; i < answer->n; i++)
        block(f, &answer->blocks[i], i);
    message_stop(f, answer);
    metadata(f, answer);
}

void plan_stream(struct plan *p, const struct answer *answer, const struct script *script,
                 const struct pace *pace)
{
    struct frames f;
    const struct pace own = pace_of(script, pace);
    frames_init(&f, p, script, &own, answer->grammar != GRAMMAR_CONVERSE);
    p->head_ms = pace->first_ms + script->slow_head_ms;
    switch (answer->grammar) {
    case GRAMMAR_CONVERSE: converse(&f, answer); break;
    case GRAMMAR_CLAUDE: claude_stream(&f, answer); break;
    case GRAMMAR_TITAN: titan_stream(&f, answer); break;
    }
    frames_fini(&f);
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
