#ifndef GATEWAY_EXCHANGE_REQUEST_H
#define GATEWAY_EXCHANGE_REQUEST_H

#include "exchange.h"

/* Body and head of the client's request → ex->request, through the route's dialect. The whole body
 * is there; its bytes are used up. False: see ex->failure. */
bool exchange_read_request(struct exchange *ex);

/* The body alone; an empty one, or a form, counts as {}. NULL: see ex->failure. */
yyjson_val *exchange_parse_body(struct exchange *ex);

/* RELAY: the prompt is not needed any more. */
void exchange_release_prompt(struct exchange *ex);

#endif
