#ifndef GATEWAY_BUDGETS_H
#define GATEWAY_BUDGETS_H

/* Which budgets a request is held to: those of its key, user, team, member, organization, project,
 * end user and tags, their budgets per model and per period, and the gateway's own. Each has a
 * ledger, a row whose spend counts: the holder's row, or a tally.
 *
 * Pure, but for what it looks up in the caller. */

#include "caller.h"
#include "llm/failure.h"

#define BUDGETS_MAX 64

enum budget_kind {
    BUDGET_OF_HOLDER, /* max_budget */
    BUDGET_OF_MODEL,  /* model_max_budget */
    BUDGET_OF_PERIOD, /* budget_limits */
    BUDGET_OF_ALL     /* litellm_settings.max_budget */
};

struct budget {
    enum budget_kind kind;
    size_t holder;      /* enum caller_holder; HOLDER_TAGS for all tags */
    struct slice who;   /* for people */
    struct slice shown; /* of a key: "sk-...abcd" */
    struct slice model, period;
    double most, soft;    /* USD; < 0: none */
    enum row_kind ledger; /* … and its id: */
    struct slice id;
    struct row *row; /* of the ledger, with a reference; NULL: not there yet */
};

struct budgets {
    struct budget *v; /* in the arena; BUDGETS_MAX at most */
    size_t n;
};

/* `now`: unix ms. `standard`: the budget that the configuration names for end users without one; or
 * NULL. */
void budgets_of(struct budgets *b, const struct config *c, const struct caller *caller,
                const struct row *standard, struct slice model, int64_t now, struct arena *a);

/* USD that a row's own budget gives, with what it has more for a while; < 0: it has none. */
double budget_most(const struct row *r, int64_t now);

/* It is used up, `spend` USD being spent. In LiteLLM's words. */
void budget_refuse(const struct budget *b, double spend, int64_t status, struct arena *a,
                   struct failure *f);

#endif
