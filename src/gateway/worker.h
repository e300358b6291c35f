#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

/* One process of the gateway: a loop, a listener, an upstream, the live exchanges. Runs until
 * SIGTERM or SIGINT: it then stops accepting, lets running exchanges finish (at most
 * WORKER_DRAIN_MS), and ends; a second signal ends it at once. */

#include "config.h"

#define WORKER_DRAIN_MS 600000 /* ms; agents' answers take minutes */

struct worker_options {
    const char *host;
    int port;       /* 0: a free one, named in the log */
    bool reuseport; /* several workers share the port */
};

/* Takes over the caller's reference to `config`. Returns the process's exit status; a problem at
 * start (the port is taken) is one line on standard error and 1. */
int worker_run(struct config *config, const struct worker_options *options);

#endif
