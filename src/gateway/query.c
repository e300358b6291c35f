#include "query.h"

#include "wire/crypto.h"

/* Percent-decoding leaves '+' alone. */
static struct slice decode(struct slice s, struct arena *a)
{
    struct slice copy = arena_dup(a, s);
    char *p = (char *)(uintptr_t)copy.p;
    for (size_t i = 0; i < copy.n; i++)
        if (p[i] == '+')
            p[i] = ' ';
    return percent_decode(copy, a);
}

struct slice query_get(struct slice query, const char *name, struct arena *a)
{
    while (query.n) {
        struct slice value = slice_split(&query, '&');
        struct slice key = slice_split(&value, '=');
        if (slice_eq(decode(key, a), slice_of(name)))
            return value.p ? decode(value, a) : SLICE("");
    }
    return slice_make(NULL, 0);
}

bool query_flag(struct slice query, const char *name, struct arena *a)
{
    static const char *const yes[] = {"true", "1", "on", "yes", "t", "y"};
    struct slice value = query_get(query, name, a);
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
        if (slice_eq_nocase(value, slice_of(yes[i])))
            return true;
    return false;
}
