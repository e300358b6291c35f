#ifndef GATEWAY_CALL_KIND_H
#define GATEWAY_CALL_KIND_H

/* How LiteLLM calls the calls of a model, in its tables and to its loggers: by the end of the
 * route's path. */

#include "routes.h"

struct call_kind {
    const char *path;
    const char *call_type; /* "acompletion" */
    const char *endpoint;  /* "/chat/completions" */
};

const struct call_kind *call_kind_of(const struct route *route); /* NULL: none of them */

#endif
