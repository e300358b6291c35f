/* Happy path: in a run of the task (task.h) a batch of ids is read, and deleted in the same job
 * that reads the next, until none is left.
 *
 * Failure modes: the database is away, or this process ends: what is left goes at the next run. */

#include "retention.h"

#include "base/cron.h"
#include "base/date.h"
#include "base/duration.h"
#include "base/log.h"
#include "io/clock.h"
#include "task.h"
#include "worker_private.h"

#include <stdlib.h>

#define ID_BYTES           600    /* of an id in a list */
#define DAY_SIZE           10     /* bytes of "2026-11-21" */
#define RESPONSES_MS       600000 /* between two looks for kept responses, at most; … */
#define RESPONSES_LEAST_MS 1000   /* … and at least: a quarter of their time otherwise */

/* `time`: rows whose time, or day, lies further back than `kept_ms` go. */
struct rule {
    const char *task, *what;
    enum store_table_id table;
    const char *id, *time;
    bool days; /* as text, "2026-11-21" */
};

static const struct rule rules[RETENTION_KINDS] = {
    [RETENTION_LOGS] = {"spend_logs_retention", "rows of requests", TABLE_SPEND_LOGS, "request_id",
                        "startTime", false},
    [RETENTION_TAGS] = {"daily_tag_spend_retention", "rows of daily spend by tag",
                        TABLE_DAILY_TAG_SPEND, "id", "date", true},
    [RETENTION_RESPONSES] = {"responses_retention", "kept responses", TABLE_LINTEL_RESPONSES,
                             "response_id", "expires_at", false},
};

struct retention {
    struct worker *worker;
    enum retention_kind kind;
    struct task *task;
    int64_t kept_ms;
    int64_t before; /* unix ms: older rows go */
    int64_t batches, deleted;
};

static const struct rule *rule_of(const struct retention *r)
{
    return &rules[r->kind];
}

static const char *kept_of(const struct retention *r)
{
    const struct settings *s = &r->worker->config->settings;
    return r->kind == RETENTION_TAGS ? s->tags_kept : s->logs_kept;
}

/* ---- the run --------------------------------------------------------------------------------- */

static void add_ids(struct retention *r, struct store_job *job)
{
    const struct rule *rule = rule_of(r);
    char date[DATE_SIZE];
    date_format(r->before, date);
    struct store_where old = {rule->time, STORE_LT, store_time(r->before), 0};
    if (rule->days)
        old.value = store_text(slice_make(date, DAY_SIZE));
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

static struct store_job *begin_run(struct retention *r)
{
    struct store_job *job = store_job_new(r->worker->store);
    r->before = clock_unix_ms() - r->kept_ms;
    r->batches = r->deleted = 0;
    add_ids(r, job);
    return job;
}

/* The ids are those of the job's last statement. */
static struct store_job *next_batch(struct retention *r, const struct store_job *done,
                                    size_t statement)
{
    const struct store_rows *rows = store_job_rows(done, statement);
    struct store_job *job;
    if (statement)
        r->deleted += store_job_rows(done, 0)->changed;
    if (!rows->count || r->batches++ >= r->worker->config->settings.logs_batches)
        return NULL;
    job = store_job_new(r->worker->store);
    add_delete(rule_of(r), job, rows);
    add_ids(r, job);
    return job;
}

static struct store_job *step(void *user, const struct store_job *done)
{
    struct retention *r = user;
    enum store_status status = done ? store_job_status(done) : STORE_OK;
    struct store_job *next = NULL;
    if (!done)
        return begin_run(r);
    if (status == STORE_OK)
        next = next_batch(r, done, r->batches ? 1 : 0);
    else if (status != STORE_CONFLICT && status != STORE_UNAVAILABLE)
        log_warn("old %s cannot be deleted: %s", rule_of(r)->what, store_job_error(done));
    if (!next && r->deleted && r->kind != RETENTION_RESPONSES)
        log_info("%lld %s, older than %s, were deleted", (long long)r->deleted, rule_of(r)->what,
                 kept_of(r));
    return next;
}

/* ---- when ------------------------------------------------------------------------------------ */

static int64_t read_duration(const char *name, const char *text)
{
    int64_t ms = duration_ms(slice_of(text));
    if (!ms && text)
        log_error("%s: '%s' is no duration such as 30d; nothing is deleted", name, text);
    return ms;
}

/* Also when none are put there any more. */
static int64_t responses_interval(const struct settings *s)
{
    int64_t quarter = config_milliseconds(s->responses_ttl) / 4;
    return quarter < RESPONSES_LEAST_MS ? RESPONSES_LEAST_MS
           : quarter < RESPONSES_MS     ? quarter
                                        : RESPONSES_MS;
}

/* By cron, or else the interval. */
static void configure_spend(struct retention *r, const struct settings *s)
{
    const char *option = r->kind == RETENTION_TAGS ? "maximum_daily_tag_spend_retention_period"
                                                   : "maximum_spend_logs_retention_period";
    struct cron cron;
    bool timed = s->logs_cron != NULL;
    r->kept_ms = s->database_url ? read_duration(option, kept_of(r)) : 0;
    if (!r->kept_ms) {
        task_every(r->task, 0);
    } else if (!timed) {
        task_every(r->task,
                   read_duration("maximum_spend_logs_retention_interval", s->logs_interval));
    } else if (cron_parse(slice_of(s->logs_cron), &cron)) {
        task_cron(r->task, &cron);
    } else {
        log_error("maximum_spend_logs_cleanup_cron: '%s' is no cron expression such as 0 4 * * *; "
                  "nothing is deleted",
                  s->logs_cron);
        task_every(r->task, 0);
    }
}

void retention_configure(struct retention *r)
{
    const struct settings *s = &r->worker->config->settings;
    if (r->kind == RETENTION_RESPONSES)
        task_every(r->task, s->database_url ? responses_interval(s) : 0);
    else
        configure_spend(r, s);
}

struct retention *retention_new(struct worker *w, enum retention_kind kind)
{
    struct retention *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->worker = w;
    r->kind = kind;
    r->task = task_new(w, rule_of(r)->task, step, r);
    retention_configure(r);
    return r;
}

void retention_free(struct retention *r)
{
    task_free(r->task);
    free(r);
}
