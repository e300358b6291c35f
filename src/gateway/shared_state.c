#include "shared_state.h"

#include "base/log.h"
#include "state/shared_redis.h"

#define MEBIBYTE  ((size_t)1024 * 1024)
#define BYTES_MIN MEBIBYTE /* claims need little, where no thinking is kept */
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

static struct shared *on_redis(struct turn *turn, const struct config_redis *r, size_t local_bytes)
{
    struct redis_node nodes[REDIS_NODES_MAX];
    char error[ERROR_MAX];
    struct shared_redis_options options = {
        .name_space = r->name_space,
        .patience_ms = config_milliseconds(r->patience),
        .fail_closed = r->fail_closed,
        .local_bytes = local_bytes,
    };
    set_address(&options.redis, r, nodes);
    struct shared *shared = shared_redis_new(turn, &options, error, sizeof(error));
    if (!shared)
        log_error("redis of %s: %s; this process shares nothing", r->source, error);
    return shared;
}

struct shared *shared_state_new(struct turn *turn, const struct config *c)
{
    size_t thinking = (size_t)c->settings.thinking_memory_mb * MEBIBYTE;
    size_t bytes = thinking ? thinking : BYTES_MIN;
    struct shared *shared = c->redis.source ? on_redis(turn, &c->redis, bytes) : NULL;
    return shared ? shared : shared_local_new(bytes);
}
