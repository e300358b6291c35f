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

bool secretbox_open(struct slice salt_key, struct slice sealed, struct arena *a, struct slice *text)
{
    uint8_t key[SHA256_SIZE];
    struct slice box;
    if (!base64url_decode(sealed, a, &box) || box.n < OVERHEAD)
        return false;
    const uint8_t *bytes = (const uint8_t *)box.p;
    size_t n = box.n - OVERHEAD;
    char *plain = arena_zalloc(a, n + 1);
    sha256(salt_key, key);
    if (crypto_secretbox_open_easy((uint8_t *)plain, bytes + NONCE, box.n - NONCE, bytes, key) != 0)
        return false;
    *text = slice_make(plain, n);
    return true;
}
