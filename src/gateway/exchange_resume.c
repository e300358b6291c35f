/* Happy path of a broken stream: its collector (llm/resume.h) says that the answer can go on, the
 * call is counted as failed, reroute finds a retry or a fallback, and ROUTE takes a deployment
 * whose model accepts the beginning of its answer.
 *
 * Failure modes: a half-sent tool call, thinking that never came to a text, an answer made of a
 * tool's arguments, more than SENT_MAX bytes, no deployment that accepts it, nothing left of the
 * budget: the stream ends with its error event, as without the option. Without it a stream whose
 * beginning alone was sent (dialect->starts_at_once) may still begin anew. */

#include "exchange_resume.h"

#include "base/log.h"
#include "base/text.h"
#include "exchange_again.h"
#include "exchange_call.h"
#include "exchange_guard.h"
#include "exchange_route.h"
#include "llm/estimate.h"
#include "worker_private.h"

#define SENT_MAX (1024u * 1024) /* bytes of text that are kept for a continuation */

void exchange_resume_begin(struct exchange *ex)
{
    struct resuming *r = &ex->resuming;
    bool wanted = ex->config->settings.mid_stream_fallbacks && !ex->request.native;
    if (r->on || !ex->request.stream || (!wanted && !ex->route->dialect->starts_at_once))
        return;
    r->on = true;
    llm_resume_init(&r->answer, ex->sink, SENT_MAX);
    if (!wanted)
        llm_resume_only_anew(&r->answer);
}

const struct llm_sink *exchange_sink(const struct exchange *ex)
{
    return ex->resuming.on ? &ex->resuming.answer.sink : &ex->sink;
}

/* Text that is a tool's arguments, or held to a schema, cannot be begun by somebody else. */
static bool is_formatted(const struct exchange *ex)
{
    return ex->effective.format.kind == LLM_FORMAT_SCHEMA;
}

static enum llm_resume_way way_on(const struct exchange *ex)
{
    enum llm_resume_way way = llm_resume_way(&ex->resuming.answer);
    return way == LLM_RESUME_PREFILL && is_formatted(ex) ? LLM_RESUME_NEVER : way;
}

bool exchange_may_resume(const struct exchange *ex)
{
    const struct llm_resume *r = &ex->resuming.answer;
    bool over = r->lost || (r->only_anew && llm_resume_way(r) != LLM_RESUME_ANEW);
    return ex->resuming.on && !over && !(r->text.n && is_formatted(ex));
}

/* ---- the call that broke off --------------------------------------------------------------- */

/* Nobody told what it took. Estimates count input and output only. */
static struct llm_usage usage_of_call(const struct exchange *ex)
{
    int64_t prompt = ex->released ? (int64_t)(ex->call_bytes / BYTES_PER_TOKEN)
                                  : llm_estimate_request(&ex->request);
    int64_t output = llm_estimate_sum(&ex->answered);
    return (struct llm_usage){.input = prompt, .output = output, .estimated = true};
}

/* `sign`: 1 adds, -1 takes away. */
static void add_usage(struct llm_usage *to, const struct llm_usage *u, int sign)
{
    to->input += sign * u->input;
    to->output += sign * u->output;
    to->estimated = to->estimated || u->estimated;
}

static void add_cost(struct model_cost *to, const struct model_cost *c)
{
    to->input += c->input;
    to->output += c->output;
    to->cache_read += c->cache_read;
    to->cache_write += c->cache_write;
    to->total += c->total;
}

/* A call that said nothing is not charged. */
static void account(struct exchange *ex)
{
    struct llm_usage u = usage_of_call(ex);
    struct model_cost cost = model_cost(ex->model, &u, slice_of(ex->service_tier));
    ex->service_tier[0] = '\0';
    if (!u.output)
        return;
    add_usage(&ex->resuming.spent, &u, 1);
    add_cost(&ex->resuming.cost, &cost);
}

void exchange_resume_add_spent(struct exchange *ex)
{
    add_usage(&ex->usage, &ex->resuming.spent, 1);
    add_cost(&ex->cost, &ex->resuming.cost);
}

struct llm_usage exchange_resume_usage(const struct exchange *ex)
{
    struct llm_usage u = ex->usage;
    if (llm_usage_prompt(&u) || u.output)
        add_usage(&u, &ex->resuming.spent, -1);
    return u;
}

/* The model had said all of it; what it took is estimated. */
static void complete(struct exchange *ex)
{
    struct llm_usage u = usage_of_call(ex);
    struct llm_event usage = {.kind = EV_USAGE, .usage = &u}, end = {.kind = EV_END};
    exchange_call_ended(ex);
    ex->failure = (struct failure){0};
    ex->facts &= ~(unsigned)FACT_FAILED;
    if (!llm_usage_prompt(&ex->usage) && !ex->usage.output)
        ex->sink.event(ex->sink.user, &usage);
    ex->sink.event(ex->sink.user, &end);
}

