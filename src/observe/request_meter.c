#include "observe/request_meter.h"

#include "metrics_private.h"

#include <math.h>
#include <stdlib.h>

#define KEY_MAX    8192 /* bytes of all labels; longer ones are looked up each time */
#define CLASS_SIZE 64   /* bytes of an exception's class, with where it is from */

struct combination { /* of labels, and its series */
    struct metric_series *of[METRIC_COUNT];
};

struct stage {
    const char *name; /* static */
    struct metric_series *seconds;
    bool queue, guard, vet;
};

struct resting {
    struct metric_series *state;
    int64_t until; /* turn time */
};

struct request_meter {
    struct metrics *metrics;
    struct arena arena; /* of what is kept */
    struct map kept;    /* labels → struct combination * */
    struct stage stages[RECORD_STAGES_MAX];
    size_t stage_count;
    struct resting resting[REQUEST_METER_RESTING];
    size_t resting_count;
};

/* One request on its way into the metrics. */
struct counting {
    struct request_meter *meter;
    struct combination *found;
    struct slice labels[METRIC_LABELS_ALL];
    char status[SLICE_DIGITS], error_status[SLICE_DIGITS], error_class[CLASS_SIZE];
    int64_t now; /* unix ms */
};

struct request_meter *request_meter_new(struct metrics *m)
{
    struct request_meter *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->metrics = m;
    arena_init(&r->arena);
    map_init(&r->kept);
    return r;
}

void request_meter_forget(struct request_meter *r)
{
    map_fini(&r->kept);
    arena_fini(&r->arena);
}

void request_meter_free(struct request_meter *r)
{
    if (r)
        request_meter_forget(r);
    free(r);
}

/* ---- series --------------------------------------------------------------------------------- */

static struct metric_series *series(struct counting *c, enum metric_id id)
{
    if (!c->found->of[id])
        c->found->of[id] = metrics_labelled(c->meter->metrics, id, c->labels);
    return c->found->of[id];
}

static void add(struct counting *c, enum metric_id id, double value)
{
    if (value > 0)
        metric_add(series(c, id), value);
}

static void observe_ms(struct counting *c, enum metric_id id, int64_t ms)
{
    metric_observe(series(c, id), (double)(ms > 0 ? ms : 0) / 1000);
}

/* Empty: they are too long. */
static struct slice key_of(const struct counting *c, char room[KEY_MAX])
{
    char *to = room;
    const struct metrics_plan *plan = &c->meter->metrics->shared->plan;
    for (size_t i = 0; i < plan->used_count; i++) {
        struct slice value = c->labels[plan->used[i]];
        if (value.n >= (size_t)(room + KEY_MAX - to))
            return slice_make(NULL, 0);
        if (value.n)
            memcpy(to, value.p, value.n);
        to += value.n;
        *to++ = '\0';
    }
    return slice_make(room, (size_t)(to - room));
}

static void find(struct counting *c, struct combination *spare)
{
    char room[KEY_MAX];
    struct slice key = key_of(c, room);
    struct request_meter *r = c->meter;
    c->found = key.n ? map_get(&r->kept, key) : spare;
    if (c->found)
        return;
    if (r->kept.count >= REQUEST_METER_KEPT)
        request_meter_forget(r);
    c->found = ARENA_NEW(&r->arena, struct combination);
    map_put(&r->kept, arena_dup(&r->arena, key), c->found);
}

/* ---- what is counted ------------------------------------------------------------------------ */

/* LiteLLM has the provider in front where it was the provider's: "Bedrock.RateLimitError". */
static struct slice bedrocks(struct slice error_class, char room[CLASS_SIZE])
{
    struct buf b = {.p = room, .size = CLASS_SIZE, .cap = CLASS_SIZE};
    BUF_LITERAL(&b, "Bedrock.");
    buf_add(&b, error_class);
    return b.overflow || !error_class.n ? error_class : buf_slice(&b);
}

