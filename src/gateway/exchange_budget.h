#ifndef GATEWAY_EXCHANGE_BUDGET_H
#define GATEWAY_EXCHANGE_BUDGET_H

/* An exchange and the budgets that it is held to (budgets.h), in the state LIMIT.
 *
 * A request passes while less than the budget is spent, what requests under way may cost included
 * (disable_budget_reservation: not). So the budget is passed by what was under way when it ended,
 * and by what it cost more than was thought. What other processes spend is known at once where
 * they share a state (gossip); else a budget is read again from the database before each request
 * that finds it older than BUDGET_NEAR_MS, near its end, and whenever so many gateways, each as
 * busy as this one since the last reading, may have used up what was left. */

#include "budgets.h"

struct exchange;

#define BUDGET_NEAR_MS    100
#define BUDGET_SURE_MS    5000 /* fail_closed_budget_enforcement; LiteLLM's */
#define BUDGET_NEAR_SHARE 0.1  /* of the budget that is left … */
#define BUDGET_NEAR_CALLS 20   /* … or so many times what the request may cost: it is near */
#define BUDGET_GATEWAYS   16
#define BUDGET_OUTPUT     1024 /* tokens that are reserved for an answer, at most */

struct budget_hold {
    struct budgets budgets;
    bool listed;
    bool standard_done;   /* looked up: */
    struct row *standard; /* the budget of end users without one; or NULL */
    double usd;           /* reserved */
    bool held;
};

/* False: the database is asked; the exchange is stepped again. Else see ex->failure. */
bool exchange_budget(struct exchange *ex);

/* SETTLE: what it did cost. */
void exchange_budget_end(struct exchange *ex);
void exchange_budget_free(struct exchange *ex);

#endif
