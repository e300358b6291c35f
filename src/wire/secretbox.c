#include "wire/secretbox.h"

#include "wire/crypto.h"

#include <sodium/crypto_secretbox.h>
#include <stdlib.h>

#define NONCE    crypto_secretbox_NONCEBYTES
#define OVERHEAD (NONCE + crypto_secretbox_MACBYTES)

void secretbox_seal(struct slice salt_key, struct slice text, struct buf *out)
{
    uint8_t key[SHA256_SIZE];
    size_t before = out->n, n = OVERHEAD + text.n;
    uint8_t *box = malloc(n);
    if (!box)
        abort();
    sha256(salt_key, key);
    random_bytes(box, NONCE);
    crypto_secretbox_easy(box + NONCE, (const uint8_t *)text.p, text.n, box, key);
    base64url_encode(slice_make((const char *)box, n), out);
    while (!out->overflow && (out->n - before) % 4)
        BUF_LITERAL(out, "="); /* as Python's has it */
    free(box);
}

/* HKDF without salt, of one block. */
static void derive(struct slice salt_key, uint8_t key[SHA256_SIZE])
{
    static const char zeros[SHA256_SIZE];
    uint8_t drawn[SHA256_SIZE];
    hmac_sha256(slice_make(zeros, sizeof(zeros)), salt_key, drawn);
    hmac_sha256(slice_make((const char *)drawn, sizeof(drawn)), SLICE("litellm-at-rest-v3\x01"),
                key);
}

static bool open_gcm(const uint8_t key[SHA256_SIZE], struct slice sealed, struct arena *a,
                     struct slice *text)
{
    struct slice box;
    if (!base64url_decode(sealed, a, &box))
        return false;
    char *plain = arena_zalloc(a, box.n + 1);
    if (!aes_gcm_open(key, box, (uint8_t *)plain))
        return false;
    *text = slice_make(plain, box.n - GCM_NONCE_SIZE - GCM_TAG_SIZE);
    return true;
}

bool secretbox_open(struct slice salt_key, struct slice sealed, struct arena *a, struct slice *text)
{
    const struct slice v2 = SLICE("v2:gcm:"), v3 = SLICE("v3:gcm:");
    uint8_t key[SHA256_SIZE];
    struct slice box;
    if (slice_starts(sealed, v3)) {
        derive(salt_key, key);
        return open_gcm(key, slice_skip(sealed, v3.n), a, text);
    }
    sha256(salt_key, key);
    if (slice_starts(sealed, v2))
        return open_gcm(key, slice_skip(sealed, v2.n), a, text);
    if (!base64url_decode(sealed, a, &box) || box.n < OVERHEAD)
        return false;
    const uint8_t *bytes = (const uint8_t *)box.p;
    size_t n = box.n - OVERHEAD;
    char *plain = arena_zalloc(a, n + 1);
    if (crypto_secretbox_open_easy((uint8_t *)plain, bytes + NONCE, box.n - NONCE, bytes, key) != 0)
        return false;
    *text = slice_make(plain, n);
    return true;
}