/* The last call failed, and with it the request. */
static bool bedrock_failed(const struct record *r)
{
    return r->failed && r->attempt_count && r->attempts[r->attempt_count - 1].error_class.n;
}

/* LiteLLM's RateLimitErrorCategory: whose limit it was. */
static struct slice limit_category(const struct record *r)
{
    if (r->limit)
        return SLICE("litellm_rate_limit");
    return r->failed && r->attempt_count && slice_eq(r->text.error_class, SLICE("RateLimitError"))
               ? SLICE("vendor_rate_limit")
               : slice_make(NULL, 0);
}

/* LiteLLM's buckets of prompts. */
static struct slice length_of(int64_t tokens)
{
    return tokens <= 0      ? SLICE("unknown")
           : tokens < 1000  ? SLICE("0-1k")
           : tokens < 4000  ? SLICE("1k-4k")
           : tokens < 16000 ? SLICE("4k-16k")
           : tokens < 64000 ? SLICE("16k-64k")
                            : SLICE("64k+");
}

static void set_labels(struct counting *c, const struct record *r)
{
    const struct record_texts *t = &r->text;
    struct slice *l = c->labels;
    l[LABEL_END_USER] = t->end_user;
    l[LABEL_KEY] = t->key;
    l[LABEL_KEY_ALIAS] = t->key_alias;
    l[LABEL_TEAM] = t->team;
    l[LABEL_TEAM_ALIAS] = t->team_alias;
    l[LABEL_USER] = t->user;
    l[LABEL_USER_EMAIL] = t->user_email;
    l[LABEL_USER_ALIAS] = r->user_alias;
    l[LABEL_ORG] = t->organization;
    l[LABEL_ORG_ALIAS] = t->organization_alias;
    l[LABEL_REQUESTED_MODEL] = t->model;
    l[LABEL_MODEL_GROUP] = t->group;
    l[LABEL_FALLBACK_MODEL] = t->group;
    l[LABEL_MODEL] = l[LABEL_LITELLM_MODEL] = t->upstream.n ? t->upstream : t->model;
    l[LABEL_MODEL_ID] = t->deployment;
    l[LABEL_API_BASE] = t->api_base;
    l[LABEL_PROVIDER] = SLICE("bedrock");
    l[LABEL_SERVICE_TIER] = t->service_tier;
    l[LABEL_STATUS_CODE] = slice_digits(r->status, c->status);
    if (r->failed)
        l[LABEL_EXCEPTION_STATUS] = slice_digits(record_error_status(r), c->error_status);
    l[LABEL_EXCEPTION_CLASS] =
        bedrock_failed(r) ? bedrocks(t->error_class, c->error_class) : t->error_class;
    l[LABEL_LIMIT_CATEGORY] = limit_category(r);
    l[LABEL_LIMIT_TYPE] = slice_of(r->limit);
    l[LABEL_PROMPT_LENGTH] = length_of(llm_usage_prompt(&r->usage));
    l[LABEL_ROUTE] = t->route;
    l[LABEL_CLIENT_IP] = t->peer;
    l[LABEL_USER_AGENT] = t->user_agent;
    l[LABEL_STREAM] = r->stream ? SLICE("True") : SLICE("False"); /* Python's */
}

static void count_usage(struct counting *c, const struct record *r)
{
    int64_t prompt = llm_usage_prompt(&r->usage);
    add(c, METRIC_SPEND, r->cost);
    add(c, METRIC_INPUT_TOKENS, (double)prompt);
    add(c, METRIC_OUTPUT_TOKENS, (double)r->usage.output);
    add(c, METRIC_TOKENS, (double)(prompt + r->usage.output));
    add(c, METRIC_CACHE_READ_TOKENS, (double)r->usage.cache_read);
    add(c, METRIC_CACHE_WRITE_TOKENS, (double)r->usage.cache_write);
    add(c, METRIC_PROVIDER_READ_TOKENS, (double)r->usage.cache_read);
    add(c, METRIC_PROVIDER_WRITE_TOKENS, (double)r->usage.cache_write);
}

