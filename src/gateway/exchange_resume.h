#ifndef GATEWAY_EXCHANGE_RESUME_H
#define GATEWAY_EXCHANGE_RESUME_H

/* mid_stream_fallbacks: a stream that breaks off after content was sent goes on at another
 * deployment, which gets what was sent as the beginning of its answer. RELAY goes to AGAIN instead
 * of FLUSH; retries and fallbacks come out of the one budget of the request (reroute.h).
 *
 * The prompt is kept for as long as that is possible. The head of the reply is out: only the log
 * tells of it. */

#include "exchange.h"

/* Before the first call. */
void exchange_resume_begin(struct exchange *ex);

/* Where the events of an answer go in: ex->sink, or the collector in front of it. */
const struct llm_sink *exchange_sink(const struct exchange *ex);

/* The prompt is still worth keeping. */
bool exchange_may_resume(const struct exchange *ex);

/* The stream broke off. True: it goes on, by way of the state AGAIN. False: it ends; without a
 * failure when only its usage was missing. */
bool exchange_resume(struct exchange *ex);

/* The deployment that was chosen cannot go on with the answer. True: another one is looked for. */
bool exchange_resume_elsewhere(struct exchange *ex);

/* Nobody is left to go on: the last that served it is whom its costs are of. */
void exchange_resume_give_up(struct exchange *ex);

/* A continuation: whether the model must take a given beginning; ex->effective with that beginning,
 * and with what is left of max_tokens; whether the plan made of it still ends with the beginning.
 */
bool exchange_resume_needs_prefill(const struct exchange *ex);
void exchange_resume_prepare(struct exchange *ex);
bool exchange_resume_fits(struct exchange *ex);

/* To ex->usage and ex->cost: what the calls took that broke off. */
void exchange_resume_add_spent(struct exchange *ex);

/* What of ex->usage is the current call's. */
struct llm_usage exchange_resume_usage(const struct exchange *ex);

#endif
