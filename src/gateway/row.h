#ifndef GATEWAY_ROW_H
#define GATEWAY_ROW_H

/* A row of the database that says what somebody may: a key, its user, team, …; read once, never
 * changed, shared by whoever is served with it. */

#include "base/json.h"
#include "config/limits.h"
#include "state/store.h"

enum row_kind {
    ROW_KEY,
    ROW_USER,
    ROW_TEAM,
    ROW_MEMBER, /* of a team: the user in it */
    ROW_ORGANIZATION,
    ROW_PROJECT,
    ROW_END_USER,
    ROW_TAG,
    ROW_BUDGET,  /* that several of the others may name */
    ROW_ALIASES, /* a team's names of models (LiteLLM_ModelTable) */
    ROW_TALLY,   /* no row: a sum of what was spent, see rows.h */
    ROW_KINDS
};

/* A sum for a model, or all of them, in each period. */
struct row_budget {
    struct slice model;  /* name of a group; empty: all */
    struct slice period; /* "1d"; empty: the period never ends */
    double most;         /* USD */
};

struct row_alias {
    struct slice name, model;
};

struct row {
    enum row_kind kind;
    unsigned refs;
    struct arena arena; /* of the rest */
    struct slice id;    /* of the row; members: "team\nuser" */
    struct slice alias; /* for people; may be empty */
    struct slice name;  /* of a key: "sk-...abcd" */
    struct slice user, team, organization, project, budget_id, model_table; /* may be empty */
    struct slice active; /* of a key that was replaced: the hash of the new one, good for … */
    struct slice role, email; /* of a user */
    bool blocked;
    bool sees_spend; /* of a key: permissions.get_spend_routes */
    int64_t expires; /* unix ms; 0: never */

    const struct slice *models; /* that may be asked for … */
    size_t model_count;         /* … 0: all */
    const struct row_alias *aliases;
    size_t alias_count;
    const struct slice *routes; /* allowed_routes … */
    size_t route_count;         /* … 0: all */
    const struct slice *tags;   /* of its requests */
    size_t tag_count;
    const struct slice *guards; /* names of guardrails for its requests */
    size_t guard_count;
    const struct slice *enforced; /* members that bodies of its requests must have */
    size_t enforced_count;
    bool of_service;             /* of a key: metadata.service_account_id */
    bool no_global_guards;       /* those that are always on are not, for these */
    const struct slice *unheard; /* callbacks that are not told of its requests */
    size_t unheard_count;
    yyjson_val *logging;        /* callbacks of its own: metadata.logging, a list; or NULL */
    const struct slice *admins; /* of a team: user ids */
    size_t admin_count;
    const struct slice *permissions; /* of the team's members */
    size_t permission_count;

    struct limit_set limits;
    struct model_limits of_models;

    double spend;                     /* USD, as the row says */
    double budget, soft;              /* USD; < 0: none */
    double extra;                     /* USD more of the budget … */
    int64_t extra_until;              /* … until then, unix ms */
    struct slice period;              /* budget_duration */
    int64_t reset_at;                 /* unix ms: when `spend` begins anew; 0: never */
    const struct row_budget *budgets; /* further ones */
    size_t budget_count;
};

/* Of a row with all columns; one reference. */
struct row *row_new(enum row_kind kind, const struct store_rows *rows, size_t row);
/* Of a sum: its period ends at `reset_at` (unix ms; 0: never). */
struct row *row_new_tally(struct slice id, double spend, int64_t reset_at);
struct row *row_ref(struct row *r);
void row_unref(struct row *r); /* NULL is fine */

/* What `name` stands for; p == NULL: nothing. */
struct slice row_alias_find(const struct row *r, struct slice name);

#endif
