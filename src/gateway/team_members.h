#ifndef GATEWAY_TEAM_MEMBERS_H
#define GATEWAY_TEAM_MEMBERS_H

/* Who belongs to a team stands in three places, which change together: the team's
 * members_with_roles ([{user_id, user_email, role}]), the users' `teams`, and a row of
 * LiteLLM_TeamMembership for each, with what was spent and perhaps a budget. */

#include "admin.h"

struct team_member {
    struct slice id, email, role; /* id or email may be empty until they are looked up */
};

struct team_members {
    struct team_member v[ADMIN_IDS_MAX + 1];
    size_t n;
};

/* A member ({user_id, user_email, role}), or a list of such. False: see ex->failure. */
bool team_members_read(struct exchange *ex, yyjson_val *json, const char *name,
                       struct team_members *m);
void team_members_add(struct team_members *m, struct slice id, const char *role);

/* Asks for their rows in LiteLLM_UserTable: two statements, by id and by e-mail address. */
size_t team_members_select(struct exchange *ex, struct store_job *job,
                           const struct team_members *m);

/* A job that asks for the rows of `table` with that id, then for those of the members. NULL: no
 * database; the failure is set. */
struct store_job *team_members_job(struct exchange *ex, enum store_table_id table,
                                   const char *column, struct slice id,
                                   const struct team_members *m);

/* Gives each the id it has, or a new one; `statement` of the job that next was called for. */
void team_members_resolve(struct exchange *ex, size_t statement, struct team_members *m);

/* The one of a team with that id, or else that address. NULL: none has it. */
yyjson_val *team_members_find(yyjson_val *members, struct slice id, struct slice email);

/* members_with_roles: `old` (a list, or nothing) without `gone` (or NULL), and with `m`. */
struct slice team_members_json(struct exchange *ex, yyjson_val *old, yyjson_val *gone,
                               const struct team_members *m);

/* Their rows: users are made, or get the team; memberships are made, with that budget or (empty)
 * none. After team_members_resolve, for the same `statement`. */
void team_members_join(struct exchange *ex, struct store_job *job, size_t statement,
                       const struct team_members *m, struct slice team, struct slice budget);

/* The users (rows with all columns) lose the team. */
void team_members_leave(struct exchange *ex, struct store_job *job, const struct store_rows *users,
                        struct slice team);

#endif
