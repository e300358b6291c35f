#ifndef GATEWAY_HANDOVER_H
#define GATEWAY_HANDOVER_H

/* Gives the listening sockets to the gateway that will take this one's place (sockets.h), at a Unix
 * socket that only this user may use. One asks at a time; one that goes away before it accepts
 * connections changes nothing. */

#include "sockets.h"

#include <uv.h>

struct handover;

/* `taken`, once: the other one accepts connections, and the handover is closed. NULL: the path
 * cannot be listened on; the log says why. An old socket file at the path is replaced. */
struct handover *handover_open(uv_loop_t *loop, const struct sockets *sockets,
                               void (*taken)(void *user), void *user);
void handover_close(struct handover *h); /* NULL is fine; freed when the loop has run once more */

#endif
