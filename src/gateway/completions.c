/* POST /v1/completions with several prompts, or several choices for each: a call for each choice.
 *
 * Happy path: each call has one of the prompts as its only message and is decoded as any other; a
 * stream gets each choice as soon as it is complete, in whatever order that is; the counts are
 * summed.
 *
 * Failure modes: the first call that fails ends the attempt, and a retry or a fallback makes all of
 * them anew, unless a part of the stream is out: then it ends with the error event. */

#include "dialect/completions.h"
#include "exchange_batch.h"
#include "exchange_call.h"
#include "exchange_guard.h"
#include "llm/mock.h"
#include "operation.h"

#define ANSWER_MAX (16u * 1024 * 1024) /* bytes */

struct completion {
    struct llm_request request;
    struct plan plan;
    struct provider_attempt attempt;
    struct completions_choice choice;
};

struct completions {
    struct completion *of; /* one for each choice */
    size_t count;
    struct llm_usage usage;
};

/* ---- what is called ------------------------------------------------------------------------ */

static void set_completion(struct exchange *ex, struct completion *c, size_t index,
                           const struct llm_message *prompt)
{
    struct llm_message *own = ARENA_NEW(&ex->arena, struct llm_message);
    *own = *prompt;
    own->next = NULL;
    *c = (struct completion){.request = ex->effective, .attempt = ex->attempt};
    c->request.messages = own;
    c->request.stream = false;
    c->attempt.request = &c->request;
    c->attempt.plan = &c->plan;
    c->choice.index = index;
    if (ex->effective.echo.n)
        c->choice.echo = prompt->blocks->text;
}

static void set_completions(struct exchange *ex, struct completions *x)
{
    size_t prompts = 0, each = ex->effective.choices;
    for (const struct llm_message *m = ex->effective.messages; m; m = m->next)
        prompts++;
    *x = (struct completions){.count = prompts * each};
    x->of = arena_alloc(&ex->arena, x->count * sizeof(*x->of));
    struct completion *c = x->of;
    for (const struct llm_message *m = ex->effective.messages; m; m = m->next)
        for (size_t i = 0; i < each; i++, c++)
            set_completion(ex, c, (size_t)(c - x->of), m);
}

static bool call(struct exchange *ex, size_t i, struct http_call *call)
{
    struct completion *c = &((struct completions *)ex->operation)->of[i];
    if (!ex->provider->build(&c->attempt, call, &ex->failure))
        return false;
    call->body = arena_dup(&ex->arena, call->body);
    ex->plan.repairs |= c->plan.repairs;
    return true;
}

/* ---- what comes back ----------------------------------------------------------------------- */

static void account(struct exchange *ex, const struct llm_usage *u)
{
    struct llm_usage *sum = &((struct completions *)ex->operation)->usage;
    sum->input += u->input;
    sum->output += u->output;
    sum->cache_read += u->cache_read;
    sum->cache_write += u->cache_write;
    sum->cache_write_1h += u->cache_write_1h;
    sum->reasoning += u->reasoning;
    sum->estimated = sum->estimated || u->estimated;
    exchange_price(ex, sum, 0);
}

static void keep(struct exchange *ex, struct completion *c, const struct llm_response *r)
{
    struct buf piece;
    c->choice.text = llm_response_text(r, &ex->arena);
    c->choice.stop = r->stop;
    account(ex, &r->usage);
    if (!exchange_guard_text(ex, &c->choice.text) || !ex->request.stream)
        return;
    buf_init(&piece, SIZE_MAX);
    completions_write_piece(&ex->answer, &c->choice, &piece);
    exchange_batch_piece(ex, buf_slice(&piece));
    buf_fini(&piece);
}

static void fold_event(void *user, const struct llm_event *e)
{
    llm_fold_event(user, e);
}

/* False: the answer is none. */
static bool take(struct exchange *ex, struct completion *c, const struct llm_fold *fold)
{
    ex->failure = fold->response.failure;
    if (ex->failure.kind == FAILURE_NONE)
        keep(ex, c, &fold->response);
    return ex->failure.kind == FAILURE_NONE;
}

static bool done(struct exchange *ex, size_t i, const struct batch_answer *answer)
{
    struct completion *c = &((struct completions *)ex->operation)->of[i];
    struct llm_fold fold;
    const struct llm_sink sink = {fold_event, &fold};
    if (!operation_answered(ex, answer))
        return false;
    llm_fold_init(&fold, &ex->arena);
    void *decoder = ex->provider->decoder(&c->attempt, answer->status, answer->headers, &sink);
    if (ex->provider->feed(decoder, answer->body))
        ex->provider->finish(decoder);
    ex->provider->fini(decoder);
    bool good = take(ex, c, &fold);
    llm_fold_fini(&fold);
    return good;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static bool mock(struct exchange *ex, struct completion *c)
{
    struct llm_fold fold;
    const struct llm_sink sink = {fold_event, &fold};
    llm_fold_init(&fold, &ex->arena);
    llm_mock(&c->request, &ex->arena, &sink);
    bool good = take(ex, c, &fold);
    llm_fold_fini(&fold);
    return good;
}

static bool plan(struct exchange *ex, size_t *calls)
{
    struct completions *x = ARENA_NEW(&ex->arena, struct completions);
    ex->operation = x;
    set_completions(ex, x);
    *calls = ex->effective.mock_response ? 0 : x->count;
    for (size_t i = *calls; i < x->count; i++)
        if (!mock(ex, &x->of[i]))
            return false;
    return true;
}

static void finish(struct exchange *ex, struct buf *body)
{
    const struct completions *x = ex->operation;
    struct completions_choice choices[COMPLETIONS_MAX];
    if (ex->request.stream) {
        completions_write_end(&ex->answer, ex->request.include_usage ? &ex->usage : NULL, body);
        return;
    }
    for (size_t i = 0; i < x->count; i++)
        choices[i] = x->of[i].choice;
    completions_write(&ex->answer, choices, x->count, &ex->usage, body);
}

const struct operation operation_completions = {
    .answer_max = ANSWER_MAX,
    .again = true,
    .plan = plan,
    .call = call,
    .done = done,
    .finish = finish,
};
