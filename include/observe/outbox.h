#ifndef OBSERVE_OUTBOX_H
#define OBSERVE_OUTBOX_H

/* The parcels that wait for one sink, and their delivery: one call at a time.
 *
 *   put ─► queue (ring, the oldest first) ─► batch ─► call ─► taken
 *             │ full: the oldest goes          ▲       │ 408, 429, 5xx, unreachable, late
 *             ▼ and is counted                 └ wait ─┘ refused, or too old: dropped, counted
 *
 * Bounds: OUTBOX_BYTES_MAX of parcels, in the queue and in the batch; OUTBOX_AGE_MS; a call of
 * OUTBOX_CALL_MS; OUTBOX_ANSWER_MAX of its answer, which is not read further. A destination that is
 * away costs no more than one attempt every OUTBOX_WAIT_MAX_MS. Nothing here is waited for by a
 * request, and nothing a destination does is seen by one.
 *
 * With a shelf (outbox_keep; src/observe/shelf.h) what a destination does not take goes into files:
 * what a call failed for, then, while the destination is away, whatever would be a batch; also when
 * the ring is half full, and at the end. What stands in files is told first, and their age counts
 * instead of OUTBOX_AGE_MS. */

#include "io/upstream.h"
#include "observe/sink.h"

#define OUTBOX_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define OUTBOX_AGE_MS    (10 * 60 * 1000)
#define OUTBOX_BATCH_MAX 500 /* parcels in a call */
#define OUTBOX_BATCH_BYTES                                                                         \
    ((size_t)256 * 1024) /* of parcels in a call, unless one alone is larger */
#define OUTBOX_BATCH_BARE                                                                          \
    ((size_t)1024 * 1024) /* the same, where most of a parcel, prompt and answer, is not told */
/* As many go at once, if the destination is free: the memory that records and bodies go through
 * has to fit into the processor's cache, or the requests beside them get dearer. Measured: fewer
 * cost more for calls, more for memory. While a call runs they gather. */
#define OUTBOX_RIPE        80
#define OUTBOX_DELAY_MS    2000  /* the first parcel waits for company at most so long */
#define OUTBOX_WAIT_MIN_MS 500   /* before a call is tried again … */
#define OUTBOX_WAIT_MAX_MS 30000 /* … doubling, with jitter */
#define OUTBOX_CONNECT_MS  5000
#define OUTBOX_CALL_MS     15000
#define OUTBOX_ANSWER_MAX  (64 * 1024) /* bytes */

struct outbox;
struct shelf;

struct outbox_limits {
    size_t bytes_max;
    int64_t age_ms, delay_ms, wait_min_ms, wait_max_ms;
    size_t ripe, batch_max, batch_bytes;
    unsigned call_ms;
};

extern const struct outbox_limits outbox_limits_usual;

struct outbox_stats {
    uint64_t put, taken;       /* parcels */
    uint64_t dropped;          /* too many, too old, refused, or not told in time at the end */
    uint64_t kept, kept_bytes; /* in files, now */
    uint64_t calls, failed_calls;
    size_t waiting, bytes; /* in memory, now, in the batch too, unless that is from a file */
    bool away;             /* the last call failed */
};

/* `kind` and `self` are the sink's; `self` is freed with it. `name` must outlive it. */
struct outbox *outbox_new(struct turn *turn, struct upstream *up, const struct sink_kind *kind,
                          void *self, const char *name, const struct outbox_limits *limits);
/* Cancels what runs; what waits is dropped and counted in the log. Run the loop once more after. */
void outbox_free(struct outbox *o);

/* Its parcels are records, which may be kept on that shelf; `bodies`: with prompts and answers. */
void outbox_keep(struct outbox *o, struct shelf *shelf, bool bodies);

/* Somebody else named its URLs: see struct sink_setup. */
void outbox_distrust(struct outbox *o, bool (*trusts)(const void *user, const char *url),
                     const void *user);

/* Takes a reference of its own. */
void outbox_put(struct outbox *o, struct parcel *p);

/* From here on nothing waits for company, nor for longer than the shortest wait. */
void outbox_hurry(struct outbox *o);
/* What is not told by now goes to the shelf, if there is one. */
void outbox_save(struct outbox *o);
bool outbox_empty(const struct outbox *o); /* everything is told, dropped, or in files … */
bool outbox_idle(const struct outbox *o);  /* … where there is nothing, either */
void outbox_count(const struct outbox *o, struct outbox_stats *s);

#endif
