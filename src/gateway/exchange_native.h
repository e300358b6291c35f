#ifndef GATEWAY_EXCHANGE_NATIVE_H
#define GATEWAY_EXCHANGE_NATIVE_H

#include "exchange.h"

/* The group that a client of Bedrock means: it names one, an alias of one, or, as the SDKs do, the
 * id or ARN of a model. Of several groups that call that model the first counts that the caller
 * may ask for. An id that no deployment has goes to a wildcard, as "bedrock/…" where nothing else
 * serves it. In the arena. */
struct slice exchange_native_group(struct exchange *ex, struct slice name);

/* Sets the failure of what is not passed on of Bedrock's API (agents, knowledge bases). */
void handle_bedrock_unsupported(struct exchange *ex, struct buf *body);

#endif
