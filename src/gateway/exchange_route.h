#ifndef GATEWAY_EXCHANGE_ROUTE_H
#define GATEWAY_EXCHANGE_ROUTE_H

#include "exchange.h"

/* A deployment for the request, of the group that `name` stands for; those that were called before
 * last. False: ex->failure says why there is none, and ex->deployment is NULL. */
bool exchange_pick(struct exchange *ex, struct slice name);

/* ex->deployment was chosen and has a call more; it is on its way; it ended, with ex->failure and
 * ex->usage as they are (or came to nothing). Each call begins once; what has ended, or never
 * began, may end again. */
void exchange_call_begun(struct exchange *ex);
void exchange_call_dropped(struct exchange *ex); /* it came to nothing: as if it had not begun */
void exchange_call_sent(struct exchange *ex);
void exchange_call_ended(struct exchange *ex);

/* The session that the client says it belongs to, in the head or its metadata; or empty. */
struct slice exchange_session(const struct exchange *ex);
/* The same for rows and callbacks: one that is made (missing_session_id) counts. Lives as long as
 * the exchange. */
struct slice exchange_told_session(struct exchange *ex);

#endif
