#ifndef GATEWAY_OBSERVING_H
#define GATEWAY_OBSERVING_H

/* Who watches this worker: the sinks that the configuration names, the metrics, and alerts. */

#include "alerting.h"
#include "metering.h"
#include "observe/observe.h"

#define OBSERVING_FLUSH_MS 5000 /* for the sinks to be told of the last requests */

struct observing;
struct worker;

/* NULL: nobody does. A callback that cannot be used is an error in the log, and left out. */
struct observing *observing_new(struct worker *w);
void observing_adopt(struct observing *o); /* another configuration; NULL is fine */
void observing_flush(struct observing *o); /* at the end, outside of uv_run; NULL is fine */
void observing_free(struct observing *o);  /* NULL is fine */

bool observing_wants(const struct worker *w);   /* somebody does … */
bool observing_records(const struct worker *w); /* … and takes records */
/* … or looks at metadata and tags alone. */
bool observing_wants_metadata(const struct worker *w);

/* Sinks, by bits (observe/observe.h): those of the configuration, those of them of one kind, and
 * one that a key has of its own, with variables of its own or (NULL) the environment's.
 * `configured`: the operator wrote them, so they may lead anywhere, and the environment says what
 * they do not. */
uint64_t observing_usual(const struct worker *w);
uint64_t observing_named(const struct worker *w, struct slice kind);
uint64_t observing_own(struct worker *w, struct slice name, yyjson_val *variables,
                       unsigned outcomes, bool configured);
/* Of requests that may tell those later: they are not given to others until then. */
void observing_hold(struct worker *w, uint64_t sinks);
void observing_release(struct worker *w, uint64_t sinks);
/* Tells that callback alone, of the configuration or (with the environment's variables) not. False:
 * `error` says why it cannot be. */
bool observing_test(struct worker *w, struct slice name, const struct record *draft,
                    char error[SINK_ERROR_SIZE]);
/* One of them tells of prompts and answers. */
bool observing_wants_bodies(const struct worker *w, uint64_t sinks);

/* Counts, and tells those. The draft may lose what it says of the key. */
void observing_tell(struct worker *w, struct record *draft, uint64_t sinks);

/* After a failure with that status a deployment rests for so long. */
void observing_rests(struct worker *w, const struct deployment *d, struct slice model, int status,
                     int64_t ms);
/* A guardrail has looked. */
void observing_guard(struct worker *w, const struct request_meter_guard *g);
/* `spent` USD of a budget are, with what the request has cost. */
void observing_budget(struct worker *w, const struct exchange *ex, const struct budget *b,
                      double spent);
/* A change (audit.h), as JSON, to audit_log_callbacks. */
void observing_audit(struct worker *w, struct slice id, struct slice json, int64_t at_ms);
/* An alert, if somebody wants its type. */
void observing_alert(struct worker *w, const struct alerting_news *news);
/* A test alert for that channel. False: it is not in use. */
bool observing_test_alert(struct worker *w, struct slice channel);
/* A request of a route that calls no model is over. */
void observing_change(struct exchange *ex);
void observing_turn_over(struct worker *w); /* the loop is about to sleep */

/* The metrics of all workers, as text; `open`: as OpenMetrics. False: there are none. */
bool observing_metrics(struct worker *w, bool open, struct buf *out);

void observing_each(const struct worker *w,
                    void (*each)(void *ctx, const char *name, const struct outbox_stats *s),
                    void *ctx);

/* The sinks, for operators: a JSON list. */
void observing_write(const struct worker *w, struct json_writer *j);

#endif
