#ifndef WIRE_CRYPTO_H
#define WIRE_CRYPTO_H

/* Hashes, encodings and random bytes. Random and the constant-time compare are mbedTLS's; SHA-256
 * and HMAC are libcrypto's EVP (SHA-NI: six times faster on a long prompt, and a signature is ten
 * blocks), the one exception to "mbedTLS for crypto". Failures of either library abort: they mean a
 * broken machine. Contexts are kept per thread; a forked child draws random bytes of its own. */

#include "base/arena.h"
#include "base/buf.h"

void crypto_end_thread(void); /* a thread that used any of this ends: its contexts go */

#define SHA256_SIZE 32
#define SHA1_SIZE   20

void sha256(struct slice data, uint8_t digest[SHA256_SIZE]);
void sha1(struct slice data, uint8_t digest[SHA1_SIZE]); /* only for names that others gave */

/* The same of bytes that come in pieces. sha256_end frees it; a digest of NULL only frees. */
struct sha256;
struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *h, struct slice piece);
void sha256_end(struct sha256 *h, uint8_t digest[SHA256_SIZE]);

void hmac_sha256(struct slice key, struct slice data, uint8_t digest[SHA256_SIZE]);

/* True when equal; takes time that depends on the lengths only. */
bool ct_equal(struct slice a, struct slice b);

void random_bytes(void *p, size_t n);

#define GCM_NONCE_SIZE 12
#define GCM_TAG_SIZE   16

/* AES-256-GCM without additional data: nonce, text and tag, one behind the other; `text` has room
 * for what is between them. False: too short, or not sealed with that key. */
bool aes_gcm_open(const uint8_t key[SHA256_SIZE], struct slice sealed, uint8_t *text);

/* RFC 7914 with N = 2^14, r = 8, p = 1: 16 MiB and some 50 ms, which is its purpose. Any thread. */
void scrypt(struct slice password, struct slice salt, uint8_t *out, size_t n);

#define UUID_SIZE 37                   /* with the NUL */
void random_uuid(char out[UUID_SIZE]); /* version 4, lower case */

#define HEX_SIZE(n) ((n)*2 + 1)
void hex_encode(const uint8_t *p, size_t n, char *out); /* lower case, NUL-terminated */

/* SHA-256, so written. */
void sha256_hex(struct slice data, char out[HEX_SIZE(SHA256_SIZE)]);

void base64_encode(struct slice data, struct buf *out);

/* Standard alphabet, padding optional, white space refused; left over bits of the last character
 * may be anything, as in most decoders. False: not base64. */
bool base64_decode(struct slice text, struct arena *a, struct slice *data);
bool base64_valid(struct slice text); /* the same check without decoding */

/* With '-' and '_', as JSON web tokens and PKCE have it: written without padding. */
void base64url_encode(struct slice data, struct buf *out);
bool base64url_decode(struct slice text, struct arena *a, struct slice *data);

/* Percent-encodes everything but A-Z a-z 0-9 - . _ ~ (RFC 3986 unreserved). */
void percent_encode(struct slice s, struct buf *out);
struct slice percent_decode(struct slice s, struct arena *a); /* p == NULL: malformed */

#endif
