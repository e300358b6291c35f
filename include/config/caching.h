#ifndef CONFIG_CACHING_H
#define CONFIG_CACHING_H

/* The response cache's settings: litellm_settings.cache and cache_params, or LiteLLM's other names
 * for them in router_settings. */

#include "base/json.h"

/* Kinds of calls, as bits; LiteLLM's supported_call_types name them. */
enum caching_calls {
    CACHING_CHAT = 1 << 0,
    CACHING_COMPLETIONS = 1 << 1,
    CACHING_EMBEDDINGS = 1 << 2,
    CACHING_MESSAGES = 1 << 3,
    CACHING_RESPONSES = 1 << 4,
    CACHING_ALL = (1 << 5) - 1
};

enum caching_scope {
    CACHING_BY_KEY,  /* an answer is given again to the key that asked for it */
    CACHING_BY_TEAM, /* … to its whole team, where it has one */
    CACHING_FOR_ALL  /* … to everybody */
};

struct caching {
    bool on;
    bool shared;        /* in the state of all processes, else in this one */
    bool opt_in;        /* only for requests that ask for it */
    bool single_flight; /* equal requests at the same time make one call */
    unsigned calls;     /* caching_calls */
    enum caching_scope scope;
    const char *name_space; /* in front of all keys; or NULL */
    double ttl;             /* seconds */
    int64_t size_mb;        /* of a cache in this process */
    int64_t entry_kb;       /* of one answer */
    yyjson_val *groups;     /* caching_groups: a list of lists of groups, or NULL */
};

#endif
