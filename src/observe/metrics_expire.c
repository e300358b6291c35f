/* Series that nobody counts in any more.
 *
 * Happy path: every now and then a worker looks at its own series of callers. What says the same as
 * at a look that long ago is marked gone, which readers heed; the maps are made anew without it. At
 * a later look its place is free for a new series of that metric whose labels fit.
 *
 * Failure modes: a reader that was stopped in the middle of a scrape for longer than the time
 * between two looks may show a series under the labels of the one that has its place now. */

#include "metrics_private.h"

#define FITS_MAX 8 /* places that are looked at for one that fits */

bool metric_expires(const struct metric_row *r)
{
    static const enum label callers[] = {LABEL_KEY, LABEL_USER, LABEL_TEAM, LABEL_ORG,
                                         LABEL_END_USER};
    for (size_t i = 0; i < sizeof(callers) / sizeof(*callers); i++)
        if (metric_has_label(r, callers[i]))
            return true;
    return false;
}

/* Quotes within values are escaped: this is the label. */
static bool names_end_user(const struct metric_entry *e)
{
    struct slice labels = metric_labels(e), label = SLICE("end_user=\"");
    ptrdiff_t at = slice_find(labels, label);
    return at >= 0 && !slice_starts(slice_skip(labels, (size_t)at + label.n), SLICE("None\""));
}

static int64_t ttl_of(const struct metrics *m, const struct metric_entry *e, int64_t ttl)
{
    return m->end_user_ttl && names_end_user(e) ? m->end_user_ttl : ttl;
}

static double said(const struct metrics *m, const struct metric_entry *e)
{
    double all = 0;
    if (metric_row_of(m, e->metric)->kind == METRIC_GAUGE)
        return (double)atomic_load_explicit(&e->updated_ms, memory_order_relaxed);
    for (unsigned i = 0; i < e->numbers; i++)
        all += metric_value(e, i);
    return all;
}

static bool is_stale(const struct metrics *m, struct metric_entry *e, int64_t now, int64_t ttl)
{
    double says = said(m, e);
    if (e->looked_ms && !(says < e->seen) && !(says > e->seen))
        return ttl && now - e->looked_ms > ttl;
    e->seen = says;
    e->looked_ms = now;
    return false;
}

static void free_place(struct metrics *m, struct metric_entry *e)
{
    struct metric_gone *g = ARENA_NEW(&m->callers, struct metric_gone);
    *g = (struct metric_gone){.next = m->gone[e->metric], .entry = e};
    m->gone[e->metric] = g;
}

/* Maps, and places that are free: those which went before `now`. */
static void begin_anew(struct metrics *m, int64_t now)
{
    uint64_t place = 0;
    for (int id = 0; id < METRIC_COUNT; id++) {
        if (!metric_expires(metric_row_of(m, (unsigned)id)))
            continue;
        map_fini(&m->series[id]);
        map_init(&m->series[id]);
        m->other[id] = NULL;
        m->gone[id] = NULL;
    }
    arena_fini(&m->callers);
    for (struct metric_entry *e; (e = metric_next(m->region, &place));) {
        if (!metric_expires(metric_row_of(m, e->metric)))
            continue;
        if (!atomic_load_explicit(&e->gone, memory_order_relaxed))
            metrics_adopt(m, e);
        else if (e->looked_ms < now)
            free_place(m, e);
    }
}

bool metrics_expire(struct metrics *m, int64_t now_ms, int64_t ttl_ms)
{
    bool any = false;
    uint64_t place = 0;
    for (struct metric_entry *e; (e = metric_next(m->region, &place));) {
        if (!metric_expires(metric_row_of(m, e->metric)) ||
            atomic_load_explicit(&e->gone, memory_order_relaxed) ||
            !is_stale(m, e, now_ms, ttl_of(m, e, ttl_ms)))
            continue;
        e->looked_ms = now_ms;
        atomic_store_explicit(&e->gone, 1, memory_order_release);
        any = true;
    }
    if (any)
        begin_anew(m, now_ms);
    return any;
}

struct metric_entry *metrics_reuse(struct metrics *m, enum metric_id id, size_t labels)
{
    struct metric_gone **at = &m->gone[id];
    for (unsigned i = 0; *at && i < FITS_MAX; i++, at = &(*at)->next) {
        struct metric_entry *e = (*at)->entry;
        if (sizeof(*e) + e->numbers * sizeof(uint64_t) + labels > e->size)
            continue;
        *at = (*at)->next;
        for (unsigned k = 0; k < e->numbers; k++)
            atomic_store_explicit(&e->values[k], 0, memory_order_relaxed);
        atomic_store_explicit(&e->updated_ms, 0, memory_order_relaxed);
        e->looked_ms = 0;
        return e;
    }
    return NULL;
}
