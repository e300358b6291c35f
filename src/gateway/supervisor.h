#ifndef GATEWAY_SUPERVISOR_H
#define GATEWAY_SUPERVISOR_H

/* Several workers on one port: forks them before any loop exists, each with a listening socket of
 * its own (SO_REUSEPORT), which the supervisor keeps: one that dies is started again (after a pause
 * that doubles while it keeps dying), and clients that came meanwhile find it. SIGTERM and SIGINT
 * are passed on; the supervisor ends when its last worker has. */

#include "worker.h"

/* Takes over the reference to `config`. Returns the process's status: the
 * first non-zero one of a worker that could not start, else 0. */
int supervisor_run(struct config *config, const struct worker_options *options, int workers);

#endif
