#ifndef GATEWAY_AUDIT_H
#define GATEWAY_AUDIT_H

/* Who changed what: keys, teams, users, models, credentials, organizations and their members,
 * customers, tags, budgets and settings of the database.
 *
 * A handler that changes such a row says so beside the statement that does it; with
 * litellm_settings.store_audit_logs a row of LiteLLM_AuditLog then comes into the same transaction,
 * so it is there if and only if the change is. audit_log_callbacks are told once the job holds.
 * Without either of them nothing is done. Secrets are hidden in what was there and what came. */

#include "admin.h"

struct audit_note; /* changes of the job under way, that callbacks are still to be told */

/* Whether anybody wants to know: what is read for it alone need not be, else. */
bool audit_wanted(const struct exchange *ex);

/* In the job that does it; not between a statement and its store_expect. `rows`: the whole row as
 * it was read; `cells`: what is written. */
void audit_made(struct exchange *ex, struct store_job *job, enum store_table_id table,
                const struct admin_cells *cells);
void audit_changed(struct exchange *ex, struct store_job *job, enum store_table_id table,
                   const struct store_rows *rows, size_t row, const struct admin_cells *cells);
void audit_gone(struct exchange *ex, struct store_job *job, enum store_table_id table,
                const struct store_rows *rows, size_t row);

/* All rows of a table, whatever they were: object_id is "*". */
void audit_all(struct exchange *ex, struct store_job *job, enum store_table_id table,
               const struct admin_cells *cells);

/* Of settings (LiteLLM_Config), JSON objects: what the section had so far (p NULL: there was none),
 * and those that are written; null: it goes. */
void audit_settings(struct exchange *ex, struct store_job *job, struct slice section,
                    struct slice before, struct slice written);

/* For ask.c: the job is over, and what it says holds or not. */
void audit_settle(struct exchange *ex, bool holds);

#endif
