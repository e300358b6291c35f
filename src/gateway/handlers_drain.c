/* What whoever stops the gateway asks: is it there, is it ready, and (GET /health/drain, for a
 * preStop hook) has it finished?
 *
 * Happy path: the first who asks for the drain makes all workers say that they are not ready, and
 * is answered once no request is left. New ones are served all the same, since a load balancer
 * takes a while to hear of it; it is SIGTERM that ends the gateway.
 * Failure modes: the option is off (404), a wrong token (401), requests that do not end in time:
 * the answer says how many did. */

#include "handlers.h"

#include "ask.h"
#include "base/log.h"
#include "detail.h"
#include "drain.h"
#include "wire/crypto.h"
#include "worker_private.h"

#define LOOK_MS 250 /* between two looks at what is left */

static void say_shutting_down(struct exchange *ex, struct buf *body)
{
    ex->own.status = 503;
    BUF_LITERAL(body, "{\"status\":\"shutting_down\"}");
}

/* One that ends, or whose place another has taken, is alive until it has gone. */
void handle_liveness(struct exchange *ex, struct buf *body)
{
    if (drain_begun(ex->worker->options->drain))
        say_shutting_down(ex, body);
    else
        BUF_LITERAL(body, "\"I'm alive!\"");
}

void handle_readiness(struct exchange *ex, struct buf *body)
{
    if (ex->worker->draining || drain_begun(ex->worker->options->drain))
        say_shutting_down(ex, body);
    else if (ex->worker->store && store_is_up(ex->worker->store))
        BUF_LITERAL(body, "{\"status\":\"healthy\",\"db\":\"connected\"}");
    else
        BUF_LITERAL(body, "{\"status\":\"healthy\",\"db\":\"Not connected\"}");
}

/* ---- GET /health/drain ----------------------------------------------------------------------- */

struct wait {
    unsigned before; /* requests when it began */
    int64_t until;   /* ms, turn time */
};

static bool is_over(struct exchange *ex)
{
    const struct wait *wait = ex->own.state;
    int64_t now = turn_now(&ex->worker->turn);
    ex->facts &= ~(unsigned)FACT_TIMER;
    ex->deadline = now + LOOK_MS;
    return !drain_live(ex->worker->options->drain) || now >= wait->until;
}

static void end_wait(struct exchange *ex)
{
    drain_wait(ex->worker->options->drain, false);
}

static void write_drained(struct exchange *ex, struct buf *body)
{
    const struct wait *wait = ex->own.state;
    unsigned left = drain_live(ex->worker->options->drain);
    struct json_writer w;
    ex->deadline = 0;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "status", SLICE("drained"));
    json_member_integer(&w, "drained_requests", wait->before > left ? wait->before - left : 0);
    json_object_end(&w);
}

static bool may_drain(struct exchange *ex)
{
    const struct settings *s = &ex->config->settings;
    struct slice token = http_header_get(ex->head->headers, "x-drain-token");
    if (!s->drain_endpoint || !ex->worker->options->drain)
        detail_refuse(ex, 404, SLICE("Not Found"));
    else if (s->drain_token && !ct_equal(token, slice_of(s->drain_token)))
        detail_refuse(ex, 401, SLICE("Invalid or missing X-Drain-Token"));
    return ex->failure.kind == FAILURE_NONE;
}

void handle_drain(struct exchange *ex, struct buf *body)
{
    struct drain *d = ex->worker->options->drain;
    (void)body;
    if (!may_drain(ex))
        return;
    struct wait *wait = arena_zalloc(&ex->arena, sizeof(*wait));
    drain_wait(d, true);
    wait->before = drain_live(d);
    wait->until = turn_now(&ex->worker->turn) + config_milliseconds(ex->config->settings.drain_s);
    ex->own.state = wait;
    if (drain_begin(d))
        log_info("asked to drain: %u requests to finish", wait->before);
    ask_wait(ex, is_over, write_drained, end_wait);
}
