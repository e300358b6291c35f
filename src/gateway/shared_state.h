#ifndef GATEWAY_SHARED_STATE_H
#define GATEWAY_SHARED_STATE_H

/* The state that a worker shares with others: on the Redis that the configuration names, else with
 * the other workers of this gateway, else in this process. */

#include "config/config.h"
#include "io/turn.h"
#include "state/shared_machine.h"

/* False: the Redis that is named cannot be used whatever it does; `error` says why. */
bool shared_state_check(const struct config *c, char *error, size_t size);

/* `m` NULL: there is one worker only; else this is `index`. Never NULL: a Redis that cannot be used
 * any more (a file of TLS changed since the check) is one line in the log, and it is done without.
 * Lives from the start of a worker to its end; what it is made of changes with a restart only. Run
 * the loop once more after its `free`. */
struct shared *shared_state_new(struct turn *turn, const struct config *c, struct machine *m,
                                int index);

#endif
