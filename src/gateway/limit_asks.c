/* Limits → asks; see limit_asks.h.
 *
 * Happy path: each scope that has a limit adds an ask with a key of its own, then the tokens are
 * filled in.
 * Failure modes: none; there are fewer scopes than SHARED_ASKS_MAX, and what were too many is left
 * out. */

#include "limit_asks.h"

#include "base/duration.h"
#include "router.h"
#include "session.h"
#include "wire/crypto.h"

#define MS_PER_S           1000
#define OUTPUT_GUESS       1024 /* tokens, where the client does not say */
#define OUTPUT_GUESS_SHARE 4    /* … but at most so much of the limit: a quarter */

static const struct {
    const char *name, *key;
} units[] = {[LIMIT_REQUESTS] = {"requests", "rpm"},
             [LIMIT_TOKENS] = {"tokens", "tpm"},
             [LIMIT_PARALLEL] = {"max_parallel_requests", "parallel"},
             [LIMIT_INPUT] = {"input_tokens", "itpm"},
             [LIMIT_OUTPUT] = {"output_tokens", "otpm"},
             [LIMIT_SPEND] = {"spend", "usd"}};

const char *limit_unit_name(enum limit_unit u)
{
    return units[u].name;
}

/* ---- asks ------------------------------------------------------------------------------------ */

static void init(struct limits *l)
{
    *l = (struct limits){0};
}

/* Most requests have no limits: room is made for the first. */
static void make_room(struct limits *l, struct arena *a)
{
    if (l->asks)
        return;
    l->asks = arena_alloc(a, SHARED_ASKS_MAX * sizeof(*l->asks));
    l->of = arena_alloc(a, SHARED_ASKS_MAX * sizeof(*l->of));
}

static struct slice key_of(const struct limit_ask *of, int64_t window_ms, struct arena *a)
{
    struct slice key =
        arena_printf(a, "limit:%s:%lld:%s:%.*s", units[of->unit].key,
                     (long long)(window_ms / MS_PER_S), of->scope, SLICE_ARG(of->name));
    char hash[HEX_SIZE(SHA256_SIZE)];
    if (key.n <= SHARED_NAME_MAX)
        return key;
    sha256_hex(of->name, hash);
    return key_of(&(struct limit_ask){of->scope, slice_of(hash), of->unit}, window_ms, a);
}

static bool is_about_tokens(enum limit_unit u)
{
    return u == LIMIT_TOKENS || u == LIMIT_INPUT || u == LIMIT_OUTPUT;
}

static void add_within(struct limits *l, struct limit_ask of, int64_t limit, int64_t window_ms,
                       struct arena *a)
{
    if (limit == LIMIT_NONE || l->n == SHARED_ASKS_MAX)
        return;
    make_room(l, a);
    l->of[l->n] = of;
    l->asks[l->n++] =
        (struct shared_ask){.key = key_of(&of, window_ms, a),
                            .kind = of.unit == LIMIT_PARALLEL ? SHARED_LEASE : SHARED_WINDOW,
                            .limit = limit,
                            .window_ms = window_ms,
                            .units = of.unit == LIMIT_REQUESTS || of.unit == LIMIT_PARALLEL};
    l->tokens = l->tokens || is_about_tokens(of.unit);
    l->spend = l->spend || of.unit == LIMIT_SPEND;
}

static void add(struct limits *l, const struct config *c, struct limit_ask of, int64_t limit,
                struct arena *a)
{
    bool lease = of.unit == LIMIT_PARALLEL;
    add_within(l, of, limit, lease ? LIMIT_LEASE_MS : c->settings.limit_window * MS_PER_S, a);
}

/* The smallest budget still lets the first call through. */
static void add_budget(struct limits *l, const char *scope, struct slice name,
                       const struct route_budget *b, struct arena *a)
{
    int64_t limit = (int64_t)(b->usd * LIMIT_PER_USD);
    int64_t window_ms = b->usd > 0 ? duration_ms(b->period) : 0;
    if (window_ms > 0)
        add_within(l, (struct limit_ask){scope, name, LIMIT_SPEND}, limit ? limit : 1, window_ms,
                   a);
}