/* The call that the first token came of: not the last, where a stream went on elsewhere. */
static int64_t first_call_ms(const struct record *r)
{
    size_t i = r->attempt_count - 1;
    while (i && r->attempts[i].begun_ms > r->first_ms)
        i--;
    return r->attempts[i].begun_ms;
}

/* Of what went well, as LiteLLM: refusals in no time, and failures at their timeout, would tell of
 * something else. */
static void count_times(struct counting *c, const struct record *r)
{
    const struct record_attempt *last =
        r->attempt_count ? &r->attempts[r->attempt_count - 1] : NULL;
    if (r->failed)
        return;
    observe_ms(c, METRIC_TOTAL_SECONDS, r->ended_ms - r->begun_ms);
    if (!last)
        return;
    int64_t took = last->ended_ms - last->begun_ms;
    observe_ms(c, METRIC_API_SECONDS, took);
    observe_ms(c, METRIC_OVERHEAD_SECONDS, r->attempts[0].begun_ms - r->begun_ms);
    if (r->stream && r->first_ms)
        observe_ms(c, METRIC_FIRST_SECONDS, r->first_ms - first_call_ms(r));
    if (r->usage.output > 0)
        metric_observe(series(c, METRIC_DEPLOYMENT_TOKEN_SECONDS),
                       (double)took / 1000 / (double)r->usage.output);
}

/* Names are static: mostly the same pointer names the same stage, and in the same place. */
static struct stage *stage_of(struct request_meter *r, size_t place, const char *name,
                              struct stage *spare)
{
    if (place < r->stage_count && r->stages[place].name == name)
        return &r->stages[place];
    for (size_t i = 0; i < r->stage_count; i++)
        if (r->stages[i].name == name)
            return &r->stages[i];
    struct stage *s = r->stage_count < RECORD_STAGES_MAX ? &r->stages[r->stage_count++] : spare;
    *s = (struct stage){
        .name = name,
        .seconds = metrics_one(r->metrics, METRIC_STAGE_SECONDS, slice_of(name)),
        .queue = strcmp(name, "ROUTE") == 0,
        .guard = strcmp(name, "GUARD") == 0,
        .vet = strcmp(name, "VET") == 0,
    };
    return s;
}

static void count_guarded(struct counting *c, const struct record *r, int64_t vet_ms)
{
    if (r->attempt_count && !r->failed)
        observe_ms(c, METRIC_OVERHEAD_GUARD_SECONDS,
                   r->attempts[0].begun_ms - r->begun_ms + vet_ms);
}

static void count_stages(struct counting *c, const struct record *r)
{
    struct stage spare;
    bool guarded = false;
    int64_t vet_ms = 0;
    for (size_t i = 0; i < r->stage_count; i++) {
        const struct stage *s = stage_of(c->meter, i, r->stages[i].name, &spare);
        int64_t ms = r->stages[i].ms;
        metric_observe(s->seconds, ms ? (double)ms / 1000 : 0);
        if (s->queue && !r->failed)
            observe_ms(c, METRIC_QUEUE_SECONDS, ms);
        guarded |= s->guard | s->vet;
        vet_ms += s->vet ? ms : 0;
    }
    if (guarded)
        count_guarded(c, r, vet_ms);
}

/* Why it was tried elsewhere: what became of the first call; where there was none, nobody knows. */
static void count_fallback(const struct counting *c, const struct record *r)
{
    char digits[SLICE_DIGITS], error_class[CLASS_SIZE];
    struct slice labels[METRIC_LABELS_ALL];
    const struct record_attempt *first = r->attempt_count ? r->attempts : NULL;
    bool known = first && first->error_class.n;
    memcpy(labels, c->labels, sizeof(labels));
    labels[LABEL_EXCEPTION_STATUS] = known ? slice_digits(first->status, digits) : SLICE("");
    labels[LABEL_EXCEPTION_CLASS] = known ? bedrocks(first->error_class, error_class) : SLICE("");
    metric_add(metrics_labelled(c->meter->metrics,
                                r->failed ? METRIC_FALLBACKS_BAD : METRIC_FALLBACKS_GOOD, labels),
               1);
}

