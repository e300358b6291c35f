#ifndef GATEWAY_HEALTH_H
#define GATEWAY_HEALTH_H

/* Which deployments answer: probes on demand (GET /health) and now and then in the background
 * (general_settings.background_health_checks), and what the last of them found. One per worker; the
 * results belong to one snapshot of the configuration and go with it.
 *
 * A run probes some deployments, at most health_check_concurrency at once and each for at most
 * health_check_timeout. At most HEALTH_RUNS_MAX runs on demand at once. */

#include "config/config.h"
#include "io/turn.h"

struct worker;
struct health;     /* of a worker */
struct health_run; /* probes under way, or done */

#define HEALTH_RUNS_MAX  4
#define HEALTH_ERROR_MAX 1000 /* bytes of an error that are kept */

struct health_result {
    const struct deployment *deployment;
    bool healthy;
    int status;         /* of the failure: 408, 429, … */
    int64_t took_ms;    /* 0: no call was made */
    int64_t checked_at; /* ms since 1970; 0: never checked */
    int64_t checked;    /* ms, turn time */
    char error[HEALTH_ERROR_MAX];
};

struct health *health_new(struct worker *w);
void health_free(struct health *h); /* nothing may wait any more; its handle closes in the loop */

/* The worker has another configuration: background checks begin, end or change their pace. */
void health_configure(struct health *h);

/* Which deployments: of a group (or with that model), by their id; empty: all. */
struct health_filter {
    struct slice model, id;
};

/* Begins probes; `item` is marked when they are over. NULL: too many runs. */
struct health_run *health_run_start(struct health *h, const struct config *c,
                                    const struct health_filter *filter, struct turn_item *item);
bool health_run_over(const struct health_run *run);
const struct health_result *health_run_results(const struct health_run *run, size_t *count);
void health_run_free(struct health_run *run); /* cancels what is under way; NULL is fine */

/* What the last probes of the worker's configuration found; those never checked are among them. */
const struct health_result *health_results(const struct health *h, size_t *count);
bool health_matches(const struct health_filter *filter, const struct deployment *d);

/* enable_health_check_routing: the last check failed, and still counts. `now`: ms, turn time. */
bool health_is_sick(const struct health *h, const struct deployment *d, int64_t now);

#endif
