#ifndef CONFIG_PASS_H
#define CONFIG_PASS_H

/* general_settings.pass_through_endpoints: paths whose requests are handed to another HTTP server.
 * All memory belongs to the configuration snapshot. */

#include "base/json.h"
#include "wire/http1.h"

#define PASS_MASK "****" /* in the place of secrets */

struct pass_parameter {
    struct slice name, value; /* as they are, not encoded */
};

struct pass_endpoint {
    struct slice id;             /* or empty */
    struct slice path;           /* "/v1/rerank" */
    struct slice target;         /* "https://api.example/v1/rerank" … */
    struct slice target_query;   /* … and what stood behind its '?', or empty */
    struct slice told;           /* target without a user and password, for all to see */
    struct http_headers headers; /* sent with each request */
    const struct slice *methods; /* upper case … */
    size_t method_count;         /* … 0: GET, POST, PUT, DELETE and PATCH */
    const struct pass_parameter *parameters; /* default_query_params */
    size_t parameter_count;
    double cost;       /* USD of each request */
    double timeout;    /* seconds of silence */
    bool auth;         /* a key is needed */
    bool subpaths;     /* include_subpath: what is below the path, too */
    bool forward;      /* forward_headers: the client's, too */
    bool stored;       /* the database has it, not the file */
    yyjson_val *shown; /* the object as written, its secrets masked */
};

struct pass_endpoints {
    const struct pass_endpoint *v;
    size_t n;
};

#endif
