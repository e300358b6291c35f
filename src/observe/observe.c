#include "observe/observe.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_SIZE   64
#define DELAY_MAX_S 300

struct place {
    char name[NAME_SIZE];
    struct outbox *box;
    unsigned outcomes;
    bool wants_bodies;
};

struct observe {
    struct turn *turn;
    struct upstream *upstream;
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
    uv_close((uv_handle_t *)&o->limit, release);
}

static bool refuse(struct sink_setup *setup, const char *why)
{
    snprintf(setup->error, sizeof(setup->error), "%s", why);
    return false;
}

/* LiteLLM's name for how long records may wait for company. */
static struct outbox_limits limits_of(const struct sink_setup *setup)
{
    struct outbox_limits l = outbox_limits_usual;
    double seconds;
    struct slice text = sink_setting(setup, NULL, "DEFAULT_FLUSH_INTERVAL_SECONDS");
    if (slice_to_double(text, &seconds) && seconds >= 0 && seconds <= DELAY_MAX_S)
        l.delay_ms = (int64_t)(seconds * 1000);
    return l;
}

bool observe_add(struct observe *o, struct sink_setup *setup, unsigned outcomes)
{
    const struct sink_kind *kind = sink_find(setup);
    if (!kind)
        return refuse(setup, "there is no such callback");
    for (size_t i = 0; i < o->count; i++)
        if (slice_eq(slice_of(o->places[i].name), setup->name)) {
            o->places[i].outcomes |= outcomes;
            return true;
        }
    if (o->count == OBSERVE_SINKS_MAX)
        return refuse(setup, "there are too many");
    void *self = kind->open(setup);
    if (!self)
        return false;
    struct place *p = &o->places[o->count++];
    p->wants_bodies = setup->wants_bodies;
    p->outcomes = outcomes;
    snprintf(p->name, sizeof(p->name), "%.*s", SLICE_ARG(setup->name));
    struct outbox_limits limits = limits_of(setup);
    if (setup->batch_max && setup->batch_max < limits.batch_max)
        limits.batch_max = setup->batch_max;
    p->box = outbox_new(o->turn, o->upstream, kind, self, p->name, &limits);
    return true;
}

bool observe_wants(const struct observe *o)
{
    return o->count > 0;
}

bool observe_wants_bodies(const struct observe *o)
{
    bool wants = false;
    for (size_t i = 0; i < o->count; i++)
        wants = wants || o->places[i].wants_bodies;
    return wants;
}

void observe_publish(struct observe *o, const struct record *draft)
{
    unsigned outcome = draft->failed ? OBSERVE_FAILURE : OBSERVE_SUCCESS;
    struct record *r = NULL;
    for (size_t i = 0; i < o->count; i++) {
        if (!(o->places[i].outcomes & outcome))
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

void observe_flush(struct observe *o, unsigned ms)
{
    for (size_t i = 0; i < o->count; i++)
        outbox_hurry(o->places[i].box);
    uv_timer_start(&o->limit, on_late, ms, 0);
    while (!empty(o) && !o->late)
        uv_run(o->turn->loop, UV_RUN_ONCE);
    uv_timer_stop(&o->limit);
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
