/* A caller's rows → budgets; see budgets.h.
 *
 * Happy path: most callers have none, and nothing is made. Failure modes: what is more than
 * BUDGETS_MAX is left out. */

#include "budgets.h"

#include "base/json.h"

#define NUMBER_MAX 40

/* ---- which ----------------------------------------------------------------------------------- */

static struct budget *add(struct budgets *b, struct arena *a)
{
    if (!b->v)
        b->v = arena_zalloc(a, BUDGETS_MAX * sizeof(*b->v));
    return b->n < BUDGETS_MAX ? &b->v[b->n++] : NULL;
}

/* Where the sums of a holder lie; NULL: only in its row. */
static const char *scope_of(size_t holder)
{
    switch (holder) {
    case HOLDER_KEY: return "api_key";
    case HOLDER_USER: return "user";
    case HOLDER_TEAM: return "team";
    case HOLDER_ORGANIZATION: return "organization";
    case HOLDER_END_USER: return "end_user";
    case HOLDER_MEMBER:
    case HOLDER_PROJECT: return NULL;
    default: return "tag";
    }
}

static struct slice name_of(const struct caller *c, size_t holder)
{
    const struct holder *h = caller_holder(c, holder);
    if (holder == HOLDER_KEY)
        return c->alias.n ? c->alias : SLICE("key");
    return holder == HOLDER_MEMBER ? h->row->user : h->id;
}

static void add_tally(struct budgets *b, const struct budget *like, const char *scope,
                      struct slice name, struct arena *a)
{
    struct budget *own = add(b, a);
    if (!own)
        return;
    *own = *like;
    own->ledger = ROW_TALLY;
    own->id = rows_tally_id(a, scope, name, like->model, like->period);
}

static void add_row(struct budgets *b, const struct budget *like, const struct row *r,
                    struct arena *a)
{
    struct budget *own = add(b, a);
    if (!own)
        return;
    *own = *like;
    own->ledger = r->kind;
    own->id = r->id;
}

/* Per model and per period. */
static void add_further(struct budgets *b, const struct budget *like, const struct row *from,
                        struct slice id, struct slice model, struct arena *a)
{
    const char *scope = scope_of(like->holder);
    for (size_t i = 0; from && scope && i < from->budget_count; i++) {
        const struct row_budget *r = &from->budgets[i];
        struct budget own = *like;
        if (r->model.n && !slice_eq(r->model, model))
            continue;
        own.kind = r->model.n ? BUDGET_OF_MODEL : BUDGET_OF_PERIOD;
        own.model = r->model;
        own.period = r->period;
        own.most = r->most;
        own.soft = -1;
        add_tally(b, &own, scope, id, a);
    }
}

double budget_most(const struct row *r, int64_t now)
{
    return r->budget >= 0 && now < r->extra_until ? r->budget + r->extra : r->budget;
}

/* Its own, else that of the budget it names. */
static double either(double own, double other)
{
    return own >= 0 ? own : other;
}

static void add_holder(struct budgets *b, const struct caller *c, size_t i, struct slice model,
                       int64_t now, struct arena *a)
{
    const struct holder *h = caller_holder(c, i);
    const struct row *r = h->row;
    struct budget own = {.holder = i < HOLDER_TAGS ? i : HOLDER_TAGS};
    if (!r)
        return;
    own.who = name_of(c, i);
    own.shown = r->name;
    own.most = either(budget_most(r, now), h->budget ? budget_most(h->budget, now) : -1);
    own.soft = either(r->soft, h->budget ? h->budget->soft : -1);
    if (own.most >= 0 || own.soft >= 0)
        add_row(b, &own, r, a);
    add_further(b, &own, r, h->id, model, a);
    add_further(b, &own, h->budget, h->id, model, a);
}

/* Those of an end user that names none are counted by day: it may have no row yet. */
static void add_end_user(struct budgets *b, const struct config *c, const struct caller *caller,
                         const struct row *standard, struct arena *a)
{
    const struct holder *h = &caller->holders[HOLDER_END_USER];
    struct budget own = {.holder = HOLDER_END_USER, .who = caller->end_user, .soft = -1};
    own.most = standard && standard->budget >= 0     ? standard->budget
               : c->settings.max_end_user_budget > 0 ? c->settings.max_end_user_budget
                                                     : -1;
    own.period = standard ? standard->period : SLICE("");
    if (caller->end_user.n && !h->budget && own.most >= 0)
        add_tally(b, &own, scope_of(HOLDER_END_USER), caller->end_user, a);
}

/* What the configuration says: of a key in it, and of all. */
static void add_configured(struct budgets *b, const struct config *c, const struct caller *caller,
                           struct arena *a)
{
    struct budget key = {.holder = HOLDER_KEY, .most = caller->spend_limit, .soft = -1};
    struct budget all = {.kind = BUDGET_OF_ALL,
                         .most = c->settings.max_budget,
                         .soft = -1,
                         .period = slice_of(c->settings.budget_duration)};
    key.who = caller->alias.n ? caller->alias : SLICE("key");
    if (caller->spend_limit >= 0)
        add_tally(b, &key, scope_of(HOLDER_KEY), caller->key, a);
    if (c->settings.max_budget > 0)
        add_tally(b, &all, "global", SLICE(""), a);
}

