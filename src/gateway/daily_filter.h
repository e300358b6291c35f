#ifndef GATEWAY_DAILY_FILTER_H
#define GATEWAY_DAILY_FILTER_H

/* What the routes of …/daily/activity have in common: whose table it is, and which rows of it a
 * caller asks for and may see. */

#include "report_teams.h"

struct daily_route {
    const char *begins; /* of the path */
    enum store_table_id table;
    enum store_table_id names;             /* of the entities … */
    const char *name_columns[3];           /* … their id, and what is told of them */
    const char *entity, *asked, *excluded; /* column and parameters; NULL: there is none */
    int64_t page_size;
    bool list; /* the parameter is one */
};

const struct daily_route *daily_route_of(const struct exchange *ex);

/* Calls `next` with the teams that daily_filter_read wants. */
void daily_with_teams(struct exchange *ex, const struct daily_route *r, report_teams_next *next);

/* False: the failure is set. */
bool daily_filter_read(struct exchange *ex, const struct daily_route *r, struct slice teams,
                       struct report_filter *f, struct report_days *days);

/* Three statements: keys, deleted keys (token, key_alias, team_id, user_id), and entities
 * (name_columns). Lists for STORE_IN. */
void daily_select_names(struct store_job *job, const struct daily_route *r, struct slice keys,
                        struct slice entities);

#endif
