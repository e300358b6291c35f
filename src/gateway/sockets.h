#ifndef GATEWAY_SOCKETS_H
#define GATEWAY_SOCKETS_H

/* The listening sockets of a gateway, one for each worker, made before any process or loop: bound
 * anew, or taken over from a gateway that runs, so that one takes another's place without a refused
 * connection (handover.h is the other side). All workers hold all of them, so any can hand them on.
 *
 * Taking over, on a Unix socket: the one that runs sends the descriptors (SCM_RIGHTS) with its host
 * and port as text; the new one sends one byte once it accepts from them; then the old one drains.
 * A new one that dies before leaves the old one as it was. */

#include <stdbool.h>

#define SOCKETS_MAX      250 /* the kernel passes at most 253 descriptors at once */
#define SOCKETS_NAME_MAX 300 /* "host port" */

struct sockets {
    int fds[SOCKETS_MAX];
    int count;
    int old;          /* connection to the gateway they were taken from; -1: none */
    const char *path; /* where the next one asks for them; NULL: nowhere */
    char name[SOCKETS_NAME_MAX];
};

/* `count` sockets that share host and port (0: a free one). `path` NULL: nothing is taken over or
 * handed on. A gateway at `path` with another host or port is left alone. False: `*error` says why
 * (static or strerror text). Blocks for at most two seconds, when something at `path` does not
 * answer. */
bool sockets_open(struct sockets *s, const char *host, int port, int count, const char *path,
                  const char **error);

/* Connections are accepted: the gateway they were taken from may go. Waits until it has made room
 * at `path`, two seconds at the most. In one process; the others that were forked with the sockets
 * forget the old gateway. */
void sockets_ready(struct sockets *s);
void sockets_forget_old(struct sockets *s);

/* Keeps the one at `index` (-1: none), closes the others. */
void sockets_close(struct sockets *s, int index);

#endif
