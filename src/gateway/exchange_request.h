#ifndef GATEWAY_EXCHANGE_REQUEST_H
#define GATEWAY_EXCHANGE_REQUEST_H

#include "exchange.h"

/* Body and head of the client's request → ex->request, through the route's dialect. The whole body
 * is there; its bytes are used up. False: see ex->failure. */
bool exchange_read_request(struct exchange *ex);

/* The body alone; an empty one, or a form, counts as {}. NULL: see ex->failure. */
yyjson_val *exchange_parse_body(struct exchange *ex);

/* The model: named in the path, in the body, or by completion_model → ex->asked_model, and
 * ex->request.model, what the caller calls so. */
void exchange_name_model(struct exchange *ex);

/* RELAY: the prompt is not needed any more. */
void exchange_release_prompt(struct exchange *ex);

#endif
