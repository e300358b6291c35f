#ifndef GATEWAY_EXCHANGE_BATCH_H
#define GATEWAY_EXCHANGE_BATCH_H

#include "exchange.h"

/* The state BATCH: runs the calls of the route's operation and writes the reply. True: all is done,
 * or ex->failure says why not; false: it goes on. */
bool exchange_batch(struct exchange *ex);

/* The next bytes of a streamed answer, whose 200 comes with the first of them. */
void exchange_batch_piece(struct exchange *ex, struct slice piece);

/* All parts of the answer are there: the reply, or a failure. */
void exchange_batch_finish(struct exchange *ex);

void exchange_batch_cancel(struct exchange *ex); /* the client is gone */

#endif
