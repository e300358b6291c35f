/* A vector is the sum of the vectors of its words and, with less weight, of the whole text; each of
 * these is a row of pseudo-random numbers that starts at a hash of the bytes. */

#include "vector.h"

#include "wire/crypto.h"

#include <ctype.h>
#include <math.h>

#define WORD_MAX    64 /* letters of a word that count */
#define WORDS_MAX   20000
#define WHOLE_SHARE 0.5 /* weight of the whole text, against 1 of a word */

static uint64_t seed_of(struct slice bytes)
{
    uint8_t digest[SHA256_SIZE];
    uint64_t seed = 0;
    sha256(bytes, digest);
    for (size_t i = 0; i < 8; i++)
        seed = seed << 8 | digest[i];
    return seed;
}

/* splitmix64 (public domain, S. Vigna); -1 to 1 */
static double next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) / (double)(1ull << 52) - 1;
}

static void add(struct slice bytes, double weight, struct vector *out)
{
    uint64_t state = seed_of(bytes);
    for (size_t i = 0; i < out->n; i++)
        out->v[i] += weight * next(&state);
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || ((unsigned char)c & 0x80);
}

static void add_words(struct slice text, struct vector *out)
{
    char word[WORD_MAX];
    size_t n = 0, words = 0;
    for (size_t i = 0; i <= text.n && words < WORDS_MAX; i++) {
        if (i < text.n && is_word(text.p[i])) {
            if (n < WORD_MAX)
                word[n++] = (char)tolower((unsigned char)text.p[i]);
            continue;
        }
        if (n)
            add(slice_make(word, n), 1, out);
        words += n > 0;
        n = 0;
    }
}

static void scale(struct vector *v, double factor)
{
    for (size_t i = 0; i < v->n; i++)
        v->v[i] = round(v->v[i] * factor * 1e9) / 1e9;
}

void vector_of(struct slice text, size_t n, struct vector *out)
{
    double sum = 0;
    *out = (struct vector){.n = n};
    add_words(text, out);
    add(text, WHOLE_SHARE, out);
    for (size_t i = 0; i < n; i++)
        sum += out->v[i] * out->v[i];
    scale(out, 1 / sqrt(sum));
}

void vector_unscale(struct slice text, struct vector *v)
{
    uint64_t state = seed_of(text);
    scale(v, 6 + 4 * next(&state));
}

/* ---- as JSON ------------------------------------------------------------------------------- */

void vector_write_floats(struct json_writer *w, const struct vector *v)
{
    json_array(w);
    for (size_t i = 0; i < v->n; i++)
        json_number(w, v->v[i]);
    json_array_end(w);
}

/* The largest component is ±127. */
void vector_write_bytes(struct json_writer *w, const struct vector *v, bool is_signed)
{
    double most = 1e-9;
    for (size_t i = 0; i < v->n; i++)
        most = fmax(most, fabs(v->v[i]));
    json_array(w);
    for (size_t i = 0; i < v->n; i++)
        json_integer(w, (int64_t)round(v->v[i] / most * 127) + (is_signed ? 0 : 128));
    json_array_end(w);
}

void vector_write_bits(struct json_writer *w, const struct vector *v)
{
    json_array(w);
    for (size_t i = 0; i < v->n; i++)
        json_integer(w, v->v[i] > 0);
    json_array_end(w);
}

void vector_write_packed(struct json_writer *w, const struct vector *v, bool is_signed)
{
    json_array(w);
    for (size_t i = 0; i + 8 <= v->n; i += 8) {
        int64_t byte = 0;
        for (size_t bit = 0; bit < 8; bit++)
            byte = byte * 2 + (v->v[i + bit] > 0);
        json_integer(w, byte - (is_signed ? 128 : 0));
    }
    json_array_end(w);
}

void vector_write_base64(struct json_writer *w, const struct vector *v)
{
    uint8_t bytes[VECTOR_MAX * 4];
    for (size_t i = 0; i < v->n; i++) {
        const float value = (float)v->v[i];
        uint32_t bits;
        memcpy(&bits, &value, sizeof(bits));
        for (size_t b = 0; b < 4; b++)
            bytes[i * 4 + b] = (uint8_t)(bits >> (8 * b));
    }
    json_string_begin(w);
    base64_encode(slice_make((const char *)bytes, v->n * 4), w->out);
    json_string_end(w);
}
