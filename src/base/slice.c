#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq(slice_make(s.p, prefix.n), prefix);
}

bool slice_starts_nocase(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq_nocase(slice_make(s.p, prefix.n), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n && slice_eq(slice_skip(s, s.n - suffix.n), suffix);
}

struct slice slice_trim(struct slice s)
{
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    while (s.n && is_space(*s.p))
        s = slice_skip(s, 1);
    return s;
}

bool slice_is_blank(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_space(s.p[i]))
            return false;
    return true;
}

ptrdiff_t slice_find(struct slice s, struct slice needle)
{
    if (!needle.n)
        return 0;
    const char *at = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return at ? at - s.p : -1;
}

ptrdiff_t slice_find_char(struct slice s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? at - s.p : -1;
}

struct slice slice_split(struct slice *rest, char sep)
{
    struct slice all = *rest;
    ptrdiff_t at = slice_find_char(all, sep);
    if (at < 0) {
        *rest = slice_make(NULL, 0);
        return all;
    }
    *rest = slice_skip(all, (size_t)at + 1);
    return slice_make(all.p, (size_t)at);
}

bool slice_to_i64(struct slice s, int64_t *value)
{
    bool negative = s.n && *s.p == '-';
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    uint64_t v = 0;
    if (negative)
        s = slice_skip(s, 1);
    if (!s.n)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(s.p[i] - '0');
        if (digit > 9 || v > (limit - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *value = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* strtod also reads hexadecimal, "inf" and "nan": none of these is a decimal number. */
bool slice_to_double(struct slice s, double *value)
{
    char text[64], *end;
    if (!s.n || s.n >= sizeof(text))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (strspn(text, "0123456789+-.eE") != s.n)
        return false;
    *value = strtod(text, &end);
    return end == text + s.n && *value - *value == 0; /* infinity: it overflowed */
}

struct slice slice_digits(int64_t value, char room[SLICE_DIGITS])
{
    uint64_t v = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char *p = room + SLICE_DIGITS;
    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    if (value < 0)
        *--p = '-';
    return slice_make(p, (size_t)(room + SLICE_DIGITS - p));
}

#define MONEY_UNITS    1e12 /* to one */
#define MONEY_DECIMALS 12
#define MONEY_MAX      9e6

struct slice slice_money(double value, char room[SLICE_MONEY])
{
    bool sane = value >= -MONEY_MAX && value <= MONEY_MAX;
    double units = sane ? value * MONEY_UNITS : 0;
    int64_t rounded = (int64_t)(units < 0 ? units - 0.5 : units + 0.5);
    uint64_t v = rounded < 0 ? 0 - (uint64_t)rounded : (uint64_t)rounded;
    char *end = room + SLICE_MONEY, *p = end;
    for (int i = 0; i < MONEY_DECIMALS; i++, v /= 10)
        if (p != end || v % 10)
            *--p = (char)('0' + v % 10);
    if (p != end)
        *--p = '.';
    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    if (rounded < 0)
        *--p = '-';
    return slice_make(p, (size_t)(end - p));
}
