#ifndef BASE_SLICE_H
#define BASE_SLICE_H

/* Pointer + length views of bytes that somebody else owns. Never NUL-terminated unless said so.
 * An empty slice may have p == NULL. All functions are pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p; /* first byte, owned elsewhere */
    size_t n;      /* bytes */
};

#define SLICE(literal) ((struct slice){.p = "" literal, .n = sizeof(literal) - 1})
/* The same in a static table. */
#define SLICE_CONST(literal)                                                                       \
    {                                                                                              \
        .p = "" literal, .n = sizeof(literal) - 1                                                  \
    }

/* For printf's "%.*s". */
#define SLICE_ARG(s) (int)(s).n, (s).n ? (s).p : ""

/* The smallest are inline: they stand in every loop. */
static inline struct slice slice_make(const char *p, size_t n)
{
    return (struct slice){.p = p, .n = n};
}

static inline struct slice slice_of(const char *s) /* NULL gives the empty slice */
{
    return slice_make(s, s ? strlen(s) : 0);
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline struct slice slice_skip(struct slice s,
                                      size_t n) /* without its first n bytes; n <= s.n */
{
    return s.p ? slice_make(s.p + n, s.n - n) : s;
}

bool slice_eq_nocase(struct slice a, struct slice b); /* ASCII only */
bool slice_starts(struct slice s, struct slice prefix);
bool slice_starts_nocase(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
struct slice slice_trim(struct slice s); /* without ASCII white space at both ends */
bool slice_is_blank(struct slice s);     /* nothing but ASCII white space */

/* `value` in decimal, in the last bytes of `room`. */
#define SLICE_DIGITS 20
struct slice slice_digits(int64_t value, char room[SLICE_DIGITS]);

/* A sum of money (USD) with up to 12 decimals, no exponent, no needless zeros: "0.000255". Rounded;
 * beyond ±9 million, or not a number: "0". */
#define SLICE_MONEY 24
struct slice slice_money(double value, char room[SLICE_MONEY]);

/* Offset of the first occurrence, or -1. */
ptrdiff_t slice_find(struct slice s, struct slice needle);
ptrdiff_t slice_find_char(struct slice s, char c);

/* Cuts the part before the first `sep` off `*rest` and returns it; when there is no `sep` the
 * whole of `*rest` is returned and `*rest` becomes empty with p == NULL. */
struct slice slice_split(struct slice *rest, char sep);

/* Whole slice as a decimal integer or a decimal number; false when it is not one, or overflows. */
bool slice_to_i64(struct slice s, int64_t *value);
bool slice_to_double(struct slice s, double *value);

#endif
