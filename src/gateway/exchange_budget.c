/* See exchange_budget.h.
 *
 * Happy path: there is no budget, and nothing is done. Else the ledgers are looked up, mostly in
 * the cache, each is found to have something left, and what the request may cost is held in all of
 * them until it is known.
 *
 * Failure modes: a budget that is used up is LiteLLM's error. A ledger that cannot be read counts
 * from now on, or refuses the request (fail_closed_budget_enforcement). */

#include "exchange_budget.h"

#include "base/log.h"
#include "exchange.h"
#include "exchange_call.h"
#include "io/clock.h"
#include "llm/estimate.h"
#include "operation.h"
#include "router.h"
#include "worker_private.h"

/* ---- looking up ------------------------------------------------------------------------------ */

/* LiteLLM's words. */
static bool refuse_unsure(struct exchange *ex)
{
    failure_set(&ex->failure, &ex->arena, FAILURE_UNAVAILABLE, 503,
                "Budget enforcement unavailable: current spend could not be verified against "
                "the database, and fail_closed_budget_enforcement is enabled, so the request "
                "was rejected.");
    ex->failure.retry_after_s = 1;
    return false;
}

/* False: it is waited for. */
static bool look_up(struct exchange *ex, enum row_kind kind, struct slice id, struct row **row)
{
    enum rows_state state = ROWS_FOUND;
    if (!*row)
        state = rows_get(ex->worker->rows, kind, id, &ex->rows_wait, &ex->item, row);
    if (state == ROWS_AWAY && ex->config->settings.closed_budgets)
        refuse_unsure(ex);
    return state != ROWS_COMING;
}

static bool look_up_standard(struct exchange *ex)
{
    struct budget_hold *h = &ex->budget_hold;
    struct slice id = slice_of(ex->config->settings.max_end_user_budget_id);
    if (!h->standard_done && id.n && ex->caller.end_user.n &&
        !look_up(ex, ROW_BUDGET, id, &h->standard))
        return false;
    h->standard_done = true;
    return true;
}

static bool look_up_ledgers(struct exchange *ex)
{
    struct budgets *b = &ex->budget_hold.budgets;
    for (size_t i = 0; i < b->n; i++)
        if (!look_up(ex, b->v[i].ledger, b->v[i].id, &b->v[i].row))
            return false;
    return true;
}

/* ---- how much -------------------------------------------------------------------------------- */

static const struct model *model_of(const struct exchange *ex)
{
    struct slice name = ex->request.model;
    const struct config *c = ex->config;
    const struct pool *pool = router_pool(c, &name);
    for (size_t i = 0; pool && i < c->deployment_count; i++)
        if (c->deployments[i].routing->pool == pool)
            return c->deployments[i].facts;
    return NULL;
}

/* Of what is no conversation the size is known, and how much the model reads at once. */
static int64_t prompt_tokens(struct exchange *ex, const struct model *m)
{
    int64_t by_size = (int64_t)(ex->body.n / BYTES_PER_TOKEN), most = m->max_input_tokens;
    if (ex->route->operation)
        return most && by_size > most ? most : by_size;
    if (!ex->prompt_tokens)
        ex->prompt_tokens = llm_estimate_request(&ex->request);
    return ex->prompt_tokens;
}

static int64_t answers(const struct llm_request *r)
{
    int64_t n = 0;
    for (const struct llm_message *m = r->messages; r->separate && m; m = m->next)
        n += (int64_t)r->choices;
    return n ? n : 1;
}

/* USD that it may cost: its prompt, and answers as long as they mostly are. */
static double estimate(struct exchange *ex)
{
    const struct model *m = model_of(ex);
    int64_t most = ex->request.max_tokens;
    if (ex->config->settings.disable_reservation || !m || !m->has_prices)
        return 0;
    most = most >= 0 && most < BUDGET_OUTPUT ? most : BUDGET_OUTPUT;
    struct llm_usage usage = {.input = prompt_tokens(ex, m),
                              .output = most * answers(&ex->request)};
    return model_cost(m, &usage, SLICE("")).total;
}

/* With requests under way. */
static double used(const struct exchange *ex, const struct budget *b)
{
    const struct rows *r = ex->worker->rows;
    return rows_spend(r, b->row) + rows_reserved(r, b->row);
}

static bool is_near(const struct exchange *ex, const struct budget *b)
{
    double left = b->most - used(ex, b), since = used(ex, b) - b->row->spend;
    return b->most >= 0 && left > 0 &&
           (left < b->most * BUDGET_NEAR_SHARE || left < ex->budget_hold.usd * BUDGET_NEAR_CALLS ||
            left < since * BUDGET_GATEWAYS);
}

