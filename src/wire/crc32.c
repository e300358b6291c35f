/* CRC-32 of whole slices. Happy path: 64 bytes at a time are folded into four 128-bit remainders
 * (V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction",
 * Intel 2009; the constants are powers of x modulo the polynomial, bit-reflected, from that paper),
 * these into one, that into 32 bits; zlib does the rest, and all of it on other processors. */

#include "wire/crc32.h"

#include <zlib.h>

#define FOLD_MIN ((size_t)64)

#if defined(__x86_64__)
#include <immintrin.h>

#define FOLDING __attribute__((target("pclmul,sse4.1")))

FOLDING static __m128i load(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

FOLDING static __m128i fold(__m128i a, __m128i b, __m128i k)
{
    return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(a, k, 0x00), b),
                         _mm_clmulepi64_si128(a, k, 0x11));
}

/* n is a multiple of 16 and at least FOLD_MIN; the register before and after is inverted. */
FOLDING static uint32_t crc_folded(uint32_t crc, const char *p, size_t n)
{
    const __m128i by_512 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i by_128 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i by_64 = _mm_set_epi64x(0, 0x0163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i low_32 = _mm_setr_epi32(~0, 0, ~0, 0);
    __m128i a = _mm_xor_si128(load(p), _mm_cvtsi32_si128((int)crc));
    __m128i b = load(p + 16), c = load(p + 32), d = load(p + 48);
    for (p += 64, n -= 64; n >= 64; p += 64, n -= 64) {
        a = fold(a, load(p), by_512);
        b = fold(b, load(p + 16), by_512);
        c = fold(c, load(p + 32), by_512);
        d = fold(d, load(p + 48), by_512);
    }
    a = fold(fold(fold(a, b, by_128), c, by_128), d, by_128);
    for (; n >= 16; p += 16, n -= 16)
        a = fold(a, load(p), by_128);
    a = _mm_xor_si128(_mm_srli_si128(a, 8), _mm_clmulepi64_si128(a, by_128, 0x10));
    a = _mm_xor_si128(_mm_srli_si128(a, 4),
                      _mm_clmulepi64_si128(_mm_and_si128(a, low_32), by_64, 0x00));
    __m128i q = _mm_clmulepi64_si128(_mm_and_si128(a, low_32), barrett, 0x10);
    q = _mm_clmulepi64_si128(_mm_and_si128(q, low_32), barrett, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(a, q), 1);
}

static bool can_fold(void)
{
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}
#else
static uint32_t crc_folded(uint32_t crc, const char *p, size_t n)
{
    return ~(uint32_t)crc32_z(~crc, (const Bytef *)p, n);
}

static bool can_fold(void)
{
    return false;
}
#endif

uint32_t crc32_of(struct slice s)
{
    uint32_t crc = 0;
    size_t folded = s.n >= FOLD_MIN && can_fold() ? s.n & ~(size_t)15 : 0;
    if (folded)
        crc = ~crc_folded(~crc, s.p, folded);
    return (uint32_t)crc32_z(crc, (const Bytef *)s.p + folded, s.n - folded);
}
