/* The only file that sees mbedTLS and libcrypto.
 *
 * Happy path: one fetched SHA-256 and one reused context per thread; one CTR-DRBG per thread,
 * seeded from the system's entropy on first use.
 * Failure modes: none that a caller could handle; whatever fails in these libraries means a broken
 * machine and aborts. A forked child must not repeat its parent's random bytes, so a fork makes
 * every generator seed itself anew. */

#include "wire/crypto.h"

#include <limits.h>
#include <mbedtls/constant_time.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "crypto: %s failed\n", what);
    abort();
}

/* ---- hashes -------------------------------------------------------------------------------- */

static EVP_MD *sha256_method;
static EVP_MAC *hmac_method;
static pthread_once_t methods_once = PTHREAD_ONCE_INIT;

static void fetch_methods(void)
{
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
    hmac_method = EVP_MAC_fetch(NULL, "HMAC", NULL);
    must(sha256_method && hmac_method, "fetching SHA-256");
}

static _Thread_local EVP_MD_CTX *sha256_context;
static _Thread_local EVP_MAC_CTX *hmac_sha256_context;

void sha256(struct slice data, uint8_t digest[SHA256_SIZE])
{
    if (!sha256_context) {
        pthread_once(&methods_once, fetch_methods);
        sha256_context = EVP_MD_CTX_new();
        must(sha256_context, "a SHA-256 context");
    }
    must(EVP_DigestInit_ex2(sha256_context, sha256_method, NULL) &&
             EVP_DigestUpdate(sha256_context, data.p, data.n) &&
             EVP_DigestFinal_ex(sha256_context, digest, NULL),
         "SHA-256");
}

void sha256_hex(struct slice data, char out[HEX_SIZE(SHA256_SIZE)])
{
    uint8_t digest[SHA256_SIZE];
    sha256(data, digest);
    hex_encode(digest, sizeof(digest), out);
}

void sha1(struct slice data, uint8_t digest[SHA1_SIZE])
{
    must(EVP_Digest(data.p, data.n, digest, NULL, EVP_sha1(), NULL), "SHA-1");
}

struct sha256 {
    EVP_MD_CTX *context;
};

struct sha256 *sha256_new(void)
{
    struct sha256 *h = malloc(sizeof(*h));
    must(h, "memory");
    pthread_once(&methods_once, fetch_methods);
    h->context = EVP_MD_CTX_new();
    must(h->context && EVP_DigestInit_ex2(h->context, sha256_method, NULL), "SHA-256");
    return h;
}

void sha256_add(struct sha256 *h, struct slice piece)
{
    must(EVP_DigestUpdate(h->context, piece.p, piece.n), "SHA-256");
}

void sha256_end(struct sha256 *h, uint8_t digest[SHA256_SIZE])
{
    must(!digest || EVP_DigestFinal_ex(h->context, digest, NULL), "SHA-256");
    EVP_MD_CTX_free(h->context);
    free(h);
}

static EVP_MAC_CTX *hmac_context(void)
{
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0),
                                 OSSL_PARAM_construct_end()};
    pthread_once(&methods_once, fetch_methods);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac_method);
    must(context && EVP_MAC_CTX_set_params(context, params), "an HMAC context");
    return context;
}

void hmac_sha256(struct slice key, struct slice data, uint8_t digest[SHA256_SIZE])
{
    const uint8_t none = 0; /* NULL would mean "the last key" */
    if (!hmac_sha256_context)
        hmac_sha256_context = hmac_context();
    must(EVP_MAC_init(hmac_sha256_context, key.n ? (const uint8_t *)key.p : &none, key.n, NULL) &&
             EVP_MAC_update(hmac_sha256_context, (const uint8_t *)data.p, data.n) &&
             EVP_MAC_final(hmac_sha256_context, digest, NULL, SHA256_SIZE),
         "HMAC");
}

bool aes_gcm_open(const uint8_t key[SHA256_SIZE], struct slice sealed, uint8_t *text)
{
    if (sealed.n < GCM_NONCE_SIZE + GCM_TAG_SIZE)
        return false;
    const uint8_t *in = (const uint8_t *)sealed.p;
    size_t n = sealed.n - GCM_NONCE_SIZE - GCM_TAG_SIZE;
    uint8_t tag[GCM_TAG_SIZE], none;
    int written;
    memcpy(tag, in + GCM_NONCE_SIZE + n, sizeof(tag));
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    must(c && n <= INT_MAX && EVP_DecryptInit_ex2(c, EVP_aes_256_gcm(), key, in, NULL) &&
             EVP_DecryptUpdate(c, text, &written, in + GCM_NONCE_SIZE, (int)n) &&
             EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag),
         "AES-GCM");
    bool ok = EVP_DecryptFinal_ex(c, &none, &written) > 0;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

