#ifndef IO_REDIS_TLS_H
#define IO_REDIS_TLS_H

/* The client's side of TLS between two buffers; OpenSSL, which libcurl brings along. TLS 1.2 or
 * newer. Knows no sockets. */

#include "base/buf.h"
#include "io/redis.h"

struct redis_tls_context; /* certificates and keys, for all connections */
struct redis_tls;         /* one connection */

/* NULL: `error` says which file is at fault. */
struct redis_tls_context *redis_tls_context_new(const struct redis_options *o, char *error,
                                                size_t size);
void redis_tls_context_free(struct redis_tls_context *c); /* NULL is fine */

/* `host`: the name that the certificate must have, if it is verified. The greeting is ready to be
 * taken with redis_tls_seal. */
struct redis_tls *redis_tls_new(struct redis_tls_context *c, const char *host);
void redis_tls_free(struct redis_tls *t); /* NULL is fine */

/* What came from the wire becomes plain bytes. False: `error` (valid until the next call) says why
 * it is over. */
bool redis_tls_open(struct redis_tls *t, struct slice wire, struct buf *plain, const char **error);

/* Plain bytes become what is to be sent, with whatever the protocol itself has to say. Before the
 * handshake is over nothing of `plain` is taken. */
bool redis_tls_seal(struct redis_tls *t, struct buf *plain, struct buf *wire, const char **error);

#endif
