#ifndef GATEWAY_EXCHANGE_AGAIN_H
#define GATEWAY_EXCHANGE_AGAIN_H

#include "exchange.h"

/* The attempt failed and nothing of it reached the client. True: another one follows, by way of the
 * state AGAIN; false: ex->failure is the answer. */
bool exchange_try_again(struct exchange *ex);

/* The state AGAIN: the wait before a retry. True: it is over. */
bool exchange_again(struct exchange *ex);

#endif
