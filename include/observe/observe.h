#ifndef OBSERVE_OBSERVE_H
#define OBSERVE_OBSERVE_H

/* All sinks of a worker. A record that is published goes to each sink that wants its kind. */

#include "observe/alert.h"
#include "observe/outbox.h"

#define OBSERVE_SINKS_MAX 64 /* bits of an audience … */
#define OBSERVE_USUAL_MAX 16 /* … of which the configuration may name so many */

enum observe_outcome { OBSERVE_SUCCESS = 1, OBSERVE_FAILURE = 2, OBSERVE_BOTH = 3 };

struct observe;

struct observe *observe_new(struct turn *turn, struct upstream *up);
/* What waits is lost: see observe_flush. Run the loop once more after. NULL is fine. */
void observe_free(struct observe *o);

/* Before sinks are added: what they are not told is kept in files of that directory
 * (src/observe/shelf.h), by as much and for as long. False: `error` says why not. */
bool observe_keep(struct observe *o, const char *directory, uint64_t bytes_max, int64_t age_ms,
                  const char **error);

/* One more sink, told of `outcomes`; of a name that is there already the outcomes are added. False:
 * setup->error says why not. */
bool observe_add(struct observe *o, struct sink_setup *setup, unsigned outcomes);

/* Sinks are named by bits. */
uint64_t observe_usual(const struct observe *o);                    /* those that were added */
uint64_t observe_named(const struct observe *o, struct slice kind); /* … of that kind */
/* A sink besides, of some requests only: made when `id` is new, else found. Some seconds after its
 * last use it makes room for another, if there are OBSERVE_SINKS_MAX, it has told everything, and
 * nobody holds it. 0: setup->error says why there is none. */
uint64_t observe_own(struct observe *o, struct sink_setup *setup, unsigned outcomes,
                     struct slice id);
void observe_hold(struct observe *o, uint64_t sinks); /* until as many releases */
void observe_release(struct observe *o, uint64_t sinks);

/* Of an observe that nobody publishes records to: one more channel of alerts (alert.h), told of
 * `types` (bits of enum alert_type). */
bool observe_add_alerts(struct observe *o, struct sink_setup *setup, unsigned types);
void observe_alert(struct observe *o, struct alert *a); /* takes references of its own */
/* To all channels of that name, whatever its type. False: there is none. */
bool observe_alert_at(struct observe *o, struct slice channel, struct alert *a);

bool observe_wants(const struct observe *o); /* there is a sink */
/* One of those tells of prompts and answers. */
bool observe_wants_bodies(const struct observe *o, uint64_t sinks);

void observe_publish(struct observe *o, const struct record *draft, uint64_t sinks);

/* Runs the loop until everything is told, at most so long; then, where files are kept, until what
 * is left is in one, at most 2 s. At the end of a worker, outside of uv_run. */
void observe_flush(struct observe *o, unsigned ms);

void observe_each(const struct observe *o,
                  void (*each)(void *ctx, const char *name, const struct outbox_stats *s),
                  void *ctx);

#endif
