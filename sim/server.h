#ifndef SIM_SERVER_H
#define SIM_SERVER_H

/* The sockets: takes requests in, lets the service answer, plays the answer at its pace. */

#include "options.h"

#include <uv.h>

struct server;

/* NULL: `error` says why (static or strerror text). */
struct server *server_open(uv_loop_t *loop, const struct sim_options *o, const char **error);
int server_port(const struct server *s);

/* Cuts every connection and closes all handles; the loop then ends by itself. */
void server_close(struct server *s);

/* After the loop has ended. */
void server_free(struct server *s);

#endif
