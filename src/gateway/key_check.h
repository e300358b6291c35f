#ifndef GATEWAY_KEY_CHECK_H
#define GATEWAY_KEY_CHECK_H

/* What may be held against a caller of the database before its request is read. Pure. */

#include "caller.h"
#include "llm/failure.h"
#include "routes.h"

/* Whether the key may be used at all at that time (unix ms). False: see failure (401). */
bool key_check(const struct row *key, int64_t now, struct arena *a, struct failure *f);

/* Whether it may call that route: allowed_routes names it as route_match.h says. False: see failure
 * (403). */
bool key_check_route(const struct row *key, const struct route *route, struct slice path,
                     struct arena *a, struct failure *f);

/* Whether its team and project are not blocked. False: see failure (401). */
bool key_check_holders(const struct caller *caller, struct arena *a, struct failure *f);

/* Whether the end user is not blocked. False: see failure (400). */
bool key_check_end_user(const struct caller *caller, struct arena *a, struct failure *f);

#endif
