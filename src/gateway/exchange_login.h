#ifndef GATEWAY_EXCHANGE_LOGIN_H
#define GATEWAY_EXCHANGE_LOGIN_H

/* A request of the admin UI: it shows no key, but the cookie of a login (session.h). */

#include "exchange.h"

/* False: it is none. True: the caller is who logged in, or the failure is set. */
bool exchange_login(struct exchange *ex);

#endif
