#include "llm/fold.h"

static struct llm_part *part_add(struct llm_fold *f, enum llm_part_kind kind, unsigned block)
{
    struct llm_part *p = ARENA_NEW(f->arena, struct llm_part);
    p->kind = kind;
    p->block = block;
    buf_init(&p->text, LLM_ANSWER_MAX);
    buf_init(&p->signature, LLM_ANSWER_MAX);
    buf_init(&p->redacted, LLM_ANSWER_MAX);
    buf_init(&p->citations, LLM_ANSWER_MAX);
    *f->tail = p;
    f->tail = &p->next;
    f->latest = p;
    return p;
}

/* The part of that kind for that block; a tool call must have been opened. */
static struct llm_part *part_of(struct llm_fold *f, enum llm_part_kind kind, unsigned block)
{
    struct llm_part *found = NULL;
    for (struct llm_part *p = f->response.parts; p; p = p->next)
        if (p->kind == kind && p->block == block)
            found = p;
    if (!found && kind != LLM_PART_TOOL_CALL)
        found = part_add(f, kind, block);
    f->latest = found;
    return found;
}

static void fail_too_large(struct llm_fold *f)
{
    failure_set(&f->response.failure, f->arena, FAILURE_BAD_GATEWAY, 502,
                "the model's answer is larger than %u bytes", LLM_ANSWER_MAX);
}

static void part_append(struct llm_fold *f, struct buf *to, struct slice text)
{
    f->bytes += text.n;
    if (f->bytes > LLM_ANSWER_MAX)
        fail_too_large(f);
    else
        buf_add(to, text);
}

static void open_tool_call(struct llm_fold *f, const struct llm_event *e)
{
    struct llm_part *p = part_add(f, LLM_PART_TOOL_CALL, e->block);
    p->id = arena_dup(f->arena, e->id);
    p->name = arena_dup(f->arena, e->name);
}

static void keep_failure(struct llm_fold *f, const struct failure *failure)
{
    if (f->response.failure.kind != FAILURE_NONE)
        return;
    f->response.failure = *failure;
    f->response.failure.message = arena_dup(f->arena, failure->message);
    f->response.failure.param = arena_dup(f->arena, failure->param);
}

static void add_citation(struct llm_fold *f, const struct llm_event *e)
{
    struct llm_part *p = part_of(f, LLM_PART_TEXT, e->block);
    struct json_writer w;
    size_t before = p->citations.n;
    json_begin(&w, &p->citations);
    w.comma = before > 0;
    json_value(&w, e->json);
    f->bytes += p->citations.n - before;
    part_append(f, &p->citations, SLICE("")); /* looks at the bound */
}

static void add_note(struct llm_fold *f, const struct llm_event *e)
{
    struct buf text;
    struct json_writer w;
    struct llm_note *n = ARENA_NEW(f->arena, struct llm_note);
    buf_init(&text, LLM_ANSWER_MAX);
    json_begin(&w, &text);
    json_value(&w, e->json);
    n->name = arena_dup(f->arena, e->name);
    n->json = arena_dup(f->arena, buf_slice(&text));
    n->next = f->response.notes;
    f->response.notes = n;
    buf_fini(&text);
}

static void add_foreign(struct llm_fold *f, const struct llm_event *e)
{
    struct llm_part *p = part_add(f, LLM_PART_FOREIGN, e->block);
    struct json_writer w;
    json_begin(&w, &p->text);
    json_value(&w, e->json);
    f->bytes += p->text.n;
    part_append(f, &p->text, SLICE("")); /* looks at the bound */
}

static void on_stop(struct llm_fold *f, const struct llm_event *e)
{
    f->response.stopped = true;
    f->response.stop = e->stop;
    f->response.stop_sequence = arena_dup(f->arena, e->text);
    f->response.stop_word = arena_dup(f->arena, e->name);
}

struct slice llm_response_text(const struct llm_response *r, struct arena *a)
{
    struct slice text = SLICE("");
    for (const struct llm_part *p = r->parts; p; p = p->next)
        if (p->kind == LLM_PART_TEXT)
            text = ARENA_JOIN(a, text, buf_slice(&p->text));
    return text;
}

void llm_fold_init(struct llm_fold *f, struct arena *a)
{
    *f = (struct llm_fold){.arena = a};
    f->tail = &f->response.parts;
    buf_init(&f->response.raw, LLM_ANSWER_MAX);
}

__attribute__((noinline)) static void fold_any(struct llm_fold *f, const struct llm_event *e)
{
    struct llm_part *p;
    switch (e->kind) {
    case EV_START: f->response.id = arena_dup(f->arena, e->id); break;
    case EV_BLOCK_STOP: break;
    case EV_FOREIGN: add_foreign(f, e); break;
    case EV_CITATION: add_citation(f, e); break;
    case EV_NOTE: add_note(f, e); break;
    case EV_BLOCK_START: open_tool_call(f, e); break;
    case EV_TEXT: part_append(f, &part_of(f, LLM_PART_TEXT, e->block)->text, e->text); break;
    case EV_REASONING:
        part_append(f, &part_of(f, LLM_PART_REASONING, e->block)->text, e->text);
        break;
    case EV_SIGNATURE:
        part_append(f, &part_of(f, LLM_PART_REASONING, e->block)->signature, e->text);
        break;
    case EV_REDACTED:
        part_append(f, &part_of(f, LLM_PART_REASONING, e->block)->redacted, e->text);
        break;
    case EV_TOOL_ARGS:
        p = part_of(f, LLM_PART_TOOL_CALL, e->block);
        if (p)
            part_append(f, &p->text, e->text);
        break;
    case EV_STOP: on_stop(f, e); break;
    case EV_RAW: part_append(f, &f->response.raw, e->text); break;
    case EV_USAGE:
        f->response.has_usage = true;
        f->response.usage = *e->usage;
        break;
    case EV_END: f->response.complete = true; break;
    case EV_FAIL: keep_failure(f, e->failure); break;
    }
}

/* Nearly all are more of the text that came last; what others need on the stack is not theirs. */
void llm_fold_event(struct llm_fold *f, const struct llm_event *e)
{
    struct llm_part *last = f->latest;
    if (e->kind == EV_TEXT && last && last->kind == LLM_PART_TEXT && last->block == e->block)
        part_append(f, &last->text, e->text);
    else
        fold_any(f, e);
}

void llm_fold_fini(struct llm_fold *f)
{
    for (struct llm_part *p = f->response.parts; p; p = p->next) {
        buf_fini(&p->text);
        buf_fini(&p->signature);
        buf_fini(&p->redacted);
        buf_fini(&p->citations);
    }
    buf_fini(&f->response.raw);
    f->response.parts = f->latest = NULL;
    f->tail = &f->response.parts;
}
