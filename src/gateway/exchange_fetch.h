#ifndef GATEWAY_EXCHANGE_FETCH_H
#define GATEWAY_EXCHANGE_FETCH_H

#include "exchange.h"

/* The state FETCH: what the prompt names by URL comes here. True: over; the failure says so when it
 * failed. */
bool exchange_fetch(struct exchange *ex);

/* The exchange ends before that. */
void exchange_fetch_cancel(struct exchange *ex);

#endif
