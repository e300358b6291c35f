#ifndef GATEWAY_EXCHANGE_SPEND_H
#define GATEWAY_EXCHANGE_SPEND_H

#include "exchange.h"

/* What a request cost, told to the database (state/spend.h); nothing where there is none, and for
 * routes that call no model.
 *
 * Once the request is read, or found unreadable: notes what will be gone when it ends. */
void exchange_spend_begin(struct exchange *ex);
/* The tags that the client gives, a JSON list; in the arena. */
struct slice exchange_tags(struct exchange *ex);
/* The exchange ends: hands it in. */
void exchange_spend_end(struct exchange *ex);

#endif
