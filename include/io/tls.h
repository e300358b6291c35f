#ifndef IO_TLS_H
#define IO_TLS_H

/* What a listener needs to speak TLS: certificate, key and ciphers, read once and checked. TLS 1.2,
 * and 1.3 where the library has it (mbedTLS 3.6); HTTP/1.1 is all that is offered (ALPN). Sessions
 * are resumed by tickets; each process has keys of its own for them.
 *
 * Reference counted: whoever made it holds a reference, each connection one more. Single thread. */

#include "base/slice.h"

struct tls_server;

struct tls_options {
    const char *cert_file; /* PEM: the certificate, then those between it and the authority */
    const char *key_file;  /* PEM or DER, of that certificate */
    /* Of TLS 1.2, with ':' between them, in OpenSSL's or IANA's spelling; NULL: all with forward
     * secrecy and authenticated encryption. */
    const char *ciphers;
};

#define TLS_ERROR_SIZE 256

/* NULL: `error` says why. */
struct tls_server *tls_server_new(const struct tls_options *o, char error[TLS_ERROR_SIZE]);
struct tls_server *tls_server_ref(struct tls_server *s);
void tls_server_unref(struct tls_server *s); /* NULL is fine */

#endif
