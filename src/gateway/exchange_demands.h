#ifndef GATEWAY_EXCHANGE_DEMANDS_H
#define GATEWAY_EXCHANGE_DEMANDS_H

/* What a call of a model must say, and may not, by general_settings, its key and its team. */

#include "exchange.h"

/* ADMIT, once the request is read, and whom it names. False: see ex->failure. */
bool exchange_demands_met(struct exchange *ex);

#endif
