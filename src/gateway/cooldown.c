#include "cooldown.h"

#include "router.h"

#define CALLS_MIN      5    /* in a minute, before a share of them says anything */
#define CALLS_MIN_LONE 1000 /* the same where nobody else could serve */
#define REST_MAX_S     3600

enum fail_class routing_fail_class(const struct failure *f)
{
    switch (f->kind) {
    case FAILURE_NONE:
    case FAILURE_INTERNAL: return FAIL_INTERNAL;
    case FAILURE_BAD_REQUEST:
    case FAILURE_UNSUPPORTED:
    case FAILURE_CONTEXT_WINDOW:
    case FAILURE_MODEL: return FAIL_BAD_REQUEST;
    case FAILURE_CONTENT_POLICY: return FAIL_CONTENT_POLICY;
    case FAILURE_AUTHENTICATION:
    case FAILURE_PERMISSION: return FAIL_AUTHENTICATION;
    case FAILURE_NOT_FOUND: return FAIL_NOT_FOUND;
    case FAILURE_TIMEOUT: return FAIL_TIMEOUT;
    case FAILURE_RATE_LIMIT: return FAIL_RATE_LIMIT;
    case FAILURE_UNAVAILABLE: return f->status == 500 ? FAIL_INTERNAL : FAIL_UNAVAILABLE;
    case FAILURE_BAD_GATEWAY: return FAIL_BAD_GATEWAY;
    }
    return FAIL_INTERNAL;
}

const char *routing_fail_name(enum fail_class c)
{
    static const char *const names[FAIL_CLASSES] = {
        [FAIL_BAD_REQUEST] = "BadRequestError",
        [FAIL_AUTHENTICATION] = "AuthenticationError",
        [FAIL_NOT_FOUND] = "NotFoundError",
        [FAIL_TIMEOUT] = "TimeoutError",
        [FAIL_RATE_LIMIT] = "RateLimitError",
        [FAIL_CONTENT_POLICY] = "ContentPolicyViolationError",
        [FAIL_INTERNAL] = "InternalServerError",
        [FAIL_UNAVAILABLE] = "ServiceUnavailableError",
        [FAIL_BAD_GATEWAY] = "BadGatewayError",
    };
    return names[c];
}

bool cooldown_counts(const struct failure *f)
{
    enum fail_class class = routing_fail_class(f);
    return f->upstream && class != FAIL_BAD_REQUEST && class != FAIL_CONTENT_POLICY;
}

/* The same call will fail again: the identity or the model is at fault, not the moment. */
static bool is_lasting(enum fail_class class)
{
    return class == FAIL_AUTHENTICATION || class == FAIL_NOT_FOUND;
}

static uint64_t sum_failed(const struct cooldown_counts *counts)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < FAIL_CLASSES; i++)
        sum += counts->failed[i];
    return sum;
}

/* A limit that somebody has set; it holds for a lone deployment too. */
static bool is_above_limit(const struct routing *r, enum fail_class class,
                           const struct cooldown_counts *counts)
{
    int64_t own = r->allowed_fails_of[class];
    return own >= 0 ? counts->failed[class] > own
                    : r->allowed_fails >= 0 && (int64_t)sum_failed(counts) > r->allowed_fails;
}

static bool must_rest(const struct routing *r, const struct deployment *d, enum fail_class class,
                      const struct cooldown_counts *counts)
{
    bool limited = r->allowed_fails_of[class] >= 0 || r->allowed_fails >= 0;
    uint64_t failed = sum_failed(counts), calls = failed + counts->good;
    if (limited)
        return is_above_limit(r, class, counts);
    if (d->routing->pool->count == 1) /* the honest error helps more than a 429 */
        return failed == calls && calls >= CALLS_MIN_LONE;
    if (is_lasting(class)) /* of a wildcard it is one model that fails, not the deployment */
        return !router_is_wildcard(d);
    return class == FAIL_RATE_LIMIT || counts->probe || (calls >= CALLS_MIN && 2 * failed > calls);
}

int64_t cooldown_ms(const struct routing *r, const struct deployment *d, const struct failure *f,
                    const struct cooldown_counts *counts)
{
    double own = d->routing->cooldown_s, seconds = own >= 0 ? own : r->cooldown_time;
    if (r->disable_cooldowns || seconds <= 0 || !must_rest(r, d, routing_fail_class(f), counts))
        return 0;
    if (seconds < f->retry_after_s)
        seconds = f->retry_after_s;
    return (int64_t)(1000 * (seconds < REST_MAX_S ? seconds : REST_MAX_S));
}
