/* What is known of each deployment.
 *
 * Happy path: a call begins and is counted; it ends well, its latency and tokens join the windows.
 * Reading costs no more than the steps that have passed since the last look.
 *
 * Failure modes: a call that fails for reasons of the deployment's is counted by class and may send
 * it to rest, by LiteLLM's rules (cooldown.c). After the rest one call probes it; calls that were
 * under way when the rest began neither prolong nor end it. */

#include "tracker.h"

#include "cooldown.h"
#include "pace.h"

#include "base/list.h"

#include <stdlib.h>
#include <string.h>

#define STEPS      13 /* a whole minute, and the step that is under way */
#define FORGET_MS  3600000
#define PENALTY_S  1000.0 /* a timeout, among latencies; LiteLLM's */
#define NO_LATENCY (-1.0)
#define MS_PER_S   1000.0

struct step {
    uint32_t requests, good, failed[FAIL_CLASSES];
    int64_t tokens;
};

struct latency {
    double v[LATENCY_WINDOW_MAX];
    unsigned n, next;
    int64_t at; /* of the last */
    double untold;
    unsigned untold_n; /* since the last word to others */
};

struct tracked {
    struct list link; /* tracker.all */
    struct tracker *of;
    char *id;
    uint32_t serial;
    int64_t used_at;
    unsigned running;
    int64_t expected; /* tokens of the running calls */
    struct step steps[STEPS], minute;
    int64_t step; /* that is under way, counted from 0 */
    struct latency first, per_token;
    struct pace pace;
    int64_t rest_began, rest_until;
    bool recovering; /* no call has gone well since the rest */
    unsigned probes; /* under way */
    int64_t full_until;
    int64_t probed_at;
    uint64_t calls, failed[FAIL_CLASSES], rests, throttled;
    struct peers peers;
    bool news, awoke; /* a rest began, or ended, and nobody was told */
    bool told_load;   /* the last word had some */
};

struct tracker {
    struct list all;
    struct map by_id;
    uint64_t generation; /* another one when something was forgotten */
    void (*news)(void *ctx);
    void *news_ctx;
};

/* ---- the table ----------------------------------------------------------------------------- */

/* Of all trackers: deployments remember where they are kept by it. */
static uint64_t next_generation(void)
{
    static uint64_t last;
    return ++last;
}

struct tracker *tracker_new(void)
{
    struct tracker *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    list_init(&t->all);
    map_init(&t->by_id);
    t->generation = next_generation();
    return t;
}

static void forget(struct tracked *d)
{
    list_del(&d->link);
    peers_fini(&d->peers);
    free(d->id);
    free(d);
}

void tracker_free(struct tracker *t)
{
    if (!t)
        return;
    for (struct list *l = t->all.next, *next; l != &t->all; l = next) {
        next = l->next;
        forget(LIST_ENTRY(l, struct tracked, link));
    }
    map_fini(&t->by_id);
    free(t);
}

static void sweep(struct tracker *t, int64_t now)
{
    size_t forgotten = 0;
    for (struct list *l = t->all.next, *next; l != &t->all; l = next) {
        struct tracked *d = LIST_ENTRY(l, struct tracked, link);
        next = l->next;
        if (d->running || now - d->used_at < FORGET_MS)
            continue;
        forget(d);
        forgotten++;
    }
    if (!forgotten)
        return;
    t->generation = next_generation();
    map_fini(&t->by_id);
    for (struct list *l = t->all.next; l != &t->all; l = l->next) {
        struct tracked *d = LIST_ENTRY(l, struct tracked, link);
        map_put(&t->by_id, slice_of(d->id), d);
    }
}

static struct tracked *add(struct tracker *t, const char *id, int64_t now)
{
    static uint32_t serial;
    struct tracked *d = calloc(1, sizeof(*d));
    if (!d || !(d->id = strdup(id)))
        abort();
    sweep(t, now);
    d->of = t;
    d->serial = ++serial;
    list_add(&t->all, &d->link);
    map_put(&t->by_id, slice_of(d->id), d);
    return d;
}

