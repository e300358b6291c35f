#ifndef TESTS_CALLER_H
#define TESTS_CALLER_H

/* One outgoing call as the gateway would make it, and what came of it; plus what the upstream
 * tests' scripted servers share. */

#include "io/upstream.h"
#include "world.h"

struct dialer {
    struct world *world;
    struct upstream *upstream;
    int port;
    struct upstream_timeouts timeouts;
};

struct call {
    struct dialer *caller;
    struct upstream_op *op; /* NULL: ended or cancelled */
    char url[128];
    struct http_call http;
    int status;
    struct buf head; /* "name=value\n" of the answer */
    struct buf body;
    size_t bytes;    /* of the body, kept or not */
    size_t largest;  /* piece */
    bool discard;    /* do not keep the body */
    size_t take_max; /* pause at so many bytes; 0: never */
    bool paused;
    bool ended;
    unsigned ends, events;
    enum upstream_end end;
    char detail[256];
};

void caller_open(struct dialer *c, struct world *w, int port);
void caller_close(struct dialer *c);

/* Starts at once: tests run between two turns, as steps do. */
void call_start(struct call *call, struct dialer *c, const char *method, const char *path,
                const char *body);
void call_free(struct call *call);

/* A request with its whole body (Content-Length only) lies at the front of p->got. */
bool peer_has_request(const struct peer *p);
void peer_drop_request(struct peer *p);

#endif
