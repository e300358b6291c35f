/* TLS by mbedTLS, whose input and output are buffers of ours.
 *
 * Happy path: the client's bytes are lent to the library for the length of tls_feed, which takes
 * them record by record, shakes hands, and gives out what they say; what the library sends is
 * appended to `out`.
 * Failure modes: a certificate or key that cannot be used (told once, at start or reload); a client
 * that speaks no TLS, an older one, or garbage (the session fails, with an alert where the library
 * writes one). Memory: the library's two record buffers for each connection, 33 KiB; `out` is
 * emptied by its owner after each call. */

#include "tls.h"

#include "wire/crypto.h"

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#define CIPHERS_MAX     32
#define TICKET_LIFE_S   86400
#define RECORD_TEXT_MAX 16384

struct tls_server {
    unsigned refs;
    mbedtls_ssl_config config;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    mbedtls_ssl_ticket_context tickets;
    int ciphers[CIPHERS_MAX + 1]; /* ends with 0 */
};

struct tls {
    struct tls_server *server;
    mbedtls_ssl_context ssl;
    struct slice in; /* lent, inside tls_feed */
    struct buf out;
    bool open; /* the handshake is over */
};

/* The best first: forward secrecy and authenticated encryption. OpenSSL's names differ from
 * IANA's, which mbedTLS uses. */
static const struct {
    const char *openssl, *iana;
} suites[] = {
    {"ECDHE-ECDSA-AES128-GCM-SHA256", "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256"},
    {"ECDHE-RSA-AES128-GCM-SHA256", "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"},
    {"ECDHE-ECDSA-AES256-GCM-SHA384", "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"},
    {"ECDHE-RSA-AES256-GCM-SHA384", "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384"},
    {"ECDHE-ECDSA-CHACHA20-POLY1305", "TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256"},
    {"ECDHE-RSA-CHACHA20-POLY1305", "TLS-ECDHE-RSA-WITH-CHACHA20-POLY1305-SHA256"},
};
#define SUITES (sizeof(suites) / sizeof(*suites))

#if MBEDTLS_VERSION_MAJOR >= 3
static const char *const suites13[] = {"TLS1-3-AES-128-GCM-SHA256", "TLS1-3-AES-256-GCM-SHA384",
                                       "TLS1-3-CHACHA20-POLY1305-SHA256"};
#else
static const char *const suites13[] = {NULL};
#endif

static const char *const protocols[] = {"http/1.1", NULL};

static int randomize(void *unused, unsigned char *p, size_t n)
{
    (void)unused;
    random_bytes(p, n);
    return 0;
}

/* ---- what a listener needs ------------------------------------------------------------------- */

static bool fail(char error[TLS_ERROR_SIZE], const char *what, int rc)
{
    char why[160];
    mbedtls_strerror(rc, why, sizeof(why));
    snprintf(error, TLS_ERROR_SIZE, "%s: %s", what, why);
    return false;
}

static bool read_chain(struct tls_server *s, const struct tls_options *o, char *error)
{
    int rc = mbedtls_x509_crt_parse_file(&s->chain, o->cert_file);
    if (rc > 0)
        snprintf(error, TLS_ERROR_SIZE, "%s: %d of its certificates cannot be read", o->cert_file,
                 rc);
    return rc < 0 ? fail(error, o->cert_file, rc) : rc == 0;
}

static bool read_key(struct tls_server *s, const struct tls_options *o, char *error)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    int rc = mbedtls_pk_parse_keyfile(&s->key, o->key_file, NULL, randomize, NULL);
    int pair = rc ? 0 : mbedtls_pk_check_pair(&s->chain.pk, &s->key, randomize, NULL);
#else
    int rc = mbedtls_pk_parse_keyfile(&s->key, o->key_file, NULL);
    int pair = rc ? 0 : mbedtls_pk_check_pair(&s->chain.pk, &s->key);
#endif
    if (pair)
        snprintf(error, TLS_ERROR_SIZE, "%s is not the key of the certificate in %s", o->key_file,
                 o->cert_file);
    return rc ? fail(error, o->key_file, rc) : pair == 0;
}

static int suite_of(struct slice name)
{
    char text[64];
    if (name.n >= sizeof(text))
        return 0;
    snprintf(text, sizeof(text), "%.*s", SLICE_ARG(name));
    for (size_t i = 0; i < SUITES; i++)
        if (strcmp(text, suites[i].openssl) == 0)
            return mbedtls_ssl_get_ciphersuite_id(suites[i].iana);
    for (char *p = text; *p; p++)
        *p = *p == '_' ? '-' : *p;
    return mbedtls_ssl_get_ciphersuite_id(text);
}

static void add_suite(struct tls_server *s, size_t *n, int id)
{
    if (id && *n < CIPHERS_MAX)
        s->ciphers[(*n)++] = id;
}

static bool choose_suites(struct tls_server *s, const struct tls_options *o, char *error)
{
    struct slice rest = slice_of(o->ciphers);
    size_t n = 0;
    for (size_t i = 0; i < sizeof(suites13) / sizeof(*suites13) && suites13[i]; i++)
        add_suite(s, &n, mbedtls_ssl_get_ciphersuite_id(suites13[i]));
    for (size_t i = 0; !rest.n && i < SUITES; i++)
        add_suite(s, &n, mbedtls_ssl_get_ciphersuite_id(suites[i].iana));
    while (rest.n) {
        struct slice name = slice_trim(slice_split(&rest, ':'));
        int id = suite_of(name);
        if (!id) {
            snprintf(error, TLS_ERROR_SIZE, "there is no cipher %.*s here", SLICE_ARG(name));
            return false;
        }
        add_suite(s, &n, id);
    }
    return true;
}

