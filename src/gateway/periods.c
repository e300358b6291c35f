/* See periods.h.
 *
 * Happy path: in a run of the task (task.h) rows whose period is over are read, a batch at a time,
 * and each begins anew in a job of its own.
 *
 * Failure modes: somebody else was faster with a row: nothing. The database is away, or this
 * process ends: what is left is done at the next run, or when it is asked for. */

#include "periods.h"

#include "base/log.h"
#include "io/clock.h"
#include "rows_ask.h"
#include "task.h"
#include "wire/crypto.h"
#include "worker_private.h"

#include <stdlib.h>

#define BATCH     100 /* rows of each table */
#define SECOND_MS 1000

static const enum row_kind kinds[] = {ROW_KEY, ROW_USER, ROW_TEAM, ROW_BUDGET};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

struct periods {
    struct worker *worker;
    struct task *task;
    bool full;                  /* the batch: there may be more */
    struct row **rows;          /* of the batch … */
    size_t row_count, row_next; /* … and which is next */
};

/* ---- a batch --------------------------------------------------------------------------------- */

static void drop_rows(struct periods *p)
{
    while (p->row_count)
        row_unref(p->rows[--p->row_count]);
    free(p->rows);
    p->rows = NULL;
    p->row_next = 0;
}

static struct store_job *ask(struct periods *p)
{
    struct store_job *job = store_job_new(p->worker->store);
    struct store_where over = {"budget_reset_at", STORE_LE, store_time(clock_unix_ms()), 0};
    for (size_t i = 0; i < KINDS; i++)
        store_select(job, &(struct store_query){.table = rows_table(kinds[i]),
                                                .where = &over,
                                                .where_count = 1,
                                                .limit = BATCH});
    return job;
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
static struct store_job *go_on(struct periods *p)
{
    while (p->row_next < p->row_count) {
        struct store_job *job = store_job_new(p->worker->store);
        if (rows_begin_period(job, p->rows[p->row_next++], clock_unix_ms()))
            return job;
        store_job_free(job);
    }
    drop_rows(p);
    return p->full ? ask(p) : NULL;
}

static struct store_job *step(void *user, const struct store_job *done)
{
    struct periods *p = user;
    enum store_status status = done ? store_job_status(done) : STORE_OK;
    bool beginning = p->rows != NULL;
    if (!done)
        return ask(p);
    if (status != STORE_OK && status != STORE_CONFLICT && status != STORE_UNAVAILABLE)
        log_warn("a budget could not begin anew: %s", store_job_error(done));
    if (!beginning && status != STORE_OK)
        return NULL;
    if (!beginning)
        take(p, done);
    p->full = p->full && status == STORE_OK; /* no second try of what fails */
    return go_on(p);
}

int64_t periods_pause(int64_t least_s, int64_t most_s, uint64_t drawn)
{
    int64_t least = least_s * SECOND_MS, most = most_s * SECOND_MS;
    if (least <= 0 || most <= least)
        return least;
    return least + (int64_t)(drawn % (uint64_t)(most - least + 1));
}

struct periods *periods_new(struct worker *w)
{
    const struct settings *s = &w->config->settings;
    struct periods *p = calloc(1, sizeof(*p));
    uint64_t drawn;
    if (!p)
        abort();
    random_bytes(&drawn, sizeof(drawn));
    p->worker = w;
    p->task = task_new(w, "budget_periods", step, p);
    if (s->database_url && !s->disable_reset_budget)
        task_every(p->task, periods_pause(s->budget_look_seconds, s->budget_look_most, drawn));
    return p;
}

void periods_free(struct periods *p)
{
    task_free(p->task);
    drop_rows(p);
    free(p);
}
