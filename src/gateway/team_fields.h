#ifndef GATEWAY_TEAM_FIELDS_H
#define GATEWAY_TEAM_FIELDS_H

/* Teams ⇄ columns of LiteLLM_TeamTable. */

#include "admin_budget.h"

extern const struct admin_fields team_fields; /* what clients may say */

/* The members of a body. `metadata`: of the team so far; empty: it is new. `budget` gets what the
 * team says of each member's budget (team_member_budget, …). False: see ex->failure. */
bool team_fields_read(struct exchange *ex, yyjson_val *body, struct slice metadata,
                      struct admin_cells *cells, struct admin_cells *budget);

/* Notes the budget that members get: an id in the team's metadata, where LiteLLM keeps it. */
void team_fields_set_member_budget(struct exchange *ex, struct slice metadata, struct slice id,
                                   struct admin_cells *cells);
struct slice team_fields_member_budget(struct exchange *ex, struct slice metadata);

/* model_aliases of a body that was read lie in a row of LiteLLM_ModelTable, which the team names.
 * `team`: the row so far; NULL: it is new. */
void team_fields_put_aliases(struct exchange *ex, struct store_job *job, yyjson_val *body,
                             const struct store_rows *team, struct admin_cells *cells);

/* members_with_roles, as JSON; NULL: nobody. */
yyjson_val *team_fields_members(struct exchange *ex, const struct store_rows *rows, size_t row);

/* The members of a team; the caller writes { and }. */
void team_fields_write(struct json_writer *w, const struct store_rows *rows, size_t row);

/* [{…}, …]: memberships of that team (empty: all), each with its budget. */
void team_fields_write_memberships(struct json_writer *w, const struct store_rows *rows,
                                   struct slice team, const struct admin_budgets *budgets);

void team_fields_refuse_missing(struct exchange *ex, struct slice team);

#endif
