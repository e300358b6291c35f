/* Hex, base64 and percent-encoding: the text forms of bytes (declared in wire/crypto.h).
 *
 * Happy path: base64 turns 4 characters into 3 bytes by table, whole quads first, then the tail of
 * 2 or 3 characters; images of several megabytes pass through here.
 * Failure modes: a character outside the alphabet, a padding that does not fit or a single left
 * over character make decoding say no; nothing is guessed and white space is not skipped. */

#include "base/text.h"
#include "wire/crypto.h"

#include <string.h>

void hex_encode(const uint8_t *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    *out = '\0';
}

/* ---- base64 -------------------------------------------------------------------------------- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Value of a character plus one; 0 is "not in the alphabet". */
/* clang-format off */
static const uint8_t value_plus_one[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};
/* clang-format on */

static void encode_quad(const uint8_t in[3], char *to)
{
    to[0] = alphabet[in[0] >> 2];
    to[1] = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
    to[2] = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
    to[3] = alphabet[in[2] & 63];
}

void base64_encode(struct slice data, struct buf *out)
{
    size_t quads = data.n / 3, rest = data.n % 3, size = (quads + (rest > 0)) * 4;
    const uint8_t *in = (const uint8_t *)data.p;
    char *to = buf_reserve(out, size);
    if (!to)
        return;
    for (size_t i = 0; i < quads; i++)
        encode_quad(in + i * 3, to + i * 4);
    if (rest) {
        uint8_t tail[3] = {in[quads * 3], rest == 2 ? in[quads * 3 + 1] : 0, 0};
        encode_quad(tail, to + quads * 4);
        memset(to + size - (3 - rest), '=', 3 - rest);
    }
    out->n += size;
}

/* Takes fitting padding off. False: it does not fit, or no such length exists. */
static bool strip_padding(struct slice *text)
{
    size_t pad = 0;
    while (pad < 2 && pad < text->n && text->p[text->n - 1 - pad] == '=')
        pad++;
    if (pad && text->n % 4)
        return false;
    text->n -= pad;
    return text->n % 4 != 1;
}

static bool in_alphabet(struct slice s)
{
    const uint8_t *in = (const uint8_t *)s.p;
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        bool bad = !value_plus_one[in[i]] | !value_plus_one[in[i + 1]] |
                   !value_plus_one[in[i + 2]] | !value_plus_one[in[i + 3]] |
                   !value_plus_one[in[i + 4]] | !value_plus_one[in[i + 5]] |
                   !value_plus_one[in[i + 6]] | !value_plus_one[in[i + 7]];
        if (bad)
            return false;
    }
    for (; i < s.n; i++)
        if (!value_plus_one[in[i]])
            return false;
    return true;
}

bool base64_valid(struct slice text)
{
    return strip_padding(&text) && in_alphabet(text);
}

/* 6 bits; a character outside the alphabet gives a value over 63. */
static uint32_t value_of(uint8_t c)
{
    return (uint32_t)value_plus_one[c] - 1;
}

/* Whether it was good is asked once, at the end. */
static bool decode_quads(const uint8_t *in, size_t quads, uint8_t *to)
{
    uint32_t seen = 0;
    for (size_t i = 0; i < quads; i++, in += 4, to += 3) {
        uint32_t a = value_of(in[0]), b = value_of(in[1]), c = value_of(in[2]), d = value_of(in[3]);
        uint32_t three = a << 18 | b << 12 | c << 6 | d;
        seen |= a | b | c | d;
        to[0] = (uint8_t)(three >> 16);
        to[1] = (uint8_t)(three >> 8);
        to[2] = (uint8_t)three;
    }
    return seen <= 63;
}

bool base64_decode(struct slice text, struct arena *a, struct slice *data)
{
    if (!strip_padding(&text))
        return false;
    size_t quads = text.n / 4, rest = text.n % 4;
    uint8_t *to = arena_alloc(a, quads * 3 + 3);
    const uint8_t *in = (const uint8_t *)text.p;
    if (!decode_quads(in, quads, to))
        return false;
    if (rest) {
        uint8_t tail[4] = {in[quads * 4], in[quads * 4 + 1], 'A', 'A'};
        if (rest == 3)
            tail[2] = in[quads * 4 + 2];
        if (!decode_quads(tail, 1, to + quads * 3))
            return false;
    }
    *data = slice_make((const char *)to, quads * 3 + (rest ? rest - 1 : 0));
    return true;
}

/* ---- base64url ----------------------------------------------------------------------------- */

static void swap(char *p, size_t n, const char from[2], const char to[2])
{
    for (size_t i = 0; i < n; i++)
        p[i] = p[i] == from[0] ? to[0] : p[i] == from[1] ? to[1] : p[i];
}

void base64url_encode(struct slice data, struct buf *out)
{
    size_t before = out->n;
    base64_encode(data, out);
    if (out->overflow)
        return;
    while (out->n > before && out->p[out->n - 1] == '=')
        out->n--;
    swap(out->p + before, out->n - before, "+/", "-_");
}

bool base64url_decode(struct slice text, struct arena *a, struct slice *data)
{
    char *copy = arena_strdup(a, text);
    swap(copy, text.n, "-_", "+/");
    return base64_decode(slice_make(copy, text.n), a, data);
}

/* ---- percent-encoding ---------------------------------------------------------------------- */

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void percent_encode(struct slice s, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    char *start = buf_reserve(out, s.n * 3), *to = start;
    if (!start)
        return;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        if (is_unreserved(s.p[i])) {
            *to++ = s.p[i];
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    out->n += (size_t)(to - start);
}

struct slice percent_decode(struct slice s, struct arena *a)
{
    char *to = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            to[n++] = s.p[i];
            continue;
        }
        if (i + 2 >= s.n)
            return slice_make(NULL, 0);
        int high = text_hex_digit(s.p[i + 1]), low = text_hex_digit(s.p[i + 2]);
        if (high < 0 || low < 0)
            return slice_make(NULL, 0);
        to[n++] = (char)(high << 4 | low);
        i += 2;
    }
    to[n] = '\0';
    return slice_make(to, n);
}
