/* GET /provider/budgets: what may be spent at Bedrock, and what was (provider_budget_config), as
 * the shared state counts it. */

#include "handlers.h"

#include "ask.h"
#include "base/date.h"
#include "io/clock.h"
#include "limit_asks.h"
#include "worker_private.h"

struct provider_question {
    struct exchange *ex;
    struct limits limits;
    struct shared_state state;
    bool waiting, away;
};

static void on_answer(void *user, const struct shared_answer *answer)
{
    struct provider_question *q = user;
    q->waiting = false;
    q->away = answer->away;
    if (!q->away)
        q->state = answer->states[0];
    exchange_deposit(q->ex, 0);
}

static bool is_answered(struct exchange *ex)
{
    const struct provider_question *q = ex->own.state;
    return !q->waiting;
}

static void stop_asking(struct exchange *ex)
{
    struct provider_question *q = ex->own.state;
    struct shared *s = ex->worker->shared;
    if (q->waiting)
        s->ops->forget(s, q);
    q->waiting = false;
}

static void write_budget(struct exchange *ex, struct buf *body)
{
    const struct provider_question *q = ex->own.state;
    const struct route_budget *b = &ex->config->settings.routing.budget;
    char date[DATE_SIZE] = "";
    struct json_writer w;
    if (q->away) {
        failure_set(&ex->failure, &ex->arena, FAILURE_UNAVAILABLE, 503, "Redis does not answer");
        return;
    }
    if (q->state.reset_ms)
        date_format(clock_unix_ms() + q->state.reset_ms, date);
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "providers"), json_object(&w);
    json_key(&w, "bedrock"), json_object(&w);
    json_key(&w, "budget_limit"), json_number(&w, b->usd);
    json_member_string(&w, "time_period", b->period);
    json_key(&w, "spend"), json_number(&w, (double)q->state.used / LIMIT_PER_USD);
    json_key(&w, "budget_reset_at"), json_string_or_null(&w, slice_of(date));
    json_object_end(&w);
    json_object_end(&w);
    json_object_end(&w);
}

void handle_provider_budgets(struct exchange *ex, struct buf *body)
{
    struct provider_question *q = ARENA_NEW(&ex->arena, struct provider_question);
    struct shared *s = ex->worker->shared;
    (void)body;
    *q = (struct provider_question){.ex = ex, .waiting = true};
    limits_of_provider(&q->limits, ex->config, &ex->arena);
    if (!q->limits.n) {
        failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 400,
                    "No provider budget config found: set router_settings.provider_budget_config.");
        return;
    }
    ex->own.state = q;
    s->ops->reserve(s, q->limits.asks, q->limits.n, turn_now(&ex->worker->turn), on_answer, q);
    ask_wait(ex, is_answered, write_budget, stop_asking);
}