static bool set_up(struct tls_server *s, char *error)
{
    int rc = mbedtls_ssl_config_defaults(&s->config, MBEDTLS_SSL_IS_SERVER,
                                         MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(&s->config, randomize, NULL);
    if (!rc)
        rc = mbedtls_ssl_conf_own_cert(&s->config, &s->chain, &s->key);
    if (!rc)
        rc = mbedtls_ssl_conf_alpn_protocols(&s->config, (const char **)protocols);
    if (!rc)
        rc = mbedtls_ssl_ticket_setup(&s->tickets, randomize, NULL, MBEDTLS_CIPHER_AES_256_GCM,
                                      TICKET_LIFE_S);
    if (rc)
        return fail(error, "TLS", rc);
    mbedtls_ssl_conf_session_tickets_cb(&s->config, mbedtls_ssl_ticket_write,
                                        mbedtls_ssl_ticket_parse, &s->tickets);
    mbedtls_ssl_conf_ciphersuites(&s->config, s->ciphers);
#if MBEDTLS_VERSION_MAJOR >= 3
    mbedtls_ssl_conf_min_tls_version(&s->config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    mbedtls_ssl_conf_min_version(&s->config, MBEDTLS_SSL_MAJOR_VERSION_3,
                                 MBEDTLS_SSL_MINOR_VERSION_3);
#endif
    return true;
}

struct tls_server *tls_server_new(const struct tls_options *o, char error[TLS_ERROR_SIZE])
{
    struct tls_server *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->refs = 1;
    mbedtls_ssl_config_init(&s->config);
    mbedtls_x509_crt_init(&s->chain);
    mbedtls_pk_init(&s->key);
    mbedtls_ssl_ticket_init(&s->tickets);
#if MBEDTLS_VERSION_MAJOR >= 3
    psa_crypto_init(); /* TLS 1.3 stands on it; without, the handshake fails */
#endif
    if (read_chain(s, o, error) && read_key(s, o, error) && choose_suites(s, o, error) &&
        set_up(s, error))
        return s;
    tls_server_unref(s);
    return NULL;
}

struct tls_server *tls_server_ref(struct tls_server *s)
{
    s->refs++;
    return s;
}

void tls_server_unref(struct tls_server *s)
{
    if (!s || --s->refs)
        return;
    mbedtls_ssl_config_free(&s->config);
    mbedtls_ssl_ticket_free(&s->tickets);
    mbedtls_pk_free(&s->key);
    mbedtls_x509_crt_free(&s->chain);
    free(s);
}

/* ---- a session ------------------------------------------------------------------------------- */

static int send_bytes(void *user, const unsigned char *p, size_t n)
{
    struct tls *t = user;
    buf_add(&t->out, slice_make((const char *)p, n));
    return (int)n;
}

static int receive_bytes(void *user, unsigned char *p, size_t n)
{
    struct tls *t = user;
    if (!t->in.n)
        return MBEDTLS_ERR_SSL_WANT_READ;
    n = n < t->in.n ? n : t->in.n;
    memcpy(p, t->in.p, n);
    t->in = slice_skip(t->in, n);
    return (int)n;
}

struct tls *tls_new(struct tls_server *s)
{
    struct tls *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    t->server = tls_server_ref(s);
    buf_init(&t->out, SIZE_MAX); /* as much as the connection is given, and a little more */
    mbedtls_ssl_init(&t->ssl);
    if (mbedtls_ssl_setup(&t->ssl, &s->config))
        abort(); /* out of memory */
    mbedtls_ssl_set_bio(&t->ssl, t, send_bytes, receive_bytes, NULL);
    return t;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    mbedtls_ssl_free(&t->ssl);
    buf_fini(&t->out);
    tls_server_unref(t->server);
    free(t);
}

struct buf *tls_out(struct tls *t)
{
    return &t->out;
}

static bool is_wait(int rc)
{
    return rc == MBEDTLS_ERR_SSL_WANT_READ || rc == MBEDTLS_ERR_SSL_WANT_WRITE;
}

static enum tls_result shake_hands(struct tls *t)
{
    int rc = mbedtls_ssl_handshake(&t->ssl);
    t->open = rc == 0;
    return rc == 0 || is_wait(rc) ? TLS_GOES_ON : TLS_FAILED;
}

enum tls_result tls_feed(struct tls *t, struct slice in,
                         void (*plain)(void *user, struct slice bytes), void *user)
{
    unsigned char text[RECORD_TEXT_MAX];
    int n = 0;
    t->in = in;
    if (!t->open) {
        enum tls_result r = shake_hands(t);
        if (!t->open)
            return r;
    }
    while ((n = mbedtls_ssl_read(&t->ssl, text, sizeof(text))) > 0)
        plain(user, slice_make((const char *)text, (size_t)n));
    if (is_wait(n))
        return TLS_GOES_ON;
    return n == 0 || n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ? TLS_ENDED : TLS_FAILED;
}

void tls_write(struct tls *t, struct slice plain)
{
    while (plain.n) {
        int n = mbedtls_ssl_write(&t->ssl, (const unsigned char *)plain.p, plain.n);
        if (n <= 0)
            return; /* the session has failed: what is cut off shows as such to the client */
        plain = slice_skip(plain, (size_t)n);
    }
}

void tls_end(struct tls *t)
{
    if (t->open)
        mbedtls_ssl_close_notify(&t->ssl);
}
