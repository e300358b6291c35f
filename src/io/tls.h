#ifndef IO_TLS_PRIVATE_H
#define IO_TLS_PRIVATE_H

/* One TLS session of a server, between bytes and bytes: no socket. What is to be sent collects in
 * tls_out, in order; whoever calls writes it out after each call. */

#include "base/buf.h"
#include "io/tls.h"

struct tls;

struct tls *tls_new(struct tls_server *s);
void tls_free(struct tls *t); /* NULL is fine */

enum tls_result {
    TLS_GOES_ON,
    TLS_ENDED, /* the client said it will send no more */
    TLS_FAILED /* not TLS, or not as we speak it; an alert may be in tls_out */
};

/* All of `in` is taken. `plain` is called for what it decrypts to; it may call tls_write. */
enum tls_result tls_feed(struct tls *t, struct slice in,
                         void (*plain)(void *user, struct slice bytes), void *user);

/* Once the handshake is over: something was decrypted before. */
void tls_write(struct tls *t, struct slice plain);
void tls_end(struct tls *t); /* close_notify; nothing is written after it */

struct buf *tls_out(struct tls *t);

#endif
