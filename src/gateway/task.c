/* Happy path: at each tick the run is claimed, by an update that only one gateway can make or a
 * limit of one that only one passes; then each step's job is followed by the next step.
 *
 * Failure modes: it is not time yet, or somebody else was faster: nothing. The database or the
 * shared state is away, or this process ends: what is left is done at the next run. */

#include "task.h"

#include "base/cron.h"
#include "base/duration.h"
#include "base/log.h"
#include "io/clock.h"
#include "worker_private.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK_MAX 600000 /* ms: another gateway's run may have been cut short */
#define FIRST_MS 2000   /* after the start: the database connects meanwhile */
#define CRON_MS  10000  /* between looks at the clock */
#define KEY_SIZE 64

enum stage { IDLE, CLAIMING, RUNNING };

struct task {
    struct worker *worker;
    const char *name;
    task_step *step;
    void *user;
    struct turn_item item;
    uv_timer_t timer; /* its end frees this */
    int64_t interval; /* ms */
    bool monthly, timed;
    struct cron cron; /* timed */
    int64_t slot;     /* timed: unix ms of what is claimed … */
    int64_t seen;     /* … or was, here or elsewhere */
    bool patient;     /* whoever is the first to ask lets the time pass */
    enum stage stage;
    struct store_job *job; /* that runs, or has just ended; NULL: the shared state is asked */
    bool running;
    bool granted; /* if the claim's job holds */
    char key[KEY_SIZE];
};

/* ---- jobs ------------------------------------------------------------------------------------ */

static void on_done(void *user, struct store_job *job)
{
    struct task *t = user;
    (void)job;
    t->running = false;
    turn_mark(&t->worker->turn, &t->item);
}

static void submit(struct task *t, struct store_job *job, enum stage stage)
{
    t->stage = stage;
    t->job = job;
    t->running = true;
    store_submit(job, on_done, t);
}

/* `done` NULL: the run begins. */
static void go_on(struct task *t, const struct store_job *done)
{
    struct store_job *next = t->worker->draining ? NULL : t->step(t->user, done);
    t->stage = IDLE;
    if (next)
        submit(t, next, RUNNING);
}

/* ---- whose turn it is ------------------------------------------------------------------------ */

/* A run before that is over. */
static int64_t over_since(const struct task *t, int64_t now)
{
    if (t->timed)
        return cron_last(&t->cron, now) - 1;
    return t->monthly ? duration_begin(SLICE("1mo"), now) - 1 : now - t->interval;
}

static void claim_row(struct task *t)
{
    struct store_job *job = store_job_new(t->worker->store);
    int64_t now = clock_unix_ms();
    int64_t over = over_since(t, now);
    struct store_value name = store_text(slice_of(t->name));
    struct store_cell first[] = {{"name", name, STORE_SET},
                                 {"last_run_at", store_time(t->patient ? now : 0), STORE_SET}};
    struct store_cell mine = {"last_run_at", store_time(now), STORE_SET};
    struct store_where due[] = {
        {"name", STORE_EQ, name, 0},
        {"last_run_at", STORE_LE, store_time(over), 0},
    };
    store_insert_new(job, TABLE_LINTEL_TASKS, first, 2);
    if (!t->patient) {
        store_update(job, TABLE_LINTEL_TASKS, &mine, 1, due, 2);
        store_expect(job, 1);
    }
    t->granted = !t->patient;
    t->slot = over + 1;
    submit(t, job, CLAIMING);
}

static void on_reserved(void *user, const struct shared_answer *answer)
{
    struct task *t = user;
    t->granted = answer->refused < 0 && !answer->away && !t->patient;
    t->running = false;
    turn_mark(&t->worker->turn, &t->item);
}

static void claim_word(struct task *t)
{
    struct worker *w = t->worker;
    const struct shared_ask ask = {.key = slice_of(t->key),
                                   .kind = SHARED_WINDOW,
                                   .limit = 1,
                                   .window_ms = t->interval,
                                   .units = 1};
    t->stage = CLAIMING;
    t->running = true;
    w->shared->ops->reserve(w->shared, &ask, 1, turn_now(&w->turn), on_reserved, t);
}

static void on_timer(uv_timer_t *timer)
{
    struct task *t = timer->data;
    const struct worker *w = t->worker;
    if (t->stage != IDLE || w->draining ||
        (t->timed && t->seen == cron_last(&t->cron, clock_unix_ms())))
        return;
    if (!w->config->settings.database_url)
        claim_word(t);
    else if (w->store && store_is_up(w->store))
        claim_row(t);
}

static void step_claim(struct task *t, const struct store_job *done)
{
    enum store_status status = done ? store_job_status(done) : STORE_OK;
    bool mine = status == STORE_OK && t->granted;
    if (status != STORE_OK && status != STORE_CONFLICT && status != STORE_UNAVAILABLE)
        log_warn("%s: it cannot be found out whose turn it is: %s", t->name, store_job_error(done));
    t->stage = IDLE;
    if (!t->patient && (status == STORE_OK || status == STORE_CONFLICT))
        t->seen = t->slot;
    t->patient = t->patient && status != STORE_OK;
    if (mine)
        go_on(t, NULL);
}

static void step(struct turn_item *item)
{
    struct task *t = LIST_ENTRY(item, struct task, item);
    struct store_job *done = t->job;
    t->job = NULL;
    if (t->stage == CLAIMING)
        step_claim(t, done);
    else
        go_on(t, done);
    store_job_free(done);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct task *task_new(struct worker *w, const char *name, task_step *first, void *user)
{
    struct task *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    t->worker = w;
    t->name = name;
    t->step = first;
    t->user = user;
    snprintf(t->key, sizeof(t->key), "task:%s", name);
    turn_item_init(&t->item, step);
    uv_timer_init(&w->loop, &t->timer);
    uv_unref((uv_handle_t *)&t->timer);
    t->timer.data = t;
    return t;
}

void task_every(struct task *t, int64_t ms)
{
    uint64_t tick = (uint64_t)(ms < TICK_MAX ? ms : TICK_MAX);
    t->interval = ms;
    t->timed = false;
    uv_timer_stop(&t->timer);
    if (ms)
        uv_timer_start(&t->timer, on_timer, tick < FIRST_MS ? tick : FIRST_MS, tick);
}

void task_after(struct task *t, int64_t ms)
{
    t->patient = true;
    task_every(t, ms);
}

void task_monthly(struct task *t)
{
    t->monthly = true;
    task_every(t, TICK_MAX);
}

void task_cron(struct task *t, const struct cron *cron)
{
    task_after(t, CRON_MS);
    t->cron = *cron;
    t->seen = 0;
    t->timed = true;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void task_free(struct task *t)
{
    if (!t)
        return;
    if (t->running && t->job)
        store_job_abandon(t->job);
    else if (t->running)
        t->worker->shared->ops->forget(t->worker->shared, t);
    else
        store_job_free(t->job);
    turn_unmark(&t->item);
    uv_close((uv_handle_t *)&t->timer, on_closed);
}
