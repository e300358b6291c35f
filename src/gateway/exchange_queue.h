#ifndef GATEWAY_EXCHANGE_QUEUE_H
#define GATEWAY_EXCHANGE_QUEUE_H

#include "exchange.h"

/* Requests that wait in ROUTE until a deployment of their group has a place (max_parallel_requests)
 * or its pace lets a call go (pace.h): first come, first served, but what was called before and is
 * tried again goes first. Bounded by max_queued_requests and queue_timeout; who could not be served
 * within queue_timeout at the pace of the group is not let in, and who would wait longer than
 * pace_patience goes to a fallback if there is one. */

/* ex->busy, ex->place_ms and ex->pace say why there is no place. True: it waits, its failure is
 * forgotten; false: it has waited long enough, or would have to, and the failure stands. */
bool exchange_queue_wait(struct exchange *ex);

/* It waits no more, if it did; the next one is asked. */
void exchange_queue_leave(struct exchange *ex);

/* Others wait for the same group and come first. */
bool exchange_queue_is_behind(const struct exchange *ex);

/* ms until its turn comes, with those before it; 0: not known. */
int64_t exchange_queue_forecast(const struct exchange *ex);

/* A deployment of the group has a place. */
void exchange_queue_wake(struct worker *w, struct slice group);

/* The worker's clock for turns that come. */
void exchange_queue_start(struct worker *w);

#endif
