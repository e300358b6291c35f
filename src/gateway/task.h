#ifndef GATEWAY_TASK_H
#define GATEWAY_TASK_H

/* What one of all gateways does, every so often: whoever moves the time of the last run in the
 * database (lintel_tasks). Without a database, whoever the shared state lets: of all that share a
 * Redis, of the workers of a machine. Who is not the one hears nothing. */

#include <stdint.h>

struct cron;
struct store_job;
struct task;
struct worker;

/* `done` NULL: this process is the one, and a run begins. Else: the job that was given last is
 * over, well or not; it is freed after the call. Returns the next job; NULL: the run is over.
 * Called in a turn; no run goes on once the worker drains. */
typedef struct store_job *task_step(void *user, const struct store_job *done);

/* `name` (static) tells tasks apart, in all gateways alike. Nothing happens before task_every. */
struct task *task_new(struct worker *w, const char *name, task_step *first, void *user);
/* Milliseconds between two runs, and at most 2 s before this process first asks whether one is due;
 * 0: never. A run that is under way goes on. */
void task_every(struct task *t, int64_t ms);
/* The same, but the first run ever comes after that time, not at once. */
void task_after(struct task *t, int64_t ms);
/* A run in each calendar month (UTC), as early as may be; with a database. */
void task_monthly(struct task *t);
/* At each time of the expression, with a database; what no gateway did in its time is done when one
 * is there again. The first one ever comes at the next such time. */
void task_cron(struct task *t, const struct cron *cron);
/* Before its store and the shared state; its handle closes in the loop. NULL is fine. */
void task_free(struct task *t);

#endif
