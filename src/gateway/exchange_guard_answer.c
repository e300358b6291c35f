/* Guards and answers.
 *
 * Happy path of a stream that filters alone look at: its events go through guard/stream.h, and
 * leave it as the client may see them. Of all others: the events are taken down, and a whole
 * answer is folded as ever; at the end VET collects its texts, filters go over them, who has to be
 * asked is asked, and the answer is handed on with the texts as they are then.
 *
 * Failure modes: a guard objects: what the client has not seen yet is replaced by the error. A
 * stream that is held and is longer than GUARDRAIL_HELD_MAX is refused. What Bedrock's own API
 * streams cannot be changed: what would be masked is refused. */

#include "exchange_guard_private.h"

#include "exchange_call.h"
#include "exchange_observe.h"
#include "llm/record.h"
#include "thinking.h"
#include "worker_private.h"

/* Where a text of the answer stands. */
struct guard_part {
    struct guard_part *next;
    struct llm_part *part;
    struct guard_text *text;   /* of a text … */
    struct guard_nested *args; /* … or arguments */
    bool changed, given;
};

bool exchange_guard_watches(const struct exchange *ex)
{
    return ex->guard && (ex->guard->after.n || ex->guard->ask_after.count);
}

static bool is_held(const struct exchange *ex)
{
    return ex->request.stream && (ex->guard->ask_after.count || ex->request.native);
}

bool exchange_guard_must_vet(const struct exchange *ex)
{
    return exchange_guard_watches(ex) && !exchange_guard_refused(ex) &&
           (!ex->request.stream || is_held(ex));
}

/* ---- a stream, on its way -------------------------------------------------------------------- */

static void refuse(struct exchange *ex)
{
    ex->failure = ex->guard->refusal;
    ex->guard->facts |= FACT_FAILED;
}

static void on_looked_at(void *user, const struct llm_event *e)
{
    struct exchange *ex = user;
    ex->guard->facts |= exchange_hand_on(ex, e);
}

static void look(struct exchange *ex, const struct llm_event *e)
{
    struct guard_use *u = ex->guard;
    struct guard_found *found = &u->found_after;
    if (!u->streaming)
        guard_stream_init(&u->stream, u->after.rules, u->after.n, found,
                          (struct llm_sink){on_looked_at, ex});
    u->streaming = true;
    u->stream.sink.event(u->stream.sink.user, e);
    if (!found->blocked && !found->failed)
        return;
    guard_judge(ex, &u->after, found, &u->refusal);
    refuse(ex);
}

/* ---- a stream that is held ------------------------------------------------------------------- */

static void take_down(struct guard_use *u, const struct llm_event *e)
{
    llm_record_event(&u->record, e);
    llm_fold_event(&u->fold, e);
}

static void hold(struct exchange *ex, const struct llm_event *e)
{
    struct guard_use *u = ex->guard;
    if (e->kind == EV_RAW)
        buf_add(&u->raw, e->text);
    else
        take_down(u, e);
    if (u->record.overflow || u->raw.overflow) {
        failure_set(&u->refusal, &ex->arena, FAILURE_BAD_GATEWAY, 502,
                    "the answer is larger than what is held for a guardrail (%u bytes)",
                    GUARDRAIL_HELD_MAX);
        refuse(ex);
    } else if (e->kind == EV_END) {
        u->facts |= FACT_VET;
    }
}

bool exchange_guard_take(struct exchange *ex, const struct llm_event *e, unsigned *facts)
{
    struct guard_use *u = ex->guard;
    if (!exchange_guard_watches(ex) || !ex->request.stream)
        return false;
    u->facts = 0;
    if (u->refusal.kind != FAILURE_NONE)
        ; /* the rest does not matter */
    else if (is_held(ex))
        hold(ex, e);
    else
        look(ex, e);
    *facts = u->facts;
    return true;
}

/* ---- VET: collecting ------------------------------------------------------------------------- */

static struct llm_response *answer_of(struct exchange *ex)
{
    return is_held(ex) ? &ex->guard->fold.response : &ex->fold.response;
}

