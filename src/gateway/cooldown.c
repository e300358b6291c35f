#include "cooldown.h"

#include "config/wildcard.h"

#define CALLS_MIN      5    /* in a minute, before a share of them says anything */
#define CALLS_MIN_LONE 1000 /* the same where nobody else could serve */
#define REST_MAX_S     3600

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
        return !deployment_is_wildcard(d);
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
