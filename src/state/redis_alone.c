/* The shared state on a Redis, done without it.
 *
 * Happy path: a question that Redis did not answer in time is asked of the local back end. Limits
 * are held to a share: what was left of them when Redis spoke last, divided by the number of
 * gateways, so that all of them together admit no more than that, whoever of them is cut off. What
 * one has admitted, Redis counts as soon as its reply shows that it can (redis_set_right).
 *
 * Failure modes: with the policy to refuse, limits are answered with `away`. A limit of which
 * nothing is known (Redis said nothing of it, or a whole window ago) is wholly left; one that is
 * smaller than the number of gateways gives each of them one. */

#include "shared_redis_private.h"

/* ---- what Redis said ------------------------------------------------------------------------- */

#define FULL_MS 2000 /* for so long places count as taken that Redis refused */

/* The last word on a limit. Of a window it holds until all that was counted then is free again,
 * which is later than it is true: nothing is given out twice. Of places only a refusal says
 * anything, and not for long: holders come and go. */
struct sight {
    int64_t used, until; /* units; ms */
};

static int64_t holds_for(const struct shared_ask *ask, const struct shared_state *state,
                         bool refused)
{
    if (ask->kind == SHARED_WINDOW)
        return state->reset_ms;
    return refused && state->used >= ask->limit ? FULL_MS : 0;
}

void redis_note(struct shared_redis *r, const struct question *q, const struct shared_state *states,
                bool refused)
{
    for (size_t i = 0; i < q->n; i++) {
        const struct shared_ask *ask = &q->asks[i];
        int64_t ms = holds_for(ask, &states[i], refused);
        const struct sight sight = {states[i].used, redis_now(r) + ms};
        struct slice bytes = slice_make((const char *)&sight, sizeof(sight));
        if (ask->limit >= 0)
            r->seen->ops->put(r->seen, ask->key, bytes, ms, redis_now(r));
    }
}

static void on_seen(void *user, const struct slice *values, size_t n)
{
    if (values[0].n == sizeof(struct sight))
        memcpy(user, values[0].p, sizeof(struct sight));
}

static struct sight recall(struct shared_redis *r, const struct shared_ask *ask)
{
    struct sight sight = {0, 0};
    if (ask->limit >= 0)
        r->seen->ops->get(r->seen, &ask->key, 1, 0, redis_now(r), on_seen, &sight);
    return sight;
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* On its way through the local back end. */
struct call {
    struct question *q;
    struct shared_ask asks[SHARED_ASKS_MAX]; /* with shares for limits */
    int64_t blocked_ms[SHARED_ASKS_MAX];     /* until what Redis counted is free */
};

static int64_t share_of(const struct shared_redis *r, const struct shared_ask *ask, int64_t used)
{
    int64_t left = ask->limit - used, share = left / r->processes * r->siblings;
    if (ask->limit < 0)
        return ask->limit;
    return left <= 0 ? 0 : share <= 0 ? 1 : share < left ? share : left;
}

static void prepare(struct shared_redis *r, struct call *c)
{
    for (size_t i = 0; i < c->q->n; i++) {
        struct shared_ask *ask = &c->asks[i];
        struct sight sight = recall(r, &c->q->asks[i]);
        *ask = c->q->asks[i];
        ask->limit = share_of(r, ask, sight.used);
        /* What is too much for a share is not refused for as long as Redis is away. */
        if (ask->kind == SHARED_WINDOW && ask->limit > 0 && ask->units > ask->limit)
            ask->units = ask->limit;
        c->blocked_ms[i] = sight.until > redis_now(r) ? sight.until - redis_now(r) : 0;
    }
}

/* What the caller is told is of the limit that it knows: what the others may have counts as used.
 */
static void on_reserved(void *user, const struct shared_answer *answer)
{
    struct call *c = user;
    struct shared_state states[SHARED_ASKS_MAX];
    struct shared_answer own = *answer;
    for (size_t i = 0; i < answer->n; i++) {
        const struct shared_ask *ask = &c->q->asks[i];
        states[i] = answer->states[i];
        if (ask->limit < 0)
            continue;
        states[i].used += ask->limit - c->asks[i].limit;
        if (!c->asks[i].limit)
            states[i].wait_ms = states[i].reset_ms = c->blocked_ms[i];
    }
    own.states = states;
    own.grant.local++;
    c->q->passed = answer->refused < 0;
    c->q->answer.reserved(c->q->user, &own);
}

static void reserve(struct shared_redis *r, struct question *q)
{
    static const struct shared_answer refusal = {.refused = 0, .away = true};
    struct call call = {.q = q};
    if (r->fail_closed) {
        q->answer.reserved(q->user, &refusal);
        return;
    }
    prepare(r, &call);
    r->local->ops->reserve(r->local, call.asks, q->n, redis_now(r), on_reserved, &call);
}

/* A lease that nobody renews there ends; windows keep what passed, room or no room. */
void redis_set_right(struct shared_redis *r, struct question *q, bool granted)
{
    struct shared_ask asks[SHARED_ASKS_MAX];
    if (!granted && !q->passed)
        return;
    for (size_t i = 0; i < q->n; i++) {
        asks[i] = q->asks[i];
        asks[i].units = !q->passed ? -asks[i].units : granted ? 0 : asks[i].units;
    }
    r->shared.ops->settle(&r->shared, &q->grant, asks, q->n, redis_now(r));
}

/* ---- any question ---------------------------------------------------------------------------- */

static void get(struct shared_redis *r, const struct question *q)
{
    struct slice keys[SHARED_KEYS_MAX];
    for (size_t i = 0; i < q->n; i++)
        keys[i] = question_key(q, redis_prefix(r), i);
    r->local->ops->get(r->local, keys, q->n, q->ms, redis_now(r), q->answer.got, q->user);
}

void redis_answer_alone(struct shared_redis *r, struct question *q)
{
    list_del(&q->link);
    if (redis_is_answered(q))
        return;
    r->stats.alone++;
    switch (q->kind) {
    case ASK_RESERVE: reserve(r, q); break;
    case ASK_GET: get(r, q); break;
    case ASK_CLAIM:
        r->local->ops->claim(r->local, question_key(q, redis_prefix(r), 0), q->ms, redis_now(r),
                             q->answer.done, q->user);
        break;
    case ASK_DEL:
        q->answer.done(q->user, -1); /* the local one was told to forget them before */
        break;
    case ASK_HOLD:
    case ASK_SETTLE:
    case ASK_RENEW: break;
    }
    q->answer.got = NULL;
}

void redis_give_up(struct shared_redis *r, struct question *q)
{
    bool unsent = q->unsent;
    r->probe_late = r->probe_late || q == r->probe;
    redis_answer_alone(r, q);
    if (unsent)
        question_free(q);
}

void redis_answer_open(struct shared_redis *r)
{
    for (struct list *link; (link = list_pop(&r->open));)
        redis_give_up(r, LIST_ENTRY(link, struct question, link));
}
