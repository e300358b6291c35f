#ifndef STATE_SHARED_MACHINE_H
#define STATE_SHARED_MACHINE_H

/* The shared state of the workers of one machine, without a server: limits and word are common to
 * all processes that were forked after machine_new, values and claims are each process's own.
 *
 * Counters lie in memory that all of them have (docs/decisions/0006-limits-of-workers.md), behind
 * one lock that is held for a microsecond. A process that dies while it holds the lock makes the
 * next one start to count anew, as a restart would; one that is stopped while it holds it makes the
 * others count by themselves until it goes on (stats: alone). The places of a killed process are
 * free when their leases are over. Time is the machine's. */

#include "io/turn.h"
#include "state/shared.h"

#define MACHINE_WORKERS_MAX  256
#define MACHINE_WORD_MAX     65536 /* bytes of a message; a longer one reaches this process only */
#define MACHINE_COUNTERS_MAX 16384 /* beyond it the one asked longest ago goes */
#define MACHINE_BYTES        (64 * 1024 * 1024) /* of address space; touched as it is needed */

struct machine;

/* Before any worker is forked. NULL: errno says why. Freed in one process it is there in the
 * others. */
struct machine *machine_new(int workers);
void machine_free(struct machine *m); /* NULL is fine */

int machine_workers(const struct machine *m);

/* Of worker `index`, 0 to workers - 1; no other process has the same one. `bytes_max`: of values.
 * Run the loop once more after `free`. */
struct shared *shared_machine_new(struct turn *turn, struct machine *m, int index,
                                  size_t bytes_max);

#endif
