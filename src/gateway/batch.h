#ifndef GATEWAY_BATCH_H
#define GATEWAY_BATCH_H

/* Several upstream calls that make up one answer: the inputs of an embeddings request, the images a
 * prompt names by URL, one CountTokens. Each is a plain request with a plain, bounded answer; at
 * most BATCH_CONCURRENCY run at once, in order of their numbers.
 *
 * The owner asks for a batch, gets `done` once per call and `over` once at the end, never from
 * inside batch_start or batch_cancel. When `done` returns false (a call failed and the others are
 * pointless) the rest is cancelled and `over` comes. batch_cancel ends everything without a further
 * callback and may come from inside `call` and `done`. The batch owns its memory and frees itself
 * after `over` or batch_cancel; both happen in the turn, and batch_start belongs to a step too. */

#include "io/turn.h"
#include "io/upstream.h"

#define BATCH_CONCURRENCY 8

struct batch;

/* One answer, valid during the call. `end` other than UPSTREAM_DONE: `detail` says why. */
struct batch_answer {
    enum upstream_end end;
    const char *detail;
    int status;
    struct http_headers headers;
    struct slice body;
    bool too_large; /* the body had more bytes than are allowed and was given up */
};

struct batch_events {
    /* Fills the i-th call; what it points to lives until `over`. Left without a URL: there is
     * nothing to call, and no `done`. False: stop (the owner knows why). */
    bool (*call)(void *user, size_t i, struct http_call *call);
    bool (*done)(void *user, size_t i, const struct batch_answer *answer);
    void (*over)(void *user);
    /* Not NULL: bodies of 200s come in pieces, as answer->body; what is left comes with `done`.
     * body_max bounds a piece. False: as of `done`. */
    bool (*piece)(void *user, size_t i, const struct batch_answer *answer);
    /* Milliseconds that the i-th call may take in all; NULL: as the options say. */
    unsigned (*total_ms)(void *user, size_t i);
};

struct batch_options {
    size_t count;     /* calls, at least 1 */
    size_t body_max;  /* bytes of one answer */
    size_t at_once;   /* at most BATCH_CONCURRENCY; 0: as many as that */
    size_t total_max; /* bytes of all together; 0: no limit */
    struct upstream_timeouts timeouts;
};

struct batch *batch_start(struct upstream *up, struct turn *turn, const struct batch_options *o,
                          const struct batch_events *events, void *user);
void batch_cancel(struct batch *b);

#endif