/* How old its spend may be; -1: any age. */
static int64_t age_of(const struct exchange *ex, const struct budget *b)
{
    if (!b->row)
        return -1;
    if (!ex->config->redis.source && is_near(ex, b))
        return BUDGET_NEAR_MS;
    return ex->config->settings.closed_budgets && b->most >= 0 ? BUDGET_SURE_MS : -1;
}

/* False: it is being read. */
static bool is_known(struct exchange *ex)
{
    struct budgets *b = &ex->budget_hold.budgets;
    struct rows *r = ex->worker->rows;
    for (size_t i = 0; i < b->n; i++) {
        int64_t ms = age_of(ex, &b->v[i]);
        if (ms >= 0 && !rows_fresh(r, b->v[i].row, ms, &ex->rows_wait, &ex->item))
            return false;
    }
    return true;
}

/* False: the failure is set. */
static bool is_sure(struct exchange *ex)
{
    const struct budgets *b = &ex->budget_hold.budgets;
    for (size_t i = 0; ex->config->settings.closed_budgets && i < b->n; i++)
        if (b->v[i].row && b->v[i].most >= 0 &&
            !rows_sure(ex->worker->rows, b->v[i].row, BUDGET_SURE_MS))
            return refuse_unsure(ex);
    return ex->failure.kind == FAILURE_NONE;
}

/* ---- LIMIT ----------------------------------------------------------------------------------- */

static bool list(struct exchange *ex)
{
    struct budget_hold *h = &ex->budget_hold;
    if (h->listed)
        return true;
    if (!look_up_standard(ex))
        return false;
    budgets_of(&h->budgets, ex->config, &ex->caller, h->standard, ex->request.model,
               clock_unix_ms(), &ex->arena);
    h->listed = true;
    h->usd = h->budgets.n ? estimate(ex) : 0;
    return true;
}

static bool check(struct exchange *ex)
{
    const struct budgets *b = &ex->budget_hold.budgets;
    for (size_t i = 0; i < b->n; i++) {
        if (!b->v[i].row || b->v[i].most < 0 || used(ex, &b->v[i]) < b->v[i].most)
            continue;
        observing_budget(ex->worker, ex, &b->v[i], used(ex, &b->v[i]));
        budget_refuse(&b->v[i], used(ex, &b->v[i]), ex->config->settings.budget_status, &ex->arena,
                      &ex->failure);
        return false;
    }
    return true;
}

static void hold(struct exchange *ex, double usd)
{
    const struct budgets *b = &ex->budget_hold.budgets;
    for (size_t i = 0; i < b->n; i++)
        rows_hold(ex->worker->rows, b->v[i].ledger, b->v[i].id, usd);
}

bool exchange_budget(struct exchange *ex)
{
    struct budget_hold *h = &ex->budget_hold;
    if (ex->route->operation && ex->route->operation->unlimited)
        return true;
    if (!list(ex) || !look_up_ledgers(ex) || !is_known(ex))
        return false;
    if (is_sure(ex) && check(ex) && h->budgets.n) {
        hold(ex, h->usd);
        h->held = true;
    }
    return true;
}

/* ---- SETTLE ---------------------------------------------------------------------------------- */

/* Once for each time that it is passed. */
static void look_at_soft(const struct budget *b, double before, double after)
{
    char spent[SLICE_MONEY], most[SLICE_MONEY];
    if (b->soft < 0 || before >= b->soft || after < b->soft)
        return;
    log_warn("soft budget reached: %.*s (%.*s): %.*s of %.*s USD", SLICE_ARG(b->who),
             SLICE_ARG(b->id), SLICE_ARG(slice_money(after, spent)),
             SLICE_ARG(slice_money(b->soft, most)));
}

void exchange_budget_end(struct exchange *ex)
{
    struct budget_hold *h = &ex->budget_hold;
    struct rows *r = ex->worker->rows;
    if (!h->held)
        return;
    h->held = false;
    hold(ex, -h->usd);
    for (size_t i = 0; i < h->budgets.n; i++) {
        const struct budget *b = &h->budgets.v[i];
        double before = b->row ? rows_spend(r, b->row) : 0;
        bool counted = false; /* one ledger may stand for several budgets */
        for (size_t k = 0; k < i; k++)
            counted = counted ||
                      (h->budgets.v[k].ledger == b->ledger && slice_eq(h->budgets.v[k].id, b->id));
        if (!counted)
            rows_spent(r, b->ledger, b->id, ex->cost.total);
        look_at_soft(b, before, before + ex->cost.total);
        observing_budget(ex->worker, ex, b, before + ex->cost.total);
    }
}

void exchange_budget_free(struct exchange *ex)
{
    struct budget_hold *h = &ex->budget_hold;
    for (size_t i = 0; i < h->budgets.n; i++)
        row_unref(h->budgets.v[i].row);
    row_unref(h->standard);
}
