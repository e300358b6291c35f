#ifndef GATEWAY_EXCHANGE_QUEUE_H
#define GATEWAY_EXCHANGE_QUEUE_H

#include "exchange.h"

/* Requests that wait in ROUTE until a deployment of their group has a place
 * (max_parallel_requests): first come, first served; bounded by max_queued_requests and
 * queue_timeout. */

/* ex->busy: no place. True: it waits, its failure is forgotten; false: it has waited long enough,
 * or too many do, and the failure stands. */
bool exchange_queue_wait(struct exchange *ex);

/* It waits no more, if it did; the next one is asked. */
void exchange_queue_leave(struct exchange *ex);

/* Others wait for the same group and came first. */
bool exchange_queue_is_behind(const struct exchange *ex);

/* A deployment of the group has a place. */
void exchange_queue_wake(struct worker *w, struct slice group);

#endif
