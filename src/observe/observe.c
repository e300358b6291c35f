#include "observe/observe.h"

#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>

#define ALERTS_PREFIX "alerts:" /* a callback may have the same name */
#define NAME_SIZE     64
#define DELAY_MAX_S   300
#define OWN_IDLE_MS   5000 /* longer than its last records wait for company, and are counted */
#define SAVE_MS       2000 /* for what is left at the end to be written */

struct place {
    char name[NAME_SIZE];
    struct outbox *box;
    unsigned outcomes;
    const struct sink_kind *kind;
    bool wants_bodies, own;
    unsigned holders; /* of an own one: requests that may still tell it something … */
    int64_t used_ms;  /* … and when one last did, turn time */
    unsigned alerts;  /* types that it is told of */
};

struct observe {
    struct turn *turn;
    struct upstream *upstream;
    struct shelf *shelf; /* NULL: nothing is kept */
    struct place places[OBSERVE_SINKS_MAX];
    size_t count;
    uv_timer_t limit; /* of a flush; its end frees this */
    bool late;
};

struct observe *observe_new(struct turn *turn, struct upstream *up)
{
    struct observe *o = calloc(1, sizeof(*o));
    if (!o)
        abort();
    o->turn = turn;
    o->upstream = up;
    uv_timer_init(turn->loop, &o->limit);
    o->limit.data = o;
    return o;
}

bool observe_keep(struct observe *o, const char *directory, uint64_t bytes_max, int64_t age_ms,
                  const char **error)
{
    const struct shelf_limits limits = {.bytes_max = bytes_max, .age_ms = age_ms};
    o->shelf = shelf_new(o->turn->loop, directory, &limits, error);
    return o->shelf;
}

static void release(uv_handle_t *handle)
{
    free(handle->data);
}

void observe_free(struct observe *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->count; i++)
        outbox_free(o->places[i].box);
    shelf_free(o->shelf);
    uv_close((uv_handle_t *)&o->limit, release);
}

static void refuse(struct sink_setup *setup, const char *why)
{
    snprintf(setup->error, sizeof(setup->error), "%s", why);
}

/* LiteLLM's name for how long records may wait for company: the operator's to say, for all. */
static struct outbox_limits limits_of(const struct sink_setup *setup)
{
    struct outbox_limits l = outbox_limits_usual;
    double seconds;
    struct slice text =
        slice_of(setup->variable(setup->variable_user, "DEFAULT_FLUSH_INTERVAL_SECONDS"));
    if (slice_to_double(text, &seconds) && seconds >= 0 && seconds <= DELAY_MAX_S)
        l.delay_ms = (int64_t)(seconds * 1000);
    return l;
}

static struct place *find(struct observe *o, struct slice name)
{
    for (size_t i = 0; i < o->count; i++)
        if (slice_eq(slice_of(o->places[i].name), name))
            return &o->places[i];
    return NULL;
}

static bool is_idle(const struct observe *o, const struct place *p)
{
    return p->own && !p->holders && turn_now(o->turn) - p->used_ms >= OWN_IDLE_MS &&
           outbox_idle(p->box);
}

/* A new one, or that of the own sink that nobody has needed for longest. NULL: all are needed. */
static struct place *room(struct observe *o, size_t most)
{
    struct place *oldest = NULL;
    if (o->count < most)
        return &o->places[o->count];
    for (struct place *p = o->places; p < o->places + o->count; p++)
        if (is_idle(o, p) && (!oldest || p->used_ms < oldest->used_ms))
            oldest = p;
    return oldest;
}

static void take(struct observe *o, struct place *p)
{
    if (p == &o->places[o->count])
        o->count++;
    else
        outbox_free(p->box);
    *p = (struct place){0};
}

static struct place *add(struct observe *o, struct sink_setup *setup, unsigned outcomes,
                         struct slice name, size_t most)
{
    const struct sink_kind *kind = sink_find(setup);
    struct place *p = room(o, most);
    if (!kind || !p) {
        refuse(setup, kind ? "there are too many" : "there is no such callback");
        return NULL;
    }
    if (name.n >= NAME_SIZE) {
        refuse(setup, "its name is too long");
        return NULL;
    }
    void *self = kind->open(setup);
    if (!self)
        return NULL;
    take(o, p);
    p->kind = kind;
    p->wants_bodies = setup->wants_bodies;
    p->outcomes = outcomes;
    snprintf(p->name, sizeof(p->name), "%.*s", SLICE_ARG(name));
    struct outbox_limits limits = limits_of(setup);
    if (setup->batch_max && setup->batch_max < limits.batch_max)
        limits.batch_max = setup->batch_max;
    if (!setup->wants_bodies)
        limits.batch_bytes = OUTBOX_BATCH_BARE;
    if (setup->patient)
        limits.ripe = limits.batch_max;
    p->box = outbox_new(o->turn, o->upstream, kind, self, p->name, &limits);
    outbox_distrust(p->box, setup->trusts, setup->user);
    if (o->shelf)
        outbox_keep(p->box, o->shelf, p->wants_bodies);
    return p;
}

bool observe_add(struct observe *o, struct sink_setup *setup, unsigned outcomes)
{
    struct place *p = find(o, setup->name);
    if (!p)
        p = add(o, setup, outcomes, setup->name, OBSERVE_USUAL_MAX);
    if (p)
        p->outcomes |= outcomes;
    return p;
}

