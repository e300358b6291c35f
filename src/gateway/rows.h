#ifndef GATEWAY_ROWS_H
#define GATEWAY_ROWS_H

/* Rows of the database that say what callers may (row.h), as far as this worker met them lately,
 * and what was spent of their budgets.
 *
 * A row is looked up by kind and id: in the cache, else in the database, by one question at a time
 * however many requests wait for it. What was found is used for as long as the options say; past
 * half of that the next request has it read again, without waiting. What was not found is
 * remembered shortly. Changes that any gateway on this database makes are told by the store and
 * take effect within a second; LiteLLM on the same database tells nobody: its changes show when
 * the time is over.
 *
 * With the database away, known rows go on however old they are, unknown ones are ROWS_AWAY.
 * Without a database there are only tallies, which begin with the process.
 *
 * What this worker spends is counted at once, and said to the others over `gossip`, as far as they
 * share a state; the row's own number comes with each reading.
 *
 * Single thread; requests ask inside their steps. */

#include "gossip.h"
#include "io/turn.h"
#include "row.h"

#define ROWS_MAX         10000 /* that are remembered; the oldest goes */
#define ROWS_UNKNOWN_MAX 10000 /* likewise, of what is not there */
#define ROWS_TTL_MS      60000
#define ROWS_BUDGET_MS   5000 /* those with a budget: their spend is read again that often */
#define ROWS_UNKNOWN_MS  5000

struct rows;

struct rows_options {
    int64_t ttl_ms;    /* 0: ROWS_TTL_MS */
    size_t most;       /* 0: ROWS_MAX */
    int64_t settle_ms; /* until what a process spent is in the database, mostly */
    bool keep_periods; /* budgets never begin anew */
};

/* One that waits; embedded in whatever `item` belongs to. Zeroed: it does not wait. */
struct rows_wait {
    struct list link;
    struct turn_item *item; /* marked when it is worth asking again; NULL: not waiting */
};

enum rows_state {
    ROWS_FOUND,  /* `row`, with a reference for the caller */
    ROWS_COMING, /* `wait` is told */
    ROWS_UNKNOWN,
    ROWS_AWAY, /* the database cannot say */
};

/* Watches the store; NULL: no database. */
struct rows *rows_new(struct turn *t, struct store *s, struct gossip *g,
                      const struct rows_options *o);
/* It opens callback_vars of rows that are read from now on; copied. `r` NULL: nothing. */
void rows_set_salt_key(struct rows *r, struct slice key);
void rows_free(struct rows *r); /* before store and gossip; NULL is fine */

bool rows_have_database(const struct rows *r); /* NULL: not */

/* `wait` NULL: the question is asked, and nobody waits. */
enum rows_state rows_get(struct rows *r, enum row_kind kind, struct slice id,
                         struct rows_wait *wait, struct turn_item *item, struct row **row);
void rows_leave(struct rows_wait *wait); /* one that does not wait is fine */

/* ---- what was spent -------------------------------------------------------------------------- */

/* USD of the current period: what the database said, and what was heard of and spent here since. */
double rows_spend(const struct rows *r, const struct row *row);
/* USD that requests under way here may cost. */
double rows_reserved(const struct rows *r, const struct row *row);

/* Requests cost so much (the store has been handed their spend), or (`hold`) may cost so much more
 * or less. What is not known here is fine. */
void rows_spent(struct rows *r, enum row_kind kind, struct slice id, double usd);
void rows_hold(struct rows *r, enum row_kind kind, struct slice id, double usd);

/* Whether its spend was read within the last `ms`, or cannot be had. False: it is being read,
 * `wait` is told. */
bool rows_fresh(struct rows *r, const struct row *row, int64_t ms, struct rows_wait *wait,
                struct turn_item *item);

/* Whether it was so, or there is no database. */
bool rows_sure(const struct rows *r, const struct row *row, int64_t ms);

/* Ids of tallies: what `scope` ("api_key", "user", "team", "end_user", "organization", "tag",
 * "global") and name spent on a group of models (empty: on all), in the period of that duration
 * (empty: ever). In the arena. Periods of days come from the rows per day, shorter ones from
 * LiteLLM_SpendLogs. */
struct slice rows_tally_id(struct arena *a, const char *scope, struct slice name,
                           struct slice model, struct slice period);

#endif