static void add_set(struct limits *l, const struct config *c, const char *scope, struct slice name,
                    const struct limit_set *set, struct arena *a)
{
    add(l, c, (struct limit_ask){scope, name, LIMIT_REQUESTS}, set->rpm, a);
    add(l, c, (struct limit_ask){scope, name, LIMIT_PARALLEL}, set->parallel, a);
    add(l, c, (struct limit_ask){scope, name, LIMIT_TOKENS}, set->tpm, a);
}

static bool is_none(const struct limit_set *s)
{
    return s->rpm == LIMIT_NONE && s->tpm == LIMIT_NONE && s->parallel == LIMIT_NONE;
}

/* "who:model" */
static void add_model(struct limits *l, const struct config *c, const char *scope, struct slice who,
                      struct slice model, const struct limit_set *set, struct arena *a)
{
    if (set && !is_none(set))
        add_set(l, c, scope, ARENA_JOIN(a, who, SLICE(":"), model), set, a);
}

/* ---- the caller ------------------------------------------------------------------------------ */

static struct limit_set key_limits(const struct config *c, const struct caller *caller)
{
    struct limit_set set = caller->of_key;
    if (set.parallel == LIMIT_NONE)
        set.parallel = c->parallel_per_key;
    return set;
}

/* What the key says of the model, else what the model's group says of keys. */
static void add_key_model(struct limits *l, const struct config *c, const struct caller *caller,
                          struct slice model, struct arena *a)
{
    const struct limit_set *set = model_limits_find(&caller->of_key_models, model);
    struct slice name = model;
    const struct pool *pool = set ? NULL : router_pool(c, &name);
    if (set)
        add_model(l, c, "model_per_key", caller->key, model, set, a);
    else if (pool)
        add_model(l, c, "model_per_key", caller->key, pool->name, &pool->per_key, a);
}

/* A login at the admin UI: as LiteLLM, but where its user has a budget anyway. */
static void add_session(struct limits *l, const struct config *c, const struct caller *caller,
                        struct arena *a)
{
    const struct row *user = caller->holders[HOLDER_USER].row;
    double usd = c->settings.ui_session_budget;
    int64_t limit = (int64_t)(usd * LIMIT_PER_USD);
    if (caller->session.n && usd > 0 && (!user || user->budget < 0))
        add_within(l, (struct limit_ask){LIMIT_SCOPE_SESSION, caller->session, LIMIT_SPEND},
                   limit ? limit : 1, SESSION_MS, a);
}

void limits_of_caller(struct limits *l, const struct config *c, const struct caller *caller,
                      struct slice model, struct arena *a)
{
    struct limit_set key = key_limits(c, caller);
    init(l);
    if (caller->key.n) {
        add_set(l, c, "api_key", caller->key, &key, a);
        add_key_model(l, c, caller, model, a);
    }
    if (caller->user.n)
        add_set(l, c, "user", caller->user, &caller->of_user, a);
    if (caller->team.n) {
        add_set(l, c, "team", caller->team, &caller->of_team, a);
        add_model(l, c, "model_per_team", caller->team, model,
                  model_limits_find(&caller->of_team_models, model), a);
    }
    if (caller->team.n && caller->user.n)
        add_model(l, c, "team_member", caller->team, caller->user, &caller->of_member, a);
    if (caller->organization.n)
        add_set(l, c, "organization", caller->organization, &caller->of_organization, a);
    if (caller->project.n) {
        add_set(l, c, "project", caller->project, &caller->of_project, a);
        add_model(l, c, "model_per_project", caller->project, model,
                  model_limits_find(&caller->of_project_models, model), a);
    }
    if (caller->end_user.n)
        add_set(l, c, "end_user", caller->end_user, &caller->of_end_user, a);
    add_set(l, c, "global", SLICE("all"), &c->limits, a);
    add_session(l, c, caller, a);
}

