#include "cache.h"

#include <stdlib.h>

static struct cache *cache_new(struct turn *turn, struct shared *shared, bool owned)
{
    struct cache *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->shared = shared;
    c->owned = owned;
    c->flights = flights_new(turn);
    return c;
}

struct cache *cache_new_local(struct turn *turn, size_t bytes_max)
{
    return cache_new(turn, shared_local_new(bytes_max), true);
}

struct cache *cache_new_shared(struct turn *turn, struct shared *shared)
{
    return cache_new(turn, shared, false);
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    if (c->owned)
        c->shared->ops->free(c->shared);
    flights_free(c->flights);
    free(c);
}

struct slice cache_prefix(const struct caching *settings, struct arena *a)
{
    return ARENA_JOIN(a, SLICE("cache:"), slice_of(settings->name_space), SLICE(":"));
}

struct slice cache_place(const struct caching *settings, struct slice key, struct arena *a)
{
    return ARENA_JOIN(a, SLICE("cache:"), slice_of(settings->name_space), SLICE(":"), key);
}

struct slice cache_show(const uint8_t digest[SHA256_SIZE], struct slice name_space, struct arena *a)
{
    char hex[HEX_SIZE(SHA256_SIZE)];
    hex_encode(digest, SHA256_SIZE, hex);
    return ARENA_JOIN(a, name_space, name_space.n ? SLICE(":") : SLICE(""), slice_of(hex));
}
