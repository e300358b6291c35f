#ifndef GATEWAY_EXCHANGE_AUTH_H
#define GATEWAY_EXCHANGE_AUTH_H

#include "exchange.h"

/* AUTH: who calls, and whether that caller may use the route: ex->caller, or ex->failure. False:
 * the database is asked for the key; the exchange is stepped again. */
bool exchange_auth(struct exchange *ex);
void exchange_auth_cancel(struct exchange *ex); /* the client is gone */
void exchange_auth_free(struct exchange *ex);

/* Whether the caller's key has money left for a call. False: see ex->failure. */
bool exchange_auth_budget(struct exchange *ex);

#endif
