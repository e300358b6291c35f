/* The shared state of the workers of one machine: limits and word in common (machine.h), values and
 * claims by a local back end.
 *
 * Happy path: a reserve takes the machine's counters, asks, releases them and answers from inside
 * the call. A message is heard here at once, and by the others when their bells ring.
 *
 * Failure modes: the counters are not to be had: the local back end counts, and the grant says so,
 * so that it is settled there; a settle is lost then, windows stay a little too full and leases end
 * by themselves. */

#include "machine.h"

#include <stdlib.h>
#include <sys/eventfd.h>

#define NS_PER_MS  1000000
#define UNREAD_MAX ((size_t)1024 * 1024)

struct shared_machine {
    struct shared shared;
    struct machine *machine;
    struct shared *local;
    int index;
    uint64_t read; /* of the board */
    struct buf unread;
    uv_poll_t bell;
    uint64_t alone;
};

static struct shared_machine *of(struct shared *s)
{
    return LIST_ENTRY(s, struct shared_machine, shared);
}

/* Of all workers alike; a loop's own stands still during its turn. */
static int64_t machine_now(void)
{
    return (int64_t)(uv_hrtime() / NS_PER_MS);
}

/* ---- values: of this process ----------------------------------------------------------------- */

static void workers_get(struct shared *s, const struct slice *keys, size_t n, int64_t renew_ms,
                        int64_t now, shared_got *got, void *user)
{
    struct shared *l = of(s)->local;
    l->ops->get(l, keys, n, renew_ms, now, got, user);
}

static void workers_put(struct shared *s, struct slice key, struct slice value, int64_t ttl_ms,
                        int64_t now)
{
    struct shared *l = of(s)->local;
    l->ops->put(l, key, value, ttl_ms, now);
}

static void workers_del(struct shared *s, const struct slice *keys, size_t n, int64_t now,
                        shared_done *done, void *user)
{
    struct shared *l = of(s)->local;
    l->ops->del(l, keys, n, now, done, user);
}

static void workers_clear(struct shared *s, struct slice prefix, int64_t now, shared_done *done,
                          void *user)
{
    struct shared *l = of(s)->local;
    l->ops->clear(l, prefix, now, done, user);
}

static void workers_claim(struct shared *s, struct slice key, int64_t ttl_ms, int64_t now,
                          shared_done *done, void *user)
{
    struct shared *l = of(s)->local;
    l->ops->claim(l, key, ttl_ms, now, done, user);
}

static void workers_hold(struct shared *s, struct slice key, int64_t ttl_ms, int64_t now)
{
    struct shared *l = of(s)->local;
    l->ops->hold(l, key, ttl_ms, now);
}

/* ---- limits ---------------------------------------------------------------------------------- */

struct call {
    shared_reserved *reserved;
    void *user;
};

static void on_alone(void *user, const struct shared_answer *answer)
{
    const struct call *call = user;
    struct shared_answer own = *answer;
    own.grant.local++;
    call->reserved(call->user, &own);
}

static void workers_reserve(struct shared *s, const struct shared_ask *asks, size_t n, int64_t now,
                            shared_reserved *reserved, void *user)
{
    struct shared_machine *sm = of(s);
    struct shared_state states[SHARED_ASKS_MAX];
    struct shared_answer answer = {.states = states, .n = n};
    struct call call = {reserved, user};
    struct counters *c = machine_take(sm->machine);
    if (!c) {
        sm->alone++;
        sm->local->ops->reserve(sm->local, asks, n, now, on_alone, &call);
        return;
    }
    answer.refused = counters_reserve(c, asks, n, machine_now(), states, &answer.grant);
    machine_release(sm->machine);
    reserved(user, &answer);
}

static void workers_settle(struct shared *s, const struct shared_grant *grant,
                           const struct shared_ask *asks, size_t n, int64_t now)
{
    struct shared_machine *sm = of(s);
    const struct shared_grant own = {grant->id, grant->taken_at, grant->local - 1};
    struct counters *c = grant->local ? NULL : machine_take(sm->machine);
    if (grant->local)
        sm->local->ops->settle(sm->local, &own, asks, n, now);
    if (!c)
        return;
    counters_settle(c, grant, asks, n, machine_now());
    machine_release(sm->machine);
}

static void workers_renew(struct shared *s, const struct shared_grant *grant,
                          const struct shared_ask *asks, size_t n, int64_t now)
{
    struct shared_machine *sm = of(s);
    const struct shared_grant own = {grant->id, grant->taken_at, grant->local - 1};
    struct counters *c = grant->local ? NULL : machine_take(sm->machine);
    if (grant->local)
        sm->local->ops->renew(sm->local, &own, asks, n, now);
    if (!c)
        return;
    counters_renew(c, grant, asks, n, machine_now());
    machine_release(sm->machine);
}

/* ---- word ------------------------------------------------------------------------------------ */

static void hear(struct shared_machine *sm, struct slice message)
{
    if (sm->shared.hearer.heard)
        sm->shared.hearer.heard(sm->shared.hearer.ctx, message);
}

static void workers_publish(struct shared *s, struct slice message)
{
    struct shared_machine *sm = of(s);
    machine_post(sm->machine, sm->index, message);
    hear(sm, message);
}

static void on_bell(uv_poll_t *bell, int status, int events)
{
    struct shared_machine *sm = bell->data;
    struct slice unread, message;
    eventfd_t rings;
    int from;
    eventfd_read(machine_bell(sm->machine, sm->index), &rings);
    machine_read(sm->machine, &sm->read, &sm->unread);
    unread = buf_slice(&sm->unread);
    while (machine_next(&unread, &from, &message))
        if (from != sm->index)
            hear(sm, message);
    buf_reset(&sm->unread);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void workers_forget(struct shared *s, void *user)
{
}

static void workers_stats(const struct shared *s, struct shared_stats *stats)
{
    const struct shared_machine *sm = LIST_ENTRY(s, const struct shared_machine, shared);
    sm->local->ops->stats(sm->local, stats);
    stats->alone = sm->alone;
    stats->processes = (uint64_t)machine_workers(sm->machine);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void workers_free(struct shared *s)
{
    struct shared_machine *sm = of(s);
    sm->local->ops->free(sm->local);
    buf_fini(&sm->unread);
    uv_close((uv_handle_t *)&sm->bell, on_closed);
}

static const struct shared_ops workers_ops = {
    .get = workers_get,
    .put = workers_put,
    .del = workers_del,
    .clear = workers_clear,
    .claim = workers_claim,
    .hold = workers_hold,
    .reserve = workers_reserve,
    .settle = workers_settle,
    .renew = workers_renew,
    .publish = workers_publish,
    .forget = workers_forget,
    .stats = workers_stats,
    .free = workers_free,
};

/* The bell keeps no loop alive. */
struct shared *shared_machine_new(struct turn *turn, struct machine *m, int index, size_t bytes_max)
{
    struct shared_machine *sm = calloc(1, sizeof(*sm));
    if (!sm)
        abort();
    sm->shared.ops = &workers_ops;
    sm->machine = m;
    sm->index = index;
    sm->local = shared_local_new(bytes_max);
    buf_init(&sm->unread, UNREAD_MAX);
    machine_read(m, &sm->read, &sm->unread);
    uv_poll_init(turn->loop, &sm->bell, machine_bell(m, index));
    sm->bell.data = sm;
    uv_poll_start(&sm->bell, UV_READABLE, on_bell);
    uv_unref((uv_handle_t *)&sm->bell);
    return &sm->shared;
}
