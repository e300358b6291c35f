#ifndef GATEWAY_EXCHANGE_CACHE_H
#define GATEWAY_EXCHANGE_CACHE_H

/* An exchange and the response cache: the state LOOKUP, the events that are taken down while they
 * pass, and answers that are given again. */

#include "cache_key.h"
#include "exchange.h"

enum lookup {
    LOOKUP_WAITS,   /* for the shared state, or for an equal request's answer */
    LOOKUP_MISSES,  /* a model has to be asked */
    LOOKUP_STREAMS, /* there is an answer for RELAY, see exchange_replay */
    LOOKUP_ANSWERS, /* there is a whole answer, in ex->fold or ready for operation.finish */
    LOOKUP_REFUSES  /* see ex->failure */
};

/* The step of LOOKUP. */
enum lookup exchange_lookup(struct exchange *ex);

/* Of an answer that is given again: as many events as the client has room for. */
void exchange_replay(struct exchange *ex);

/* An event of the model's answer; costs next to nothing where nobody wants it. */
void exchange_cache_take(struct exchange *ex, const struct llm_event *e);
static inline void exchange_cache_event(struct exchange *ex, const struct llm_event *e)
{
    if (ex->cache.seat.leads)
        exchange_cache_take(ex, e);
}

/* Another attempt follows: the answer so far was worth nothing, unless it goes on. */
void exchange_cache_again(struct exchange *ex);

/* The client is gone, but others want the answer: the call goes on. */
bool exchange_cache_goes_on(const struct exchange *ex);

/* The exchange is over: a complete answer is kept, whoever waits for it is told how it ended. */
void exchange_cache_end(struct exchange *ex);

/* Nobody waits any more for what the shared state was asked. */
void exchange_cache_forget(struct exchange *ex);

/* ---- for operations, which keep parts of their answers themselves -----------------------------
 */

/* Whether this request, a call of such a kind (caching_calls), takes or keeps answers, as
 * ex->cache.control says. False: no; or see ex->failure. */
bool exchange_cache_wanted(struct exchange *ex, unsigned call);
struct cache_key_scope exchange_cache_scope(struct exchange *ex);
bool exchange_cache_is_fresh(const struct exchange *ex, int64_t stored_at);

#endif
