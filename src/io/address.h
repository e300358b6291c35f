#ifndef IO_ADDRESS_H
#define IO_ADDRESS_H

/* Whether an address belongs to the public Internet: one that anybody may ask this program to
 * connect to, without reaching this machine, its networks or a cloud's metadata service.
 *
 * Public are the globally reachable unicast addresses of IANA's special-purpose registries
 * (RFC 6890 and its updates); of IPv6 only 2000::/3, the global unicast space in use. An IPv4
 * address inside an IPv6 one (mapped, NAT64 64:ff9b::/96, 6to4) counts as itself. Pure. */

#include <stdbool.h>
#include <sys/socket.h>

bool address_is_public(const struct sockaddr *address); /* other families: false */

/* The same of a numeric address in its canonical spelling, as inet_ntop writes it. */
bool address_text_is_public(const char *text);

#endif
