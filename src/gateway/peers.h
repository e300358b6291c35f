#ifndef GATEWAY_PEERS_H
#define GATEWAY_PEERS_H

/* What other gateways have under way at one deployment, as they last said it. Whoever is silent for
 * PEERS_SILENT_MS counts no more. At most PEERS_MAX at once; beyond that the one silent for longest
 * makes room. Pure. */

#include <stddef.h>
#include <stdint.h>

#define PEERS_MAX       64
#define PEERS_SILENT_MS 3500

struct peer_load {
    int64_t running, requests, tokens; /* calls under way; of the last minute */
};

struct peer_word {
    uint64_t id; /* of the process */
    int64_t heard_at;
    struct peer_load load;
};

struct peers {
    struct peer_word *v; /* NULL: nobody ever said anything */
    size_t n;
};

void peers_fini(struct peers *p);
void peers_hear(struct peers *p, uint64_t id, const struct peer_load *load, int64_t now);
struct peer_load peers_sum(const struct peers *p, int64_t now);

#endif
