#ifndef GATEWAY_QUERY_H
#define GATEWAY_QUERY_H

/* Parameters behind the '?' of a request, percent-encoded, '+' for a space. */

#include "base/arena.h"

/* The first of that name, decoded; p == NULL: not there, or malformed. Lies in the arena. */
struct slice query_get(struct slice query, const char *name, struct arena *a);

/* true, 1, on, yes, t or y, in any case. */
bool query_flag(struct slice query, const char *name, struct arena *a);

#endif
