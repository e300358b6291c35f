#ifndef GATEWAY_EXCHANGE_LOGIN_H
#define GATEWAY_EXCHANGE_LOGIN_H

/* A request of the admin UI: it shows no key, but the cookie of a login (session.h), which must not
 * have ended by logging out, on whichever worker. */

#include "exchange.h"

enum login_result {
    LOGIN_NONE,
    LOGIN_COMING, /* the shared state is asked; the exchange is stepped again */
    LOGIN_DONE,   /* the caller is who logged in, or the failure is set */
    LOGIN_KEY     /* it is the key with that hash */
};

enum login_result exchange_login(struct exchange *ex, struct slice *hash);
void exchange_login_cancel(struct exchange *ex);

/* The failure of a session whose user or key is not there any more. */
void exchange_login_over(struct exchange *ex);

#endif
