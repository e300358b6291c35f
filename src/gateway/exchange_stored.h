#ifndef GATEWAY_EXCHANGE_STORED_H
#define GATEWAY_EXCHANGE_STORED_H

/* Prompts and answers for the row of a request (store_prompts_in_spend_logs): the client's body,
 * and the answer as a chat completion. Long texts lose their middle, credentials their value; with
 * turn_off_message_logging what was said is replaced. */

#include "exchange.h"

/* Whether they are kept for this request. */
bool exchange_stored_wanted(const struct exchange *ex);

/* `body`: as the client sent it. Noted in ex->stored_request. */
void exchange_stored_body(struct exchange *ex, yyjson_val *body);

/* The answer, JSON, in the arena; empty: there was none. `message`: it in OpenAI's words. */
struct slice exchange_stored_answer(struct exchange *ex, struct slice message);

#endif
