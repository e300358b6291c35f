/* Series in memory that all workers see.
 *
 * Happy path: the labels of a series are written as they are shown; the map finds it, or a new
 * entry is appended to the worker's region, complete before `used` says that it is there. Adding
 * loads and stores without a lock: nobody else writes.
 *
 * Failure modes: too many series of a metric, or a region that is full: the metric's `other` series
 * counts, and METRIC_OVERFLOW says of which metric. Without even that one, what is counted goes to
 * an entry that nobody reads. */

#include "base/shm.h"
#include "metrics_private.h"

#include <assert.h>
#include <stdlib.h>

#define LABELS_MAX 20480 /* bytes of the labels of one series, as they are shown */

/* ---- the shared memory ---------------------------------------------------------------------- */

struct metrics_shared *metrics_shared_new(unsigned workers, const struct metrics_options *o)
{
    struct metrics_shared *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->workers = workers;
    metrics_plan_make(&s->plan, o);
    s->base = shm_new(workers * METRICS_REGION);
    if (!s->base)
        abort();
    return s;
}

void metrics_shared_free(struct metrics_shared *s)
{
    if (s) {
        shm_free(s->base, s->workers * METRICS_REGION);
        arena_fini(&s->plan.arena);
    }
    free(s);
}

struct metric_region *metrics_region(const struct metrics_shared *s, unsigned worker)
{
    return (struct metric_region *)(void *)(s->base + worker * METRICS_REGION);
}

