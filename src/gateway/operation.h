#ifndef GATEWAY_OPERATION_H
#define GATEWAY_OPERATION_H

/* A route whose answer is put together from any number of plain upstream calls with plain answers
 * (embeddings, token counts), where chat has one call and events. One const struct each; the
 * exchange goes through its functions in this order, in the states ADMIT, LOOKUP and BATCH:
 *
 *   parse    body → ex->request, and a state of its own in ex->prompt, kept in ex->operation
 *   lookup   NULL: nothing of it is kept. The step of LOOKUP; when it answers, finish() follows
 *   plan     the deployment is known and ex->attempt is filled: how many calls?
 *   call     the i-th call; what it points to lives as long as ex->arena
 *   piece    of a stream: what has come of its answer (batch.h); NULL: all of it comes with done
 *   done     its answer, in any order
 *   finish   after the last one: the body of the 200
 *   free     the exchange is over; NULL: it holds nothing but its arena's memory
 *
 * A request of several conversations (llm_request.separate) is one too, though its route has none:
 * the dialect has parsed it. Its stream is written by piece() and done() to exchange_batch_open.
 *
 * Each but finish and free returns false to end it: ex->failure says why, and is what the client
 * gets. */

#include "batch.h"
#include "exchange_cache.h"

struct operation {
    size_t answer_max; /* bytes of one upstream answer */
    bool again;        /* fails like a chat: retries and fallbacks, each beginning with plan */
    bool unlimited;    /* no limits of the caller: what it calls costs nothing */
    bool (*parse)(struct exchange *ex, yyjson_val *body);
    enum lookup (*lookup)(struct exchange *ex);
    bool (*plan)(struct exchange *ex, size_t *calls); /* none: finish() comes at once */
    bool (*call)(struct exchange *ex, size_t i, struct http_call *call);
    bool (*piece)(struct exchange *ex, size_t i, const struct batch_answer *answer);
    bool (*done)(struct exchange *ex, size_t i, const struct batch_answer *answer);
    void (*finish)(struct exchange *ex, struct buf *body);
    void (*free)(struct exchange *ex);
};

extern const struct operation operation_completions;
extern const struct operation operation_count_tokens;
extern const struct operation operation_embeddings;
extern const struct operation operation_rerank;
extern const struct operation operation_input_tokens;
extern const struct operation operation_token_counter;

/* The one that answers; NULL: one call does. */
static inline const struct operation *operation_of(const struct exchange *ex)
{
    return ex->request.separate ? &operation_completions : ex->route->operation;
}

/* For done(): true when the call came to an HTTP answer; otherwise ex->failure is set. */
bool operation_answered(struct exchange *ex, const struct batch_answer *answer);

#endif
