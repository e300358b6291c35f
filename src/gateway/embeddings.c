/* POST /v1/embeddings: as many calls as the model needs for the inputs, one list.
 *
 * Happy path: the plan cuts the inputs into calls; each answer's vectors are written for the client
 * at once and kept in their places, so that nothing but the final text of a vector lies in memory;
 * tokens are summed and priced at the end.
 *
 * Failure modes: the first call that fails ends the attempt; half a list is no answer. A retry or a
 * fallback makes all of them anew. */

#include "embeddings.h"

#include "exchange_call.h"
#include "operation.h"

#define ANSWER_MAX (16u * 1024 * 1024) /* bytes; 96 vectors of 1536 numbers are 3 MB */

static bool parse(struct exchange *ex, yyjson_val *body)
{
    struct embeddings *e = ARENA_NEW(&ex->prompt, struct embeddings);
    bool good = embeddings_parse(body, &ex->prompt, &ex->request, &e->request, &ex->failure);
    ex->request.stream = false;
    ex->operation = e;
    e->asked = e->request;
    e->items = arena_alloc(&ex->arena, (e->request.count + 1) * sizeof(*e->items));
    return good;
}

static bool plan(struct exchange *ex, size_t *calls)
{
    struct embeddings *e = ex->operation;
    if (!embed_plan_make(&ex->attempt, &e->asked, &e->plan, &ex->failure))
        return false;
    e->usage = (struct llm_usage){0}; /* nobody pays for the same inputs twice */
    e->images = 0;
    *calls = e->plan.count;
    return true;
}

static bool call(struct exchange *ex, size_t i, struct http_call *call)
{
    struct embeddings *e = ex->operation;
    return embed_build(&ex->attempt, &e->plan, i, call, &ex->failure);
}

/* At once, so that what was done before a failure is accounted. */
static void account(struct exchange *ex, const struct embed_answer *answer)
{
    struct embeddings *e = ex->operation;
    double image = 0;
    e->usage.input += answer->tokens;
    e->usage.estimated = e->usage.estimated || answer->estimated;
    e->images += answer->images;
    json_double(model_fact(ex->model, "input_cost_per_image"), &image);
    exchange_price(ex, &e->usage, image * (double)e->images);
    ex->usage.input += e->found.input;
    ex->usage.estimated = ex->usage.estimated || e->found.estimated;
}

/* Tokens are told for a call: each input gets its share. */
static void note_tokens(struct embeddings *e, size_t place, size_t i, size_t count,
                        const struct embed_answer *answer)
{
    int64_t n = (int64_t)count;
    if (!e->slots)
        return;
    e->slots[place].tokens = answer->tokens / n + ((int64_t)i < answer->tokens % n);
    e->slots[place].estimated = answer->estimated;
}

static bool keep(struct exchange *ex, size_t first, size_t count, const struct embed_answer *answer)
{
    struct embeddings *e = ex->operation;
    for (size_t i = 0; i < count; i++) {
        size_t place = e->places ? e->places[first + i] : first + i;
        struct embeddings_item *item = &e->items[place];
        item->type = arena_dup(&ex->arena, answer->type);
        if (!embeddings_vector(answer->vectors[i], e->request.format, &ex->arena, &item->json))
            return failure_set(&ex->failure, &ex->arena, FAILURE_BAD_GATEWAY, 502,
                               "Bedrock's embedding is not a list of numbers");
        note_tokens(e, place, i, count, answer);
    }
    account(ex, answer);
    return true;
}

static bool done(struct exchange *ex, size_t i, const struct batch_answer *answer)
{
    struct embeddings *e = ex->operation;
    const struct embed_call *c = &e->plan.calls[i];
    struct embed_answer read;
    struct arena scratch;
    if (!operation_answered(ex, answer))
        return false;
    arena_init(&scratch);
    bool good = embed_read(&ex->attempt, &e->plan, i, answer->status, answer->headers, answer->body,
                           &scratch, &read, &ex->failure) &&
                keep(ex, c->first, c->count, &read);
    arena_fini(&scratch);
    return good;
}

static void finish(struct exchange *ex, struct buf *body)
{
    const struct embeddings *e = ex->operation;
    embeddings_write(ex->answer.model, e->items, e->request.count, &ex->usage, body);
    if (!body->overflow && !ex->cache.hit)
        embeddings_keep(ex);
}

const struct operation operation_embeddings = {
    .answer_max = ANSWER_MAX,
    .again = true,
    .parse = parse,
    .lookup = embeddings_lookup,
    .plan = plan,
    .call = call,
    .done = done,
    .finish = finish,
};
