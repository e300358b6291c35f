#ifndef GATEWAY_EXCHANGE_ADMISSION_H
#define GATEWAY_EXCHANGE_ADMISSION_H

/* HEAD: a place in the worker (max_in_flight_requests_per_worker), before anything of the request
 * is looked at; what watches the gateway needs none. Held until the answer is out or the client is
 * gone. */

#include "exchange.h"

/* Only where there is such a limit. True: go on, unless ex->failure says why not (503); false: it
 * waits in the line. */
bool exchange_admission(struct exchange *ex);

/* SETTLE: its place is the next one's. */
void exchange_admission_leave(struct exchange *ex);

#endif
