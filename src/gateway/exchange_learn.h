#ifndef GATEWAY_EXCHANGE_LEARN_H
#define GATEWAY_EXCHANGE_LEARN_H

/* Members that a model turned out not to take: "context_management: Extra inputs are not
 * permitted". The tables of what Claude takes on Bedrock are older than the next model; what it
 * refuses by name is left out from then on, for LEARN_TTL_MS, as far as it may be left out at all
 * (llm_extra.optional). Kept by each worker for itself, as hashes of model and member
 * (gateway/affinity.h). */

#include "exchange.h"

#define LEARN_TTL_MS 3600000 /* one hour: AWS may come to take it */
#define LEARN_MAX    4       /* members that one request may find out about */

/* The call has failed. True: for a member that is left out from now on; the call is worth another
 * try. */
bool exchange_learn(struct exchange *ex);

/* Takes out of ex->effective what its model is known not to take. */
void exchange_leave_out(struct exchange *ex);

#endif
