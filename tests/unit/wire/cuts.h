#ifndef TESTS_UNIT_WIRE_CUTS_H
#define TESTS_UNIT_WIRE_CUTS_H

/* Ways to cut input into pieces, for decoders that must not care. Shared with the fuzz targets.
 * Each piece is a heap block of its own, so that AddressSanitizer sees reads beyond it and uses
 * after it. */

#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

struct cuts {
    const uint8_t *sizes; /* sizes of the pieces, used round and round; 0 is an empty piece */
    size_t n;             /* 0: the input in one piece */
    size_t at;
};

/* The next piece of `*rest`, moved off it; the caller frees `.p`. */
static inline struct slice cuts_next(struct cuts *c, struct slice *rest)
{
    size_t n = c->n ? c->sizes[c->at++ % c->n] : rest->n;
    if (n > rest->n || c->at > 4 * (rest->n + c->n) + 64)
        n = rest->n; /* nothing but empty pieces: come to an end */
    char *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    if (n)
        memcpy(copy, rest->p, n);
    *rest = slice_skip(*rest, n);
    return (struct slice){.p = copy, .n = n};
}

#define CUTS_RANDOM 16

/* Seeded sizes, mostly small (xorshift64). */
static inline struct cuts cuts_random(uint64_t *seed, uint8_t sizes[CUTS_RANDOM])
{
    for (size_t i = 0; i < CUTS_RANDOM; i++) {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        sizes[i] = (uint8_t)(*seed >> 32) >> (*seed & 7);
    }
    return (struct cuts){.sizes = sizes, .n = CUTS_RANDOM};
}

#endif
