/* spend_reports: what teams spent, and what requests with a tag did, every spend_report_frequency
 * and when a month is over. From the rows per day, so there are none without a database.
 *
 * Happy path: the one gateway whose turn it is (task.h) reads the sums and the teams' names, and
 * tells.
 *
 * Failure modes: nothing was spent: nothing is told. The database is away: the next time. */

#include "alerting.h"
#include "base/duration.h"
#include "base/log.h"
#include "io/clock.h"
#include "report.h"
#include "task.h"
#include "worker_private.h"

#include <stdlib.h>

#define SHOWN    50 /* of each list, the most expensive first */
#define TEXT_MAX ((size_t)32 * 1024)

enum period { LATELY, MONTH, PERIODS };

struct report {
    struct alerting_spend *of;
    enum period period;
    struct task *task;
    struct arena arena;
    struct report_days days;
    size_t teams, tags, names; /* statements of the job */
};

struct alerting_spend {
    struct alerting *alerting;
    struct worker *worker;
    int64_t every_ms;
    struct report reports[PERIODS];
};

/* ---- the question --------------------------------------------------------------------------- */

static size_t add_sums(struct report *r, struct store_job *job, enum store_table_id table,
                       const char *by)
{
    static const char *const sums[] = {"spend"};
    struct report_filter f = {.count = 0};
    report_filter_days(&f, &r->days);
    report_filter_add(&f, by, STORE_NE, store_text(SLICE("")));
    return store_report(job, &(struct store_report){
                                 .query = {.table = table,
                                           .where = f.where,
                                           .where_count = f.count,
                                           .order = &(struct store_order){"spend", true},
                                           .order_count = 1,
                                           .limit = SHOWN + 1},
                                 .by = &by,
                                 .by_count = 1,
                                 .sums = sums,
                                 .sum_count = 1,
                             });
}

static void choose_days(struct report *r)
{
    int64_t now = clock_unix_ms(), month = duration_begin(SLICE("1mo"), now);
    bool monthly = r->period == MONTH;
    int64_t first = monthly ? duration_begin(SLICE("1mo"), month - 1) : now - r->of->every_ms;
    arena_fini(&r->arena);
    arena_init(&r->arena);
    r->days.first = report_day_of(first, &r->arena);
    r->days.last = report_day_of(monthly ? month - 1 : now, &r->arena);
}

static struct store_job *ask(struct report *r)
{
    static const char *const columns[] = {"team_id", "team_alias"};
    struct store_job *job = store_job_new(r->of->worker->store);
    choose_days(r);
    r->teams = add_sums(r, job, TABLE_DAILY_TEAM_SPEND, "team_id");
    r->tags = add_sums(r, job, TABLE_DAILY_TAG_SPEND, "tag");
    r->names = store_select(
        job, &(struct store_query){
                 .table = TABLE_TEAM_TABLE,
                 .columns = columns,
                 .column_count = 2,
                 .where = &(struct store_where){"team_alias", STORE_NOT_NULL, store_null(), 0},
                 .where_count = 1});
    return job;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static struct slice name_of(const struct store_rows *names, struct slice team)
{
    for (size_t i = 0; names && i < names->count; i++)
        if (slice_eq(store_rows_text(names, i, "team_id"), team))
            return store_rows_text(names, i, "team_alias");
    return team;
}

static void add_list(struct buf *b, const struct store_rows *rows, const char *by, const char *what,
                     const struct store_rows *names)
{
    buf_addf(b, "%s Spend Report:\n", what);
    if (!rows->count)
        BUF_LITERAL(b, "None\n");
    for (size_t i = 0; i < rows->count && i < SHOWN; i++) {
        struct slice name = name_of(names, store_rows_text(rows, i, by));
        buf_addf(b, "%s: `%.*s` | Spend: `$%.4f`\n", what, SLICE_ARG(name),
                 store_rows_number(rows, i, "spend"));
    }
    if (rows->count > SHOWN)
        buf_addf(b, "and more, which cost less\n");
}

static void tell(struct report *r, const struct store_job *done)
{
    const struct store_rows *teams = store_job_rows(done, r->teams);
    const struct store_rows *tags = store_job_rows(done, r->tags);
    struct buf text;
    if (!teams->count && !tags->count)
        return;
    buf_init(&text, TEXT_MAX);
    add_list(&text, teams, "team_id", "Team", store_job_rows(done, r->names));
    BUF_LITERAL(&text, "\n");
    add_list(&text, tags, "tag", "Tag", NULL);
    struct slice subject =
        arena_printf(&r->arena, "%s for %.*s - %.*s",
                     r->period == MONTH ? "Monthly Spend Report" : "Spend Report",
                     SLICE_ARG(r->days.first), SLICE_ARG(r->days.last));
    alerting_tell(r->of->alerting, &(struct alerting_news){.type = ALERT_SPEND_REPORTS,
                                                           .level = "Low",
                                                           .key = subject,
                                                           .quiet_ms = 1,
                                                           .subject = subject,
                                                           .text = slice_trim(buf_slice(&text))});
    buf_fini(&text);
}

static struct store_job *step(void *user, const struct store_job *done)
{
    struct report *r = user;
    enum store_status status = done ? store_job_status(done) : STORE_OK;
    if (!done)
        return ask(r);
    if (status == STORE_OK)
        tell(r, done);
    else if (status != STORE_UNAVAILABLE)
        log_warn("spend cannot be reported: %s", store_job_error(done));
    return NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void begin(struct alerting_spend *s, enum period period, const char *name)
{
    struct report *r = &s->reports[period];
    r->of = s;
    r->period = period;
    arena_init(&r->arena);
    r->task = task_new(s->worker, name, step, r);
}

struct alerting_spend *alerting_spend_new(struct alerting *a, struct worker *w)
{
    const char *frequency = w->config->alerting.spend_frequency;
    int64_t ms = duration_ms(slice_of(frequency));
    if (!w->config->settings.database_url || !alerting_wants(a, ALERT_SPEND_REPORTS))
        return NULL;
    if (!ms)
        log_error(
            "spend_report_frequency: '%s' is no duration such as 7d; spend is reported by the "
            "month alone",
            frequency);
    struct alerting_spend *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->alerting = a;
    s->worker = w;
    s->every_ms = ms;
    begin(s, LATELY, "spend_report");
    begin(s, MONTH, "monthly_spend_report");
    task_every(s->reports[LATELY].task, ms);
    task_monthly(s->reports[MONTH].task);
    return s;
}

void alerting_spend_free(struct alerting_spend *s)
{
    if (!s)
        return;
    for (int i = 0; i < PERIODS; i++) {
        task_free(s->reports[i].task);
        arena_fini(&s->reports[i].arena);
    }
    free(s);
}
