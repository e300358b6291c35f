#include "shared_state.h"

#include "base/log.h"
#include "state/shared_redis.h"

#define MEBIBYTE  ((size_t)1024 * 1024)
#define ERROR_MAX 256

static void set_address(struct redis_options *o, const struct config_redis *r,
                        struct redis_node *nodes)
{
    for (size_t i = 0; i < r->node_count; i++)
        nodes[i] = (struct redis_node){r->nodes[i].host, r->nodes[i].port};
    *o = (struct redis_options){
        .path = r->path,
        .nodes = nodes,
        .node_count = r->node_count,
        .service = r->service,
        .username = r->username,
        .password = r->password,
        .sentinel_username = r->sentinel_username,
        .sentinel_password = r->sentinel_password,
        .db = r->db,
        .tls = r->tls,
        .tls_verify = r->tls_verify,
        .tls_ca_file = r->tls_ca_file,
        .tls_certificate = r->tls_certificate,
        .tls_key = r->tls_key,
        .connect_ms = config_milliseconds(r->connect_timeout),
        .command_ms = config_milliseconds(r->timeout),
    };
}

static struct shared *on_redis(struct turn *turn, const struct config_redis *r,
                               struct shared *local, unsigned siblings)
{
    struct redis_node nodes[REDIS_NODES_MAX];
    char error[ERROR_MAX];
    struct shared_redis_options options = {
        .name_space = r->name_space,
        .patience_ms = config_milliseconds(r->patience),
        .fail_closed = r->fail_closed,
        .local = local,
        .siblings = siblings,
    };
    set_address(&options.redis, r, nodes);
    struct shared *shared = shared_redis_new(turn, &options, error, sizeof(error));
    if (!shared)
        log_error("redis of %s: %s; this process shares nothing", r->source, error);
    return shared;
}

bool shared_state_check(const struct config *c, char *error, size_t size)
{
    struct redis_node nodes[REDIS_NODES_MAX];
    struct redis_options options;
    if (!c->redis.source)
        return true;
    set_address(&options, &c->redis, nodes);
    return redis_check(&options, error, size);
}

/* Without any Redis. */
static struct shared *of_machine(struct turn *turn, const struct config *c, struct machine *m,
                                 int index)
{
    const struct settings *s = &c->settings;
    size_t bytes = (size_t)(s->thinking_memory_mb + s->responses_memory_mb) * MEBIBYTE;
    return m ? shared_machine_new(turn, m, index, bytes) : shared_local_new(bytes);
}

struct shared *shared_state_new(struct turn *turn, const struct config *c, struct machine *m,
                                int index)
{
    unsigned siblings = m ? (unsigned)machine_workers(m) : 1;
    struct shared *local = of_machine(turn, c, m, index), *shared;
    if (!c->redis.source)
        return local;
    shared = on_redis(turn, &c->redis, local, siblings);
    return shared ? shared : of_machine(turn, c, m, index);
}
