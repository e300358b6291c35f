#ifndef SIM_SERVER_H
#define SIM_SERVER_H

/* The sockets: takes requests in, lets the service answer, plays the answer at its pace. */

#include "options.h"

#include <uv.h>

struct server;

struct server *server_new(uv_loop_t *loop, const struct sim_options *o); /* keeps `o` */

/* False: `error` says why (static or strerror text). */
bool server_listen(struct server *s, const char **error);
int server_port(const struct server *s);

/* Cuts every connection and closes all handles; the loop then ends by itself. */
void server_close(struct server *s);

/* After the loop has ended, or without server_listen(). */
void server_free(struct server *s);

#endif
