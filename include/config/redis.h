#ifndef CONFIG_REDIS_H
#define CONFIG_REDIS_H

/* The Redis that gateways share their state through; one for limits, cached answers, thinking and
 * what the router knows. The first of these that names one counts, alone:
 *
 *   general_settings.coordination_redis    host, port, … as cache_params
 *   router_settings                        redis_url, redis_host, redis_port, redis_password, …
 *   litellm_settings.cache_params          url, host, port, sentinel_nodes, …; or just type: redis
 *   the environment                        REDIS_URL, REDIS_HOST, REDIS_SENTINEL_NODES, …
 *
 * What it says nothing of (a password, TLS) the environment may add, unless it is a URL. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_NODES_MAX 16

struct config_redis_node {
    const char *host;
    int port;
};

/* Strings may be NULL: not said. */
struct config_redis {
    const char *source; /* what named it, for people; NULL: there is none */
    const char *path;   /* Unix socket; else … */
    struct config_redis_node nodes[REDIS_NODES_MAX]; /* servers, or sentinels where … */
    size_t node_count;
    const char *service; /* … this is set: the name of their master */
    const char *username, *password, *sentinel_username, *sentinel_password;
    int db;
    bool tls, tls_verify;
    const char *tls_ca_file, *tls_certificate, *tls_key;
    double connect_timeout, timeout; /* seconds */

    double patience;        /* ours: seconds a request waits for it at most (shared_patience) */
    bool fail_closed;       /* fail_closed_rate_limit_enforcement */
    const char *name_space; /* ours: of all keys (shared_namespace) */
};

#endif
