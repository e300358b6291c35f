/* What nobody tells of: requests that hang, a database that is away, spend that is lost. A timer
 * looks. */

#include "alerting.h"
#include "exchange.h"
#include "worker_private.h"

#include <stdlib.h>

#define LOOK_MIN_MS  50
#define LOOK_MAX_MS  5000
#define DATABASE_MS  10000  /* after the start it has so long to be there */
#define DATABASE_TTL 600000 /* ms until the same is told again */

struct alerting_watch {
    struct alerting *alerting;
    struct worker *worker;
    uv_timer_t timer; /* its end frees this */
    int64_t began;    /* ms, turn time */
    bool was_up;
    uint64_t spend_lost; /* requests */
};

/* ---- requests that hang --------------------------------------------------------------------- */

/* As long as the client sends its request, it is the one that hangs. */
static int64_t began(const struct exchange *ex)
{
    return ex->times[ex->times[EX_GUARD] ? EX_GUARD : ex->times[EX_ADMIT] ? EX_ADMIT : EX_HEAD];
}

static bool hangs(const struct exchange *ex, int64_t now, double threshold)
{
    return ex->route && !ex->route->handle && !ex->first_event && ex->sm.state < EX_FLUSH &&
           ex->sm.state != EX_BODY && (double)(now - began(ex)) > threshold * 1000;
}

static void tell_hanging(struct alerting *a, const struct exchange *ex, double threshold)
{
    struct arena arena;
    const struct deployment *d = ex->deployment;
    arena_init(&arena);
    alerting_tell(a, &(struct alerting_news){
                         .type = ALERT_LLM_REQUESTS_HANGING,
                         .level = "Medium",
                         .key = ex->request.model,
                         .quiet_ms = ALERTING_QUIET_MS,
                         .subject = arena_printf(&arena, "%.*s has not answered for more than %g s",
                                                 SLICE_ARG(ex->request.model), threshold),
                         .text = arena_printf(
                             &arena,
                             "Request Model: `%.*s`\nAPI Base: `%s`\nDeployment: `%s`\n"
                             "Key Name: `%.*s`\nTeam: `%.*s`\nState: `%s`\nCall id: `%s`",
                             SLICE_ARG(ex->request.model), d && d->endpoint ? d->endpoint : "-",
                             d ? d->id : "-", SLICE_ARG(ex->caller.alias),
                             SLICE_ARG(ex->caller.team), sm_name(&ex->sm), ex->id),
                     });
    arena_fini(&arena);
}

static void look_at_requests(struct alerting_watch *watch, int64_t now)
{
    struct worker *w = watch->worker;
    double threshold = w->config->alerting.threshold;
    for (struct list *l = w->exchanges.next; l != &w->exchanges; l = l->next) {
        struct exchange *ex = LIST_ENTRY(l, struct exchange, link);
        if (ex->hangs || !hangs(ex, now, threshold))
            continue;
        ex->hangs = true; /* told once */
        tell_hanging(watch->alerting, ex, threshold);
    }
}

/* ---- the database --------------------------------------------------------------------------- */

static void look_at_database(struct alerting_watch *watch, int64_t now)
{
    const struct store *s = watch->worker->store;
    bool up = s && store_is_up(s);
    bool expected = watch->was_up || now - watch->began > DATABASE_MS;
    if (s && !up && expected)
        alerting_tell(watch->alerting,
                      &(struct alerting_news){
                          .type = ALERT_DB_EXCEPTIONS,
                          .level = "High",
                          .key = SLICE("away"),
                          .quiet_ms = DATABASE_TTL,
                          .subject = SLICE("The database does not answer"),
                          .text = SLICE("Requests go on with what is known of keys; what they cost "
                                        "waits in the spool. The log says what the driver says."),
                      });
    watch->was_up = up;
}

/* What requests cost and no database will ever know. */
static void look_at_spend(struct alerting_watch *watch)
{
    struct store_stats stats;
    char lost[SLICE_DIGITS];
    if (!watch->worker->store)
        return;
    store_stats(watch->worker->store, &stats);
    uint64_t before = watch->spend_lost;
    watch->spend_lost = stats.spend_dropped + stats.spend_refused;
    if (watch->spend_lost <= before)
        return;
    struct slice n = slice_digits((int64_t)(watch->spend_lost - before), lost);
    struct arena arena;
    arena_init(&arena);
    alerting_tell(watch->alerting,
                  &(struct alerting_news){
                      .type = ALERT_FAILED_TRACKING_SPEND,
                      .level = "High",
                      .key = SLICE("lost"),
                      .quiet_ms = DATABASE_TTL,
                      .subject = SLICE("What requests cost is not in the database"),
                      .text = arena_printf(&arena,
                                           "Requests: `%.*s`\nThe spool was full, or the database "
                                           "refuses them: the log says which.",
                                           SLICE_ARG(n)),
                  });
    arena_fini(&arena);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    struct alerting_watch *watch = timer->data;
    int64_t now = turn_now(&watch->worker->turn);
    if (alerting_wants(watch->alerting, ALERT_LLM_REQUESTS_HANGING))
        look_at_requests(watch, now);
    look_at_database(watch, now);
    look_at_spend(watch);
}

struct alerting_watch *alerting_watch_new(struct alerting *a, struct worker *w)
{
    struct alerting_watch *watch = calloc(1, sizeof(*watch));
    double quarter = w->config->alerting.threshold * 1000 / 4;
    uint64_t ms = quarter < LOOK_MIN_MS   ? LOOK_MIN_MS
                  : quarter > LOOK_MAX_MS ? LOOK_MAX_MS
                                          : (uint64_t)quarter;
    if (!watch)
        abort();
    watch->alerting = a;
    watch->worker = w;
    watch->began = turn_now(&w->turn);
    uv_timer_init(&w->loop, &watch->timer);
    watch->timer.data = watch;
    uv_timer_start(&watch->timer, on_timer, ms, ms);
    uv_unref((uv_handle_t *)&watch->timer);
    return watch;
}

static void release(uv_handle_t *handle)
{
    free(handle->data);
}

void alerting_watch_free(struct alerting_watch *watch)
{
    if (watch)
        uv_close((uv_handle_t *)&watch->timer, release);
}