struct tracked *tracker_of(struct tracker *t, const struct deployment *d, int64_t now)
{
    struct route_params *params = d->routing;
    if (params->generation != t->generation) {
        struct tracked *known = map_get(&t->by_id, slice_of(d->id));
        params->tracked = known ? known : add(t, d->id, now);
        params->generation = t->generation;
    }
    params->tracked->used_at = now;
    return params->tracked;
}

/* ---- the minute ---------------------------------------------------------------------------- */

static void subtract(struct step *sum, const struct step *gone)
{
    sum->requests -= gone->requests;
    sum->good -= gone->good;
    sum->tokens -= gone->tokens;
    for (unsigned i = 0; i < FAIL_CLASSES; i++)
        sum->failed[i] -= gone->failed[i];
}

static struct step *advance(struct tracked *d, int64_t now)
{
    int64_t step = now / TRACKER_STEP_MS, passed = step - d->step;
    for (int64_t i = 0; i < passed && i < STEPS; i++) {
        struct step *s = &d->steps[(d->step + 1 + i) % STEPS];
        subtract(&d->minute, s);
        *s = (struct step){0};
    }
    if (passed > 0)
        d->step = step;
    return &d->steps[d->step % STEPS];
}

/* What came before a rest says nothing of what comes after it. */
static void forgive(struct tracked *d)
{
    struct step *all[STEPS + 1];
    for (unsigned i = 0; i < STEPS; i++)
        all[i] = &d->steps[i];
    all[STEPS] = &d->minute;
    for (unsigned i = 0; i <= STEPS; i++) {
        all[i]->good = 0;
        memset(all[i]->failed, 0, sizeof(all[i]->failed));
    }
}

int64_t tracked_requests(struct tracked *d, int64_t now)
{
    advance(d, now);
    return d->minute.requests + peers_sum(&d->peers, now).requests;
}

int64_t tracked_tokens(struct tracked *d, int64_t now)
{
    advance(d, now);
    return d->minute.tokens + d->expected + peers_sum(&d->peers, now).tokens;
}

/* ---- latency ------------------------------------------------------------------------------- */

static void add_latency(struct latency *l, double seconds, int64_t now)
{
    l->v[l->next] = seconds;
    l->next = (l->next + 1) % LATENCY_WINDOW_MAX;
    l->n += l->n < LATENCY_WINDOW_MAX;
    l->at = now;
}

static void note_latency(struct latency *l, double seconds, int64_t now)
{
    add_latency(l, seconds, now);
    l->untold += seconds;
    l->untold_n++;
}

static void note_latencies(struct tracked *d, const struct call_outcome *o, int64_t now)
{
    if (o->streamed && o->first_ms > 0)
        note_latency(&d->first, (double)o->first_ms / MS_PER_S, now);
    if (o->output > 0)
        note_latency(&d->per_token, (double)o->total_ms / MS_PER_S / (double)o->output, now);
}

static double mean(const struct latency *l, const struct routing *r, int64_t now)
{
    unsigned n = l->n < r->latency_window ? l->n : (unsigned)r->latency_window;
    double sum = 0;
    if (!n || (double)(now - l->at) > r->latency_ttl * MS_PER_S)
        return NO_LATENCY;
    for (unsigned i = 1; i <= n; i++)
        sum += l->v[(l->next + LATENCY_WINDOW_MAX - i) % LATENCY_WINDOW_MAX];
    return sum / n;
}

double tracked_latency(const struct tracked *d, const struct routing *r, bool streamed, int64_t now,
                       int64_t *age)
{
    double first = streamed ? mean(&d->first, r, now) : NO_LATENCY;
    *age = now - (first >= 0 ? d->first.at : d->per_token.at);
    return first >= 0 ? first : mean(&d->per_token, r, now);
}

/* ---- calls --------------------------------------------------------------------------------- */

unsigned tracked_running(const struct tracked *d)
{
    return d->running;
}

int64_t tracked_load(const struct tracked *d, int64_t now)
{
    return d->running + peers_sum(&d->peers, now).running;
}

uint32_t tracked_serial(const struct tracked *d)
{
    return d->serial;
}

void tracked_begin(struct tracked *d, struct tracked_call *call, int64_t tokens, int64_t now)
{
    struct step *step = advance(d, now);
    *call = (struct tracked_call){d, now, now, tokens, d->recovering};
    pace_sent(&d->pace, now);
    d->running++;
    d->calls++;
    d->expected += tokens;
    step->requests++;
    d->minute.requests++;
    if (call->probe) {
        d->probes++;
        d->probed_at = now;
    }
}

