#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

/* One process of the gateway: a loop, a listener, an upstream, the live exchanges. Runs until
 * SIGTERM or SIGINT: it then stops accepting, lets running exchanges finish (at most
 * WORKER_DRAIN_MS), and ends; a second signal ends it at once.
 *
 * SIGHUP reads the configuration again: new requests see it, running ones keep theirs. A file with
 * errors changes nothing, and neither does one that would take the protection of a key away.
 * SIGUSR1 opens the log's file again. */

#include "config/config.h"
#include "io/tls.h"
#include "sockets.h"
#include "state/shared_machine.h"

#define WORKER_DRAIN_MS 600000 /* ms; agents' answers take minutes */

struct digest_memory;
struct drain;
struct metrics_shared;
struct rollcall;

struct worker_options {
    const char *config; /* the file SIGHUP reads again; NULL: none */
    const char *host;
    struct sockets *sockets;        /* of all workers */
    int index;                      /* of this worker's socket; the first one hands them on */
    struct metrics_shared *metrics; /* of all workers; NULL: this one is alone, or none are kept */
    struct drain *drain;            /* of all workers; NULL: none */
    struct digest_memory *digests;  /* of alerts, of all workers; NULL: none are gathered */
    struct rollcall *rollcall;      /* of all workers; NULL: there is one only */
    bool supervised;                /* the parent process has to be told to end */
    struct machine *machine;        /* what all workers have in common; NULL: there is one only */
    bool log_at_once;               /* each line is written by the loop itself */
    struct tls_options tls;         /* cert_file NULL: plain HTTP. SIGHUP reads the files again */
};

/* The configuration at `path` when it may take the place of `old`, which stays the caller's; else
 * NULL, and the log says why. */
struct config *worker_reread(const char *path, const struct config *old);

/* Takes over the caller's reference to `config`. Returns the process's exit status; a problem at
 * start (the port is taken) is one line on standard error and 1. */
int worker_run(struct config *config, const struct worker_options *options);

#endif
