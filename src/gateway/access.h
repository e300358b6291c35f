#ifndef GATEWAY_ACCESS_H
#define GATEWAY_ACCESS_H

/* Who may manage what without being an admin of the proxy: admins of a team what belongs to it,
 * its members what they may see, admins of an organization its teams, and everybody what is their
 * own. A route says which of these it is for (route.also); whom a request concerns it says itself,
 * by team_id, team_ids, organization_id, or user_id, or the path says it (/team/{item}/…).
 *
 * access_handle stands in front of such a route's handler: it asks the database for the caller's
 * teams and organizations and for those that the request names, refuses (403) or calls the handler,
 * which may ask further. */

#include "admin.h"

/* Bits of route.also. */
enum access_who {
    ACCESS_TEAM_ADMIN = 1,  /* of each team that is named */
    ACCESS_TEAM_MEMBER = 2, /* likewise */
    ACCESS_ORG_ADMIN = 4,   /* of each organization that is named, and of those of such teams */
    ACCESS_SELF = 8,        /* whoever has a user: of that one */
    ACCESS_ASKS = 16,       /* whoever has a user: the handler looks at what it reads */
};

struct access;

/* Calls the route's handler, at once or when the database has said whether it may be. */
void access_handle(struct exchange *ex, struct buf *body);

/* Asks for the caller's teams and organizations, and calls `next` when they are known: for handlers
 * of routes that others may call too. The functions below hold from then on. */
void access_read(struct exchange *ex, answer_next *next);

/* ---- for handlers; proxy admins and viewers ask key_is_admin() first ---------------------------
 */

/* Of the team, or of its organization. */
bool access_is_team_admin(const struct exchange *ex, struct slice team);
bool access_is_org_admin(const struct exchange *ex, struct slice organization);

/* "admin", "user", or empty: it is not in it. */
struct slice access_team_role(const struct exchange *ex, struct slice team);

/* Whether the team lets its members call that route with its keys (team_member_permissions). */
bool access_team_permits(const struct exchange *ex, struct slice team, struct slice route);

/* Ids of the teams, and of the organizations, that the caller may see: JSON lists. */
struct slice access_teams(struct exchange *ex);
/* Those whose spend it sees: that it is an admin of, or that let their members see it. */
struct slice access_teams_of_reports(struct exchange *ex);
struct slice access_organizations(struct exchange *ex);

/* Whether the caller may change a team with that body: its admins may not give it more than it was
 * given. False: see ex->failure. */
bool access_may_say_of_team(struct exchange *ex, yyjson_val *body, struct slice team);

/* Whether an admin of an organization may make a user of it who is so; `teams`: ids of the teams
 * that the user comes into. False: see ex->failure. */
bool access_may_make_user(struct exchange *ex, yyjson_val *body, yyjson_val *teams);

#endif