static void note_news(struct tracked *d, bool awoke)
{
    d->news = true;
    d->awoke = awoke;
    if (d->of->news)
        d->of->news(d->of->news_ctx);
}

void tracked_spoke(struct tracked_call *call)
{
    struct tracked *d = call->of;
    if (!d || !call->probe || !d->recovering)
        return;
    d->recovering = false;
    forgive(d);
    note_news(d, true);
}

static int64_t rest(struct tracked *d, int64_t ms, int64_t now)
{
    if (ms <= 0)
        return 0;
    d->rest_began = now;
    d->rest_until = now + ms;
    d->recovering = true;
    d->rests++;
    note_news(d, false);
    return ms;
}

/* Refused for want of capacity, before anything was said. */
static bool is_throttle(const struct call_outcome *o, enum fail_class class)
{
    return o->failure->upstream && !o->first_ms &&
           (class == FAIL_RATE_LIMIT || class == FAIL_UNAVAILABLE);
}

/* Slower is enough, no rest is needed: refusals of a deployment whose pace is found, and throttling
 * of one that nobody else could stand in for (unless a limit was set for just that). */
static bool pacing_copes(struct tracked_call *call, const struct routing *r,
                         const struct deployment *of, const struct call_outcome *o, int64_t now)
{
    enum fail_class class = routing_fail_class(o->failure);
    bool alone = of->routing->pool->count == 1 && class == FAIL_RATE_LIMIT;
    if (!is_throttle(o, class))
        return false;
    call->of->throttled++;
    if (!r->adaptive_pacing)
        return false;
    bool copes = pace_refused(&call->of->pace, call->went, now);
    return copes || (alone && r->allowed_fails_of[class] < 0);
}

static int64_t note_failure(struct tracked_call *call, const struct routing *r,
                            const struct deployment *of, const struct call_outcome *o, int64_t now)
{
    struct tracked *d = call->of;
    const struct failure *f = o->failure;
    struct step *step = advance(d, now);
    enum fail_class class = routing_fail_class(f);
    bool late = d->rest_until && call->begun < d->rest_began;
    d->failed[class]++;
    if (class == FAIL_TIMEOUT) {
        note_latency(&d->first, PENALTY_S, now);
        note_latency(&d->per_token, PENALTY_S, now);
    }
    if (!cooldown_counts(f)) {
        tracked_spoke(call); /* it answered */
        return 0;
    }
    if (pacing_copes(call, r, of, o, now))
        return 0;
    step->failed[class]++;
    d->minute.failed[class]++;
    struct cooldown_counts counts = {.good = d->minute.good, .probe = call->probe};
    memcpy(counts.failed, d->minute.failed, sizeof(counts.failed));
    return late ? 0 : rest(d, cooldown_ms(r, of, f, &counts), now);
}

static void note_success(struct tracked_call *call, const struct call_outcome *o, int64_t now)
{
    struct tracked *d = call->of;
    tracked_spoke(call);
    struct step *step = advance(d, now);
    step->good++;
    d->minute.good++;
    note_latencies(d, o, now);
}

int64_t tracked_end(struct tracked_call *call, const struct routing *r, const struct deployment *of,
                    const struct call_outcome *o, int64_t now)
{
    struct tracked *d = call->of;
    bool failed = o->failure && o->failure->kind != FAILURE_NONE;
    int64_t rests = 0;
    if (!d)
        return 0;
    d->running--;
    d->expected -= call->tokens;
    d->probes -= call->probe;
    advance(d, now)->tokens += o->tokens;
    d->minute.tokens += o->tokens;
    if (failed && !o->abandoned)
        rests = note_failure(call, r, of, o, now);
    else if (!o->abandoned)
        note_success(call, o, now);
    call->of = NULL;
    if (!o->abandoned)
        d->full_until = 0;
    return rests;
}

void tracked_full(struct tracked *d, int64_t until)
{
    d->full_until = until;
}

int64_t tracked_full_wait(const struct tracked *d, int64_t now)
{
    return now < d->full_until ? d->full_until - now : 0;
}

