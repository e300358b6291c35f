/* Whether a Redis serves, and how many gateways it serves.
 *
 * Happy path: a probe goes out as soon as there is a connection, and every few seconds from then on
 * (on_probe_time). It is a lease that every gateway holds under one name, so that its answer is how
 * many of them there are.
 *
 * Failure modes: no connection, too many late answers, an error that says that the server cannot
 * serve: Redis is away (redis_go_away). Nothing but the probe is sent to it from then on, more
 * often; one that succeeds in time is the return, and in time is what would be so for a question:
 * it waits among them. It goes through the script of limits: it reads, it writes, it needs every
 * permission that limits do. A Redis that answers all probes, but late, is no failure that passes:
 * the log says what to do. */

#include "base/log.h"
#include "shared_redis_private.h"

#include <stdio.h>

#define REASON_MAX  256
#define LEASE_MS    5000 /* a gateway that said nothing for so long is gone */
#define MS_PER_S    1000.0
#define PRESENCE_MS 1000           /* between probes of a server that serves */
#define SLOW_MIN    4              /* late answers to probes in a row */
#define SLOW_EVERY  INT64_C(60000) /* ms between lines about them */

/* ---- away and back --------------------------------------------------------------------------- */

void redis_go_away(struct shared_redis *r, const char *why)
{
    bool changed = !r->away || !r->told;
    if (r->closed || !changed)
        return;
    r->away = r->told = true;
    r->away_since = redis_now(r);
    r->late_in_a_row = r->slow_in_a_row = 0;
    r->stats.losses++;
    log_warn("redis at %s is away (%s): %s until it is back", redis_name(r->redis), why,
             r->fail_closed ? "limited requests are refused"
                            : "this process counts limits and keeps values by itself");
    uv_timer_start(&r->probe_timer, redis_on_probe_time, SHARED_REDIS_PROBE_MS,
                   SHARED_REDIS_PROBE_MS);
    redis_answer_open(r);
}

static void on_cleared(void *user, int64_t n)
{
}

static void come_back(struct shared_redis *r)
{
    if (!r->away)
        return;
    if (r->told)
        log_info("redis at %s is back after %.1f s", redis_name(r->redis),
                 (double)(redis_now(r) - r->away_since) / MS_PER_S);
    else
        log_info("redis at %s is connected: limits and values are shared", redis_name(r->redis));
    r->away = false;
    r->told = true;
    r->late_in_a_row = 0;
    uv_timer_start(&r->probe_timer, redis_on_probe_time, PRESENCE_MS, PRESENCE_MS);
    redis_send_waiting(r);
    r->local->ops->clear(r->local, SLICE(""), redis_now(r), on_cleared, NULL);
}

bool redis_is_of_command(struct slice error)
{
    return slice_starts(error, SLICE("WRONGTYPE")) || slice_starts(error, SLICE("ERR")) ||
           slice_starts(error, SLICE("NOSCRIPT")) || slice_starts(error, SLICE("BUSYKEY"));
}

void redis_go_away_for(struct shared_redis *r, struct slice error)
{
    char why[REASON_MAX];
    ptrdiff_t script = slice_find(error, SLICE(" script: ")); /* its hash helps nobody */
    snprintf(why, sizeof(why), "%.*s", script < 0 ? (int)error.n : (int)script, error.p);
    redis_go_away(r, why);
}

/* ---- the probe ------------------------------------------------------------------------------- */

static void on_probed(void *user, const struct redisReply *reply);

static void send_probe(struct shared_redis *r, bool whole_script)
{
    const struct shared_ask ask = {SLICE("gateways"), SHARED_LEASE, -1, LEASE_MS, 1};
    const struct shared_grant grant = {.id = r->id};
    struct question *q = question_of_asks(ASK_RESERVE, redis_prefix(r), &ask, 1, &grant);
    q->owner = r;
    q->whole_script = whole_script;
    q->deadline = redis_now(r) + r->patience_ms;
    r->probed_at = redis_now(r);
    r->probe_late = false;
    if (!question_send(q, r->redis, slice_of(r->token), on_probed)) {
        question_free(q);
        return;
    }
    r->probe = q;
    redis_await(r, q);
}

/* One that this process holds already counts beside the new one. */
static void count_processes(struct shared_redis *r, struct question *q,
                            const struct redisReply *reply)
{
    struct shared_state state;
    int refused;
    if (!question_states(q, reply, &state, &refused))
        return;
    state.used -= redis_now(r) < r->present_until;
    r->processes = state.used > 1 ? state.used : 1;
    r->present_until = r->probed_at + LEASE_MS;
}

/* There, but not in time. */
static void note_slow(struct shared_redis *r)
{
    int64_t now = redis_now(r);
    if (!r->away || ++r->slow_in_a_row < SLOW_MIN ||
        (r->slow_told_at && now - r->slow_told_at < SLOW_EVERY))
        return;
    r->slow_told_at = now;
    log_warn("redis at %s answers, but too late, the last time after %llu ms: requests wait %u ms "
             "for it (shared_patience). If it is always so far away, raise that",
             redis_name(r->redis), (unsigned long long)r->stats.probe_ms, r->patience_ms);
}

static void note_answer(struct shared_redis *r)
{
    r->stats.probe_ms = (uint64_t)(redis_now(r) - r->probed_at);
    if (r->probe_late) {
        note_slow(r);
        return;
    }
    r->slow_in_a_row = 0;
    come_back(r);
}

static void on_probed(void *user, const struct redisReply *reply)
{
    struct question *q = user;
    struct shared_redis *r = q->owner;
    bool first = !q->whole_script, error = reply && redis_kind(reply) == REDIS_ERROR;
    r->probe = NULL;
    list_del(&q->link);
    if (reply && !error)
        count_processes(r, q, reply);
    question_free(q);
    if (!reply || r->closed)
        return;
    if (error && first && slice_starts(redis_text(reply), SLICE("NOSCRIPT")))
        send_probe(r, true);
    else if (error)
        redis_go_away_for(r, redis_text(reply));
    else
        note_answer(r);
}

void redis_on_probe_time(uv_timer_t *timer)
{
    struct shared_redis *r = timer->data;
    if (!r->probe)
        send_probe(r, false);
}

void redis_on_changed(void *ctx, bool ready, const char *why)
{
    struct shared_redis *r = ctx;
    if (r->closed)
        return;
    if (!ready) {
        redis_go_away(r, why);
        return;
    }
    question_load_scripts(r->redis);
    r->present_until = 0;
    if (!r->probe)
        send_probe(r, false);
    /* The first one may be late, and nothing be asked that would show it. */
    uv_timer_start(&r->probe_timer, redis_on_probe_time, SHARED_REDIS_PROBE_MS,
                   SHARED_REDIS_PROBE_MS);
}
