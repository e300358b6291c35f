/* daily_reports: which deployments failed most, and which are slowest, once in
 * alerting_args.daily_report_frequency.
 *
 * Happy path: each attempt counts for its deployment, in this process; every few seconds what was
 * counted is added to counters of the shared state, which all processes have in common, and whose
 * window is the report's time. The one process that is to report (task.h) asks for the counters of
 * all deployments and tells.
 *
 * Failure modes: the shared state is away: what is counted meanwhile is counted by this process, as
 * limits are. Nothing was called: nothing is told. Deployments that are no more are left out. */

#include "alerting.h"
#include "base/date.h"
#include "base/map.h"
#include "io/clock.h"
#include "task.h"
#include "worker_private.h"

#include <stdio.h>
#include <stdlib.h>

#define FLUSH_MS   10000
#define PLACES_MAX 10000                    /* deployments that are remembered */
#define SHOWN      5                        /* of each list, as LiteLLM's */
#define ASKED      (SHARED_ASKS_MAX / SUMS) /* deployments in one question */
#define TEXT_MAX   ((size_t)16 * 1024)
#define HOUR_MS    3600000.0
#define KEY_FORMAT "report:%s:%s"
#define KEY_MORE   16 /* bytes of a key besides the deployment's id */

enum sum { FAILED, TOKENS, MS, SUMS };

struct sums {
    int64_t of[SUMS];
};

struct place { /* a deployment */
    struct place *next;
    struct sums counted; /* since the last flush */
    struct slice id;     /* follows; the map's key */
};

/* One look at all deployments: adds what was counted, and learns the sums. */
struct walk {
    struct config *config; /* NULL: none is under way */
    bool report;           /* at its end */
    size_t next;           /* deployment */
    size_t asked[ASKED], asked_n;
    char keys[ASKED * SUMS][SHARED_NAME_MAX];
    struct sums *sums; /* by deployment */
};

struct alerting_daily {
    struct alerting *alerting;
    struct worker *worker;
    struct task *task;
    struct turn_item item;
    uv_timer_t timer; /* its end frees this */
    int64_t window_ms;
    struct map by_id;
    struct place *places; /* all of them */
    bool due;             /* a report is */
    struct walk walk;
};

/* ---- counting ------------------------------------------------------------------------------- */

static struct place *place_of(struct alerting_daily *d, struct slice id)
{
    struct place *p = map_get(&d->by_id, id);
    if (p || !id.n || d->by_id.count >= PLACES_MAX)
        return p;
    p = calloc(1, sizeof(*p) + id.n);
    if (!p)
        abort();
    memcpy(p + 1, id.p, id.n);
    p->id = slice_make((const char *)(p + 1), id.n);
    p->next = d->places;
    d->places = p;
    map_put(&d->by_id, p->id, p);
    return p;
}

void alerting_daily_note(struct alerting_daily *d, const struct record *r)
{
    for (size_t i = 0; d && i < r->attempt_count; i++) {
        const struct record_attempt *t = &r->attempts[i];
        struct place *p = place_of(d, t->deployment);
        if (!p)
            continue;
        if (t->error_class.n) {
            p->counted.of[FAILED]++;
        } else if (i + 1 == r->attempt_count && r->usage.output > 0) {
            p->counted.of[TOKENS] += r->usage.output;
            p->counted.of[MS] += t->ended_ms > t->begun_ms ? t->ended_ms - t->begun_ms : 0;
        }
    }
}

/* ---- what it says --------------------------------------------------------------------------- */

static double per_token(const struct sums *s)
{
    return s->of[TOKENS] ? (double)s->of[MS] / 1000 / (double)s->of[TOKENS] : 0;
}

static double failures(const struct sums *s)
{
    return (double)s->of[FAILED];
}

/* The deployment with the most of what is less than, or as much as and behind, the one before. */
static size_t next_most(const struct walk *w, double (*worth)(const struct sums *), size_t last)
{
    size_t n = w->config->deployment_count, most = n;
    for (size_t i = 0; i < n; i++) {
        double v = worth(&w->sums[i]), before = last < n ? worth(&w->sums[last]) : 0;
        bool left = last == n || v < before || (v == before && i > last);
        if (v > 0 && left && (most == n || v > worth(&w->sums[most])))
            most = i;
    }
    return most;
}

static void add_list(struct buf *b, const struct walk *w, double (*worth)(const struct sums *))
{
    size_t n = w->config->deployment_count, at = next_most(w, worth, n);
    if (at == n)
        BUF_LITERAL(b, "None\n");
    for (int i = 1; i <= SHOWN && at < n; i++, at = next_most(w, worth, at)) {
        const struct deployment *d = &w->config->deployments[at];
        struct slice endpoint = slice_of(d->endpoint);
        buf_addf(b, "%d. Deployment: `%s`, Model: `%s`, ", i, d->bedrock_id, d->model_name);
        if (worth == failures)
            buf_addf(b, "Failed Requests: `%.0f`", worth(&w->sums[at]));
        else
            buf_addf(b, "Latency per output token: `%.3f s/token`", worth(&w->sums[at]));
        buf_addf(b, ", API Base: `%.*s`\n", SLICE_ARG(endpoint));
    }
}

