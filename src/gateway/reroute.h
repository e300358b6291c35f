#ifndef GATEWAY_REROUTE_H
#define GATEWAY_REROUTE_H

/* What to do after a failed attempt: the same group again (a retry, after a wait), another group (a
 * fallback), or nothing. Pure but for the random number handed in; the exchange does what it says.
 *
 * A group is tried at most once for a request and all groups together at most max_fallbacks times,
 * so that no loop of fallbacks turns for ever. Retries are counted over the whole request: what one
 * group used up the next does not have.
 *
 * LiteLLM's rules: retries for what may succeed later (408, 429, 5xx), with exponential backoff and
 * jitter; fallbacks for every failure, but a prompt that is too long goes only to
 * context_window_fallbacks. */

#include "config/config.h"
#include "llm/failure.h"
#include "llm/request.h"

#define REROUTE_GROUPS_MAX  32  /* groups one request may wait for or have tried */
#define REROUTE_RETRIES_MAX 100 /* more are not believed */

struct caller;

struct reroute {
    const struct config *config;
    const struct llm_request *request;
    struct arena *arena;
    struct slice group; /* being tried */
    /* Groups that were tried or wait, and those that wait, the next one last; room for
     * REROUTE_GROUPS_MAX each, once something has failed. */
    struct slice *seen, *waiting;
    unsigned seen_count, waiting_count;
    unsigned retries;            /* of this group */
    unsigned retries_total;      /* of the request */
    unsigned retries_max;        /* of this group, as asked for after its last failure */
    unsigned fallbacks;          /* groups that were changed to */
    const struct caller *caller; /* fallbacks are groups that it may ask for; NULL: any */
    unsigned failovers;          /* retries that num_retries does not count */
};

enum reroute_kind { REROUTE_GIVE_UP, REROUTE_RETRY, REROUTE_FALLBACK };

struct reroute_step {
    enum reroute_kind kind;
    int64_t wait_ms; /* REROUTE_RETRY */
};

/* `group` and the arena outlive the request. */
void reroute_begin(struct reroute *r, const struct config *c, const struct llm_request *request,
                   struct slice group, struct arena *a);

/* The attempt at `d` (NULL: none could be called) failed. REROUTE_FALLBACK: r->group is the next
 * one. `others`: the group has a deployment that was not tried yet, so that a retry need not wait.
 */
struct reroute_step reroute_next(struct reroute *r, const struct deployment *d,
                                 const struct failure *f, bool others, uint32_t random);

/* A prompt that is too long for the group has another one to go to. */
bool reroute_has_longer(const struct reroute *r);

/* There is a group left to change to after such a failure. */
bool reroute_has_fallback(const struct reroute *r, const struct failure *f);

/* mock_testing_…: the failure that the first attempt is to have; kind FAILURE_NONE: none. */
struct failure reroute_mocked(const struct reroute *r, struct arena *a);

#endif
