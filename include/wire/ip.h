#ifndef WIRE_IP_H
#define WIRE_IP_H

/* Addresses of clients, and ranges of them, as people write them: "10.0.0.0/8", "2001:db8::/32",
 * "192.0.2.7". IPv4 and its form inside IPv6 (::ffff:192.0.2.7) are the same address. */

#include "base/arena.h"
#include "wire/http1.h"

struct ip {
    uint8_t bytes[16]; /* IPv4: behind ::ffff: */
};

struct ip_range {
    struct ip first;
    unsigned bits; /* of `bytes`: 96 more than are written behind an IPv4 address */
};

struct ip_ranges {
    const struct ip_range *v;
    size_t n;
};

/* Brackets and a port, as proxies write them ("[::1]:443", "192.0.2.7:80"), are left out. */
bool ip_parse(struct slice text, struct ip *ip);

/* Without "/bits": that address alone. Bits behind the range's own do not matter. */
bool ip_range_parse(struct slice text, struct ip_range *range);

bool ip_is_in(const struct ip *ip, const struct ip_range *range);
bool ip_is_in_any(const struct ip *ip, struct ip_ranges ranges);

/* Its shortest form, in the arena. */
struct slice ip_text(const struct ip *ip, struct arena *a);

/* The range that a single client can choose addresses from: an IPv4 address, or a /64. */
struct ip ip_group(const struct ip *ip);

/* Who is behind the proxies: of the chain client, proxy, …, peer that the X-Forwarded-For headers
 * and the connection tell, the last one that is not in `proxies`. What a client writes itself
 * stands before that, and does not matter. A member that is no address hides what stands before it.
 * `peer` is left as it is if the connection does not come from a proxy. */
void ip_forwarded(struct http_headers headers, struct ip_ranges proxies, struct ip *peer);

#endif
