#ifndef GATEWAY_EXCHANGE_CLIENT_H
#define GATEWAY_EXCHANGE_CLIENT_H

/* From where a request comes, and what general_settings lets anybody from there, or without a key,
 * call. */

#include "exchange.h"

/* The client's address: whom trusted proxies name, else the other end of the connection. Empty: not
 * known. Lives as long as the exchange; is asked for while the client is there. */
struct slice exchange_client(struct exchange *ex);

/* The same as a number. False: there is none, as with a socket that has no addresses. */
bool exchange_address(const struct exchange *ex, struct ip *ip);

/* Where many addresses are one client's (IPv6), what they have in common. */
struct slice exchange_client_group(struct exchange *ex);

/* How many wrong tries to log in that address has; 0: as many as it likes. */
int64_t exchange_client_tries(const struct exchange *ex);

/* AUTH, before a key is looked at: allowed_ips and allowed_routes. False: see ex->failure (403). */
bool exchange_client_may(struct exchange *ex);

/* Whether public_routes has the route. The caller is nobody then, who may look. */
bool exchange_is_public(struct exchange *ex);

/* AUTH, once the caller is known: admin_only_routes, ui_access_mode. False: see ex->failure (403).
 */
bool exchange_admin_only(struct exchange *ex);

#endif
