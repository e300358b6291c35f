#include "attempts.h"

#include "wire/crypto.h"

#include <string.h>

int64_t attempts_count(struct attempts *a, struct slice text)
{
    uint8_t digest[SHA256_SIZE];
    sha256(text, digest);
    for (size_t i = 0; i < a->n; i++)
        if (memcmp(a->v[i].digest, digest, sizeof(a->v[i].digest)) == 0)
            return a->v[i].count++;
    memcpy(a->v[a->next].digest, digest, sizeof(a->v[a->next].digest));
    a->v[a->next].count = 1;
    a->next = (a->next + 1) % ATTEMPTS_MAX;
    a->n += a->n < ATTEMPTS_MAX;
    return 0;
}
