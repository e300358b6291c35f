#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

/* The simulator's own routes, for tests: /_sim/health, /_sim/stats, /_sim/requests?last=N and
 * POST /_sim/reset. Not signed. */

#include "journal.h"
#include "service.h"

bool control_owns(const struct http_head *head); /* the path is one of ours */

/* Answers into `out`; returns the HTTP status. */
int control_answer(struct journal *j, struct service *s, const struct http_head *head, int64_t now,
                   struct buf *out);

#endif
