#ifndef GATEWAY_EXCHANGE_LOG_H
#define GATEWAY_EXCHANGE_LOG_H

#include "exchange.h"

/* The one line that an exchange leaves in the log when its reply is out or its client gone. */
void exchange_log(const struct exchange *ex);

#endif
