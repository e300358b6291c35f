/* Claims of flights; see exchange_claim.h.
 *
 * Happy path: the claim is asked for once nothing was found, and nobody else has it. When it is
 * given back the word goes out.
 *
 * Failure modes: another process has it, and ends well, badly or not at all: the word, or the clock
 * of exchanges, has those who wait look again; the answer is there, or the claim is free. */

#include "exchange_claim.h"

#include "worker_private.h"

#define KEPT     'k'
#define NOT_KEPT 'n'

static struct slice key_of(struct exchange *ex)
{
    return ARENA_JOIN(&ex->arena, SLICE("flight:"),
                      slice_of(ex->config->settings.caching.name_space), SLICE(":"), ex->cache.key);
}

bool exchange_claim_wanted(const struct exchange *ex)
{
    const struct cache_use *u = &ex->cache;
    return !ex->worker->cache->owned && u->sociable && u->control.keep && !u->alone;
}

static void on_claimed(void *user, int64_t n)
{
    struct exchange *ex = user;
    struct cache_use *u = &ex->cache;
    int64_t now = turn_now(&ex->worker->turn);
    u->asking = false;
    ex->worker->cache->stats.awaited += n <= 0 && !u->claim_at;
    u->claim = n > 0 ? CLAIM_OURS : CLAIM_OTHERS;
    u->claim_at = now + (n > 0 ? CLAIM_HOLD_MS : CLAIM_LOOK_MS);
    if (!u->inside)
        exchange_deposit(ex, 0);
}

void exchange_claim_ask(struct exchange *ex)
{
    struct shared *s = ex->worker->cache->shared;
    struct cache_use *u = &ex->cache;
    u->asking = u->inside = true;
    s->ops->claim(s, key_of(ex), CLAIM_MS, turn_now(&ex->worker->turn), on_claimed, ex);
    u->inside = false;
}

bool exchange_claim_is_due(const struct exchange *ex)
{
    return turn_now(&ex->worker->turn) >= ex->cache.claim_at;
}

static void tell(struct exchange *ex, bool kept)
{
    char body[SHA256_SIZE + 1];
    memcpy(body, ex->cache.digest, SHA256_SIZE);
    body[SHA256_SIZE] = kept ? KEPT : NOT_KEPT;
    gossip_say(ex->worker->gossip, GOSSIP_FLIGHTS, slice_make(body, sizeof(body)));
}

void exchange_claim_end(struct exchange *ex, bool kept)
{
    struct cache_use *u = &ex->cache;
    struct shared *s = ex->worker->cache->shared;
    struct slice key;
    if (u->claim != CLAIM_OURS)
        return;
    key = key_of(ex);
    u->claim = CLAIM_NONE;
    s->ops->del(s, &key, 1, turn_now(&ex->worker->turn), NULL, NULL);
    tell(ex, kept);
}

void exchange_claim_tick(struct exchange *ex, int64_t now)
{
    struct cache_use *u = &ex->cache;
    struct shared *s;
    if (u->claim == CLAIM_NONE || now < u->claim_at)
        return;
    if (u->claim == CLAIM_OTHERS) {
        exchange_deposit(ex, 0);
        return;
    }
    s = ex->worker->cache->shared;
    s->ops->hold(s, key_of(ex), CLAIM_MS, now);
    u->claim_at = now + CLAIM_HOLD_MS;
}

/* What this process says itself it hears, too: nobody waits here by then. */
static void on_heard(void *ctx, struct slice body)
{
    struct worker *w = ctx;
    struct turn_item *item;
    struct exchange *ex;
    if (body.n != SHA256_SIZE + 1)
        return;
    item = flight_leader(w->cache->flights, (const uint8_t *)body.p);
    ex = item ? LIST_ENTRY(item, struct exchange, item) : NULL;
    if (!ex || ex->cache.claim != CLAIM_OTHERS)
        return;
    ex->cache.claim_at = 0;
    ex->cache.alone = body.p[SHA256_SIZE] == NOT_KEPT;
    exchange_deposit(ex, 0);
}

void exchange_claim_listen(struct worker *w)
{
    if (w->cache && !w->cache->owned)
        gossip_register(w->gossip, GOSSIP_FLIGHTS, on_heard, w);
}