static void collect_parts(struct exchange *ex)
{
    struct guard_use *u = ex->guard;
    struct guard_part **tail = &u->parts;
    for (struct llm_part *p = answer_of(ex)->parts; p; p = p->next) {
        struct guard_part *x = ARENA_NEW(&ex->arena, struct guard_part);
        bool is_json = p->kind == LLM_PART_TOOL_CALL || p->kind == LLM_PART_FOREIGN;
        x->part = p;
        if (is_json && p->text.n)
            x->args = guard_texts_add_json(&u->texts, buf_slice(&p->text));
        else if (p->text.n)
            x->text = guard_texts_add(&u->texts, buf_slice(&p->text));
        *tail = x;
        tail = &x->next;
    }
}

/* Bedrock's own answers are looked at as they are: a model may say more than is understood here. */
static void collect(struct exchange *ex)
{
    struct guard_use *u = ex->guard;
    guard_texts_init(&u->texts, &ex->arena);
    u->parts = NULL;
    u->body = NULL;
    if (ex->request.native && !ex->request.stream)
        u->body = json_parse(buf_slice(&ex->fold.response.raw), &ex->arena, NULL);
    if (u->body)
        guard_texts_add_native(&u->texts, u->body);
    else
        collect_parts(ex);
    if (ex->request.native && !u->body && !u->parts)
        failure_set(&u->refusal, &ex->arena, FAILURE_BAD_REQUEST, 400,
                    "a guardrail has to look at the answer, and it is in no form that is known "
                    "here");
}

static void begin(struct exchange *ex)
{
    struct guard_use *u = ex->guard;
    collect(ex);
    guard_filter_texts(&u->after, &u->found_after, &u->texts);
    guard_judge(ex, &u->after, &u->found_after, &u->refusal);
    u->ask_after.ex = ex;
    u->ask_after.answer = true;
    u->ask_after.texts = &u->texts;
    u->ask_after.refusal = &u->refusal;
    u->ask_after.at = 0;
}

/* ---- VET: handing on ------------------------------------------------------------------------- */

static void set_text(struct buf *b, struct slice text)
{
    size_t cap = b->cap;
    buf_fini(b);
    buf_init(b, cap > text.n ? cap : text.n);
    buf_add(b, text);
}

/* Into the parts of the fold. Thinking that is not the model's own any more has no signature. */
static void write_parts(struct exchange *ex)
{
    for (struct guard_part *x = ex->guard->parts; x; x = x->next) {
        struct slice now = x->args   ? guard_nested_text(x->args)
                           : x->text ? x->text->text
                                     : buf_slice(&x->part->text);
        if (slice_eq(now, buf_slice(&x->part->text)))
            continue;
        x->changed = true;
        set_text(&x->part->text, arena_dup(&ex->arena, now));
        if (x->part->kind == LLM_PART_REASONING)
            buf_fini(&x->part->signature);
    }
}

static struct guard_part *part_of(struct exchange *ex, const struct llm_event *e)
{
    static const enum llm_part_kind kinds[] = {
        [EV_TEXT] = LLM_PART_TEXT,           [EV_REASONING] = LLM_PART_REASONING,
        [EV_SIGNATURE] = LLM_PART_REASONING, [EV_TOOL_ARGS] = LLM_PART_TOOL_CALL,
        [EV_FOREIGN] = LLM_PART_FOREIGN,
    };
    bool said = e->kind == EV_TEXT || e->kind == EV_REASONING || e->kind == EV_SIGNATURE ||
                e->kind == EV_TOOL_ARGS || e->kind == EV_FOREIGN;
    for (struct guard_part *x = said ? ex->guard->parts : NULL; x; x = x->next)
        if (x->part->block == e->block && x->part->kind == kinds[e->kind])
            return x;
    return NULL;
}

/* A part that was changed comes at once, in the place of its first piece. */
static void give(struct exchange *ex, struct llm_event *e, struct arena *scratch)
{
    struct guard_part *x = part_of(ex, e);
    bool changed = x && x->changed;
    if (changed && (x->given || e->kind == EV_SIGNATURE))
        return;
    if (changed && e->kind == EV_FOREIGN)
        e->json = json_parse(buf_slice(&x->part->text), scratch, NULL);
    else if (changed)
        e->text = buf_slice(&x->part->text);
    if (changed)
        x->given = true;
    if (e->kind == EV_USAGE)
        e->usage = &ex->usage; /* with its price */
    if (e->kind == EV_END && ex->guard->raw.n)
        exchange_hand_on(ex,
                         &(struct llm_event){.kind = EV_RAW, .text = buf_slice(&ex->guard->raw)});
    ex->facts |= exchange_hand_on(ex, e);
}

