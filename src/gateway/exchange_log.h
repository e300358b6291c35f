#ifndef GATEWAY_EXCHANGE_LOG_H
#define GATEWAY_EXCHANGE_LOG_H

#include "exchange.h"

/* The one line that an exchange leaves in the log when its reply is out or its client gone. */
void exchange_log(const struct exchange *ex);

/* What is told of a failure to anybody but the client: its message, unless those are Bedrock's
 * words and redact_messages_in_exceptions keeps them back. */
struct slice exchange_log_failure(const struct exchange *ex, const struct failure *f);

#endif
