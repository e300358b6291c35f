#include "base/text.h"

/* Bytes of the well-formed UTF-8 sequence at `p` (Unicode 15, table 3-7), or 0. */
static size_t sequence_length(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80, high = 0xbf; /* bounds of the second byte */
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] > 0xf4 || length > n)
        return 0;
    switch (p[0]) {
    case 0xe0: low = 0xa0; break;  /* shorter forms exist below */
    case 0xed: high = 0x9f; break; /* surrogates above */
    case 0xf0: low = 0x90; break;  /* shorter forms */
    case 0xf4: high = 0x8f; break; /* beyond U+10FFFF */
    default: break;
    }
    if (length > 1 && (p[1] < low || p[1] > high))
        return 0;
    for (size_t i = 2; i < length; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return length;
}

#define WORD   sizeof(uint64_t)
#define STRIDE (4 * WORD)

#define TOP_BITS UINT64_C(0x8080808080808080)

static bool is_ascii_word(const char *p)
{
    uint64_t word;
    memcpy(&word, p, WORD);
    return !(word & TOP_BITS);
}

static bool is_ascii_stride(const char *p)
{
    uint64_t words[STRIDE / WORD];
    memcpy(words, p, STRIDE);
    return !((words[0] | words[1] | words[2] | words[3]) & TOP_BITS);
}

/* Short ones, mostly: whole words, the last of which may overlap the one before. */
static bool is_ascii(struct slice s)
{
    unsigned char any = 0;
    if (s.n >= WORD) {
        for (size_t i = 0; i + WORD < s.n; i += WORD)
            if (!is_ascii_word(s.p + i))
                return false;
        return is_ascii_word(s.p + s.n - WORD);
    }
    for (size_t i = 0; i < s.n; i++)
        any |= (unsigned char)s.p[i];
    return any < 0x80;
}

/* Bytes of the longest step from `p`, or 0. */
static size_t step_length(const char *p, size_t n)
{
    if (n >= STRIDE && is_ascii_stride(p))
        return STRIDE;
    if (n >= WORD && is_ascii_word(p))
        return WORD;
    return sequence_length((const unsigned char *)p, n);
}

size_t text_utf8_prefix(struct slice s)
{
    size_t i = 0;
    if (s.n < 2 * STRIDE && is_ascii(s)) /* nearly always */
        return s.n;
    for (size_t step; i < s.n && (step = step_length(s.p + i, s.n - i)); i += step)
        ;
    return i;
}

bool text_is_utf8(struct slice s)
{
    return text_utf8_prefix(s) == s.n;
}

#define REPLACEMENT SLICE("\xef\xbf\xbd") /* U+FFFD */

void text_add_utf8(struct buf *b, struct slice s)
{
    for (size_t good; (good = text_utf8_prefix(s)) < s.n; s = slice_skip(s, good + 1)) {
        buf_add(b, slice_make(s.p, good));
        buf_add(b, REPLACEMENT);
    }
    buf_add(b, s);
}

struct slice text_dup_utf8(struct arena *a, struct slice s)
{
    struct buf mended;
    if (text_is_utf8(s)) /* nearly always */
        return arena_dup(a, s);
    buf_init(&mended, s.n * REPLACEMENT.n);
    text_add_utf8(&mended, s);
    struct slice copy = arena_dup(a, buf_slice(&mended));
    buf_fini(&mended);
    return copy;
}

/* C0, DEL, and C1 (U+0080 to U+009F), whose U+009B begins what terminals obey, too. */
static bool is_control(const unsigned char *p)
{
    return *p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0);
}

void text_clean(char *p, size_t n)
{
    for (size_t i = 0, length; i < n; i += length) {
        if (p[i] >= 0x20 && p[i] < 0x7f) { /* nearly always */
            length = 1;
            continue;
        }
        length = sequence_length((const unsigned char *)p + i, n - i);
        if (!length) {
            p[i] = '?';
            length = 1;
        } else if (is_control((const unsigned char *)p + i)) {
            memset(p + i, ' ', length);
        }
    }
}

/* Bytes of the white space that ends at `end`, or 0. */
static size_t space_before(const unsigned char *end, size_t n)
{
    unsigned char a = n > 2 ? end[-3] : 0, b = n > 1 ? end[-2] : 0, c = end[-1];
    if (c < 0x80)
        return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
    if (b == 0xc2) /* U+0085, U+00A0 */
        return c == 0x85 || c == 0xa0 ? 2 : 0;
    if (a == 0xe2 && b == 0x80) /* U+2000 to 200A, 2028, 2029, 202F */
        return c <= 0x8a || c == 0xa8 || c == 0xa9 || c == 0xaf ? 3 : 0;
    return (a == 0xe1 && b == 0x9a && c == 0x80) || (a == 0xe2 && b == 0x81 && c == 0x9f) ||
                   (a == 0xe3 && b == 0x80 && c == 0x80)
               ? 3
               : 0; /* U+1680, U+205F, U+3000 */
}

struct slice text_trim_end(struct slice s)
{
    for (size_t n; s.n && (n = space_before((const unsigned char *)s.p + s.n, s.n));)
        s.n -= n;
    return s;
}

int text_compare(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}
