#ifndef GATEWAY_ROUTES_H
#define GATEWAY_ROUTES_H

/* (method, path) → what serves it. One const table; LiteLLM's doubled paths (/v1/…, /openai/…,
 * /engines/{model}/…) are rows of it. */

#include "dialect/dialect.h"

struct exchange;
struct operation;

struct route { /* NOLINT(clang-analyzer-optin.performance.Padding): in the order of the rows */
    const char *method;
    const char *path; /* "{model}", or "{item}", matches one or more segments, percent-encoded; a
                         second hole, at the end, one */
    bool open;        /* no key needed … */
    const struct dialect *dialect; /* for errors, and for calls of a model */
    /* Makes the answer of a route that calls no model (ask.h); NULL: a model is called. A failure
     * is set in the exchange. */
    void (*handle)(struct exchange *ex, struct buf *body);
    const struct operation *operation; /* several calls make the answer; NULL: the dialect's one */
    bool admin;                        /* for proxy admins; their viewers if it only shows … */
    bool own_keys;                     /* … and for whoever has keys of its own: internal users,
                                          admins of teams */
    bool passes;                       /* no row: of pass_through_endpoints */
    bool knows_keys;                   /* … but one that is shown must be right */
    unsigned also; /* of those for admins: who else, for what the request names (access.h) */
};

enum route_match { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

struct route_result {
    enum route_match match;
    const struct route *route; /* ROUTE_FOUND */
    struct slice model;        /* what {model} matched, still encoded; else empty */
    struct slice item;         /* likewise, of a hole with another name */
    struct slice second;       /* likewise, of a second one */
    const char *allow;         /* ROUTE_NO_METHOD: the Allow header */
};

/* HEAD finds the GET rows. */
struct route_result routes_find(struct slice method, struct slice path);

const struct route *routes_at(size_t i); /* the rows in their order; NULL: no more */

/* True when some row serves the path: for CORS preflights. */
bool routes_has_path(struct slice path);

/* A path that no row serves, without the slashes at its end, if a row serves that; else p == NULL.
 * LiteLLM sends such clients there. */
struct slice routes_without_slash(struct slice path);

#endif
