#include "redis_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define PIECE_MAX 16384 /* of plain bytes: one record */

struct redis_tls_context {
    SSL_CTX *ssl;
    bool verify;
};

struct redis_tls {
    SSL *ssl;
    BIO *in, *out; /* wire bytes; the SSL's own */
    char error[256];
};

/* ---- certificates and keys ----------------------------------------------------------------- */

/* What failed first is closest to the file. */
static const char *reason(void)
{
    unsigned long code = ERR_peek_error();
    const char *text =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    return text ? text : "it is not understood";
}

static bool load_files(SSL_CTX *ssl, const struct redis_options *o, char *error, size_t size)
{
    const char *bad = NULL, *wanted = NULL;
    if (o->tls_ca_file ? SSL_CTX_load_verify_locations(ssl, o->tls_ca_file, NULL) != 1
                       : SSL_CTX_set_default_verify_paths(ssl) != 1) {
        bad = o->tls_ca_file ? o->tls_ca_file : "the system's certificates";
        wanted = "certificates";
    } else if (o->tls_certificate &&
               SSL_CTX_use_certificate_chain_file(ssl, o->tls_certificate) != 1) {
        bad = o->tls_certificate;
        wanted = "a certificate";
    } else if (o->tls_key && (SSL_CTX_use_PrivateKey_file(ssl, o->tls_key, SSL_FILETYPE_PEM) != 1 ||
                              SSL_CTX_check_private_key(ssl) != 1)) {
        bad = o->tls_key;
        wanted = "the certificate's private key";
    }
    if (bad)
        snprintf(error, size, "cannot use %s for TLS: %s expected, as PEM (%s)", bad, wanted,
                 reason());
    ERR_clear_error();
    return !bad;
}

struct redis_tls_context *redis_tls_context_new(const struct redis_options *o, char *error,
                                                size_t size)
{
    struct redis_tls_context *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->verify = o->tls_verify;
    c->ssl = SSL_CTX_new(TLS_client_method());
    if (!c->ssl)
        abort();
    SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION);
    SSL_CTX_set_mode(c->ssl, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_verify(c->ssl, o->tls_verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (load_files(c->ssl, o, error, size))
        return c;
    redis_tls_context_free(c);
    return NULL;
}

void redis_tls_context_free(struct redis_tls_context *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ssl);
    free(c);
}

/* ---- one connection ------------------------------------------------------------------------ */

/* A numeric address is held against the certificate's addresses, and is no server name. */
static void expect_host(struct redis_tls *t, const char *host, bool verify)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    bool numeric = host && X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
    ERR_clear_error();
    if (host && !numeric) {
        SSL_set_tlsext_host_name(t->ssl, host);
        if (verify)
            SSL_set1_host(t->ssl, host);
    }
}

struct redis_tls *redis_tls_new(struct redis_tls_context *c, const char *host)
{
    struct redis_tls *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    t->ssl = SSL_new(c->ssl);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out)
        abort();
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_connect_state(t->ssl);
    expect_host(t, host, c->verify);
    SSL_do_handshake(t->ssl);
    ERR_clear_error();
    return t;
}

void redis_tls_free(struct redis_tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    free(t);
}

/* Wanting more bytes is no failure. */
static bool is_failure(struct redis_tls *t, int result, const char **error)
{
    int code = SSL_get_error(t->ssl, result);
    long verified = SSL_get_verify_result(t->ssl);
    unsigned long why = ERR_get_error();
    ERR_clear_error();
    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
        return false;
    const char *text = code == SSL_ERROR_ZERO_RETURN ? "closed by the server"
                       : verified != X509_V_OK       ? X509_verify_cert_error_string(verified)
                       : why                         ? ERR_reason_error_string(why)
                                                     : NULL;
    snprintf(t->error, sizeof(t->error), "TLS: %s", text ? text : "broken");
    *error = t->error;
    return true;
}

bool redis_tls_open(struct redis_tls *t, struct slice wire, struct buf *plain, const char **error)
{
    int n;
    if (BIO_write(t->in, wire.p, (int)wire.n) != (int)wire.n)
        abort(); /* memory */
    do {
        char *room = buf_reserve(plain, PIECE_MAX);
        if (!room) {
            *error = "too large a reply";
            return false;
        }
        n = SSL_read(t->ssl, room, PIECE_MAX);
        if (n > 0)
            plain->n += (size_t)n;
    } while (n > 0);
    return !is_failure(t, n, error);
}

bool redis_tls_seal(struct redis_tls *t, struct buf *plain, struct buf *wire, const char **error)
{
    size_t done = 0;
    bool ok = true;
    while (ok && done < plain->n && SSL_is_init_finished(t->ssl)) {
        size_t left = plain->n - done;
        int n = SSL_write(t->ssl, plain->p + done, (int)(left < PIECE_MAX ? left : PIECE_MAX));
        if (n > 0)
            done += (size_t)n;
        else
            ok = !is_failure(t, n, error);
    }
    buf_consume(plain, done);
    size_t ready = BIO_ctrl_pending(t->out);
    char *room = ready ? buf_reserve(wire, ready) : NULL;
    if (room)
        wire->n += (size_t)BIO_read(t->out, room, (int)ready);
    return ok;
}
