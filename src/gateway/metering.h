#ifndef GATEWAY_METERING_H
#define GATEWAY_METERING_H

/* The metrics of a worker, with the callback `prometheus`: requests as they end, and once a second
 * what the worker holds. */

#include "observe/request_meter.h"

struct metering;
struct worker;
struct deployment;

/* Whether the configuration asks for metrics. */
struct config;
bool metering_wanted(const struct config *c);

/* The memory for them, of as many workers; NULL: not wanted. */
struct metrics_shared *metering_memory(const struct config *c, unsigned workers);

struct metering *metering_new(struct worker *w);
/* The worker has another configuration: its deployments are shown before anybody asks for them. */
void metering_adopt(struct metering *m);
/* Before the database closes: nothing is read from here on. */
void metering_flush(struct metering *m);
void metering_free(struct metering *m); /* NULL is fine; run the loop once more after */

void metering_count(struct metering *m, const struct record *draft);
/* Metadata and tags of requests become labels. */
bool metering_wants_texts(const struct metering *m);
void metering_guard(struct metering *m, const struct request_meter_guard *g);
/* After a failure with that status it rests for so long. */
void metering_rests(struct metering *m, const struct deployment *d, struct slice model, int status,
                    int64_t ms);

/* The loop is about to sleep. */
void metering_turn_over(struct metering *m);

/* What all workers counted; `open`: as OpenMetrics. */
void metering_write(struct metering *m, bool open, struct buf *out);

#endif
