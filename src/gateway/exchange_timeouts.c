/* The four clocks of a call: who sets them, and what is said when one of them runs out. The request
 * says it before its deployment, and that before the router. */

#include "exchange_call.h"

#define MS_PER_S 1000.0

static double first_of(double a, double b, double c)
{
    return a > 0 ? a : b > 0 ? b : c;
}

/* What a deployment says of the service tier that is asked for. */
static double of_tier(const struct exchange *ex, yyjson_val *map)
{
    const struct llm_request *preset = ex->deployment->preset;
    struct slice tier = ex->request.service_tier;
    double seconds = 0;
    if (!map)
        return 0;
    if (!tier.n && preset)
        tier = preset->service_tier;
    if (tier.n)
        json_double(yyjson_obj_getn(map, tier.p, tier.n), &seconds);
    return seconds;
}

double exchange_timeout(const struct exchange *ex)
{
    const struct settings *s = &ex->config->settings;
    const struct deployment *d = ex->deployment;
    if (ex->request.timeout > 0)
        return ex->request.timeout;
    return first_of(of_tier(ex, d->tier_timeouts), d->timeout_s,
                    first_of(s->timeout, s->request_timeout, 0));
}

/* 0: nobody says it. A client's timeout is one of the beginning, too, where nothing more precise is
 * said. */
static double first_timeout(const struct exchange *ex)
{
    const struct settings *s = &ex->config->settings;
    const struct llm_request *r = &ex->request;
    const struct deployment *d = ex->deployment;
    if (!r->stream)
        return first_of(r->first_byte_timeout, d->first_byte_timeout_s, s->first_byte_timeout);
    double wanted = first_of(r->stream_timeout, r->first_byte_timeout, r->timeout);
    double own = first_of(of_tier(ex, d->tier_stream_timeouts), d->stream_timeout_s,
                          d->first_byte_timeout_s);
    return first_of(wanted, own, first_of(s->stream_timeout, s->first_byte_timeout, 0));
}

/* A stream has no total: it may take as long as it says something. */
struct upstream_timeouts exchange_timeouts(const struct exchange *ex)
{
    const struct settings *s = &ex->config->settings;
    const struct llm_request *r = &ex->request;
    const struct deployment *d = ex->deployment;
    double connect = first_of(r->connect_timeout, d->connect_timeout_s, s->connect_timeout);
    double idle = first_of(r->stream_idle_timeout, d->idle_timeout_s, s->stream_idle_timeout);
    double total = exchange_timeout(ex), first = first_timeout(ex);
    struct upstream_timeouts t = {.connect_ms = config_milliseconds(connect)};
    if (r->stream) {
        t.first_ms = config_milliseconds(first > 0 ? first : total);
        t.idle_ms = config_milliseconds(idle);
    } else {
        t.first_ms = config_milliseconds(first);
        t.total_ms = config_milliseconds(total);
    }
    return t;
}

double exchange_keepalive(const struct exchange *ex)
{
    const struct settings *s = &ex->config->settings;
    const struct deployment *d = ex->deployment;
    bool messages = ex->route->dialect == &dialect_anthropic_messages;
    if (d && d->keepalive_override && ex->request.keepalive > 0)
        return ex->request.keepalive;
    if (d && d->keepalive_s >= 0)
        return d->keepalive_s;
    return messages && s->messages_ping >= 0 ? s->messages_ping : s->keepalive_seconds;
}

/* ---- when they run out --------------------------------------------------------------------- */

static void set_timed_out(struct exchange *ex, struct failure *f, enum upstream_end end,
                          const char *detail)
{
    const struct upstream_timeouts t = exchange_timeouts(ex);
    unsigned ms = end == UPSTREAM_TIMEOUT_CONNECT ? t.connect_ms
                  : end == UPSTREAM_TIMEOUT_FIRST ? t.first_ms
                  : end == UPSTREAM_TIMEOUT_IDLE  ? t.idle_ms
                                                  : t.total_ms;
    if (end == UPSTREAM_TIMEOUT_CONNECT)
        failure_set(f, &ex->arena, FAILURE_TIMEOUT, 408,
                    "no connection within the connect timeout (%.6g s): %s", ms / MS_PER_S, detail);
    else
        failure_set(f, &ex->arena, FAILURE_TIMEOUT, 408, "%s (%.6g s)", detail, ms / MS_PER_S);
}

struct failure exchange_call_failure(struct exchange *ex, enum upstream_end end, const char *detail)
{
    struct failure f = {0};
    bool unreachable = end == UPSTREAM_UNREACHABLE;
    if (end == UPSTREAM_FENCED) { /* it is the client's (clientside.h) */
        failure_bad_param(&f, &ex->arena, "api_base", "the endpoint cannot be called: %s", detail);
        return f;
    }
    if (end >= UPSTREAM_TIMEOUT_CONNECT && end <= UPSTREAM_TIMEOUT_TOTAL)
        set_timed_out(ex, &f, end, detail);
    else
        failure_set(&f, &ex->arena, FAILURE_BAD_GATEWAY, 502, "%s%s%s%s", detail,
                    unreachable ? ". Check the network, and whether Bedrock is offered in region "
                                : "",
                    unreachable ? ex->deployment->region : "", unreachable ? "." : "");
    f.upstream = true;
    f.retryable = true;
    return f;
}