static void tell(struct alerting_daily *d)
{
    struct arena arena;
    struct buf text;
    char next[DATE_SIZE];
    const struct walk *w = &d->walk;
    size_t n = w->config->deployment_count;
    if (next_most(w, failures, n) == n && next_most(w, per_token, n) == n)
        return;
    arena_init(&arena);
    buf_init(&text, TEXT_MAX);
    BUF_LITERAL(&text, "Top Deployments with Most Failed Requests:\n");
    add_list(&text, w, failures);
    BUF_LITERAL(&text, "\nTop Slowest Deployments:\n");
    add_list(&text, w, per_token);
    date_format(clock_unix_ms() + d->window_ms, next);
    buf_addf(&text, "\nNext Run is at: `%.19sZ`", next);
    alerting_tell(d->alerting,
                  &(struct alerting_news){
                      .type = ALERT_DAILY_REPORTS,
                      .level = "Low",
                      .key = arena_printf(&arena, "%lld", (long long)clock_unix_ms()),
                      .quiet_ms = 1,
                      .subject = arena_printf(&arena, "Deployments in the last %g hours",
                                              (double)d->window_ms / HOUR_MS),
                      .text = buf_slice(&text),
                  });
    buf_fini(&text);
    arena_fini(&arena);
}

/* ---- the walk ------------------------------------------------------------------------------- */

static void end_walk(struct alerting_daily *d)
{
    free(d->walk.sums);
    config_unref(d->walk.config);
    d->walk.sums = NULL;
    d->walk.config = NULL;
}

/* The next deployments that there is something to ask about. */
static void choose(struct alerting_daily *d)
{
    static const struct sums zero;
    struct walk *w = &d->walk;
    w->asked_n = 0;
    for (; w->next < w->config->deployment_count && w->asked_n < ASKED; w->next++) {
        struct slice id = slice_of(w->config->deployments[w->next].id);
        const struct place *p = map_get(&d->by_id, id);
        bool counted = p && memcmp(&p->counted, &zero, sizeof(zero)) != 0;
        if ((w->report || counted) && id.n + KEY_MORE < SHARED_NAME_MAX)
            w->asked[w->asked_n++] = w->next;
    }
}

static void on_reserved(void *user, const struct shared_answer *answer)
{
    struct alerting_daily *d = user;
    for (size_t i = 0; i < answer->n; i++)
        d->walk.sums[d->walk.asked[i / SUMS]].of[i % SUMS] = answer->states[i].used;
    turn_mark(&d->worker->turn, &d->item);
}

static void ask_next(struct alerting_daily *d)
{
    static const char *const names[SUMS] = {"failed", "tokens", "ms"};
    struct shared_ask asks[ASKED * SUMS];
    struct shared *s = d->worker->shared;
    struct walk *w = &d->walk;
    choose(d);
    for (size_t i = 0; i < w->asked_n * SUMS; i++) {
        const struct deployment *at = &w->config->deployments[w->asked[i / SUMS]];
        struct place *p = map_get(&d->by_id, slice_of(at->id));
        snprintf(w->keys[i], SHARED_NAME_MAX, KEY_FORMAT, names[i % SUMS], at->id);
        asks[i] = (struct shared_ask){.key = slice_of(w->keys[i]),
                                      .kind = SHARED_WINDOW,
                                      .limit = -1,
                                      .window_ms = d->window_ms,
                                      .units = p ? p->counted.of[i % SUMS] : 0};
        if (p)
            p->counted.of[i % SUMS] = 0;
    }
    if (w->asked_n) {
        s->ops->reserve(s, asks, w->asked_n * SUMS, turn_now(&d->worker->turn), on_reserved, d);
        return;
    }
    if (w->report)
        tell(d);
    end_walk(d);
}

static void begin_walk(struct alerting_daily *d)
{
    struct walk *w = &d->walk;
    if (w->config || d->worker->draining)
        return;
    w->config = config_ref(d->worker->config);
    w->report = d->due;
    w->next = 0;
    w->sums = calloc(w->config->deployment_count + 1, sizeof(*w->sums));
    if (!w->sums)
        abort();
    d->due = false;
    ask_next(d);
}

static void step(struct turn_item *item)
{
    ask_next(LIST_ENTRY(item, struct alerting_daily, item));
}

static void on_timer(uv_timer_t *timer)
{
    begin_walk(timer->data);
}

/* A walk that is under way is not the report's: it may be past what was counted. The timer's next
 * one is. */
static struct store_job *on_due(void *user, const struct store_job *done)
{
    struct alerting_daily *d = user;
    (void)done;
    d->due = true;
    begin_walk(d);
    return NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

struct alerting_daily *alerting_daily_new(struct alerting *a, struct worker *w)
{
    int64_t window = config_milliseconds(w->config->alerting.daily_frequency);
    if (!window || !alerting_wants(a, ALERT_DAILY_REPORTS))
        return NULL;
    struct alerting_daily *d = calloc(1, sizeof(*d));
    if (!d)
        abort();
    uint64_t tick = (uint64_t)(window / 4 < FLUSH_MS ? window / 4 + 1 : FLUSH_MS);
    d->alerting = a;
    d->worker = w;
    d->window_ms = window;
    map_init(&d->by_id);
    turn_item_init(&d->item, step);
    uv_timer_init(&w->loop, &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_timer, tick, tick);
    uv_unref((uv_handle_t *)&d->timer);
    d->task = task_new(w, "daily_report", on_due, d);
    task_after(d->task, window);
    return d;
}

static void release(uv_handle_t *handle)
{
    free(handle->data);
}

void alerting_daily_free(struct alerting_daily *d)
{
    if (!d)
        return;
    task_free(d->task);
    d->worker->shared->ops->forget(d->worker->shared, d);
    turn_unmark(&d->item);
    end_walk(d);
    map_fini(&d->by_id);
    for (struct place *p = d->places, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    uv_close((uv_handle_t *)&d->timer, release);
}
