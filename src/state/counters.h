#ifndef STATE_COUNTERS_H
#define STATE_COUNTERS_H

/* Limits in one process: the counters behind reserve, settle and renew of state/shared.h, by key.
 * A window is window.h's; leases are kept with their expiry.
 *
 * The order in which a reserve does things is what every back end does:
 *   1. what is over of each counter goes (parts of windows, leases);
 *   2. an ask is refused if it has a limit, limit >= 0, and used + max(units, 1) is above it; asks
 *      count one after the other, so that two of one key see each other; the first refusal gives
 *      back what those before it took;
 *   3. the states of all asks are told as they are after that.
 * A settle takes units > 0 as of now, since they weigh on the upstream now, and gives units < 0
 * back where they were taken, if that still counts. It ends a lease, if it still runs. A renewed
 * lease runs window_ms from now; one that is over stays so.
 *
 * Memory: at most `max` counters between calls; the one asked longest ago goes, held leases last;
 * one that counts nothing any more goes when it is the oldest. A counter holds at most LEASES_MAX
 * leases: beyond it the one that ends first goes. Pure; amortised O(1) for each ask. */

#include "heap.h"
#include "state/shared.h"

#define LEASES_MAX 100000

struct counters;

/* `heap`: where all of it lies. The worst case of one call to it is COUNTERS_CALL_MAX bytes for
 * each ask, besides what `max` counters and their leases may make the hashes grow by. */
#define COUNTERS_CALL_MAX 8192
struct counters *counters_new(size_t max, struct heap *heap);
void counters_free(struct counters *c); /* NULL is fine */

/* The ask that was refused, or -1. `states`: room for n. `grant` is set if -1. */
int counters_reserve(struct counters *c, const struct shared_ask *asks, size_t n, int64_t now,
                     struct shared_state *states, struct shared_grant *grant);
void counters_settle(struct counters *c, const struct shared_grant *grant,
                     const struct shared_ask *asks, size_t n, int64_t now);
void counters_renew(struct counters *c, const struct shared_grant *grant,
                    const struct shared_ask *asks, size_t n, int64_t now);

size_t counters_count(const struct counters *c);

#endif
