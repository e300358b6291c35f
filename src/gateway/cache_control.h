#ifndef GATEWAY_CACHE_CONTROL_H
#define GATEWAY_CACHE_CONTROL_H

/* What a request says of the response cache, in LiteLLM's words:
 *
 *     "cache": {"no-cache": true,   ask the model, even if there is an answer
 *               "no-store": true,   do not keep the answer
 *               "ttl": 60,          seconds to keep it
 *               "s-maxage": 60,     take no answer older than that (also "s-max-age")
 *               "namespace": "x",   instead of the configured one
 *               "use-cache": true}  use it at all, where mode is default_off
 *     "caching": false              neither take nor keep one
 *
 * Pure. Source: LiteLLM's documentation of its cache, and its recorded behaviour (headers such as
 * Cache-Control say nothing to it). */

#include "config/caching.h"
#include "llm/failure.h"
#include "llm/request.h"

#define CACHE_NAMESPACE_MAX 128 /* bytes */

struct cache_control {
    bool take, keep;
    int64_t ttl_ms; /* > 0 where keep */
    double max_age; /* seconds; < 0: any */
    struct slice name_space;
};

/* False: see failure (400). */
bool cache_control_read(const struct caching *c, const struct llm_request *r, struct arena *a,
                        struct cache_control *out, struct failure *f);

#endif
