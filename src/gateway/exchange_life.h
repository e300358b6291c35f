#ifndef GATEWAY_EXCHANGE_LIFE_H
#define GATEWAY_EXCHANGE_LIFE_H

/* What the making of an exchange (exchange_life.c) and the mover of its states (exchange.c) ask of
 * each other. */

#include "exchange.h"

/* It is made: HEAD, and its first step in this turn. */
void exchange_begin(struct exchange *ex);

/* It is DONE: all that it owns goes, for turn_bury. */
void exchange_release(struct turn_grave *grave);

#endif
