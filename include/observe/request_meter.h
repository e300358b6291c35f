#ifndef OBSERVE_REQUEST_METER_H
#define OBSERVE_REQUEST_METER_H

/* Records → metrics, under LiteLLM's names and labels. The series that a request counts in are
 * found once for each combination of labels, and kept: an ordinary request is one look-up. At most
 * REQUEST_METER_KEPT combinations are; then all are looked up anew. */

#include "observe/metrics.h"
#include "observe/record.h"

#define REQUEST_METER_KEPT 2048

struct request_meter;

struct request_meter *request_meter_new(struct metrics *m);
void request_meter_free(struct request_meter *r); /* NULL is fine */

/* Series went (metrics_expire): they are looked up anew. */
void request_meter_forget(struct request_meter *r);

void request_meter_count(struct request_meter *r, const struct record *record);

/* What somebody has of a budget, though nobody asked for anything. */
struct request_meter_payer {
    struct slice id, alias, email; /* the latter of a user; may be empty */
};
void request_meter_budget(struct request_meter *r, enum record_payer payer,
                          const struct request_meter_payer *who, const struct record_budget *b,
                          int64_t now_ms);

/* A guardrail looked at a prompt, or an answer. */
struct request_meter_guard {
    struct slice name;
    const char *error; /* static: "blocked", "failed"; NULL: it let them pass */
    bool answer;
    int64_t ms; /* that it took; < 0: nobody measured */
};
void request_meter_guard(struct request_meter *r, const struct request_meter_guard *g);

struct request_meter_place {
    struct slice model, deployment, api_base, group;
};
enum { METER_HEALTHY, METER_FAILED, METER_RESTS };
/* One that the router chooses among: healthy, unless more is known, and what the configuration
 * gives it in a minute; 0: it has no such limit. */
void request_meter_deployment(struct request_meter *r, const struct request_meter_place *at,
                              int64_t tokens, int64_t requests);
/* A deployment rests after its last call failed with that status. Until then (turn time) it is
 * shown to rest, whatever becomes of its other calls; REQUEST_METER_RESTING at once, the rest until
 * their next calls end. */
#define REQUEST_METER_RESTING 256
void request_meter_rest(struct request_meter *r, const struct request_meter_place *at, int status,
                        int64_t until, int64_t unix_ms);
/* Now and then, and before a request is counted: whose rest is over has failed, and no more. */
void request_meter_look(struct request_meter *r, int64_t now, int64_t unix_ms);

#endif
