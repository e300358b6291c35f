#ifndef GATEWAY_EXCHANGE_CALL_H
#define GATEWAY_EXCHANGE_CALL_H

#include "exchange.h"

#define BYTES_PER_TOKEN 4 /* of an upstream body, when only its size is known */

/* Calls the model (or mocks it). False: ex->failure says why not. */
bool exchange_start_call(struct exchange *ex);

/* For routes that show what would be called: request → deployment, model and provider; then the
 * signed call. False: see failure. */
bool exchange_find_model(struct exchange *ex);
bool exchange_build_call(struct exchange *ex, struct http_call *call);

/* The request as its deployment gets it (the client's own is kept for another), and the attempt. */
void exchange_prepare(struct exchange *ex);

/* The same without the attempt: the request as it is to be answered, and an encoder for it. Without
 * a deployment it is the client's own. */
void exchange_form(struct exchange *ex);

/* Hands an event of the answer on, streamed or folded. The facts it makes. */
unsigned exchange_give(struct exchange *ex, const struct llm_event *e);
/* The same past the guards. */
unsigned exchange_hand_on(struct exchange *ex, const struct llm_event *e);

struct upstream_timeouts exchange_timeouts(const struct exchange *ex); /* the four clocks */

/* What a call that came to no answer means. */
struct failure exchange_call_failure(struct exchange *ex, enum upstream_end end,
                                     const char *detail);

/* Keeps the usage with its price; `input`: USD beside that of the tokens. */
void exchange_price(struct exchange *ex, const struct llm_usage *usage, double input);

/* A mocked timeout has passed: the call has failed. */
bool exchange_mock_expired(struct exchange *ex);

/* Nobody reported what the answer took (its client left, or it broke off): an estimate. */
void exchange_estimate_usage(struct exchange *ex);

#endif
