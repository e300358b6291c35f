#ifndef GATEWAY_EXCHANGE_BATCH_H
#define GATEWAY_EXCHANGE_BATCH_H

#include "exchange.h"

/* The state BATCH: runs the calls of the route's operation and writes the reply. True: all is done,
 * or ex->failure says why not; false: it goes on. */
bool exchange_batch(struct exchange *ex);

/* Where the next bytes of a streamed answer go, whose 200 comes with the first of them. */
struct buf *exchange_batch_open(struct exchange *ex);

/* All parts of the answer are there: the reply, or a failure. */
void exchange_batch_finish(struct exchange *ex);

void exchange_batch_cancel(struct exchange *ex); /* the client is gone */
void exchange_batch_free(struct exchange *ex);

#endif
