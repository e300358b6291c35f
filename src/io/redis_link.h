#ifndef IO_REDIS_LINK_H
#define IO_REDIS_LINK_H

/* One connection to one address of a Redis, from connecting to its end: made for one attempt, never
 * used again. */

#include "io/redis.h"
#include "redis_tls.h"

#include <sys/socket.h>

struct redis_link;

/* Strings outlive the link. */
struct redis_link_options {
    const struct sockaddr *address; /* NULL: path */
    const char *path;
    struct redis_tls_context *tls; /* NULL: none */
    const char *host;              /* that the certificate is for */
    const char *username, *password;
    int db;
    const char *channel; /* to subscribe to; NULL: none */
    unsigned connect_ms, command_ms;
};

struct redis_link_events {
    void (*up)(void *ctx);                    /* connected, authenticated, subscribed */
    void (*down)(void *ctx, const char *why); /* it is over and freed; once, unless closed */
    void (*heard)(void *ctx, struct slice message);
    void (*refused)(void *ctx, struct slice error); /* a command was answered so */
};

/* Never NULL; what goes wrong comes as down. */
struct redis_link *redis_link_open(struct turn *turn, const struct redis_link_options *o,
                                   const struct redis_link_events *events, void *ctx);

/* No event from here on; what is unanswered gets a NULL reply. */
void redis_link_close(struct redis_link *l);

/* As redis_send, once up. */
bool redis_link_send(struct redis_link *l, const struct slice *words, size_t n, redis_done *done,
                     void *user);

#endif
