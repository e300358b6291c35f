#ifndef GATEWAY_SHARED_STATE_H
#define GATEWAY_SHARED_STATE_H

/* The state that a worker shares with others: on the Redis that the configuration names, else with
 * the other workers of this gateway, else in this process. */

#include "config/config.h"
#include "io/turn.h"
#include "state/shared_machine.h"

/* `m` NULL: there is one worker only; else this is `index`. Never NULL: a Redis that cannot be used
 * (a file of TLS is missing) is one line in the log, and the state is this process's own. Lives
 * from the start of a worker to its end; what it is made of changes with a restart only. Run the
 * loop once more after its `free`. */
struct shared *shared_state_new(struct turn *turn, const struct config *c, struct machine *m,
                                int index);

#endif
