#ifndef GATEWAY_TRACKER_H
#define GATEWAY_TRACKER_H

/* How each deployment is doing: calls under way, latencies, tokens, failures, and whether it rests
 * after too many of them. What the router chooses by, and what /debug/exchanges tells.
 *
 * Owned by the worker; keyed by deployment id, so that it outlives a reload of the configuration.
 * Bounded: fixed memory for each id; ids that nobody asked for in an hour are forgotten when new
 * ones come. Time is the turn's (ms). Of one process; what others know comes by gossip.
 *
 * A minute is a sliding one, in steps of TRACKER_STEP_MS. */

#include "config/config.h"
#include "llm/failure.h"
#include "peers.h"

#define TRACKER_STEP_MS  5000
#define TRACKER_PROBE_MS 5000 /* a probe that takes longer does not keep the next one back */

struct tracker;
struct tracked; /* one deployment; valid until tracker_free, or for an hour */

struct tracker *tracker_new(void);
void tracker_free(struct tracker *t); /* NULL is fine */

/* Never NULL. Of a deployment of a loaded configuration. */
struct tracked *tracker_of(struct tracker *t, const struct deployment *d, int64_t now);

/* One call under way; all zero: none. */
struct tracked_call {
    struct tracked *of;
    int64_t begun;  /* ms */
    int64_t went;   /* ms, as it was counted in the pace */
    int64_t tokens; /* expected */
    bool probe;     /* the first after a rest */
};

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

/* `tokens`: of the prompt, as estimated; 0: not known. */
void tracked_begin(struct tracked *d, struct tracked_call *call, int64_t tokens, int64_t now);

/* The call was answered well so far: a rest is over. */
void tracked_spoke(struct tracked_call *call);

/* Once for each call; of one that has ended already it does nothing. Returns the ms for which the
 * deployment rests now because of it; 0: it does not. */
int64_t tracked_end(struct tracked_call *call, const struct routing *r, const struct deployment *of,
                    const struct call_outcome *outcome, int64_t now);

/* 0: it may be called; else ms until it may (it rests, LiteLLM's cooldown). A deployment whose rest
 * is over is probed: one call at a time is let through until one says something. */
int64_t tracked_rests(const struct tracked *d, int64_t now);

/* 0: it has room; else ms until its pace (pace.h) lets a call go. Always 0 without adaptive_pacing.
 */
int64_t tracked_pace_wait(struct tracked *d, const struct routing *r, int64_t now);
double tracked_pace(const struct tracked *d); /* calls a second; 0: not paced */

/* Other processes have taken all its places (max_parallel_requests): nobody asks for one until
 * then, or until a call of this process ends. */
void tracked_full(struct tracked *d, int64_t until);
int64_t tracked_full_wait(const struct tracked *d, int64_t now); /* ms until then; 0: it is over */

/* ---- what other processes say (gossip.c) ------------------------------------------------------
 */

/* Of one process and one deployment. */
struct tracked_word {
    struct peer_load load;
    double first, per_token; /* mean seconds of the answers since the last word; < 0: none */
    int64_t rest_ms;         /* 0: it does not rest */
    bool awake;              /* a probe went well: a rest is over */
};

/* Called when a rest has begun or ended here; it only deposits. */
void tracker_on_news(struct tracker *t, void (*news)(void *ctx), void *ctx);

/* Tells of each deployment that has something to say; only of those with news, or of all. What is
 * told is not told again. `from`: those before that one have had their turn; at most `max` are
 * told, and the index of the next is returned, 0 after the last. */
size_t tracker_tell(struct tracker *t, bool news_only, size_t from, size_t max, int64_t now,
                    void (*tell)(void *ctx, const char *id, const struct tracked_word *word),
                    void *ctx);

/* What process `peer` says; of a deployment that is not known here nothing happens. Its load counts
 * as long as it goes on saying it; a latency joins the window as one answer. */
void tracker_hear(struct tracker *t, uint64_t peer, struct slice id,
                  const struct tracked_word *word, int64_t now);

/* ---- what strategies ask ------------------------------------------------------------------- */

unsigned tracked_running(const struct tracked *d);
int64_t tracked_load(const struct tracked *d, int64_t now); /* the same of all processes */
uint32_t tracked_serial(const struct tracked *d);           /* its own in this process */
/* Of the minute and all processes: running ones too, and the tokens expected of them. */
int64_t tracked_requests(struct tracked *d, int64_t now);
int64_t tracked_tokens(struct tracked *d, int64_t now);

/* Mean seconds: to the first event of streams, or for each output token; < 0: not known. `age`: ms
 * since the last measure. */
double tracked_latency(const struct tracked *d, const struct routing *r, bool streamed, int64_t now,
                       int64_t *age);

/* ---- what people ask ----------------------------------------------------------------------- */

struct tracked_stats {
    const char *id;
    unsigned running;
    uint64_t calls, failed[FAIL_CLASSES], rests; /* since the start */
    uint64_t throttled;                          /* of the failed ones */
    double pace;                                 /* calls a second; 0: not paced */
    int64_t requests, tokens;                    /* of the minute */
    struct peer_load elsewhere;                  /* of other processes */
    int64_t rest_ms;                             /* left; 0: it does not rest */
};

void tracker_each(struct tracker *t, int64_t now,
                  void (*each)(void *ctx, const struct tracked_stats *s), void *ctx);

#endif
