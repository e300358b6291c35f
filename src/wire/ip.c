#include "wire/ip.h"

#include <arpa/inet.h>
#include <string.h>

#define V4_AT    12 /* where an IPv4 address lies in 16 bytes */
#define V4_BITS  (V4_AT * 8)
#define ALL_BITS 128
#define HOPS_MAX 64 /* looked at in X-Forwarded-For */

static const uint8_t v4_prefix[V4_AT] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, v4_prefix, V4_AT) == 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static struct slice without_port(struct slice text)
{
    ptrdiff_t colon = slice_find_char(text, ':'), close = slice_find_char(text, ']');
    if (slice_starts(text, SLICE("[")) && close > 0)
        return slice_make(text.p + 1, (size_t)close - 1);
    if (colon >= 0 && slice_find_char(slice_skip(text, (size_t)colon + 1), ':') < 0)
        return slice_make(text.p, (size_t)colon);
    return text;
}

static bool parse_bare(struct slice t, struct ip *ip)
{
    char copy[INET6_ADDRSTRLEN];
    if (!t.n || t.n >= sizeof(copy) || memchr(t.p, 0, t.n))
        return false;
    memcpy(copy, t.p, t.n);
    copy[t.n] = 0;
    memcpy(ip->bytes, v4_prefix, V4_AT);
    return inet_pton(AF_INET, copy, ip->bytes + V4_AT) == 1 ||
           inet_pton(AF_INET6, copy, ip->bytes) == 1;
}

bool ip_parse(struct slice text, struct ip *ip)
{
    return parse_bare(without_port(slice_trim(text)), ip);
}

bool ip_range_parse(struct slice text, struct ip_range *range)
{
    struct slice t = slice_trim(text);
    ptrdiff_t slash = slice_find_char(t, '/');
    struct slice address = slash < 0 ? t : slice_make(t.p, (size_t)slash);
    bool v4 = slice_find_char(address, ':') < 0;
    int64_t bits = v4 ? ALL_BITS - V4_BITS : ALL_BITS;
    if (!parse_bare(address, &range->first))
        return false;
    if (slash >= 0) {
        int64_t most = bits;
        if (!slice_to_i64(slice_skip(t, (size_t)slash + 1), &bits) || bits < 0 || bits > most)
            return false;
    }
    range->bits = (unsigned)bits + (v4 ? V4_BITS : 0);
    return true;
}

/* ---- comparing ------------------------------------------------------------------------------- */

bool ip_is_in(const struct ip *ip, const struct ip_range *range)
{
    unsigned whole = range->bits / 8, rest = range->bits % 8;
    if (memcmp(ip->bytes, range->first.bytes, whole) != 0)
        return false;
    return !rest || (ip->bytes[whole] ^ range->first.bytes[whole]) >> (8 - rest) == 0;
}

bool ip_is_in_any(const struct ip *ip, struct ip_ranges ranges)
{
    for (size_t i = 0; i < ranges.n; i++)
        if (ip_is_in(ip, &ranges.v[i]))
            return true;
    return false;
}

struct slice ip_text(const struct ip *ip, struct arena *a)
{
    char text[INET6_ADDRSTRLEN];
    bool v4 = is_v4(ip);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip->bytes + V4_AT : ip->bytes, text, sizeof(text));
    return arena_dup(a, slice_of(text));
}

struct ip ip_group(const struct ip *ip)
{
    struct ip group = *ip;
    if (!is_v4(ip))
        memset(group.bytes + sizeof(group.bytes) / 2, 0, sizeof(group.bytes) / 2);
    return group;
}

/* ---- behind proxies -------------------------------------------------------------------------- */

/* The last member of a list; the list gets shorter by it. p == NULL: there is none. */
static struct slice take_last(struct slice *list)
{
    size_t at = list->n;
    struct slice last;
    if (!list->p)
        return *list;
    while (at > 0 && list->p[at - 1] != ',')
        at--;
    last = slice_trim(slice_skip(*list, at));
    *list = at ? slice_make(list->p, at - 1) : slice_make(NULL, 0);
    return last;
}

void ip_forwarded(struct http_headers headers, struct ip_ranges proxies, struct ip *peer)
{
    unsigned hops = 0;
    for (size_t i = headers.n; i > 0; i--) { /* a proxy may add a line of its own */
        struct slice list = headers.v[i - 1].value, member;
        if (!slice_eq_nocase(headers.v[i - 1].name, SLICE("x-forwarded-for")))
            continue;
        while ((member = take_last(&list)).p) {
            struct ip before;
            if (!ip_is_in_any(peer, proxies) || ++hops > HOPS_MAX || !ip_parse(member, &before))
                return;
            *peer = before;
        }
    }
}