int64_t tracked_rests(const struct tracked *d, int64_t now)
{
    int64_t probed = d->probed_at + TRACKER_PROBE_MS;
    if (now < d->rest_until)
        return d->rest_until - now;
    return d->recovering && d->probes && now < probed ? probed - now : 0;
}

int64_t tracked_pace_wait(struct tracked *d, const struct routing *r, int64_t now)
{
    return r->adaptive_pacing ? pace_wait(&d->pace, now) : 0;
}

double tracked_pace(const struct tracked *d)
{
    return d->pace.rate;
}

/* ---- other processes ------------------------------------------------------------------------ */

void tracker_on_news(struct tracker *t, void (*news)(void *ctx), void *ctx)
{
    t->news = news;
    t->news_ctx = ctx;
}

static double take_untold(struct latency *l)
{
    double value = l->untold_n ? l->untold / l->untold_n : NO_LATENCY;
    l->untold = 0;
    l->untold_n = 0;
    return value;
}

/* Nothing at all is said once, so that others need not wait for the silence. */
static bool has_word(struct tracked *d, bool news_only, int64_t now)
{
    advance(d, now);
    bool loaded = d->running || d->minute.requests || d->minute.tokens;
    return d->news || (!news_only && (loaded || d->told_load));
}

static struct tracked_word word_of(struct tracked *d, int64_t now)
{
    struct tracked_word w = {
        .load = {d->running, d->minute.requests, d->minute.tokens + d->expected},
        .first = take_untold(&d->first),
        .per_token = take_untold(&d->per_token),
        .rest_ms = now < d->rest_until ? d->rest_until - now : 0,
        .awake = d->news && d->awoke,
    };
    d->told_load = d->running || w.load.requests || w.load.tokens;
    d->news = false;
    return w;
}

size_t tracker_tell(struct tracker *t, bool news_only, size_t from, size_t max, int64_t now,
                    void (*tell)(void *ctx, const char *id, const struct tracked_word *word),
                    void *ctx)
{
    size_t at = 0, told = 0;
    for (struct list *l = t->all.next; l != &t->all; l = l->next, at++) {
        struct tracked *d = LIST_ENTRY(l, struct tracked, link);
        if (at < from || !has_word(d, news_only, now))
            continue;
        if (told++ == max)
            return at;
        struct tracked_word word = word_of(d, now);
        tell(ctx, d->id, &word);
    }
    return 0;
}

/* The longer of two rests holds; whoever hears of an end does not probe for itself. */
static void hear_rest(struct tracked *d, const struct tracked_word *w, int64_t now)
{
    if (w->awake && d->recovering && now >= d->rest_until) {
        d->recovering = false;
        forgive(d);
    }
    if (!w->rest_ms || now + w->rest_ms <= d->rest_until)
        return;
    if (now >= d->rest_until)
        d->rest_began = now;
    d->rest_until = now + w->rest_ms;
    d->recovering = true;
}

void tracker_hear(struct tracker *t, uint64_t peer, struct slice id,
                  const struct tracked_word *word, int64_t now)
{
    struct tracked *d = map_get(&t->by_id, id);
    if (!d)
        return;
    peers_hear(&d->peers, peer, &word->load, now);
    if (word->first >= 0)
        add_latency(&d->first, word->first, now);
    if (word->per_token >= 0)
        add_latency(&d->per_token, word->per_token, now);
    hear_rest(d, word, now);
}

/* ---- for people ---------------------------------------------------------------------------- */

void tracker_each(struct tracker *t, int64_t now,
                  void (*each)(void *ctx, const struct tracked_stats *s), void *ctx)
{
    for (struct list *l = t->all.next; l != &t->all; l = l->next) {
        struct tracked *d = LIST_ENTRY(l, struct tracked, link);
        struct tracked_stats s = {.id = d->id,
                                  .running = d->running,
                                  .calls = d->calls,
                                  .rests = d->rests,
                                  .throttled = d->throttled,
                                  .pace = d->pace.rate,
                                  .requests = tracked_requests(d, now),
                                  .tokens = tracked_tokens(d, now),
                                  .elsewhere = peers_sum(&d->peers, now),
                                  .rest_ms = tracked_rests(d, now)};
        memcpy(s.failed, d->failed, sizeof(s.failed));
        each(ctx, &s);
    }
}