bool ct_equal(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || mbedtls_ct_memcmp(a.p, b.p, a.n) == 0);
}

/* ---- random -------------------------------------------------------------------------------- */

#define POOL_SIZE 512 /* bytes */

static unsigned fork_count = 1; /* only ever written in a child that has one thread */

static void count_fork(void)
{
    fork_count++;
}

static void watch_forks(void)
{
    must(!pthread_atfork(NULL, NULL, count_fork), "pthread_atfork");
}

/* One generator per thread. Small draws (ids) come out of a pool: a call of the generator costs
 * more than its bytes. */
struct generator {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context drbg;
    unsigned seeded_at; /* fork_count then; 0: never */
    uint8_t pool[POOL_SIZE];
    size_t pool_left; /* unused bytes, at the end of the pool */
};

static _Thread_local struct generator thread_generator;

static void free_generator(struct generator *g)
{
    mbedtls_ctr_drbg_free(&g->drbg);
    mbedtls_entropy_free(&g->entropy);
    g->seeded_at = 0;
}

static struct generator *generator(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct generator *g = &thread_generator;
    if (g->seeded_at == fork_count)
        return g;
    pthread_once(&once, watch_forks);
    if (g->seeded_at)
        free_generator(g);
    mbedtls_entropy_init(&g->entropy);
    mbedtls_ctr_drbg_init(&g->drbg);
    must(!mbedtls_ctr_drbg_seed(&g->drbg, mbedtls_entropy_func, &g->entropy, NULL, 0), "seeding");
    g->seeded_at = fork_count;
    g->pool_left = 0;
    return g;
}

void crypto_end_thread(void)
{
    EVP_MD_CTX_free(sha256_context);
    EVP_MAC_CTX_free(hmac_sha256_context);
    if (thread_generator.seeded_at)
        free_generator(&thread_generator);
    sha256_context = NULL;
    hmac_sha256_context = NULL;
}

static void draw(struct generator *g, uint8_t *to, size_t n)
{
    while (n) {
        size_t piece = n < MBEDTLS_CTR_DRBG_MAX_REQUEST ? n : MBEDTLS_CTR_DRBG_MAX_REQUEST;
        must(!mbedtls_ctr_drbg_random(&g->drbg, to, piece), "random");
        to += piece;
        n -= piece;
    }
}

void random_bytes(void *p, size_t n)
{
    struct generator *g = generator();
    if (n > POOL_SIZE / 8) {
        draw(g, p, n);
        return;
    }
    if (n > g->pool_left) {
        draw(g, g->pool, POOL_SIZE);
        g->pool_left = POOL_SIZE;
    }
    uint8_t *from = g->pool + POOL_SIZE - g->pool_left;
    memcpy(p, from, n);
    memset(from, 0, n); /* what was given out is not kept */
    g->pool_left -= n;
}

void random_uuid(char out[UUID_SIZE])
{
    static const uint8_t lengths[] = {4, 2, 2, 2, 6}; /* bytes between the dashes */
    uint8_t b[16], *from = b;
    random_bytes(b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* version 4 */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80); /* RFC 9562 variant */
    for (size_t i = 0; i < sizeof(lengths); i++) {
        hex_encode(from, lengths[i], out);
        from += lengths[i];
        out += 2 * lengths[i];
        *out++ = i + 1 < sizeof(lengths) ? '-' : '\0';
    }
}

/* ---- passwords ----------------------------------------------------------------------------- */

#define SCRYPT_N      16384
#define SCRYPT_R      8
#define SCRYPT_P      1
#define SCRYPT_MEMORY (64u * 1024 * 1024)

void scrypt(struct slice password, struct slice salt, uint8_t *out, size_t n)
{
    must(EVP_PBE_scrypt(password.p ? password.p : "", password.n, (const unsigned char *)salt.p,
                        salt.n, SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY, out, n) == 1,
         "scrypt");
}
