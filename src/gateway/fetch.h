#ifndef GATEWAY_FETCH_H
#define GATEWAY_FETCH_H

/* What a prompt names by URL, brought here before the model is called: the blocks of the request
 * get their data, and the type that the bytes, the answer or the URL say. Clients decide where this
 * leads, so the calls are fenced (io/upstream.h) and bounded in number, size and time.
 *
 * Failures are the client's (400) and name the host and the reason, nothing of this side. */

#include "config/config.h"
#include "io/upstream.h"
#include "llm/failure.h"
#include "llm/request.h"

#define FETCH_URLS_MAX  20                 /* different ones in one request */
#define FETCH_TOTAL_MAX (32 * 1024 * 1024) /* bytes, all of them together */

struct fetch;

struct fetch_job {
    struct upstream *upstream;
    struct turn *turn;
    const struct config *config;
    struct llm_request *request;
    struct arena *arena;      /* of the data and of the fetch; lives as long as the request */
    struct failure *failure;  /* set before `over` when something could not be had */
    struct arena *message;    /* of the failure */
    void (*over)(void *user); /* never from inside fetch_start or fetch_cancel */
    void *user;
};

/* Does the request name something by URL? */
bool fetch_is_wanted(const struct llm_request *r);

/* From a step. NULL: there is nothing to fetch, or more than is allowed (then the failure is set).
 */
struct fetch *fetch_start(const struct fetch_job *job);
/* Instead of `over`. */
void fetch_cancel(struct fetch *f);
/* Likewise, and the failure says that it took too long. */
void fetch_expire(struct fetch *f);

/* What stands between "scheme://" and the path of a URL; p == NULL: it does not begin so. */
struct slice fetch_authority(struct slice url);
/* The URL's host is in the list, with its port or without. Whoever names a user too means something
 * else. `hosts` NULL: nothing is. */
bool fetch_lists_host(yyjson_val *hosts, struct slice url);

/* Where a URL that a client named may lead: user_url_validation, user_url_allowed_hosts. */
struct http_fence fetch_fence(const struct config *c, struct slice url);

#endif
