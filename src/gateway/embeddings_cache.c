/* Vectors that are kept.
 *
 * Happy path: each input has a key; the shared state is asked for all of them, SHARED_KEYS_MAX at a
 * time. What is there takes its place in the answer, a model is asked for the rest, and that is put
 * when the answer is complete.
 *
 * Failure modes: what is found and not understood is asked for anew. */

#include "embeddings.h"

#include "cache_entry.h"
#include "worker_private.h"

#include <time.h>

#define KIBIBYTE 1024

static struct slice place_of(struct exchange *ex, const struct embeddings_slot *slot)
{
    struct slice key = cache_show(slot->digest, ex->cache.control.name_space, &ex->prompt);
    return cache_place(&ex->config->settings.caching, key, &ex->prompt);
}

/* ---- looking up ---------------------------------------------------------------------------- */

static void take(struct exchange *ex, size_t i, struct slice value)
{
    struct embeddings *e = ex->operation;
    struct cache_vector v;
    if (!value.n)
        return;
    if (!cache_vector_read(value, &v)) {
        ex->worker->cache->stats.corrupt++;
        return;
    }
    if (!exchange_cache_is_fresh(ex, v.stored_at))
        return;
    e->slots[i].found = true;
    e->items[i].type = arena_dup(&ex->arena, v.type);
    e->items[i].json = arena_dup(&ex->arena, v.json);
    e->found.input += v.tokens;
    e->found.estimated = e->found.estimated || v.estimated;
}

static void on_got(void *user, const struct slice *values, size_t n)
{
    struct exchange *ex = user;
    const struct embeddings *e = ex->operation;
    for (size_t i = 0; i < n; i++)
        take(ex, e->looked - n + i, values[i]);
    ex->cache.asking = false;
    if (!ex->cache.inside)
        exchange_deposit(ex, 0);
}

static void ask(struct exchange *ex)
{
    struct embeddings *e = ex->operation;
    struct shared *s = ex->worker->cache->shared;
    struct slice keys[SHARED_KEYS_MAX];
    size_t left = e->request.count - e->looked, n = left < SHARED_KEYS_MAX ? left : SHARED_KEYS_MAX;
    for (size_t i = 0; i < n; i++)
        keys[i] = place_of(ex, &e->slots[e->looked + i]);
    e->looked += n;
    ex->cache.asking = ex->cache.inside = true;
    s->ops->get(s, keys, n, 0, turn_now(&ex->worker->turn), on_got, ex);
    ex->cache.inside = false;
}

static void begin(struct exchange *ex)
{
    struct embeddings *e = ex->operation;
    struct cache_key_scope scope = exchange_cache_scope(ex);
    uint8_t common[SHA256_SIZE];
    cache_key_of_vectors(&scope, &ex->request, e->request.format, common);
    e->slots = arena_zalloc(&ex->prompt, (e->request.count + 1) * sizeof(*e->slots));
    for (size_t i = 0; i < e->request.count; i++)
        cache_key_of_vector(common, e->request.inputs[i], e->slots[i].digest);
    if (!ex->cache.control.take)
        e->looked = e->request.count;
}

/* What was not found, in the client's order. */
static void gather(struct exchange *ex)
{
    struct embeddings *e = ex->operation;
    size_t n = 0;
    e->places = arena_alloc(&ex->prompt, (e->request.count + 1) * sizeof(*e->places));
    e->asked.inputs = arena_alloc(&ex->prompt, (e->request.count + 1) * sizeof(*e->asked.inputs));
    for (size_t i = 0; i < e->request.count; i++) {
        if (e->slots[i].found)
            continue;
        e->asked.inputs[n] = e->request.inputs[i];
        e->places[n++] = i;
    }
    e->asked.count = n;
}

static enum lookup answer(struct exchange *ex)
{
    struct embeddings *e = ex->operation;
    ex->cache.hit = true;
    ex->cache.key = cache_show(e->slots[0].digest, ex->cache.control.name_space, &ex->arena);
    ex->worker->cache->stats.hits++;
    ex->answer.model = ex->asked_model;
    ex->usage = e->found;
    ex->usage.has_cost = ex->config->settings.include_cost;
    return LOOKUP_ANSWERS;
}

enum lookup embeddings_lookup(struct exchange *ex)
{
    struct embeddings *e = ex->operation;
    if (!e->begun) {
        e->begun = true;
        if (!exchange_cache_wanted(ex, CACHING_EMBEDDINGS))
            return ex->failure.kind == FAILURE_NONE ? LOOKUP_MISSES : LOOKUP_REFUSES;
        begin(ex);
    }
    while (!ex->cache.asking && e->looked < e->request.count)
        ask(ex);
    if (ex->cache.asking)
        return LOOKUP_WAITS;
    gather(ex);
    if (e->request.count && !e->asked.count)
        return answer(ex);
    ex->worker->cache->stats.misses += ex->cache.control.take;
    return LOOKUP_MISSES;
}

/* ---- keeping ------------------------------------------------------------------------------- */

static void keep(struct exchange *ex, size_t i)
{
    const struct embeddings *e = ex->operation;
    struct cache *c = ex->worker->cache;
    struct buf b;
    buf_init(&b, (size_t)ex->config->settings.caching.entry_kb * KIBIBYTE);
    cache_vector_write(&b, &(struct cache_vector){.stored_at = time(NULL),
                                                  .tokens = e->slots[i].tokens,
                                                  .estimated = e->slots[i].estimated,
                                                  .type = e->items[i].type,
                                                  .json = e->items[i].json});
    if (b.overflow) {
        c->stats.unkept++;
    } else {
        c->shared->ops->put(c->shared, place_of(ex, &e->slots[i]), buf_slice(&b),
                            ex->cache.control.ttl_ms, turn_now(&ex->worker->turn));
        c->stats.kept++;
    }
    buf_fini(&b);
}

void embeddings_keep(struct exchange *ex)
{
    const struct embeddings *e = ex->operation;
    if (!e->slots || !ex->cache.control.keep || ex->reroute.fallbacks)
        return;
    for (size_t i = 0; i < e->asked.count; i++)
        keep(ex, e->places[i]);
}
