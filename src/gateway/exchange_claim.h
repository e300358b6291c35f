#ifndef GATEWAY_EXCHANGE_CLAIM_H
#define GATEWAY_EXCHANGE_CLAIM_H

/* Single flight across processes that keep answers in one shared state: who leads a flight
 * (flight.h) claims its key before it calls a model. Who finds it claimed waits, its followers with
 * it, for the word that says how it ended:
 *
 *   f<digest>k   the answer is kept: it is looked up
 *   f<digest>n   there is none to be had: everybody makes a call of their own
 *
 * A claim lives for CLAIM_MS and is held on to as long as the call runs, so that a process that
 * dies frees those who wait within that time: one of them claims it next. A word that got lost is
 * made up for by looking again every CLAIM_LOOK_MS. While the shared state is away each process
 * claims by itself. */

#include "exchange.h"

#define CLAIM_MS      3000
#define CLAIM_HOLD_MS 1000 /* between holds */
#define CLAIM_LOOK_MS 500

/* Begins to listen, once the worker's gossip and cache are there. */
void exchange_claim_listen(struct worker *w);

/* Whether the request, which leads its flight and may share it, claims at all. */
bool exchange_claim_wanted(const struct exchange *ex);

/* Deposits when the answer is there, if not from inside: exchange_claim_state. */
void exchange_claim_ask(struct exchange *ex);

/* Of one that waits: it may look again. */
bool exchange_claim_is_due(const struct exchange *ex);

/* What was claimed is given back, and the others are told. `kept`: the answer was put. */
void exchange_claim_end(struct exchange *ex, bool kept);

/* Now and then, of each exchange. */
void exchange_claim_tick(struct exchange *ex, int64_t now);

#endif
