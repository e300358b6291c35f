#ifndef GATEWAY_PASS_TARGET_H
#define GATEWAY_PASS_TARGET_H

/* Where a request of general_settings.pass_through_endpoints goes, and which of its headers, and of
 * the answer's, go on. Pure. */

#include "config/pass.h"

struct arena;

/* The endpoint of that path and method. NULL: none; `*other` then says whether one has the path for
 * other methods. */
const struct pass_endpoint *pass_find(const struct pass_endpoints *all, struct slice method,
                                      struct slice path, bool *other);

/* The URL, ending with a NUL: below the target whatever the client's path says ("..", encoded too,
 * climbs to the target at most); its parameters win over the target's own and the defaults. */
const char *pass_url(const struct pass_endpoint *e, struct slice path, struct slice query,
                     struct arena *a);

/* What is sent: the endpoint's, and of the client's what describes the body, x-pass-NAME as NAME,
 * and with forward_headers all. Never those that may carry a key of ours (`key_header`: one more
 * name, or NULL), cookies, and what is about the connection. */
struct http_headers pass_request_headers(const struct pass_endpoint *e, struct http_headers client,
                                         const char *key_header, struct arena *a);

/* What the client gets: all but what is about the connection, and what every answer of the gateway
 * has itself. */
struct http_headers pass_answer_headers(struct http_headers answer, struct arena *a);

#endif
