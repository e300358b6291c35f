#ifndef TESTS_STATE_REDIS_SERVER_H
#define TESTS_STATE_REDIS_SERVER_H

/* A real redis-server of the test's own: on a free port of loopback and on a Unix socket, without
 * persistence, in a directory that goes with it. */

#include <sys/types.h>

struct redis_server {
    pid_t pid; /* 0: not running */
    int port;
    char folder[64], path[96]; /* the socket's */
};

/* `extra`: more options of its command line, NULL-terminated; NULL: none. Returns once it answers.
 * The port stays the same from one start to the next. */
void redis_server_start(struct redis_server *s, const char *const *extra);
void redis_server_kill(struct redis_server *s);
void redis_server_signal(struct redis_server *s, int number);
void redis_server_remove(struct redis_server *s); /* kills it, removes the folder */

/* One command over a connection of its own, words separated by spaces; the raw reply. */
const char *redis_server_do(struct redis_server *s, const char *command);

#endif