static void count_outcome(struct counting *c, const struct record *r)
{
    add(c, METRIC_REQUESTS, 1);
    if (r->gone)
        metric_add(metrics_one(c->meter->metrics, METRIC_CLIENTS_GONE, SLICE("")), 1);
    if (r->failed) {
        add(c, METRIC_FAILED, 1);
        if (r->attempt_count)
            add(c, METRIC_LLM_FAILED, 1);
    } else {
        add(c, METRIC_LLM_REQUESTS, 1);
    }
    if (r->cache_hit) {
        add(c, METRIC_CACHE_HITS, 1);
        add(c, METRIC_CACHED_TOKENS, (double)record_tokens(r));
    } else if (r->cache_looked) {
        add(c, METRIC_CACHE_MISSES, 1);
    }
    if (r->fallbacks)
        count_fallback(c, r);
}

struct budget_metrics {
    enum metric_id most, left, hours;
};

static const struct budget_metrics budgets[RECORD_PAYERS] = {
    [RECORD_KEY] = {METRIC_KEY_BUDGET, METRIC_KEY_BUDGET_LEFT, METRIC_KEY_BUDGET_HOURS},
    [RECORD_USER] = {METRIC_USER_BUDGET, METRIC_USER_BUDGET_LEFT, METRIC_USER_BUDGET_HOURS},
    [RECORD_TEAM] = {METRIC_TEAM_BUDGET, METRIC_TEAM_BUDGET_LEFT, METRIC_TEAM_BUDGET_HOURS},
    [RECORD_ORGANIZATION] = {METRIC_ORG_BUDGET, METRIC_ORG_BUDGET_LEFT, METRIC_ORG_BUDGET_HOURS},
    [RECORD_CUSTOMER] = {METRIC_CUSTOMER_BUDGET, METRIC_CUSTOMER_BUDGET_LEFT,
                         METRIC_CUSTOMER_BUDGET_HOURS},
};

static const enum label id_labels[RECORD_PAYERS] = {[RECORD_KEY] = LABEL_KEY,
                                                    [RECORD_USER] = LABEL_USER,
                                                    [RECORD_TEAM] = LABEL_TEAM,
                                                    [RECORD_ORGANIZATION] = LABEL_ORG,
                                                    [RECORD_CUSTOMER] = LABEL_END_USER};
static const enum label alias_labels[RECORD_PAYERS] = {[RECORD_KEY] = LABEL_KEY_ALIAS,
                                                       [RECORD_USER] = LABEL_USER_ALIAS,
                                                       [RECORD_TEAM] = LABEL_TEAM_ALIAS,
                                                       [RECORD_ORGANIZATION] = LABEL_ORG_ALIAS,
                                                       [RECORD_CUSTOMER] =
                                                           LABEL_END /* it has none */};

static void count_budget(struct counting *c, const struct budget_metrics *m,
                         const struct record_budget *b)
{
    metric_set(series(c, m->most), b->most, c->now);
    metric_set(series(c, m->left), b->most - b->spent, c->now);
    if (b->reset_ms > c->now)
        metric_set(series(c, m->hours), (double)(b->reset_ms - c->now) / 3600000, c->now);
}

/* It had one when a request like this one came last. LiteLLM's word for none. */
static void count_no_budget(struct counting *c, const struct budget_metrics *m)
{
    if (!c->found->of[m->left])
        return;
    metric_set(series(c, m->most), HUGE_VAL, c->now);
    metric_set(series(c, m->left), HUGE_VAL, c->now);
}

