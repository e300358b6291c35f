/* See periods.h.
 *
 * Happy path: at each tick the run is claimed by an update that only one gateway can make; rows
 * whose period is over are read, a batch at a time, and each begins anew in a job of its own.
 *
 * Failure modes: it is not time yet, or somebody else was faster, with the run or with a row:
 * nothing. The database is away, or this process ends: what is left is done at the next run, or
 * when it is asked for. */

#include "periods.h"

#include "base/log.h"
#include "io/clock.h"
#include "rows_ask.h"
#include "worker_private.h"

#include <stdlib.h>

#define BATCH    100  /* rows of each table */
#define FIRST_MS 2000 /* after the start: the database connects meanwhile */
#define TASK     SLICE("budget_periods")

static const enum row_kind kinds[] = {ROW_KEY, ROW_USER, ROW_TEAM, ROW_BUDGET};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

struct periods {
    struct worker *worker;
    struct turn_item item;
    uv_timer_t timer;
    struct store_job *job; /* that runs, or has just ended; NULL: idle */
    bool running, claiming;
    bool full;                  /* the batch: there may be more */
    struct row **rows;          /* of the batch … */
    size_t row_count, row_next; /* … and which is next */
};

static int64_t interval_of(const struct periods *p)
{
    return config_milliseconds((double)p->worker->config->settings.budget_look_seconds);
}

static void on_done(void *user, struct store_job *job)
{
    struct periods *p = user;
    p->running = false;
    turn_mark(&p->worker->turn, &p->item);
}

static void submit(struct periods *p, struct store_job *job)
{
    p->job = job;
    p->running = true;
    store_submit(job, on_done, p);
}

/* ---- a batch --------------------------------------------------------------------------------- */

static void drop_rows(struct periods *p)
{
    while (p->row_count)
        row_unref(p->rows[--p->row_count]);
    free(p->rows);
    p->rows = NULL;
    p->row_next = 0;
}

static void ask(struct periods *p)
{
    struct store_job *job = store_job_new(p->worker->store);
    struct store_where over = {"budget_reset_at", STORE_LE, store_time(clock_unix_ms()), 0};
    for (size_t i = 0; i < KINDS; i++)
        store_select(job, &(struct store_query){.table = rows_table(kinds[i]),
                                                .where = &over,
                                                .where_count = 1,
                                                .limit = BATCH});
    submit(p, job);
}

static void take(struct periods *p, const struct store_job *job)
{
    p->rows = calloc(KINDS * BATCH, sizeof(struct row *));
    if (!p->rows)
        abort();
    p->full = false;
    for (size_t i = 0; i < KINDS; i++) {
        const struct store_rows *rows = store_job_rows(job, i);
        p->full = p->full || rows->count == BATCH;
        for (size_t k = 0; k < rows->count; k++)
            p->rows[p->row_count++] = row_new(kinds[i], rows, k);
    }
}

/* The next row's job; else the next batch, or the end of the run. */
static void go_on(struct periods *p)
{
    while (p->row_next < p->row_count && !p->worker->draining) {
        struct store_job *job = store_job_new(p->worker->store);
        if (rows_begin_period(job, p->rows[p->row_next++], clock_unix_ms())) {
            submit(p, job);
            return;
        }
        store_job_free(job);
    }
    drop_rows(p);
    if (p->full && !p->worker->draining)
        ask(p);
}

static void step(struct turn_item *item)
{
    struct periods *p = LIST_ENTRY(item, struct periods, item);
    struct store_job *done = p->job;
    enum store_status status = store_job_status(done);
    bool beginning = p->rows != NULL;
    p->job = NULL;
    if (status != STORE_OK && status != STORE_CONFLICT && status != STORE_UNAVAILABLE)
        log_warn("a budget could not begin anew: %s", store_job_error(done));
    if (p->claiming && status == STORE_OK) {
        p->claiming = false;
        ask(p);
    } else if (!p->claiming && (beginning || status == STORE_OK)) {
        if (!beginning)
            take(p, done);
        p->full = p->full && status == STORE_OK; /* no second try of what fails */
        go_on(p);
    }
    store_job_free(done);
}

/* ---- when ------------------------------------------------------------------------------------ */

static void claim(struct periods *p)
{
    struct store_job *job = store_job_new(p->worker->store);
    int64_t now = clock_unix_ms();
    struct store_cell first[] = {{"name", store_text(TASK), STORE_SET},
                                 {"last_run_at", store_time(0), STORE_SET}};
    struct store_cell mine = {"last_run_at", store_time(now), STORE_SET};
    struct store_where due[] = {
        {"name", STORE_EQ, store_text(TASK), 0},
        {"last_run_at", STORE_LE, store_time(now - interval_of(p)), 0},
    };
    store_insert_new(job, TABLE_LINTEL_TASKS, first, 2);
    store_update(job, TABLE_LINTEL_TASKS, &mine, 1, due, 2);
    store_expect(job, 1);
    p->claiming = true;
    submit(p, job);
}

static void on_timer(uv_timer_t *timer)
{
    struct periods *p = timer->data;
    struct store *s = p->worker->store;
    if (!p->job && !p->worker->draining && s && store_is_up(s))
        claim(p);
}

struct periods *periods_new(struct worker *w)
{
    struct periods *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    p->worker = w;
    turn_item_init(&p->item, step);
    uv_timer_init(&w->loop, &p->timer);
    uv_unref((uv_handle_t *)&p->timer);
    p->timer.data = p;
    uint64_t tick = (uint64_t)interval_of(p);
    if (tick && !w->config->settings.disable_reset_budget)
        uv_timer_start(&p->timer, on_timer, tick < FIRST_MS ? tick : FIRST_MS, tick);
    return p;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void periods_free(struct periods *p)
{
    if (p->running)
        store_job_abandon(p->job);
    else
        store_job_free(p->job);
    drop_rows(p);
    turn_unmark(&p->item);
    uv_close((uv_handle_t *)&p->timer, on_closed);
}
