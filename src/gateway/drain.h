#ifndef GATEWAY_DRAIN_H
#define GATEWAY_DRAIN_H

/* GET /health/drain: the gateway is about to be stopped. What all workers of a gateway know of it,
 * in memory that is mapped before they are forked: that it was asked for, and how many requests
 * each has. NULL as the drain: nobody has one. */

#include <stdbool.h>

struct drain;

/* NULL: no memory; the option is off then. */
struct drain *drain_new(int workers);
void drain_free(struct drain *d);

/* True: it had not begun yet. */
bool drain_begin(struct drain *d);
bool drain_begun(const struct drain *d);

/* How many requests worker `index` has now. */
void drain_note(struct drain *d, int index, unsigned live);

/* Of all workers; those that wait for the end of the others (drain_wait) do not count. */
unsigned drain_live(const struct drain *d);
void drain_wait(struct drain *d, bool waits);

#endif