/* ---- the deployment -------------------------------------------------------------------------- */

/* Of a deployment 0 says nothing, as in LiteLLM. */
static int64_t given(int64_t limit)
{
    return limit ? limit : LIMIT_NONE;
}

/* The places of one process are the tracker's to count. */
static int64_t places_of(const struct config *c, const struct route_params *p, bool shared)
{
    if (!shared)
        return LIMIT_NONE;
    return given(p->max_parallel ? p->max_parallel : c->settings.routing.max_parallel);
}

void limits_of_deployment(struct limits *l, const struct config *c, const struct deployment *d,
                          bool shared, struct arena *a)
{
    const struct route_params *p = d->routing;
    struct limit_set own = {LIMIT_NONE, LIMIT_NONE, places_of(c, p, shared)};
    init(l);
    if (routing_has_limits(&c->settings.routing)) {
        own.rpm = given(p->rpm);
        own.tpm = given(p->tpm);
        add(l, c, (struct limit_ask){LIMIT_SCOPE_DEPLOYMENT, slice_of(d->id), LIMIT_INPUT},
            given(p->itpm), a);
        add(l, c, (struct limit_ask){LIMIT_SCOPE_DEPLOYMENT, slice_of(d->id), LIMIT_OUTPUT},
            given(p->otpm), a);
    }
    add_set(l, c, LIMIT_SCOPE_DEPLOYMENT, slice_of(d->id), &own, a);
    add_budget(l, LIMIT_SCOPE_DEPLOYMENT, slice_of(d->id), &p->budget, a);
    add_budget(l, LIMIT_SCOPE_PROVIDER, SLICE("bedrock"), &c->settings.routing.budget, a);
    add_set(l, c, "model_group", p->pool->name, &p->pool->limits, a);
}

void limits_of_provider(struct limits *l, const struct config *c, struct arena *a)
{
    init(l);
    add_budget(l, LIMIT_SCOPE_PROVIDER, SLICE("bedrock"), &c->settings.routing.budget, a);
    for (size_t i = 0; i < l->n; i++)
        l->asks[i].limit = LIMIT_NONE;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static int64_t output_of(int64_t limit, int64_t max_tokens)
{
    int64_t share = limit / OUTPUT_GUESS_SHARE;
    if (max_tokens >= 0)
        return max_tokens;
    return share < OUTPUT_GUESS ? share : OUTPUT_GUESS;
}

void limits_set_tokens(struct limits *l, enum limit_tokens kind, int64_t prompt, int64_t max_tokens)
{
    for (size_t i = 0; i < l->n; i++) {
        int64_t limit = l->asks[i].limit, output = output_of(limit, max_tokens);
        enum limit_unit unit = l->of[i].unit;
        bool of_all = unit == LIMIT_TOKENS;
        int64_t wanted = unit == LIMIT_INPUT || (of_all && kind == TOKENS_INPUT) ? prompt
                         : unit == LIMIT_OUTPUT || (of_all && kind == TOKENS_OUTPUT)
                             ? output
                             : prompt + output;
        if (is_about_tokens(unit))
            l->asks[i].units = wanted < limit ? wanted : limit;
    }
}

void limits_set_used(struct limits *l, const struct limit_used *used, bool served)
{
    const struct limit_used u = served ? *used : (struct limit_used){0};
    for (size_t i = 0; i < l->n; i++) {
        int64_t taken = l->asks[i].units;
        switch (l->of[i].unit) {
        case LIMIT_REQUESTS: l->asks[i].units = served ? 0 : -taken; break;
        case LIMIT_TOKENS: l->asks[i].units = u.tokens - taken; break;
        case LIMIT_INPUT: l->asks[i].units = u.input - taken; break;
        case LIMIT_OUTPUT: l->asks[i].units = u.output - taken; break;
        case LIMIT_SPEND: l->asks[i].units = u.spend - taken; break;
        case LIMIT_PARALLEL: break;
        }
    }
}
