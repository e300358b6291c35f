#ifndef GATEWAY_DURATION_H
#define GATEWAY_DURATION_H

/* LiteLLM's durations: "30s", "5m", "12h", "30d", "2w", "1mo"; at most a hundred years. Pure. */

#include "base/slice.h"

int64_t duration_ms(struct slice text); /* months have 30 days; 0: it is none */

/* Unix ms: when a budget of that duration begins anew, `now` being unix ms too: days at midnight,
 * weeks on Monday, months on the first, UTC. 0: it is none. */
int64_t duration_reset(struct slice text, int64_t now);

#endif
