#ifndef CONFIG_ROUTING_H
#define CONFIG_ROUTING_H

/* What the configuration says of routing, ready for use: the settings, what each deployment adds,
 * and the deployments by the name they share. */

#include "base/json.h"
#include "base/map.h"
#include "config/limits.h"
#include "llm/failure.h"

struct deployment;
struct guard_rules;
struct tracked;

enum routing_strategy {
    ROUTING_SHUFFLE,
    ROUTING_LEAST_BUSY,
    ROUTING_USAGE,
    ROUTING_LATENCY,
    ROUTING_COST
};

/* optional_pre_call_checks: what keeps to the deployment that served it last. */
enum routing_affinity {
    AFFINITY_SESSION = 1 << 0, /* a session, by the client's id */
    AFFINITY_KEY = 1 << 1,     /* a key */
    AFFINITY_PROMPT = 1 << 2   /* a prompt with cache points, by its beginning */
};

/* Classes of failure as LiteLLM's policies name them. */
enum fail_class {
    FAIL_BAD_REQUEST,
    FAIL_AUTHENTICATION,
    FAIL_NOT_FOUND,
    FAIL_TIMEOUT,
    FAIL_RATE_LIMIT,
    FAIL_CONTENT_POLICY,
    FAIL_INTERNAL,
    FAIL_UNAVAILABLE,
    FAIL_BAD_GATEWAY
};
enum { FAIL_CLASSES = FAIL_BAD_GATEWAY + 1 }; /* kept out of the enum for -Wswitch */

enum fail_class routing_fail_class(const struct failure *f); /* not of FAILURE_NONE */
const char *routing_fail_name(enum fail_class c); /* "RateLimitError"; of policies and reports */

#define LATENCY_WINDOW_MAX 100 /* answers whose mean counts, at most */

/* What may be spent in any time of that length. */
struct route_budget {
    double usd;          /* 0: no limit */
    struct slice period; /* "30d" */
};

struct routing {
    enum routing_strategy strategy;
    double latency_buffer;                  /* share above the lowest latency that is as good */
    double latency_ttl;                     /* seconds a measure counts */
    int64_t latency_window;                 /* answers whose mean counts */
    int64_t allowed_fails;                  /* a minute; -1: LiteLLM's rules without it */
    int64_t allowed_fails_of[FAIL_CLASSES]; /* likewise, by class; -1: as allowed_fails */
    double cooldown_time;                   /* seconds */
    bool disable_cooldowns;
    bool tag_filtering, tag_match_any;
    const char *tag_prefix; /* tag_routing_prefix; or NULL */
    bool pre_call_checks;
    bool enforce_limits;  /* enforce_model_rate_limits: rpm and tpm hold with any strategy */
    bool adaptive_pacing; /* deployments that throttle are paced (gateway/pace.h) */
    bool failover;        /* enable_weighted_failover */
    unsigned affinity;    /* routing_affinity bits */
    int64_t max_parallel; /* calls at once of a deployment that says nothing; 0: no limit */
    int64_t queue_max;    /* requests that wait for a place */
    double queue_timeout; /* seconds they wait */
    double pace_patience; /* seconds that one waits for its turn where a fallback could serve it */
    double affinity_ttl;  /* seconds; of sessions and keys */
    struct route_budget budget; /* of all of Bedrock: provider_budget_config */
};

/* Limits on rpm and tpm hold, and so prompts are estimated. */
static inline bool routing_has_limits(const struct routing *r)
{
    return r->pre_call_checks || r->enforce_limits || r->strategy == ROUTING_USAGE ||
           r->strategy == ROUTING_LATENCY || r->strategy == ROUTING_COST;
}

#define ROUTE_ORDER_LAST INT64_MAX

/* Of one deployment, from litellm_params. */
struct route_params {
    const struct pool *pool; /* its group */
    double weight;           /* < 0: not given */
    int64_t rpm, tpm;        /* 0: no limit */
    int64_t itpm, otpm;      /* likewise, of the prompt's tokens and the answer's */
    struct route_budget budget;
    int64_t max_parallel;       /* calls at once; 0: as the router says */
    int64_t order;              /* ROUTE_ORDER_LAST: not given */
    double cooldown_s;          /* < 0: the router's */
    yyjson_val *tags;           /* list of strings, or NULL */
    struct guard_rules *agents; /* tag_regex: what "User-Agent: …" must match; NULL: nothing */
    /* configurable_clientside_auth_params: bits by enum clientside_member (config/clientside.h),
     * and what blocks base URLs that are allowed; NULL: none. */
    unsigned clientside;
    struct guard_rules *bases;
    struct slice session_header; /* provider_affinity_header; or empty */
    struct slice region;         /* region_name, or the first part of the AWS region: "eu" */
    struct limit_set per_key;    /* default_api_key_rpm_limit, …_tpm_limit */
    /* Where the tracker keeps it; tracker.c's own. */
    struct tracked *tracked;
    uint64_t generation;
};

/* The deployments of one model_name, in file order. */
struct pool {
    struct slice name;
    const struct deployment **members;
    size_t count;
    unsigned affinity; /* routing_affinity bits: model_group_affinity_config, or the router's */
    bool caches;       /* one of them puts cache points by itself */
    struct limit_set limits;  /* of the group: model_group_limits */
    struct limit_set per_key; /* of each key, for this model */
};

struct pools {
    struct map by_name;       /* → struct pool * */
    const struct pool **wild; /* those with a '*', the most precise first */
    size_t wild_count;
};

#endif
