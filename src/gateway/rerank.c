/* POST /rerank: one call of Bedrock's Rerank, paid for by its documents. */

#include "dialect/rerank.h"
#include "exchange_call.h"
#include "operation.h"
#include "provider/rerank.h"

#define ANSWER_MAX (8u * 1024 * 1024) /* bytes; Bedrock sends the documents back */

struct rerank {
    struct rerank_request request;
    struct rerank_result *results;
    size_t count;
};

static bool parse(struct exchange *ex, yyjson_val *body)
{
    struct rerank *x = ARENA_NEW(&ex->arena, struct rerank);
    ex->operation = x;
    bool good = rerank_parse(body, &ex->prompt, &ex->request, &x->request, &ex->failure);
    ex->request.stream = false;
    return good;
}

static bool plan(struct exchange *ex, size_t *calls)
{
    *calls = 1;
    return true;
}

static bool call(struct exchange *ex, size_t i, struct http_call *call)
{
    const struct rerank *x = ex->operation;
    return rerank_build(&ex->attempt, &x->request, call, &ex->failure);
}

static size_t units_of(const struct rerank *x)
{
    return (x->request.count + RERANK_PER_UNIT - 1) / RERANK_PER_UNIT;
}

static bool done(struct exchange *ex, size_t i, const struct batch_answer *answer)
{
    struct rerank *x = ex->operation;
    double price = 0;
    if (!operation_answered(ex, answer) ||
        !rerank_read(&ex->attempt, &x->request, answer->status, answer->headers, answer->body,
                     &x->results, &x->count, &ex->failure))
        return false;
    json_double(model_fact(ex->model, "input_cost_per_query"), &price);
    exchange_price(ex, &(struct llm_usage){.input = 0}, price * (double)units_of(x));
    return true;
}

static void finish(struct exchange *ex, struct buf *body)
{
    const struct rerank *x = ex->operation;
    rerank_write(slice_of(ex->id), &x->request, x->results, x->count, units_of(x), body);
}

const struct operation operation_rerank = {
    .answer_max = ANSWER_MAX,
    .again = true,
    .parse = parse,
    .plan = plan,
    .call = call,
    .done = done,
    .finish = finish,
};
