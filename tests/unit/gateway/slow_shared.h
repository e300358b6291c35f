#ifndef TESTS_GATEWAY_SLOW_SHARED_H
#define TESTS_GATEWAY_SLOW_SHARED_H

/* A shared state as one over a network is: the local one, answering later, or never. */

#include "state/shared.h"

#include "../io/world.h"

struct slow_shared {
    struct shared shared;
    struct shared *local;
    struct world *world;
    struct list open;  /* questions without answer */
    unsigned delay_ms; /* of an answer */
    bool never;        /* no answers at all */
    unsigned gets, forgotten, freed;
    size_t largest; /* question */
};

void slow_shared_init(struct slow_shared *s, struct world *w); /* `free` closes what is open */

#endif
