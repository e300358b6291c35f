/* Happy path: nothing breaks: each event is looked at and handed on. After a break the next START
 * is swallowed, the first block either goes on with the text that was open or begins behind it, and
 * all indexes move by the same number.
 *
 * Failure modes: none of its own; what cannot go on is told by llm_resume_way(). */

#include "llm/resume.h"

#include "base/text.h"

static void hand_on(struct llm_resume *r, const struct llm_event *e)
{
    r->to.event(r->to.user, e);
}

/* ---- what was sent ------------------------------------------------------------------------- */

static void note_block(struct llm_resume *r, const struct llm_event *e)
{
    r->last = !r->began || e->block > r->last ? e->block : r->last;
    r->began = true;
}

static void lose(struct llm_resume *r)
{
    r->lost = true;
    r->skip = 0;
    buf_fini(&r->text);
}

static void note_text(struct llm_resume *r, struct slice text)
{
    r->open = true;
    if (r->only_anew)
        r->lost = true;
    if (r->lost)
        return;
    buf_add(&r->text, text);
    if (r->text.overflow)
        lose(r);
}

static void note(struct llm_resume *r, const struct llm_event *e)
{
    switch (e->kind) {
    case EV_TEXT: note_text(r, e->text); break;
    case EV_REASONING:
    case EV_SIGNATURE:
    case EV_REDACTED:
        r->reasoned = true;
        if (r->text.n) /* it would have to stand behind the text again */
            lose(r);
        break;
    case EV_BLOCK_START:
    case EV_TOOL_ARGS:
    case EV_CITATION:
    case EV_FOREIGN: lose(r); break;
    case EV_BLOCK_STOP: r->open = false; break;
    case EV_STOP: r->stopped = true; break;
    case EV_START:
    case EV_RAW:
    case EV_NOTE:
    case EV_USAGE:
    case EV_END:
    case EV_FAIL: break;
    }
}

/* ---- a continuation ------------------------------------------------------------------------ */

static bool is_of_block(const struct llm_event *e)
{
    return e->kind >= EV_BLOCK_START && e->kind <= EV_BLOCK_STOP;
}

static void end_open_text(struct llm_resume *r)
{
    struct llm_event stop = {.kind = EV_BLOCK_STOP, .block = r->last};
    if (r->open)
        hand_on(r, &stop);
    r->open = false;
}

/* The first event of the continuation that is of a block, or the STOP of one without any. */
static void join(struct llm_resume *r, const struct llm_event *e)
{
    bool goes_on = r->open && (e->kind == EV_TEXT || e->kind == EV_BLOCK_STOP);
    r->joined = true;
    if (!goes_on)
        end_open_text(r);
    r->shift = (r->began ? r->last + !goes_on : 0) - e->block;
}

/* What of a piece the client has not seen yet. */
static struct slice unseen(struct llm_resume *r, struct slice text)
{
    const char *sent = r->text.p + r->text.n - r->skip;
    size_t same = 0;
    while (same < r->skip && same < text.n && text.p[same] == sent[same])
        same++;
    bool differs = same < text.n && same < r->skip;
    while (differs && same && (text.p[same] & 0xc0) == 0x80)
        same--; /* to where the character begins that differs */
    r->skip = differs ? 0 : r->skip - same;
    return slice_skip(text, same);
}

static void on_event(void *user, const struct llm_event *event)
{
    struct llm_resume *r = user;
    struct llm_event e = *event;
    if (r->again && e.kind == EV_START)
        return;
    if (r->again && !r->joined && (is_of_block(&e) || e.kind == EV_STOP))
        join(r, &e);
    if (is_of_block(&e))
        e.block += r->shift;
    if (e.kind == EV_TEXT && r->skip) {
        e.text = unseen(r, e.text);
        if (!e.text.n)
            return;
    }
    if (is_of_block(&e))
        note_block(r, &e);
    note(r, &e);
    hand_on(r, &e);
}

/* ---- around it ----------------------------------------------------------------------------- */

void llm_resume_init(struct llm_resume *r, struct llm_sink to, size_t cap)
{
    *r = (struct llm_resume){.sink = {on_event, r}, .to = to};
    buf_init(&r->text, cap);
}

void llm_resume_fini(struct llm_resume *r)
{
    buf_fini(&r->text);
}

struct slice llm_resume_prefill(const struct llm_resume *r)
{
    return text_trim_end(buf_slice(&r->text));
}

enum llm_resume_way llm_resume_way(const struct llm_resume *r)
{
    if (r->stopped && !r->only_anew)
        return LLM_RESUME_COMPLETE;
    if (r->lost || r->stopped)
        return LLM_RESUME_NEVER;
    if (llm_resume_prefill(r).n)
        return LLM_RESUME_PREFILL;
    return r->reasoned ? LLM_RESUME_NEVER : LLM_RESUME_ANEW;
}

void llm_resume_only_anew(struct llm_resume *r)
{
    r->only_anew = true;
}

void llm_resume_again(struct llm_resume *r)
{
    r->again = true;
    r->joined = false;
    r->shift = 0;
    r->skip = r->text.n - llm_resume_prefill(r).n;
}