void request_meter_budget(struct request_meter *r, enum record_payer payer,
                          const struct request_meter_payer *who, const struct record_budget *b,
                          int64_t now_ms)
{
    struct combination found = {0};
    struct counting c = {.meter = r, .found = &found, .now = now_ms};
    c.labels[id_labels[payer]] = who->id;
    c.labels[alias_labels[payer]] = who->alias;
    c.labels[LABEL_USER_EMAIL] = who->email;
    count_budget(&c, &budgets[payer], b);
}

static void count_limits(struct counting *c, const struct record *r)
{
    const struct record_limits *l = &r->limits;
    if (l->requests_left >= 0)
        metric_set(series(c, METRIC_KEY_REQUESTS_LEFT), (double)l->requests_left, c->now);
    if (l->tokens_left >= 0)
        metric_set(series(c, METRIC_KEY_TOKENS_LEFT), (double)l->tokens_left, c->now);
    for (int i = 0; i < RECORD_PAYERS; i++)
        if (l->budgets[i].most >= 0)
            count_budget(c, &budgets[i], &l->budgets[i]);
        else
            count_no_budget(c, &budgets[i]);
}

/* ---- deployments ---------------------------------------------------------------------------- */

static struct resting *resting_of(struct request_meter *r, const struct metric_series *state)
{
    for (size_t i = 0; i < r->resting_count; i++)
        if (r->resting[i].state == state)
            return &r->resting[i];
    return NULL;
}

/* Calls that were under way when a rest began say nothing of it. */
static void set_state(struct counting *c, struct metric_series *s, int state)
{
    if (!resting_of(c->meter, s))
        metric_set(s, state, c->now);
}

/* Not what is wrong with the request. */
static bool is_its_own(int status)
{
    return status >= 500 || status == 429 || status == 408 || status == 401 || status == 403 ||
           status == 404;
}

/* A failed attempt belongs to another deployment, or another outcome, than the request: its series
 * are looked up. */
static void count_failure(struct counting *c, const struct record_attempt *t)
{
    char digits[SLICE_DIGITS], error_class[CLASS_SIZE];
    struct slice labels[METRIC_LABELS_ALL];
    memcpy(labels, c->labels, sizeof(labels));
    labels[LABEL_MODEL] = labels[LABEL_LITELLM_MODEL] = t->model;
    labels[LABEL_MODEL_ID] = t->deployment;
    labels[LABEL_API_BASE] = t->api_base;
    labels[LABEL_MODEL_GROUP] = t->group;
    labels[LABEL_EXCEPTION_STATUS] = slice_digits(t->status, digits);
    labels[LABEL_EXCEPTION_CLASS] = bedrocks(t->error_class, error_class);
    metric_add(metrics_labelled(c->meter->metrics, METRIC_DEPLOYMENT_REQUESTS, labels), 1);
    metric_add(metrics_labelled(c->meter->metrics, METRIC_DEPLOYMENT_FAILURES, labels), 1);
    if (is_its_own(t->status))
        set_state(c, metrics_labelled(c->meter->metrics, METRIC_DEPLOYMENT_STATE, labels),
                  METER_FAILED);
}

static void count_attempts(struct counting *c, const struct record *r)
{
    for (size_t i = 0; i < r->attempt_count; i++) {
        const struct record_attempt *t = &r->attempts[i];
        if (t->error_class.n) {
            count_failure(c, t);
        } else if (t->status == 200) {
            add(c, METRIC_DEPLOYMENT_REQUESTS, 1);
            add(c, METRIC_DEPLOYMENT_SUCCESSES, 1);
            set_state(c, series(c, METRIC_DEPLOYMENT_STATE), METER_HEALTHY);
        }
    }
}

static void set_place(struct slice *labels, const struct request_meter_place *at)
{
    memset(labels, 0, METRIC_LABELS_ALL * sizeof(*labels));
    labels[LABEL_LITELLM_MODEL] = at->model;
    labels[LABEL_MODEL_ID] = at->deployment;
    labels[LABEL_API_BASE] = at->api_base;
    labels[LABEL_MODEL_GROUP] = at->group;
    labels[LABEL_PROVIDER] = SLICE("bedrock");
}

