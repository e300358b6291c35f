#ifndef CONFIG_REDIS_URL_H
#define CONFIG_REDIS_URL_H

/* redis://[[user]:password@]host[:port][/db], rediss:// the same with TLS, and
 * unix://[[user]:password@]/path[?db=0]; valkey and valkeys say the same as redis and rediss. Of a
 * query: db, username, password, ssl_cert_reqs, ssl_ca_certs, ssl_certfile, ssl_keyfile. Parts may
 * be percent-encoded. */

#include "base/arena.h"
#include "config/redis.h"

#define REDIS_PORT 6379

/* NULL: `r` has what the URL says; else what is wrong with it, without quoting it. */
const char *redis_url_read(struct slice url, struct arena *a, struct config_redis *r);

#endif
