#include "signature.h"

#include "wire/crypto.h"

#include <string.h>

#define KEY    SLICE("bedrock-sim thinking signature")
#define PREFIX "\x12\xaa\x01\x0a" /* looks like the protobuf of a real one */
#define SIZE   (sizeof(PREFIX) - 1 + SHA256_SIZE)
#define OPAQUE 16 /* bytes of a redacted block that stand for the thinking */

static struct slice encode(const uint8_t *p, size_t n, struct arena *a)
{
    struct buf out;
    buf_init(&out, 1024);
    base64_encode(slice_make((const char *)p, n), &out);
    const struct slice text = arena_dup(a, buf_slice(&out));
    buf_fini(&out);
    return text;
}

struct slice signature_of(struct slice thinking, struct arena *a)
{
    uint8_t bytes[SIZE];
    memcpy(bytes, PREFIX, sizeof(PREFIX) - 1);
    hmac_sha256(KEY, thinking, bytes + sizeof(PREFIX) - 1);
    return encode(bytes, sizeof(bytes), a);
}

bool signature_good(struct slice thinking, struct slice signature, struct arena *a)
{
    return ct_equal(signature_of(thinking, a), signature);
}

struct slice redacted_of(struct slice thinking, struct arena *a)
{
    uint8_t bytes[OPAQUE + SHA256_SIZE], digest[SHA256_SIZE];
    sha256(thinking, digest);
    memcpy(bytes, digest, OPAQUE);
    hmac_sha256(KEY, slice_make((const char *)bytes, OPAQUE), bytes + OPAQUE);
    return encode(bytes, sizeof(bytes), a);
}

bool redacted_good(struct slice data, struct arena *a)
{
    struct slice bytes;
    uint8_t digest[SHA256_SIZE];
    if (!base64_decode(data, a, &bytes) || bytes.n != OPAQUE + SHA256_SIZE)
        return false;
    hmac_sha256(KEY, slice_make(bytes.p, OPAQUE), digest);
    return memcmp(digest, bytes.p + OPAQUE, SHA256_SIZE) == 0;
}
