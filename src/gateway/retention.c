/* Happy path: at each tick the run is claimed by an update that only one gateway can make; then a
 * batch of ids is read, and deleted in the same job that reads the next, until none is left.
 *
 * Failure modes: it is not time yet, or somebody else was faster: nothing. The database is away, or
 * this process ends: what is left goes at the next run. */

#include "retention.h"

#include "base/log.h"
#include "duration.h"
#include "io/clock.h"
#include "worker_private.h"

#include <stdlib.h>

#define TICK_MAX           600000 /* ms */
#define FIRST_MS           2000   /* after the start: the database connects meanwhile */
#define ID_BYTES           600    /* of an id in a list */
#define RESPONSES_MS       600000 /* between two looks for kept responses, at most; … */
#define RESPONSES_LEAST_MS 1000   /* … and at least: a quarter of their time otherwise */

/* `time`: rows whose time lies further back than `kept_ms` go. */
struct rule {
    const char *task, *what;
    enum store_table_id table;
    const char *id, *time;
};

static const struct rule rules[RETENTION_KINDS] = {
    [RETENTION_LOGS] = {"spend_logs_retention", "rows of requests", TABLE_SPEND_LOGS, "request_id",
                        "startTime"},
    [RETENTION_RESPONSES] = {"responses_retention", "kept responses", TABLE_LINTEL_RESPONSES,
                             "response_id", "expires_at"},
};

enum stage { IDLE, CLAIMING, DELETING };

struct retention {
    struct worker *worker;
    enum retention_kind kind;
    struct turn_item item;
    uv_timer_t timer;
    enum stage stage;
    struct store_job *job; /* that runs, or has just ended */
    bool running;
    int64_t kept_ms, interval_ms;
    int64_t before; /* unix ms: older rows go */
    int64_t batches, deleted;
};

static void on_done(void *user, struct store_job *job)
{
    struct retention *r = user;
    r->running = false;
    turn_mark(&r->worker->turn, &r->item);
}

static const struct rule *rule_of(const struct retention *r)
{
    return &rules[r->kind];
}

static void submit(struct retention *r, struct store_job *job, enum stage stage)
{
    r->job = job;
    r->stage = stage;
    r->running = true;
    store_submit(job, on_done, r);
}

/* ---- the run --------------------------------------------------------------------------------- */

static void claim(struct retention *r)
{
    struct store_job *job = store_job_new(r->worker->store);
    int64_t now = clock_unix_ms();
    struct slice task = slice_of(rule_of(r)->task);
    struct store_cell first[] = {{"name", store_text(task), STORE_SET},
                                 {"last_run_at", store_time(0), STORE_SET}};
    struct store_cell mine = {"last_run_at", store_time(now), STORE_SET};
    struct store_where due[] = {
        {"name", STORE_EQ, store_text(task), 0},
        {"last_run_at", STORE_LE, store_time(now - r->interval_ms), 0},
    };
    store_insert_new(job, TABLE_LINTEL_TASKS, first, 2);
    store_update(job, TABLE_LINTEL_TASKS, &mine, 1, due, 2);
    store_expect(job, 1);
    submit(r, job, CLAIMING);
}

static void add_ids(struct retention *r, struct store_job *job)
{
    const struct rule *rule = rule_of(r);
    struct store_where old = {rule->time, STORE_LT, store_time(r->before), 0};
    store_select(job, &(struct store_query){
                          .table = rule->table,
                          .columns = &rule->id,
                          .column_count = 1,
                          .where = &old,
                          .where_count = 1,
                          .order = &(struct store_order){rule->time, false},
                          .order_count = 1,
                          .limit = r->worker->config->settings.logs_batch,
                      });
}

static void add_delete(const struct rule *rule, struct store_job *job,
                       const struct store_rows *rows)
{
    struct buf ids;
    struct json_writer w;
    buf_init(&ids, STORE_LIST_MAX * ID_BYTES);
    json_begin(&w, &ids);
    json_array(&w);
    for (size_t i = 0; i < rows->count; i++)
        json_string(&w, store_rows_text(rows, i, rule->id));
    json_array_end(&w);
    struct store_where these = {rule->id, STORE_IN,
                                store_texts(ids.overflow ? SLICE("[]") : buf_slice(&ids)), 0};
    store_delete(job, rule->table, &these, 1);
    buf_fini(&ids);
}