uint64_t observe_own(struct observe *o, struct sink_setup *setup, unsigned outcomes,
                     struct slice id)
{
    struct place *p = find(o, id);
    if (!p) {
        p = add(o, setup, outcomes, id, OBSERVE_SINKS_MAX);
        if (!p)
            return 0;
        p->own = true;
    }
    p->used_ms = turn_now(o->turn);
    return UINT64_C(1) << (p - o->places);
}

void observe_hold(struct observe *o, uint64_t sinks)
{
    for (size_t i = 0; i < o->count; i++)
        o->places[i].holders += (unsigned)(sinks >> i & 1);
}

void observe_release(struct observe *o, uint64_t sinks)
{
    for (size_t i = 0; i < o->count; i++) {
        if (!(sinks >> i & 1))
            continue;
        o->places[i].holders--;
        o->places[i].used_ms = turn_now(o->turn);
    }
}

uint64_t observe_usual(const struct observe *o)
{
    uint64_t sinks = 0;
    for (size_t i = 0; i < o->count; i++)
        sinks |= (uint64_t)!o->places[i].own << i;
    return sinks;
}

static bool is_named(const struct place *p, struct slice kind)
{
    bool same = slice_eq_nocase(slice_of(p->name), kind);
    for (const char *const *n = p->kind->names; *n; n++)
        same = same || slice_eq_nocase(slice_of(*n), kind);
    return same;
}

uint64_t observe_named(const struct observe *o, struct slice kind)
{
    uint64_t sinks = 0;
    for (size_t i = 0; i < o->count; i++)
        sinks |= (uint64_t)is_named(&o->places[i], kind) << i;
    return sinks & observe_usual(o);
}

/* ---- alerts --------------------------------------------------------------------------------- */

bool observe_add_alerts(struct observe *o, struct sink_setup *setup, unsigned types)
{
    const struct sink_kind *kind = alert_sink_find(setup->name);
    struct outbox_limits limits = limits_of(setup);
    size_t same = 1;
    if (!kind || o->count == OBSERVE_SINKS_MAX) {
        refuse(setup, kind ? "there are too many" : "there is no such channel");
        return false;
    }
    void *self = kind->open(setup);
    if (!self)
        return false;
    for (size_t i = 0; i < o->count; i++)
        same += o->places[i].kind == kind;
    struct place *p = &o->places[o->count++];
    p->kind = kind;
    p->alerts = types;
    if (same > 1)
        snprintf(p->name, sizeof(p->name), ALERTS_PREFIX "%s_%zu", kind->names[0], same);
    else
        snprintf(p->name, sizeof(p->name), ALERTS_PREFIX "%s", kind->names[0]);
    limits.bytes_max = ALERTS_BYTES_MAX;
    p->box = outbox_new(o->turn, o->upstream, kind, self, p->name, &limits);
    return true;
}

void observe_alert(struct observe *o, struct alert *a)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->places[i].alerts >> a->type & 1)
            outbox_put(o->places[i].box, &a->parcel);
}

bool observe_alert_at(struct observe *o, struct slice channel, struct alert *a)
{
    const struct sink_kind *kind = alert_sink_find(channel);
    bool any = false;
    for (size_t i = 0; i < o->count; i++) {
        if (!kind || o->places[i].kind != kind)
            continue;
        outbox_put(o->places[i].box, &a->parcel);
        any = true;
    }
    return any;
}

/* ---- records -------------------------------------------------------------------------------- */

bool observe_wants(const struct observe *o)
{
    return o->count > 0;
}

bool observe_wants_bodies(const struct observe *o, uint64_t sinks)
{
    bool wants = false;
    for (size_t i = 0; i < o->count; i++)
        wants = wants || (sinks >> i & 1 && o->places[i].wants_bodies);
    return wants;
}

void observe_publish(struct observe *o, const struct record *draft, uint64_t sinks)
{
    unsigned outcome = draft->failed ? OBSERVE_FAILURE : OBSERVE_SUCCESS;
    struct record *r = NULL;
    for (size_t i = 0; i < o->count; i++) {
        if (!(sinks >> i & 1) || !(o->places[i].outcomes & outcome))
            continue;
        if (!r)
            r = record_new(draft);
        outbox_put(o->places[i].box, &r->parcel);
    }
    if (r)
        parcel_unref(&r->parcel);
}

/* ---- the end -------------------------------------------------------------------------------- */

static bool empty(const struct observe *o)
{
    for (size_t i = 0; i < o->count; i++)
        if (!outbox_empty(o->places[i].box))
            return false;
    return true;
}

static void on_late(uv_timer_t *timer)
{
    struct observe *o = timer->data;
    o->late = true;
}

static void run_until_empty(struct observe *o, unsigned ms)
{
    o->late = false;
    uv_timer_start(&o->limit, on_late, ms, 0);
    while (!empty(o) && !o->late)
        uv_run(o->turn->loop, UV_RUN_ONCE);
    uv_timer_stop(&o->limit);
}

void observe_flush(struct observe *o, unsigned ms)
{
    for (size_t i = 0; i < o->count; i++)
        outbox_hurry(o->places[i].box);
    run_until_empty(o, ms);
    for (size_t i = 0; i < o->count; i++)
        outbox_save(o->places[i].box);
    if (o->shelf)
        run_until_empty(o, SAVE_MS);
}

void observe_each(const struct observe *o,
                  void (*each)(void *ctx, const char *name, const struct outbox_stats *s),
                  void *ctx)
{
    for (size_t i = 0; i < o->count; i++) {
        struct outbox_stats s;
        outbox_count(o->places[i].box, &s);
        each(ctx, o->places[i].name, &s);
    }
}
