#include "config/wildcard.h"

struct slice wildcard_match(struct slice pattern, struct slice name)
{
    ptrdiff_t star = slice_find_char(pattern, '*');
    if (star < 0)
        return slice_make(NULL, 0);
    struct slice before = slice_make(pattern.p, (size_t)star);
    struct slice after = slice_skip(pattern, (size_t)star + 1);
    if (name.n <= before.n + after.n || !slice_starts(name, before) || !slice_ends(name, after))
        return slice_make(NULL, 0);
    return slice_make(name.p + before.n, name.n - before.n - after.n);
}

struct slice wildcard_fill(struct slice pattern, struct slice star, struct arena *a)
{
    ptrdiff_t at = slice_find_char(pattern, '*');
    if (at < 0)
        return pattern;
    return ARENA_JOIN(a, slice_make(pattern.p, (size_t)at), star,
                      slice_skip(pattern, (size_t)at + 1));
}

bool deployment_is_wildcard(const struct deployment *d)
{
    return slice_find_char(slice_of(d->bedrock_id), '*') >= 0;
}
