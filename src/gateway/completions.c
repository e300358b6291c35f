/* POST /v1/completions with several prompts, or several choices for each: a call for each choice.
 *
 * Happy path: each call has one of the prompts as its only message and is decoded as any other; a
 * stream gets the tokens of all choices as they come, each under its index, unless guards look at
 * them; the counts are summed.
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
    struct exchange *ex;
    struct llm_request request;
    struct plan plan;
    struct provider_attempt attempt;
    struct completions_choice choice;
    const struct provider *provider;
    struct llm_sink sink;
    struct llm_fold fold; /* of a stream that is not held: all but its text */
    void *decoder;        /* NULL: nothing has come yet, or all of it */
    void *encoder;        /* of a stream */
    bool held;            /* until it is complete, since guards look at it */
};

struct completions {
    struct completion *of; /* one for each choice */
    size_t count;
    struct llm_usage usage;
};

/* ---- what is called ------------------------------------------------------------------------ */

static void on_event(void *user, const struct llm_event *e)
{
    struct completion *c = user;
    bool at_once = c->encoder && !c->held;
    if (!at_once || e->kind != EV_TEXT)
        llm_fold_event(&c->fold, e);
    if (at_once && (e->kind == EV_TEXT || e->kind == EV_STOP))
        completions_choice_encode(c->encoder, e, exchange_batch_open(c->ex));
}

static void set_completion(struct exchange *ex, struct completion *c, size_t index,
                           const struct llm_message *prompt)
{
    struct llm_message *own = ARENA_NEW(&ex->arena, struct llm_message);
    *own = *prompt;
    own->next = NULL;
    *c = (struct completion){
        .ex = ex, .request = ex->effective, .attempt = ex->attempt, .provider = ex->provider};
    c->sink = (struct llm_sink){on_event, c};
    c->request.messages = own;
    c->attempt.request = &c->request;
    c->attempt.plan = &c->plan;
    c->choice.index = index;
    if (ex->effective.echo.n)
        c->choice.echo = prompt->blocks->text;
    c->held = exchange_guard_watches(ex);
    if (ex->request.stream)
        c->encoder = completions_choice_encoder(&ex->arena, &ex->answer, &c->choice);
    llm_fold_init(&c->fold, &ex->arena);
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

static void end_decoder(struct completion *c)
{
    if (c->decoder)
        c->provider->fini(c->decoder);
    c->decoder = NULL;
}

static void forget(struct exchange *ex)
{
    struct completions *x = ex->operation;
    for (size_t i = 0; i < x->count; i++) {
        end_decoder(&x->of[i]);
        llm_fold_fini(&x->of[i].fold);
    }
    x->count = 0;
}

static struct completion *completion_of(struct exchange *ex, size_t i)
{
    return &((struct completions *)ex->operation)->of[i];
}

static bool call(struct exchange *ex, size_t i, struct http_call *call)
{
    struct completion *c = completion_of(ex, i);
    if (!c->provider->build(&c->attempt, call, &ex->failure))
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

/* False: the answer is none. */
static bool is_good(struct exchange *ex, const struct completion *c)
{
    ex->failure = c->fold.response.failure;
    return ex->failure.kind == FAILURE_NONE;
}

static void write_held(struct exchange *ex, struct completion *c)
{
    struct buf *out = exchange_batch_open(ex);
    struct llm_event text = {.kind = EV_TEXT, .text = c->choice.text};
    struct llm_event stop = {.kind = EV_STOP, .stop = c->choice.stop};
    completions_choice_encode(c->encoder, &text, out);
    completions_choice_encode(c->encoder, &stop, out);
}

static bool take(struct exchange *ex, struct completion *c)
{
    const struct llm_response *r = &c->fold.response;
    if (!is_good(ex, c))
        return false;
    c->choice.text = llm_response_text(r, &ex->arena);
    c->choice.stop = r->stop;
    account(ex, &r->usage);
    llm_fold_fini(&c->fold);
    if (!exchange_guard_text(ex, &c->choice.text))
        return false;
    if (c->encoder && c->held)
        write_held(ex, c);
    return true;
}

static bool feed(struct completion *c, const struct batch_answer *answer)
{
    if (!c->decoder)
        c->decoder = c->provider->decoder(&c->attempt, answer->status, answer->headers, &c->sink);
    return c->provider->feed(c->decoder, answer->body);
}

static bool piece(struct exchange *ex, size_t i, const struct batch_answer *answer)
{
    struct completion *c = completion_of(ex, i);
    return feed(c, answer) || is_good(ex, c);
}

static bool done(struct exchange *ex, size_t i, const struct batch_answer *answer)
{
    struct completion *c = completion_of(ex, i);
    if (!operation_answered(ex, answer))
        return false;
    if (feed(c, answer))
        c->provider->finish(c->decoder);
    end_decoder(c);
    return take(ex, c);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static bool mock(struct exchange *ex, struct completion *c)
{
    llm_mock(&c->request, &ex->arena, &c->sink);
    return take(ex, c);
}

static bool plan(struct exchange *ex, size_t *calls)
{
    struct completions *x = ARENA_NEW(&ex->arena, struct completions);
    if (ex->operation)
        forget(ex); /* of the attempt before */
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
    .piece = piece,
    .done = done,
    .finish = finish,
    .free = forget,
};
