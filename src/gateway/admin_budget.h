#ifndef GATEWAY_ADMIN_BUDGET_H
#define GATEWAY_ADMIN_BUDGET_H

/* Rows of LiteLLM_BudgetTable: for themselves (/budget/…), and as what customers, organizations,
 * tags and members of teams name by `budget_id`. */

#include "admin.h"

extern const struct admin_fields admin_budget_fields; /* as /budget/… shows them */

/* The members of a body that belong to a budget, but for its id; cells->n == 0: there are none.
 * False: see ex->failure. */
bool admin_budget_read(struct exchange *ex, yyjson_val *body, struct admin_cells *cells);

/* Gives these cells to the budget `id`; an empty id: to a new one. Told to other processes. Returns
 * the id. `old`: the budget as it was read (admin_budget_unread), of which the audit log tells;
 * NULL for a new one. */
struct slice admin_budget_put(struct exchange *ex, struct store_job *job, struct slice id,
                              const struct store_rows *old, struct admin_cells *cells);

/* The same for the budget that a row names in its column budget_id, which becomes one of the row's
 * `cells`: `id`, or a new one; neither: nothing. Returns the id. */
struct slice admin_budget_join(struct exchange *ex, struct store_job *job, struct slice id,
                               const struct store_rows *old, struct admin_cells *budget,
                               struct admin_cells *cells);

/* Whether the budget `id` is to be read before it gets `cells`: `*read` is it then, and the caller
 * asks for everything once more, for the budget *read too (admin_budget_select). */
bool admin_budget_unread(struct exchange *ex, const struct admin_cells *cells, struct slice id,
                         struct slice *read);
size_t admin_budget_select(struct store_job *job, struct slice read);

/* Asks for the row with that text in a column (answer 0), and for the budget `read` (answer 1). */
void admin_budget_ask_with(struct exchange *ex, enum store_table_id table, const char *column,
                           struct slice text, struct slice read, answer_next *next);

/* A change of a row that names a budget, whose members stand beside the row's own in a body. */
struct admin_budgeted {
    enum store_table_id table;
    const char *column; /* of `id` */
    struct slice id;
    struct slice read; /* the budget that is read with the row */
    struct admin_cells cells, budget;
    size_t statement; /* of the row as it was written; its budget is behind */
};

void admin_budgeted_ask(struct exchange *ex, const struct admin_budgeted *row, answer_next *next);

/* Called for by that, with the row there: writes both, told to other processes. `budget`: that the
 * body names, or empty. First asks once more, for `again`, where the budget is not read yet. */
void admin_budgeted_update(struct exchange *ex, struct admin_budgeted *row, struct slice budget,
                           answer_next *again, answer_next *next);

/* What ends the job of a change: reads both back for `next`. */
void admin_budgeted_submit(struct exchange *ex, struct admin_budgeted *row, struct store_job *job,
                           struct slice budget, answer_next *next);

/* The budgets that rows name in their column budget_id. Keeps the job of the rows. */
void admin_budget_ask(struct exchange *ex, const struct store_rows *rows, answer_next *next);

/* The answer to it, by id. */
struct admin_budgets {
    const struct store_rows *rows;
    struct map by_id;
};

void admin_budgets_init(struct admin_budgets *b, const struct store_rows *rows);
void admin_budgets_fini(struct admin_budgets *b);

/* The member "litellm_budget_table": that budget, or null; b NULL: null. */
void admin_budget_write(struct json_writer *w, const struct admin_budgets *b, struct slice id);
/* As LiteLLM shows it beside keys: with all members. */
void admin_budget_write_whole(struct json_writer *w, const struct admin_budgets *b,
                              struct slice id);

#endif
