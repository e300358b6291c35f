/* How long is this prompt for this model? POST /utils/token_counter, LiteLLM's, POST
 * /v1/messages/count_tokens, Anthropic's, and POST /v1/responses/input_tokens, OpenAI's.
 *
 * Happy path: one CountTokens of Bedrock, or, for models it does not count for and for
 * ?call_endpoint=false, an estimate.
 *
 * Failure modes: when Bedrock fails, LiteLLM's route gives the estimate with the error beside it: a
 * client that only wants a number has one, and nothing is hidden. The others' answers have no
 * place for that: there it is an error. A model nobody knows is refused as everywhere.
 */

#include "dialect/token_counter.h"
#include "exchange_call.h"
#include "fetch.h"
#include "llm/estimate.h"
#include "operation.h"
#include "provider/count.h"
#include "query.h"

#define ANSWER_MAX (64u * 1024)

struct counter {
    bool local;         /* the client wants no call */
    struct slice model; /* to count for */
    struct http_call call;
    struct failure failure;
    int64_t tokens; /* -1: not counted */
};

static bool parse(struct exchange *ex, yyjson_val *body)
{
    struct counter *c = ARENA_NEW(&ex->arena, struct counter);
    struct slice asked = query_get(ex->head->query, "call_endpoint", &ex->arena);
    c->tokens = -1;
    c->local = asked.p && !query_flag(ex->head->query, "call_endpoint", &ex->arena);
    ex->operation = c;
    bool good = token_counter_parse(body, &ex->prompt, &ex->request, &ex->failure);
    ex->request.stream = false;
    return good;
}

/* Built here, where a failure does not end the request. */
static bool plan(struct exchange *ex, size_t *calls)
{
    struct counter *c = ex->operation;
    c->model = c->local ? slice_make(NULL, 0) : count_model(&ex->attempt);
    *calls = c->model.p && count_build(&ex->attempt, c->model, &c->call, &c->failure) ? 1 : 0;
    return true;
}

static bool call(struct exchange *ex, size_t i, struct http_call *call)
{
    const struct counter *c = ex->operation;
    *call = c->call;
    return true;
}

static bool done(struct exchange *ex, size_t i, const struct batch_answer *answer)
{
    struct counter *c = ex->operation;
    bool unsupported;
    if (answer->end != UPSTREAM_DONE) {
        c->failure = exchange_call_failure(ex, answer->end, answer->detail);
        return true;
    }
    if (!count_read(&ex->attempt, answer->status, answer->headers, answer->body, &c->tokens,
                    &unsupported, &c->failure) &&
        unsupported)
        c->failure.kind = FAILURE_NONE;
    return true;
}

static void finish(struct exchange *ex, struct buf *body)
{
    struct counter *c = ex->operation;
    struct token_count count = {.tokens = c->tokens, .request_model = ex->answer.model};
    count.estimated = c->tokens < 0;
    count.model_used = count.estimated ? ex->model_id : c->model;
    if (count.estimated)
        count.tokens = llm_estimate_request(&ex->effective);
    if (c->failure.kind != FAILURE_NONE)
        count.failure = &c->failure;
    token_counter_write(&count, body);
}

/* ---- Anthropic's and OpenAI's -------------------------------------------------------------- */

static bool parse_dialect(struct exchange *ex, yyjson_val *body)
{
    struct counter *c = ARENA_NEW(&ex->arena, struct counter);
    c->tokens = -1;
    ex->operation = c;
    bool good = ex->route->dialect->parse(body, &ex->prompt, &ex->request, &ex->failure);
    ex->request.stream = false;
    return good;
}

static bool fail(struct exchange *ex)
{
    const struct counter *c = ex->operation;
    ex->failure = c->failure;
    return ex->failure.kind == FAILURE_NONE;
}

/* Bedrock counts what it is shown: what is named by URL is not fetched for this. */
static bool plan_strictly(struct exchange *ex, size_t *calls)
{
    struct counter *c = ex->operation;
    c->local = fetch_is_wanted(&ex->effective);
    return plan(ex, calls) && fail(ex);
}

static bool done_strictly(struct exchange *ex, size_t i, const struct batch_answer *answer)
{
    return done(ex, i, answer) && fail(ex);
}

static int64_t count_or_estimate(struct exchange *ex)
{
    const struct counter *c = ex->operation;
    ex->estimated = c->tokens < 0;
    return ex->estimated ? llm_estimate_request(&ex->effective) : c->tokens;
}

static void finish_input(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "object", SLICE("response.input_tokens"));
    json_member_integer(&w, "input_tokens", count_or_estimate(ex));
    json_object_end(&w);
}

/* The source is LiteLLM's addition. */
static void finish_messages(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_integer(&w, "input_tokens", count_or_estimate(ex));
    json_member_string(&w, "litellm_count_source",
                       ex->estimated ? SLICE("estimate") : SLICE("provider"));
    json_object_end(&w);
}

const struct operation operation_count_tokens = {
    .answer_max = ANSWER_MAX,
    .unlimited = true,
    .parse = parse_dialect,
    .plan = plan_strictly,
    .call = call,
    .done = done_strictly,
    .finish = finish_messages,
};

const struct operation operation_input_tokens = {
    .answer_max = ANSWER_MAX,
    .unlimited = true,
    .parse = parse_dialect,
    .plan = plan_strictly,
    .call = call,
    .done = done_strictly,
    .finish = finish_input,
};

const struct operation operation_token_counter = {
    .answer_max = ANSWER_MAX,
    .unlimited = true,
    .parse = parse,
    .plan = plan,
    .call = call,
    .done = done,
    .finish = finish,
};
