#ifndef GATEWAY_REPORT_TEAMS_H
#define GATEWAY_REPORT_TEAMS_H

/* Whoever is an admin of a team sees what the team spent, besides its own. */

#include "report.h"

/* `teams`: a list for STORE_IN, empty for most; in the arena. */
typedef void report_teams_next(struct exchange *ex, struct slice teams);

/* Calls `next`, at once where nothing needs to be asked. ex->own.state stays what it is. */
void report_with_teams(struct exchange *ex, report_teams_next *next);

bool report_teams_has(struct exchange *ex, struct slice teams, struct slice team);

/* Who sees not everything sees rows whose `column` is `value`, or that belong to these teams. */
void report_filter_own_or_teams(struct exchange *ex, struct report_filter *f, const char *column,
                                struct slice value, struct slice teams);

#endif
