#ifndef GATEWAY_COOLDOWN_H
#define GATEWAY_COOLDOWN_H

/* When a deployment that fails has to rest, by LiteLLM's rules. Pure. */

#include "config/config.h"

/* Of the last minute, the failure in question included. */
struct cooldown_counts {
    uint32_t good, failed[FAIL_CLASSES];
    bool probe; /* the call was the first after a rest */
};

/* The failure says something of the deployment, not of the request or of its client. */
bool cooldown_counts(const struct failure *f);

/* How long it has to rest, in ms; 0: not at all. */
int64_t cooldown_ms(const struct routing *r, const struct deployment *d, const struct failure *f,
                    const struct cooldown_counts *counts);

#endif
