/* See metering_budgets.h.
 *
 * Happy path: a page of rows that have a budget, in the order of their keys; the budgets that these
 * rows name; the gauges are set; the next page, the next kind, and the next time.
 *
 * Failure modes: the database is away: what was shown stays, and it is tried again soon. */

#include "metering_budgets.h"

#include "base/log.h"
#include "budgets.h"
#include "io/clock.h"
#include "rows_ask.h"
#include "worker_private.h"

#include <stdlib.h>

#define FIRST_MS 500 /* the database connects meanwhile */
#define AGAIN_MS 5000
#define IDS_SIZE ((size_t)256 * 1024) /* of a page's budgets, as a list */

struct payer {
    enum row_kind kind;
    enum record_payer payer;
};

static const struct payer payers[] = {{ROW_KEY, RECORD_KEY},
                                      {ROW_TEAM, RECORD_TEAM},
                                      {ROW_USER, RECORD_USER},
                                      {ROW_ORGANIZATION, RECORD_ORGANIZATION},
                                      {ROW_END_USER, RECORD_CUSTOMER}};
#define PAYERS (sizeof(payers) / sizeof(*payers))

struct metering_budgets {
    struct worker *worker;
    struct request_meter *meter;
    struct turn_item item;
    uv_timer_t timer; /* its end frees this */
    size_t kind;      /* of payers: whose turn it is … */
    size_t shown;     /* … and how many of them are */
    struct row *rows[METERING_BUDGETS_PAGE];
    size_t count;
    struct store_job *job; /* that runs, or has just ended */
    bool running;
    bool named; /* it reads the budgets that the page names */
};

static const struct payer *payer_of(const struct metering_budgets *b)
{
    return &payers[b->kind];
}

static void drop_rows(struct metering_budgets *b)
{
    while (b->count)
        row_unref(b->rows[--b->count]);
}

/* ---- questions ------------------------------------------------------------------------------- */

static void on_done(void *user, struct store_job *job)
{
    struct metering_budgets *b = user;
    (void)job;
    b->running = false;
    turn_mark(&b->worker->turn, &b->item);
}

static void submit(struct metering_budgets *b, struct store_job *job, bool named)
{
    b->job = job;
    b->named = named;
    b->running = true;
    store_submit(job, on_done, b);
}

/* The page behind the rows that are there. */
static void ask_page(struct metering_budgets *b)
{
    static const char *const says[] = {"max_budget", "budget_id"};
    enum store_table_id id = rows_table(payer_of(b)->kind);
    const struct store_table *table = store_table(id);
    struct store_job *job = store_job_new(b->worker->store);
    struct store_where where[3];
    size_t n = 0;
    for (size_t i = 0; i < 2; i++)
        if (store_column_find(table, slice_of(says[i])) >= 0)
            where[n++] = (struct store_where){says[i], STORE_NOT_NULL, store_null(), 1};
    if (b->count)
        where[n++] =
            (struct store_where){table->key[0], STORE_GT, store_text(b->rows[b->count - 1]->id), 0};
    store_select(job, &(struct store_query){.table = id,
                                            .where = where,
                                            .where_count = n,
                                            .order = &(struct store_order){table->key[0], false},
                                            .order_count = 1,
                                            .limit = METERING_BUDGETS_PAGE});
    drop_rows(b);
    submit(b, job, false);
}

static bool names_budget(const struct row *r)
{
    return r->budget < 0 && r->budget_id.n;
}