static void replay(struct exchange *ex)
{
    struct slice rest = buf_slice(&ex->guard->record);
    struct llm_usage usage;
    struct llm_event e;
    struct arena scratch;
    arena_init(&scratch);
    while (rest.n && llm_record_read(&rest, &scratch, &usage, &e))
        give(ex, &e, &scratch);
    arena_fini(&scratch);
    if (!(ex->facts & FACT_COMPLETE))
        failure_set(&ex->guard->refusal, &ex->arena, FAILURE_INTERNAL, 500,
                    "the answer that was held for a guardrail cannot be read");
}

static bool changes_native_stream(struct exchange *ex, bool changed)
{
    if (!changed || !ex->request.native || !ex->request.stream)
        return false;
    failure_set(&ex->guard->refusal, &ex->arena, FAILURE_BAD_REQUEST, 400,
                "Content blocked: a guardrail would mask a part of the answer, which cannot be "
                "done in a stream of Bedrock's own");
    return true;
}

static void write_answer(struct exchange *ex)
{
    struct guard_use *u = ex->guard;
    bool changed = guard_texts_write(&u->texts);
    if (changes_native_stream(ex, changed))
        return;
    if (u->body && changed)
        set_text(&ex->fold.response.raw, json_text_of(u->body, &ex->arena));
    else
        write_parts(ex);
    if (is_held(ex))
        replay(ex);
}

bool exchange_guard_vet(struct exchange *ex)
{
    struct guard_use *u = ex->guard;
    ex->facts &= ~(unsigned)FACT_VET;
    if (!ex->entered)
        begin(ex);
    if (u->refusal.kind == FAILURE_NONE && u->ask_after.count && !guard_ask_step(&u->ask_after))
        return false;
    ex->deadline = 0;
    ex->facts &= ~(unsigned)FACT_TIMER;
    guard_ask_cancel(&u->ask_after);
    if (u->refusal.kind == FAILURE_NONE)
        write_answer(ex);
    if (u->refusal.kind != FAILURE_NONE) {
        ex->failure = u->refusal;
        ex->facts |= FACT_FAILED;
    }
    return true;
}

/* ---- other answers, other attempts ----------------------------------------------------------- */

bool exchange_guard_text(struct exchange *ex, struct slice *text)
{
    struct guard_use *u = ex->guard;
    struct guard_texts texts;
    if (!exchange_guard_watches(ex))
        return true;
    guard_texts_init(&texts, &ex->arena);
    struct guard_text *t = guard_texts_add(&texts, *text);
    guard_filter_texts(&u->after, &u->found_after, &texts);
    *text = t->text;
    if (guard_judge(ex, &u->after, &u->found_after, &u->refusal))
        return true;
    ex->failure = u->refusal;
    return false;
}

static void forget(struct guard_use *u)
{
    if (u->streaming)
        guard_stream_fini(&u->stream);
    u->streaming = false;
    llm_fold_fini(&u->fold);
    buf_reset(&u->record);
    buf_reset(&u->raw);
}

void exchange_guard_again(struct exchange *ex)
{
    struct guard_use *u = ex->guard;
    if (!u || ex->resuming.count) /* a stream that goes on is looked at on */
        return;
    forget(u);
    llm_fold_init(&u->fold, &ex->arena);
    u->found_after = (struct guard_found){0};
}

void exchange_guard_cancel(struct exchange *ex)
{
    if (!ex->guard)
        return;
    guard_ask_cancel(&ex->guard->ask_before);
    guard_ask_cancel(&ex->guard->ask_after);
}

void exchange_guard_free(struct exchange *ex)
{
    if (!ex->guard)
        return;
    forget(ex->guard);
    buf_fini(&ex->guard->record);
    buf_fini(&ex->guard->raw);
}
