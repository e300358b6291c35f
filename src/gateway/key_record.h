#ifndef GATEWAY_KEY_RECORD_H
#define GATEWAY_KEY_RECORD_H

/* A key as the database has it: a row of LiteLLM_VerificationToken, read once, never changed,
 * shared by whoever is served with it. */

#include "base/arena.h"
#include "caller.h"
#include "llm/failure.h"
#include "routes.h"
#include "state/store.h"

struct key_record {
    unsigned refs;
    struct arena arena;   /* of the rest */
    struct caller caller; /* what it may; slices lie here */
    struct slice name;    /* "sk-...abcd" */
    bool blocked;
    int64_t expires;            /* unix ms; 0: never */
    int64_t reset_at;           /* unix ms: the budget's period ends; 0: it has none */
    struct slice period;        /* budget_duration */
    double spend, budget;       /* USD; budget < 0: none */
    const struct slice *routes; /* allowed_routes … */
    size_t route_count;         /* … 0: all */
};

/* Of a row with all columns; one reference. */
struct key_record *key_record_new(const struct store_rows *rows, size_t row);
struct key_record *key_record_ref(struct key_record *k);
void key_record_unref(struct key_record *k); /* NULL is fine */

/* Whether it may be used at all at that time (unix ms). False: see failure (401). */
bool key_record_check(const struct key_record *k, int64_t now, struct arena *a, struct failure *f);

/* Whether it may call that route: allowed_routes names paths ("/v1/models"), beginnings ("/v1/…"
 * with a '*' at its end), and LiteLLM's groups (llm_api_routes, openai_routes, anthropic_routes,
 * info_routes, management_routes). False: see failure (403). */
bool key_record_check_route(const struct key_record *k, const struct route *route,
                            struct slice path, struct arena *a, struct failure *f);

/* Whether it has money left, `spend` USD being spent. False: see failure (422). */
bool key_record_check_budget(const struct key_record *k, double spend, struct arena *a,
                             struct failure *f);

#endif
