#ifndef GATEWAY_EXCHANGE_AUTH_H
#define GATEWAY_EXCHANGE_AUTH_H

#include "exchange.h"

/* AUTH: who calls, and whether that caller may use the route: ex->caller, or ex->failure. False:
 * the database is asked; the exchange is stepped again. */
bool exchange_auth(struct exchange *ex);
void exchange_auth_cancel(struct exchange *ex); /* the client is gone */
void exchange_auth_free(struct exchange *ex);

/* Once the request is read: the end user and the tags that it names. */
void exchange_auth_request(struct exchange *ex);
/* What the database says of these. False: it is asked; the exchange is stepped again. Else see
 * ex->failure. */
bool exchange_auth_holders(struct exchange *ex);

#endif
