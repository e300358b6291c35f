#ifndef TESTS_STATE_REDIS_WORLD_H
#define TESTS_STATE_REDIS_WORLD_H

/* A shared state on a real redis-server, and questions that wait for their answers. */

#include "../base/check.h"
#include "../io/world.h"
#include "redis_server.h"
#include "state/shared_redis.h"

struct redis_world {
    struct world world;
    struct redis_server server;
    struct redis_node node;
    struct shared_redis_options options;
    struct shared *shared;
    /* the last answer */
    unsigned answers;
    int64_t done;
    int refused;
    bool away;
    struct shared_grant grant;
    struct shared_state states[SHARED_ASKS_MAX];
    char value[64];
    bool found;
    char heard[64];
    unsigned hears;
};

/* Starts the server and opens the state; waits until it is there. */
void redis_world_open(struct redis_world *w);
void redis_world_serve(struct redis_world *w, const char *const *extra); /* the server alone */
void redis_world_connect(struct redis_world *w);                         /* the state alone */
struct shared *redis_world_another(struct redis_world *w); /* process, as it were; it is there */
void redis_world_close(struct redis_world *w);

bool redis_world_is_away(struct redis_world *w);
struct shared_stats redis_world_stats(struct redis_world *w);

/* Each waits for the answer. */
const char *ask_get(struct redis_world *w, const char *key, int64_t renew_ms); /* NULL: none */
void tell_put(struct redis_world *w, const char *key, const char *value, int64_t ttl_ms);
int64_t ask_del(struct redis_world *w, const char *key);
int64_t ask_clear(struct redis_world *w, const char *prefix);
int64_t ask_claim(struct redis_world *w, struct shared *s, const char *key, int64_t ttl_ms);
int ask_reserve(struct redis_world *w, const struct shared_ask *asks, size_t n); /* refused */
void begin_reserve(struct redis_world *w, const struct shared_ask *asks, size_t n);
void tell_settle(struct redis_world *w, const struct shared_ask *asks, size_t n);

#define WINDOW(name, limit, ms, units)                                                             \
    ((struct shared_ask){SLICE(name), SHARED_WINDOW, limit, ms, units})
#define LEASE(name, limit, ms, units)                                                              \
    ((struct shared_ask){SLICE(name), SHARED_LEASE, limit, ms, units})

#endif