/* False: the page's rows have budgets of their own. */
static bool ask_named(struct metering_budgets *b)
{
    struct json_writer w;
    struct buf ids;
    size_t n = 0;
    buf_init(&ids, IDS_SIZE);
    json_begin(&w, &ids);
    json_array(&w);
    for (size_t i = 0; i < b->count; i++)
        if (names_budget(b->rows[i])) {
            json_string(&w, b->rows[i]->budget_id);
            n++;
        }
    json_array_end(&w);
    if (n) {
        struct store_where in = {"budget_id", STORE_IN, store_texts(buf_slice(&ids)), 0};
        struct store_job *job = store_job_new(b->worker->store);
        store_select(job, &(struct store_query){
                              .table = TABLE_BUDGET_TABLE, .where = &in, .where_count = 1});
        submit(b, job, true);
    }
    buf_fini(&ids);
    return n;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void take_page(struct metering_budgets *b, const struct store_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        b->rows[b->count++] = row_new(payer_of(b)->kind, rows, i);
}

/* `named`: the budgets that rows name, or NULL. */
static struct row *find_named(const struct row *r, const struct store_rows *named)
{
    for (size_t i = 0; named && i < named->count; i++)
        if (slice_eq(store_rows_text(named, i, "budget_id"), r->budget_id))
            return row_new(ROW_BUDGET, named, i);
    return NULL;
}

static void show(struct metering_budgets *b, struct row *r, const struct store_rows *named)
{
    struct row *other = names_budget(r) ? find_named(r, named) : NULL;
    const struct row *says = other ? other : r;
    const struct request_meter_payer who = {.id = r->id, .alias = r->alias, .email = r->email};
    int64_t now = clock_unix_ms();
    const struct record_budget budget = {
        .most = budget_most(says, now), .spent = r->spend, .reset_ms = says->reset_at};
    if (budget.most >= 0)
        request_meter_budget(b->meter, payer_of(b)->payer, &who, &budget, now);
    row_unref(other);
}

static void later(struct metering_budgets *b, uint64_t ms);

static void next_page(struct metering_budgets *b)
{
    size_t most = (size_t)b->worker->config->settings.metrics_series_max;
    bool full = b->count == METERING_BUDGETS_PAGE;
    b->shown += b->count;
    if (full && b->shown >= most)
        log_warn("metrics: there are more budgets than "
                 "prometheus_metrics_max_series_per_metric (%zu); those of the rest show when "
                 "they are used",
                 most);
    if (!full || b->shown >= most) {
        drop_rows(b);
        b->kind++;
        b->shown = 0;
    }
    if (b->kind < PAYERS)
        ask_page(b);
    else
        later(b, METERING_BUDGETS_MS);
}

static void show_page(struct metering_budgets *b, const struct store_rows *named)
{
    for (size_t i = 0; i < b->count; i++)
        show(b, b->rows[i], named);
    next_page(b);
}

static void give_up(struct metering_budgets *b, const struct store_job *job)
{
    if (store_job_status(job) != STORE_UNAVAILABLE)
        log_warn("metrics: budgets cannot be read: %s", store_job_error(job));
    drop_rows(b);
    later(b, AGAIN_MS);
}

static void step(struct turn_item *item)
{
    struct metering_budgets *b = LIST_ENTRY(item, struct metering_budgets, item);
    struct store_job *job = b->job;
    b->job = NULL;
    if (store_job_status(job) != STORE_OK) {
        give_up(b, job);
    } else if (b->named) {
        show_page(b, store_job_rows(job, 0));
    } else {
        take_page(b, store_job_rows(job, 0));
        if (!ask_named(b))
            show_page(b, NULL);
    }
    store_job_free(job);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_timer(uv_timer_t *timer)
{
    struct metering_budgets *b = timer->data;
    const struct worker *w = b->worker;
    if (w->draining)
        return;
    b->kind = b->shown = 0;
    if (w->store && store_is_up(w->store))
        ask_page(b);
    else
        later(b, AGAIN_MS);
}

static void later(struct metering_budgets *b, uint64_t ms)
{
    uv_timer_start(&b->timer, on_timer, ms, 0);
}

struct metering_budgets *metering_budgets_new(struct worker *w, struct request_meter *meter)
{
    struct metering_budgets *b = calloc(1, sizeof(*b));
    if (!b)
        abort();
    b->worker = w;
    b->meter = meter;
    turn_item_init(&b->item, step);
    uv_timer_init(&w->loop, &b->timer);
    uv_unref((uv_handle_t *)&b->timer);
    b->timer.data = b;
    later(b, FIRST_MS);
    return b;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void metering_budgets_free(struct metering_budgets *b)
{
    if (!b)
        return;
    if (b->running)
        store_job_abandon(b->job);
    else
        store_job_free(b->job);
    drop_rows(b);
    turn_unmark(&b->item);
    uv_close((uv_handle_t *)&b->timer, on_closed);
}