/* tag_budget_config, for a tag whose row has no budget. */
static void add_configured_tag(struct budgets *b, const struct config *c, const struct holder *h,
                               struct arena *a)
{
    yyjson_val *given = yyjson_obj_getn(c->tag_budgets, h->id.p, h->id.n);
    struct budget own = {.holder = HOLDER_TAGS,
                         .who = h->id,
                         .soft = -1,
                         .period = json_get_slice(given, "budget_duration")};
    bool has_row = h->row && (h->row->budget >= 0 || h->budget);
    if (!has_row && json_double(json_get(given, "max_budget"), &own.most))
        add_tally(b, &own, scope_of(HOLDER_TAGS), h->id, a);
}

void budgets_of(struct budgets *b, const struct config *c, const struct caller *caller,
                const struct row *standard, struct slice model, int64_t now, struct arena *a)
{
    *b = (struct budgets){0};
    add_configured(b, c, caller, a);
    for (size_t i = 0; i < HOLDER_TAGS + caller->tag_count; i++)
        if (i != HOLDER_USER || !caller->team.n || c->settings.user_budget_in_teams)
            add_holder(b, caller, i, model, now, a);
    add_end_user(b, c, caller, standard, a);
    for (size_t i = 0; c->tag_budgets && i < caller->tag_count; i++)
        add_configured_tag(b, c, &caller->tags[i], a);
}

/* ---- refusing -------------------------------------------------------------------------------- */

static struct slice number(double value, struct arena *a)
{
    char room[NUMBER_MAX];
    struct buf b = {.p = room, .size = NUMBER_MAX, .cap = NUMBER_MAX};
    struct json_writer w;
    json_begin(&w, &b);
    json_number(&w, value);
    return arena_dup(a, buf_slice(&b));
}

static struct slice subject(const struct budget *b, struct arena *a)
{
    static const char *const names[] = {[HOLDER_KEY] = "Key",
                                        [HOLDER_USER] = "User",
                                        [HOLDER_TEAM] = "Team",
                                        [HOLDER_MEMBER] = "TeamMember",
                                        [HOLDER_ORGANIZATION] = "Organization",
                                        [HOLDER_PROJECT] = "Project",
                                        [HOLDER_END_USER] = "End User",
                                        [HOLDER_TAGS] = "Tag"};
    if (b->kind == BUDGET_OF_ALL)
        return SLICE("");
    if (b->shown.n)
        return arena_printf(a, "%s=%.*s (%.*s) ", names[b->holder], SLICE_ARG(b->who),
                            SLICE_ARG(b->shown));
    return arena_printf(a, "%s=%.*s ", names[b->holder], SLICE_ARG(b->who));
}

static struct slice message(const struct budget *b, struct slice cost, struct slice most,
                            struct arena *a)
{
    struct slice who = subject(b, a);
    if (b->kind == BUDGET_OF_MODEL)
        return arena_printf(a,
                            "LiteLLM %s%.*s: %.*s, exceeded budget for model=%.*s. Current cost: "
                            "%.*s, Max budget: %.*s",
                            b->holder == HOLDER_KEY ? "Virtual Key" : "",
                            b->holder == HOLDER_KEY ? 0 : (int)slice_find_char(who, '='), who.p,
                            SLICE_ARG(b->who), SLICE_ARG(b->model), SLICE_ARG(cost),
                            SLICE_ARG(most));
    if (b->kind == BUDGET_OF_PERIOD)
        return arena_printf(a, "ExceededBudget: %.*sover %.*s budget. Spend=%.*s, Budget=%.*s",
                            SLICE_ARG(who), SLICE_ARG(b->period), SLICE_ARG(cost), SLICE_ARG(most));
    if (b->kind == BUDGET_OF_HOLDER && (b->holder == HOLDER_USER || b->holder == HOLDER_END_USER))
        return arena_printf(a, "ExceededBudget: %.*sover budget. Spend=%.*s, Budget=%.*s",
                            SLICE_ARG(who), SLICE_ARG(cost), SLICE_ARG(most));
    return arena_printf(a, "Budget has been exceeded! %.*sCurrent cost: %.*s, Max budget: %.*s",
                        SLICE_ARG(who), SLICE_ARG(cost), SLICE_ARG(most));
}

void budget_refuse(const struct budget *b, double spend, int64_t status, struct arena *a,
                   struct failure *f)
{
    struct slice text = message(b, number(spend, a), number(b->most, a), a);
    bool fits = status >= 400 && status < 500;
    failure_set(f, a, FAILURE_BAD_REQUEST, fits ? (int)status : 422, "%.*s", SLICE_ARG(text));
    f->type = "budget_exceeded";
    f->limit = "budget";
}
