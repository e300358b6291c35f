#ifndef TESTS_OWNER_H
#define TESTS_OWNER_H

/* The owner of a listener's requests, as the gateway would be: events only deposit and mark, the
 * step acts. A test says how by `act`. */

#include "io/conn.h"
#include "world.h"

struct owner;

struct request {
    struct owner *owner;
    struct list link; /* in owner->requests */
    struct turn_item item;
    struct turn_grave grave;
    struct conn *conn; /* NULL: gone or finished */
    struct http1_reply reply;
    struct buf target;
    struct buf body;
    size_t body_bytes;
    bool body_end;
    int failed; /* status of body_failed */
    unsigned rooms;
    unsigned stage; /* for `act` */
};

struct owner {
    struct world *world;
    struct listener *listener;
    void (*act)(struct request *r);  /* each step, while the client is there */
    void (*left)(struct request *r); /* the step after `gone`; may be NULL */
    struct conn_limits limits;
    struct list requests;
    unsigned heads, gones, live, steps;
    int64_t gone_at;     /* turn_now of the last gone */
    size_t largest_body; /* piece */
    void *user;
};

void owner_open(struct owner *o, struct world *w, void (*act)(struct request *r));
void owner_open_at(struct owner *o, struct world *w, const char *host,
                   void (*act)(struct request *r));
int owner_port(const struct owner *o);
void owner_close(struct owner *o); /* and waits until no request lives */

struct request *owner_request(struct owner *o); /* the oldest that lives */

/* For `act`. */
void request_reply(struct request *r, int status, struct slice body); /* whole, and finish */
void request_finish(struct request *r, bool keep_alive);
void act_echo(struct request *r);   /* reads the body, answers "<target> <body>" */
void act_hold(struct request *r);   /* reads the body, never answers */
void act_ignore(struct request *r); /* nothing at all */
void act_refuse(struct request *r); /* 401 at once, the body unread */

#endif
