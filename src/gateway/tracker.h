#ifndef GATEWAY_TRACKER_H
#define GATEWAY_TRACKER_H

/* How each deployment is doing: calls under way, latencies, tokens, failures, and whether it rests
 * after too many of them. What the router chooses by, and what /health tells.
 *
 * Owned by the worker; keyed by deployment id, so that it outlives a reload of the configuration.
 * Bounded: fixed memory for each id, ids of deployments that are gone are forgotten after an hour.
 * Time is the turn's (ms). In one process; counters that several processes share come from the
 * shared state. */

#include "config.h"
#include "llm/failure.h"

struct tracker;
struct tracked; /* one deployment; valid until tracker_free or an hour after its last use */

struct tracker *tracker_new(void);
void tracker_free(struct tracker *t); /* NULL is fine */

struct tracked *tracker_of(struct tracker *t, const struct deployment *d, int64_t now);

/* How a call went. */
struct call_outcome {
    const struct failure *failure; /* kind FAILURE_NONE or NULL: good */
    bool abandoned;                /* the client left: says nothing about the deployment */
    bool streamed;
    int64_t first_ms; /* to the first event; 0: there was none */
    int64_t total_ms; /* to the end */
    int64_t tokens;   /* all, input and output */
    int64_t output;   /* output tokens */
};

/* Each call begins once and ends once. */
void tracked_begin(struct tracked *d, int64_t now);
void tracked_end(struct tracked *d, const struct config *c, const struct deployment *of,
                 size_t group_size, const struct call_outcome *outcome, int64_t now);

/* 0: it may be called; else ms until it may (it rests, LiteLLM's cooldown). A deployment whose rest
 * is over is probed: one call at a time is let through until one succeeds. */
int64_t tracked_rests(const struct tracked *d, int64_t now);

#endif
