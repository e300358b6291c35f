#ifndef GATEWAY_EXCHANGE_PASS_H
#define GATEWAY_EXCHANGE_PASS_H

/* Requests of pass_through_endpoints: HEAD, AUTH, LIMIT, and then PASS, where the body goes up and
 * the answer comes down piece by piece, each as fast as the other side takes it. */

#include "exchange.h"

/* AUTH: no route of ours has the path. True: an endpoint has it, and `r` is found; or has it for
 * other methods, and `r` says so. */
bool exchange_pass_find(struct exchange *ex, struct route_result *r);

/* AUTH, once the caller is known. */
void exchange_pass_begin(struct exchange *ex);

/* PASS. True: it is over, well or not; false: the exchange will be marked. */
bool exchange_pass(struct exchange *ex);

/* A piece of the client's body, from the connection. */
void exchange_pass_body(struct exchange *ex, struct slice bytes);

#endif
