#ifndef GATEWAY_GOSSIP_H
#define GATEWAY_GOSSIP_H

/* What gateways tell each other over the shared state's channel.
 *
 * Of deployments: once a second how much each process has under way and how fast the answers were,
 * and at once when a rest begins or ends. A message is the kind in one byte and JSON behind it:
 *
 *   d{"from":"0123456789abcdef","deployments":[["ID",running,requests,tokens,first,per_token,rest_ms,awake],…]}
 *
 * with first and per_token in seconds, -1: none. At most GOSSIP_DEPLOYMENTS_MAX in one message;
 * what remains comes with the next. Other kinds are registered by whoever says and hears them. */

#include "io/turn.h"
#include "state/shared.h"
#include "tracker.h"

#define GOSSIP_PERIOD_MS       1000
#define GOSSIP_DEPLOYMENTS_MAX 200
#define GOSSIP_MESSAGE_MAX     65536 /* bytes; a longer one is neither said nor heard */

enum gossip_kind {
    GOSSIP_DEPLOYMENTS = 'd',
    GOSSIP_FLIGHTS = 'f', /* exchange_claim.h */
    GOSSIP_STORE = 'b',   /* changes.h */
    GOSSIP_SPENT = 's',   /* rows.c: {"from": …, "spent": [[kind, id, USD], …]} */
    GOSSIP_CACHE = 'c',   /* likewise */
    GOSSIP_KINDS = 128
};

struct gossip;

/* From inside the shared state's callback: only deposits. `body`: without the kind. What this
 * process says comes back to it, too. */
typedef void gossip_heard(void *ctx, struct slice body);

/* All outlive it. Not `talks`: the state is this process's alone, and nothing is said of
 * deployments. */
struct gossip *gossip_new(struct turn *turn, struct shared *shared, struct tracker *tracker,
                          bool talks);
void gossip_free(struct gossip *g); /* run the loop once more after */

void gossip_register(struct gossip *g, char kind, gossip_heard *heard, void *ctx);
void gossip_say(struct gossip *g, char kind, struct slice body);

#endif
