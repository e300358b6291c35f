#include "redis_world.h"

#define LOCAL_BYTES (1 << 20)
#define PATIENCE_MS 2000 /* the machine of a test may be busy */

void redis_world_serve(struct redis_world *w, const char *const *extra)
{
    redis_server_start(&w->server, extra);
    w->node = (struct redis_node){"127.0.0.1", w->server.port};
    w->options = (struct shared_redis_options){
        .redis = {.nodes = &w->node, .node_count = 1, .connect_ms = 3000, .command_ms = 3000},
        .patience_ms = PATIENCE_MS,
        .siblings = 1,
    };
}

static bool is_away(const struct shared *s)
{
    struct shared_stats stats;
    s->ops->stats(s, &stats);
    return stats.away;
}

bool redis_world_is_away(struct redis_world *w)
{
    return is_away(w->shared);
}

struct shared_stats redis_world_stats(struct redis_world *w)
{
    struct shared_stats stats;
    w->shared->ops->stats(w->shared, &stats);
    return stats;
}

struct shared *redis_world_another(struct redis_world *w)
{
    char error[256] = "";
    w->options.local = shared_local_new(LOCAL_BYTES);
    struct shared *s = shared_redis_new(&w->world.turn, &w->options, error, sizeof(error));
    assert_string_equal(error, "");
    WORLD_UNTIL(&w->world, !is_away(s));
    return s;
}

static void on_heard(void *ctx, struct slice message)
{
    struct redis_world *w = ctx;
    snprintf(w->heard, sizeof(w->heard), "%.*s", SLICE_ARG(message));
    w->hears++;
}

void redis_world_connect(struct redis_world *w)
{
    char error[256] = "";
    w->options.local = shared_local_new(LOCAL_BYTES);
    w->shared = shared_redis_new(&w->world.turn, &w->options, error, sizeof(error));
    assert_string_equal(error, "");
    w->shared->hearer = (struct shared_hearer){on_heard, w};
}

void redis_world_open(struct redis_world *w)
{
    memset(w, 0, sizeof(*w));
    world_open(&w->world);
    redis_world_serve(w, NULL);
    redis_world_connect(w);
    WORLD_UNTIL(&w->world, !redis_world_is_away(w));
}

void redis_world_close(struct redis_world *w)
{
    if (w->shared)
        w->shared->ops->free(w->shared);
    redis_server_remove(&w->server);
    world_close(&w->world);
}

/* ---- questions ----------------------------------------------------------------------------- */

static void on_got(void *user, const struct slice *values, size_t n)
{
    struct redis_world *w = user;
    w->answers++;
    w->found = values[0].p != NULL;
    snprintf(w->value, sizeof(w->value), "%.*s", SLICE_ARG(values[0]));
}

static void on_done(void *user, int64_t n)
{
    struct redis_world *w = user;
    w->answers++;
    w->done = n;
}

static void on_reserved(void *user, const struct shared_answer *a)
{
    struct redis_world *w = user;
    w->answers++;
    w->refused = a->refused;
    w->away = a->away;
    if (!a->away)
        memcpy(w->states, a->states, a->n * sizeof(*a->states));
    if (a->refused < 0)
        w->grant = a->grant;
}

static int64_t now_of(struct redis_world *w)
{
    return turn_now(&w->world.turn);
}

const char *ask_get(struct redis_world *w, const char *key, int64_t renew_ms)
{
    unsigned before = w->answers;
    struct slice k = slice_of(key);
    w->shared->ops->get(w->shared, &k, 1, renew_ms, now_of(w), on_got, w);
    WORLD_UNTIL(&w->world, w->answers > before);
    return w->found ? w->value : NULL;
}

void tell_put(struct redis_world *w, const char *key, const char *value, int64_t ttl_ms)
{
    w->shared->ops->put(w->shared, slice_of(key), slice_of(value), ttl_ms, now_of(w));
}

int64_t ask_del(struct redis_world *w, const char *key)
{
    unsigned before = w->answers;
    struct slice k = slice_of(key);
    w->shared->ops->del(w->shared, &k, 1, now_of(w), on_done, w);
    WORLD_UNTIL(&w->world, w->answers > before);
    return w->done;
}

int64_t ask_clear(struct redis_world *w, const char *prefix)
{
    unsigned before = w->answers;
    w->shared->ops->clear(w->shared, slice_of(prefix), now_of(w), on_done, w);
    WORLD_UNTIL(&w->world, w->answers > before);
    return w->done;
}

int64_t ask_claim(struct redis_world *w, struct shared *s, const char *key, int64_t ttl_ms)
{
    unsigned before = w->answers;
    s->ops->claim(s, slice_of(key), ttl_ms, now_of(w), on_done, w);
    WORLD_UNTIL(&w->world, w->answers > before);
    return w->done;
}

void begin_reserve(struct redis_world *w, const struct shared_ask *asks, size_t n)
{
    w->shared->ops->reserve(w->shared, asks, n, now_of(w), on_reserved, w);
}

int ask_reserve(struct redis_world *w, const struct shared_ask *asks, size_t n)
{
    unsigned before = w->answers;
    begin_reserve(w, asks, n);
    WORLD_UNTIL(&w->world, w->answers > before);
    return w->refused;
}

void tell_settle(struct redis_world *w, const struct shared_ask *asks, size_t n)
{
    w->shared->ops->settle(w->shared, &w->grant, asks, n, now_of(w));
}
