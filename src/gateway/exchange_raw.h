#ifndef GATEWAY_EXCHANGE_RAW_H
#define GATEWAY_EXCHANGE_RAW_H

/* litellm_settings.log_raw_request_response: what is sent to Bedrock and what comes back, in the
 * log. At most EXCHANGE_RAW_MAX of each, in pieces of EXCHANGE_RAW_LINE; what looks like a key
 * is masked, and so are headers that are not known to be harmless. Not with
 * turn_off_message_logging, which forbids it. */

#include "exchange.h"

#define EXCHANGE_RAW_MAX  (16 * 1024) /* bytes */
#define EXCHANGE_RAW_LINE 3000

struct batch_answer;

/* A call is made. */
void exchange_raw_call(struct exchange *ex, const struct http_call *call);

/* Its answer, as it comes (ex->raw: somebody wants it), and its end. */
void exchange_raw_head(struct exchange *ex, int status, struct http_headers headers);
void exchange_raw_data(struct exchange *ex, struct slice bytes);
void exchange_raw_end(struct exchange *ex);

/* The answer of one of several calls. */
void exchange_raw_answer(struct exchange *ex, const struct batch_answer *answer);

#endif