bool exchange_resume(struct exchange *ex)
{
    struct resuming *r = &ex->resuming;
    bool may = r->on && !exchange_guard_refused(ex);
    enum llm_resume_way way = may ? way_on(ex) : LLM_RESUME_NEVER;
    if (way == LLM_RESUME_COMPLETE)
        complete(ex);
    if (way == LLM_RESUME_NEVER || way == LLM_RESUME_COMPLETE)
        return false;
    unsigned count = r->count++; /* the stream's encoder stays */
    struct llm_usage spent = r->spent;
    struct model_cost cost = r->cost;
    r->deployment = ex->deployment;
    r->group = ex->model_group;
    r->model_id = ex->model_id;
    account(ex);
    if (exchange_try_again(ex)) {
        llm_resume_again(&r->answer);
        log_info("%s the stream broke off after %zu bytes of text and goes on in group %.*s",
                 ex->id, r->answer.text.n, SLICE_ARG(ex->reroute.group));
        return true;
    }
    r->count = count;
    r->spent = spent;
    r->cost = cost;
    return false;
}

bool exchange_resume_elsewhere(struct exchange *ex)
{
    return ex->resuming.count && exchange_try_again(ex);
}

void exchange_resume_give_up(struct exchange *ex)
{
    const struct resuming *r = &ex->resuming;
    if (ex->deployment || !r->count)
        return;
    ex->deployment = r->deployment;
    ex->model_group = r->group;
    ex->model_id = r->model_id;
}

/* ---- the call that goes on ----------------------------------------------------------------- */

bool exchange_resume_needs_prefill(const struct exchange *ex)
{
    return ex->resuming.count && llm_resume_way(&ex->resuming.answer) == LLM_RESUME_PREFILL;
}

static struct llm_message *add_message(struct llm_message ***tail, const struct llm_message *m,
                                       struct arena *a)
{
    struct llm_message *copy = ARENA_NEW(a, struct llm_message);
    *copy = *m;
    copy->next = NULL;
    **tail = copy;
    *tail = &copy->next;
    return copy;
}

/* The client gave a beginning itself, which models get without white space at its end: what was
 * sent follows on that. */
static void extend(struct llm_message *last, struct slice sent, struct arena *a)
{
    struct llm_block *blocks = NULL, **tail = &blocks, *text = NULL;
    for (const struct llm_block *b = last->blocks; b; b = b->next) {
        struct llm_block *copy = llm_block_add(&tail, a, b->kind);
        *copy = *b;
        copy->next = NULL;
        text = copy->kind == LLM_TEXT ? copy : NULL;
    }
    if (!text)
        text = llm_block_add(&tail, a, LLM_TEXT);
    text->text = ARENA_JOIN(a, text_trim_end(text->text), sent);
    last->blocks = blocks;
}

/* Copies: the client's own messages are kept for yet another attempt. */
static void add_beginning(struct exchange *ex, struct slice sent)
{
    struct arena *a = &ex->prompt;
    struct llm_message *copies = NULL, **tail = &copies, *last = NULL;
    for (const struct llm_message *m = ex->effective.messages; m; m = m->next)
        last = add_message(&tail, m, a);
    if (!last || last->role != LLM_ASSISTANT)
        last = add_message(&tail, &(struct llm_message){.role = LLM_ASSISTANT}, a);
    extend(last, arena_dup(a, sent), a);
    ex->effective.messages = copies;
}

/* The thinking is done: a model that thinks takes no beginning. */
void exchange_resume_prepare(struct exchange *ex)
{
    struct llm_request *r = &ex->effective;
    if (r->max_tokens > 0) {
        int64_t left = r->max_tokens - ex->resuming.spent.output;
        r->max_tokens = left > 0 ? left : 1;
    }
    if (!exchange_resume_needs_prefill(ex))
        return;
    r->thinking = (struct llm_thinking){.kind = LLM_THINKING_OFF};
    add_beginning(ex, llm_resume_prefill(&ex->resuming.answer));
}

bool exchange_resume_fits(struct exchange *ex)
{
    const struct llm_message *last = ex->plan.messages;
    if (!exchange_resume_needs_prefill(ex))
        return true;
    while (last && last->next)
        last = last->next;
    if (last && last->role == LLM_ASSISTANT && ex->plan.format == PLAN_FORMAT_NONE)
        return true;
    ex->failure = ex->last_failure; /* what really happened */
    return false;
}