static double number(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void store(struct metric_entry *e, unsigned i, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    atomic_store_explicit(&e->values[i], bits, memory_order_relaxed);
}

double metric_value(const struct metric_entry *e, unsigned i)
{
    return number(atomic_load_explicit(&e->values[i], memory_order_relaxed));
}

static char *labels_place(const struct metric_entry *e)
{
    return (char *)(uintptr_t)(e->values + e->numbers);
}

struct slice metric_labels(const struct metric_entry *e)
{
    return slice_make(labels_place(e), e->labels);
}

struct metric_entry *metric_next(const struct metric_region *r, uint64_t *place)
{
    if (*place >= atomic_load_explicit(&r->used, memory_order_acquire))
        return NULL;
    struct metric_entry *e = (struct metric_entry *)(void *)(uintptr_t)(r->entries + *place);
    *place += e->size;
    return e;
}

/* ---- series --------------------------------------------------------------------------------- */

static void write_value(struct buf *b, struct slice value)
{
    size_t n = value.n < METRICS_VALUE_MAX ? value.n : METRICS_VALUE_MAX;
    while (n < value.n && n && ((unsigned char)value.p[n] & 0xc0) == 0x80)
        n--; /* not through a character */
    for (size_t i = 0; i < n; i++) {
        char c = value.p[i];
        if (c == '\\' || c == '"')
            buf_add_char(b, '\\');
        if (c == '\n')
            BUF_LITERAL(b, "\\n");
        else
            buf_add_char(b, c);
    }
}

/* `values` NULL: all are "other". An empty one is what LiteLLM shows of Python's None. */
static void write_labels(const struct metrics *m, struct buf *b, enum metric_id id,
                         const struct slice *values)
{
    const struct metric_row *row = metric_row_of(m, id);
    for (unsigned i = 0; row->labels[i]; i++) {
        struct slice value = values ? values[i] : SLICE("other");
        if (i)
            buf_add_char(b, ',');
        buf_add(b, slice_of(m->shared->plan.label_names[row->labels[i]]));
        BUF_LITERAL(b, "=\"");
        write_value(b, value.n ? value : SLICE("None"));
        buf_add_char(b, '"');
    }
}

static struct metric_entry *append(struct metrics *m, enum metric_id id, struct slice labels)
{
    struct metric_region *r = m->region;
    uint64_t used = atomic_load_explicit(&r->used, memory_order_relaxed);
    unsigned numbers = metric_value_count(metric_row_of(m, id));
    size_t size = sizeof(struct metric_entry) + numbers * sizeof(uint64_t) + labels.n;
    struct metric_entry *e = metrics_reuse(m, id, labels.n);
    size = (size + 7) & ~(size_t)7;
    if (!e && sizeof(*r) + used + size > METRICS_REGION)
        return NULL;
    bool fresh = !e;
    if (fresh) {
        e = (struct metric_entry *)(void *)(r->entries + used);
        e->size = (uint32_t)size;
        e->metric = (uint16_t)id;
        e->numbers = (uint16_t)numbers;
    }
    e->labels = (uint16_t)labels.n;
    memcpy(labels_place(e), labels.p, labels.n);
    atomic_store_explicit(&e->gone, 0, memory_order_release);
    if (fresh)
        atomic_store_explicit(&r->used, used + size, memory_order_release);
    return e;
}

static struct arena *arena_of(struct metrics *m, const struct metric_row *row)
{
    return metric_expires(row) ? &m->callers : &m->arena;
}

static struct metric_series *new_series(struct metrics *m, struct metric_entry *e)
{
    const struct metric_row *row = metric_row_of(m, e->metric);
    struct metric_series *s = ARENA_NEW(arena_of(m, row), struct metric_series);
    s->entry = e;
    s->buckets = row->buckets;
    s->sum = metric_value_count(row) - 1;
    return s;
}

static struct metric_series *adopt(struct metrics *m, struct metric_entry *e)
{
    struct metric_series *s = new_series(m, e);
    s->base = metric_value(e, 0);
    map_put(&m->series[e->metric], metric_labels(e), s);
    return s;
}

void metrics_adopt(struct metrics *m, struct metric_entry *e)
{
    adopt(m, e);
}

static struct metric_series *add_series(struct metrics *m, enum metric_id id, struct slice labels)
{
    struct metric_entry *e = append(m, id, labels);
    return e ? adopt(m, e) : NULL;
}

/* Of a metric that is not wanted, or a region that is full before its first series: a place that
 * nobody reads. */
static struct metric_series *blind(struct metrics *m, enum metric_id id)
{
    const struct metric_row *row = metric_row_of(m, id);
    size_t numbers = metric_value_count(row) * sizeof(uint64_t);
    struct metric_entry *e = arena_zalloc(arena_of(m, row), sizeof(*e) + numbers);
    e->metric = (uint16_t)id;
    return new_series(m, e);
}

static struct metric_series *other_series(struct metrics *m, enum metric_id id)
{
    char room[LABELS_MAX];
    struct buf b = {.p = room, .size = sizeof(room), .cap = sizeof(room)};
    if (id != METRIC_OVERFLOW)
        metric_add(metrics_one(m, METRIC_OVERFLOW, slice_of(metric_rows[id].name)), 1);
    if (m->other[id])
        return m->other[id];
    write_labels(m, &b, id, NULL);
    m->other[id] = map_get(&m->series[id], buf_slice(&b));
    if (!m->other[id])
        m->other[id] = add_series(m, id, buf_slice(&b));
    if (!m->other[id])
        m->other[id] = blind(m, id);
    return m->other[id];
}

static size_t series_max(const struct metrics *m, enum metric_id id)
{
    bool end_users = m->end_user_max && metric_has_label(metric_row_of(m, id), LABEL_END_USER);
    return end_users ? m->end_user_max : m->series_max;
}

struct metric_series *metrics_series(struct metrics *m, enum metric_id id,
                                     const struct slice *values)
{
    char room[LABELS_MAX];
    struct buf b = {.p = room, .size = sizeof(room), .cap = sizeof(room)};
    if (metric_row_of(m, id)->off && !m->other[id])
        m->other[id] = blind(m, id);
    if (metric_row_of(m, id)->off)
        return m->other[id];
    write_labels(m, &b, id, values);
    struct metric_series *s = map_get(&m->series[id], buf_slice(&b));
    if (s)
        return s;
    if (!b.overflow && m->series[id].count < series_max(m, id))
        s = add_series(m, id, buf_slice(&b));
    return s ? s : other_series(m, id);
}

struct metric_series *metrics_labelled(struct metrics *m, enum metric_id id,
                                       const struct slice *labels)
{
    struct slice values[METRIC_LABELS_MAX] = {0};
    const struct metric_row *row = metric_row_of(m, id);
    for (unsigned i = 0; row->labels[i]; i++)
        values[i] = labels[row->labels[i]];
    return metrics_series(m, id, values);
}

struct metric_series *metrics_one(struct metrics *m, enum metric_id id, struct slice value)
{
    assert(!metric_rows[id].labels[0] || !metric_rows[id].labels[1]);
    return metrics_series(m, id, &value);
}

/* ---- counting ------------------------------------------------------------------------------- */

static void add_to(struct metric_entry *e, unsigned i, double value)
{
    store(e, i, metric_value(e, i) + value);
}

void metric_add(struct metric_series *s, double value)
{
    add_to(s->entry, 0, value);
}

void metric_follow(struct metric_series *s, double total)
{
    store(s->entry, 0, s->base + total);
}

void metric_set(struct metric_series *s, double value, int64_t unix_ms)
{
    store(s->entry, 0, value);
    atomic_store_explicit(&s->entry->updated_ms, unix_ms, memory_order_relaxed);
}

void metric_observe(struct metric_series *s, double value)
{
    unsigned i = 0;
    while (s->buckets[i] > 0 && value > s->buckets[i])
        i++;
    add_to(s->entry, i, 1);
    if (value > 0) /* most stages of a request take less than a millisecond */
        add_to(s->entry, s->sum, value);
}

/* ---- life ----------------------------------------------------------------------------------- */

/* What it says was of the worker that is no more. What callers have left is as true as before. */
static void begin_gauge(struct metrics *m, struct metric_entry *e)
{
    if (metric_expires(metric_row_of(m, e->metric)))
        return;
    store(e, 0, 0);
    atomic_store_explicit(&e->updated_ms, 0, memory_order_relaxed);
}

/* What a worker before this one left: counters go on. */
static void take_over(struct metrics *m)
{
    uint64_t place = 0;
    for (struct metric_entry *e; (e = metric_next(m->region, &place));) {
        if (atomic_load_explicit(&e->gone, memory_order_relaxed))
            continue;
        if (metric_row_of(m, e->metric)->kind == METRIC_GAUGE)
            begin_gauge(m, e);
        adopt(m, e);
    }
}

struct metrics *metrics_new(struct metrics_shared *s, unsigned worker, size_t series_max)
{
    struct metrics *m = calloc(1, sizeof(*m));
    if (!m)
        abort();
    m->shared = s;
    m->region = metrics_region(s, worker);
    m->series_max = series_max;
    arena_init(&m->arena);
    arena_init(&m->callers);
    for (int i = 0; i < METRIC_COUNT; i++)
        map_init(&m->series[i]);
    take_over(m);
    return m;
}

void metrics_bound_end_users(struct metrics *m, size_t series, int64_t ttl_ms)
{
    m->end_user_max = series;
    m->end_user_ttl = ttl_ms;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (int i = 0; i < METRIC_COUNT; i++)
        map_fini(&m->series[i]);
    arena_fini(&m->arena);
    arena_fini(&m->callers);
    free(m);
}
