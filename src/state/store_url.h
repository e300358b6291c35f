#ifndef STATE_STORE_URL_H
#define STATE_STORE_URL_H

/* A database_url taken apart. Pure. */

#include "base/arena.h"

struct store_parameter {
    const char *name, *value;
};

struct store_address {
    const struct store_driver *driver;
    const char *file;                                     /* SQLite: the path; NULL: the default */
    const char *user, *password, *host, *port, *database; /* "" when the URL does not say */
    const char *where;                        /* for people: the URL without user and password */
    const struct store_parameter *parameters; /* of the query, decoded */
    size_t parameter_count;
};

/* False: `error` says why (static text). Strings live in the arena. */
bool store_url_parse(const char *url, struct arena *a, struct store_address *address,
                     const char **error);
/* A parameter of the query; NULL: it is not there. */
const char *store_url_parameter(const struct store_address *address, const char *name);

#endif