void request_meter_deployment(struct request_meter *r, const struct request_meter_place *at,
                              int64_t tokens, int64_t requests)
{
    struct slice labels[METRIC_LABELS_ALL];
    set_place(labels, at);
    metrics_labelled(r->metrics, METRIC_DEPLOYMENT_STATE,
                     labels); /* a new series says 0: healthy */
    if (tokens > 0)
        metric_set(metrics_labelled(r->metrics, METRIC_DEPLOYMENT_TPM, labels), (double)tokens, 0);
    if (requests > 0)
        metric_set(metrics_labelled(r->metrics, METRIC_DEPLOYMENT_RPM, labels), (double)requests,
                   0);
}

static void note_rest(struct request_meter *r, struct metric_series *state, int64_t until)
{
    struct resting *noted = resting_of(r, state);
    if (!noted && r->resting_count < REQUEST_METER_RESTING)
        noted = &r->resting[r->resting_count++];
    if (noted)
        *noted = (struct resting){state, until};
}

void request_meter_rest(struct request_meter *r, const struct request_meter_place *at, int status,
                        int64_t until, int64_t unix_ms)
{
    char digits[SLICE_DIGITS];
    struct slice labels[METRIC_LABELS_ALL];
    set_place(labels, at);
    labels[LABEL_EXCEPTION_STATUS] = slice_digits(status, digits);
    metric_add(metrics_labelled(r->metrics, METRIC_DEPLOYMENT_COOLED, labels), 1);
    struct metric_series *state = metrics_labelled(r->metrics, METRIC_DEPLOYMENT_STATE, labels);
    metric_set(state, METER_RESTS, unix_ms);
    note_rest(r, state, until);
}

/* Who rests says so again: another worker may have said something else since. What one says of it
 * after its end counts. */
void request_meter_look(struct request_meter *r, int64_t now, int64_t unix_ms)
{
    for (size_t i = r->resting_count; i-- > 0;) {
        struct resting *at = &r->resting[i];
        int64_t over = now - at->until;
        metric_set(at->state, over >= 0 ? METER_FAILED : METER_RESTS,
                   over > 0 ? unix_ms - over : unix_ms);
        if (over >= 0)
            *at = r->resting[--r->resting_count];
    }
}

void request_meter_guard(struct request_meter *r, const struct request_meter_guard *g)
{
    struct slice labels[METRIC_LABELS_ALL] = {0};
    labels[LABEL_GUARD] = g->name;
    labels[LABEL_HOOK] = slice_of(g->answer ? "post_call" : "pre_call");
    labels[LABEL_STATUS] = slice_of(g->error ? "error" : "success");
    labels[LABEL_ERROR_TYPE] = slice_of(g->error ? g->error : "none");
    metric_add(metrics_labelled(r->metrics, METRIC_GUARD_REQUESTS, labels), 1);
    if (g->error)
        metric_add(metrics_labelled(r->metrics, METRIC_GUARD_ERRORS, labels), 1);
    if (g->ms >= 0)
        metric_observe(metrics_labelled(r->metrics, METRIC_GUARD_SECONDS, labels),
                       (double)g->ms / 1000);
}

static void count(struct counting *c, const struct record *r)
{
    struct combination spare = {0};
    find(c, &spare);
    count_outcome(c, r);
    count_usage(c, r);
    count_times(c, r);
    count_stages(c, r);
    count_limits(c, r);
    count_attempts(c, r);
}

void request_meter_count(struct request_meter *meter, const struct record *r)
{
    const struct metrics_plan *plan = &meter->metrics->shared->plan;
    struct counting c = {.meter = meter, .now = r->ended_ms};
    struct arena a;
    set_labels(&c, r);
    if (!plan->custom_count) {
        count(&c, r);
        return;
    }
    arena_init(&a);
    metrics_plan_values(plan, r->text.metadata, r->text.tags, &a, c.labels + LABEL_COUNT);
    count(&c, r);
    arena_fini(&a);
}
