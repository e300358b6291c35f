#ifndef GATEWAY_OBSERVING_H
#define GATEWAY_OBSERVING_H

/* Who watches this worker: the sinks that the configuration names, and the metrics. */

#include "metering.h"
#include "observe/observe.h"

#define OBSERVING_FLUSH_MS 5000 /* for the sinks to be told of the last requests */

struct observing;
struct worker;

/* NULL: nobody does. A callback that cannot be used is an error in the log, and left out. */
struct observing *observing_new(struct worker *w);
void observing_flush(struct observing *o); /* at the end, outside of uv_run; NULL is fine */
void observing_free(struct observing *o);  /* NULL is fine */

bool observing_wants(const struct worker *w);        /* somebody does … */
bool observing_records(const struct worker *w);      /* … and takes records … */
bool observing_wants_bodies(const struct worker *w); /* … with prompts and answers */

void observing_tell(struct worker *w, const struct record *draft);

/* After a failure with that status a deployment rests. */
void observing_rests(struct worker *w, const struct deployment *d, struct slice model, int status);
void observing_turn_over(struct worker *w); /* the loop is about to sleep */

/* The metrics of all workers, as text; `open`: as OpenMetrics. False: there are none. */
bool observing_metrics(struct worker *w, bool open, struct buf *out);

void observing_each(const struct worker *w,
                    void (*each)(void *ctx, const char *name, const struct outbox_stats *s),
                    void *ctx);

/* The sinks, for operators: a JSON list. */
void observing_write(const struct worker *w, struct json_writer *j);

#endif
