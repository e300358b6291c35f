#ifndef GATEWAY_EXCHANGE_ACCEPT_H
#define GATEWAY_EXCHANGE_ACCEPT_H

#include "exchange.h"

/* Whether the whole answer, which is there, is one for this client: of a form that its API can
 * give, and of the schema that it asked for, where that is checked (enable_json_schema_validation).
 * False: see ex->failure. */
bool exchange_accepts(struct exchange *ex);

#endif