static void end_run(struct retention *r)
{
    if (r->deleted && r->kind == RETENTION_LOGS)
        log_info("%lld rows of requests, older than %s, were deleted", (long long)r->deleted,
                 r->worker->config->settings.logs_kept);
    r->stage = IDLE;
}

static void begin_run(struct retention *r)
{
    struct store_job *job = store_job_new(r->worker->store);
    r->before = clock_unix_ms() - r->kept_ms;
    r->batches = r->deleted = 0;
    add_ids(r, job);
    submit(r, job, DELETING);
}

/* The ids are those of the job's last statement. */
static void next_batch(struct retention *r, const struct store_job *done, size_t statement)
{
    const struct store_rows *rows = store_job_rows(done, statement);
    struct store_job *job;
    if (statement)
        r->deleted += store_job_rows(done, 0)->changed;
    if (!rows->count || r->batches++ >= r->worker->config->settings.logs_batches ||
        r->worker->draining) {
        end_run(r);
        return;
    }
    job = store_job_new(r->worker->store);
    add_delete(rule_of(r), job, rows);
    add_ids(r, job);
    submit(r, job, DELETING);
}

static void step(struct turn_item *item)
{
    struct retention *r = LIST_ENTRY(item, struct retention, item);
    struct store_job *done = r->job;
    enum store_status status = store_job_status(done);
    r->job = NULL;
    if (r->stage == CLAIMING && status == STORE_OK) {
        begin_run(r);
    } else if (r->stage == DELETING && status == STORE_OK) {
        next_batch(r, done, r->batches ? 1 : 0);
    } else {
        if (status != STORE_CONFLICT && status != STORE_UNAVAILABLE)
            log_warn("old %s cannot be deleted: %s", rule_of(r)->what, store_job_error(done));
        end_run(r);
    }
    store_job_free(done);
}

/* ---- when ------------------------------------------------------------------------------------ */

static void on_timer(uv_timer_t *timer)
{
    struct retention *r = timer->data;
    struct store *s = r->worker->store;
    if (r->stage == IDLE && !r->worker->draining && s && store_is_up(s))
        claim(r);
}

static int64_t read_duration(const char *name, const char *text)
{
    int64_t ms = duration_ms(slice_of(text));
    if (!ms && text)
        log_error("%s: '%s' is no duration such as 30d; nothing is deleted", name, text);
    return ms;
}

static void configure_logs(struct retention *r, const struct settings *s)
{
    r->kept_ms = read_duration("maximum_spend_logs_retention_period", s->logs_kept);
    r->interval_ms =
        r->kept_ms ? read_duration("maximum_spend_logs_retention_interval", s->logs_interval) : 0;
}

/* Also when none are put there any more. */
static void configure_responses(struct retention *r, const struct settings *s)
{
    int64_t quarter = config_milliseconds(s->responses_ttl) / 4;
    r->interval_ms = quarter < RESPONSES_LEAST_MS ? RESPONSES_LEAST_MS
                     : quarter < RESPONSES_MS     ? quarter
                                                  : RESPONSES_MS;
}

void retention_configure(struct retention *r)
{
    const struct settings *s = &r->worker->config->settings;
    uv_timer_stop(&r->timer);
    if (r->kind == RETENTION_LOGS)
        configure_logs(r, s);
    else
        configure_responses(r, s);
    if (!r->interval_ms)
        return;
    uint64_t tick = (uint64_t)(r->interval_ms < TICK_MAX ? r->interval_ms : TICK_MAX);
    uv_timer_start(&r->timer, on_timer, tick < FIRST_MS ? tick : FIRST_MS, tick);
}

struct retention *retention_new(struct worker *w, enum retention_kind kind)
{
    struct retention *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->worker = w;
    r->kind = kind;
    turn_item_init(&r->item, step);
    uv_timer_init(&w->loop, &r->timer);
    uv_unref((uv_handle_t *)&r->timer);
    r->timer.data = r;
    retention_configure(r);
    return r;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void retention_free(struct retention *r)
{
    if (r->running)
        store_job_abandon(r->job);
    else
        store_job_free(r->job);
    turn_unmark(&r->item);
    uv_close((uv_handle_t *)&r->timer, on_closed);
}
