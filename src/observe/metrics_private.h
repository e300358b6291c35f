#ifndef OBSERVE_METRICS_PRIVATE_H
#define OBSERVE_METRICS_PRIVATE_H

/* The table of metrics and the memory of their series, for the files behind observe/metrics.h. */

#include "base/arena.h"
#include "base/map.h"
#include "observe/metrics.h"

#include <stdatomic.h>

/* What a configuration made of the table; the same in all workers of a machine. */
struct metric_custom {
    const char *path; /* of a member of metadata; NULL: … */
    const char *tag;  /* … a tag, which may have a '*' */
};

struct metrics_plan {
    struct arena arena;
    struct metric_row rows[METRIC_COUNT];
    const char *label_names[METRIC_LABELS_ALL];
    uint8_t used[METRIC_LABELS_ALL]; /* labels that some metric has */
    size_t used_count;
    struct metric_custom customs[METRIC_CUSTOM_MAX];
    size_t custom_count;
};

void metrics_plan_make(struct metrics_plan *p, const struct metrics_options *o);
/* Values of the labels that it made, into labels[LABEL_COUNT…]: texts of `a`. */
void metrics_plan_values(const struct metrics_plan *p, struct slice metadata, struct slice tags,
                         struct arena *a, struct slice *values);

/* A series in the shared memory: written by one process, read by all. Then its numbers (bits of
 * doubles): one, or of a histogram each bucket's own count, that beyond the last, and the sum; then
 * its labels as they are shown. */
struct metric_entry {
    uint32_t size; /* bytes, a multiple of 8, with what follows */
    uint16_t metric;
    uint16_t labels;      /* bytes */
    uint16_t numbers;     /* in `values` */
    _Atomic uint8_t gone; /* it expired: nobody reads the rest */
    _Atomic int64_t updated_ms;
    int64_t looked_ms; /* when it was seen to have changed, or went; 0: never looked at */
    double seen;       /* … what it said */
    _Atomic uint64_t values[];
};

struct metric_region {
    _Atomic uint64_t used; /* bytes of entries: complete ones */
    char entries[];
};

struct metrics_shared {
    char *base;
    unsigned workers;
    struct metrics_plan plan;
};

struct metric_series {
    struct metric_entry *entry;
    const double *buckets; /* of its row */
    unsigned sum;          /* of a histogram: the place of its sum */
    double base;           /* when this process took it over */
};

struct metric_gone { /* a place that a new series may have */
    struct metric_gone *next;
    struct metric_entry *entry;
};

struct metrics {
    struct metrics_shared *shared;
    struct metric_region *region;
    struct arena arena, callers;            /* of series; those that may expire */
    struct map series[METRIC_COUNT];        /* labels → struct metric_series * */
    struct metric_gone *gone[METRIC_COUNT]; /* in the arena `callers` */
    struct metric_series *other[METRIC_COUNT];
    size_t series_max, end_user_max;
    int64_t end_user_ttl; /* ms; 0: that of all */
};

/* The row of a series, as the configuration has it. */
static inline const struct metric_row *metric_row_of(const struct metrics *m, unsigned id)
{
    return &m->shared->plan.rows[id];
}

bool metric_expires(const struct metric_row *r); /* its series tell of callers */
void metrics_adopt(struct metrics *m, struct metric_entry *e);
/* A place of one that went, for labels of that length; NULL: none fits. */
struct metric_entry *metrics_reuse(struct metrics *m, enum metric_id id, size_t labels);

struct metric_region *metrics_region(const struct metrics_shared *s, unsigned worker);
double metric_value(const struct metric_entry *e, unsigned i);
struct slice metric_labels(const struct metric_entry *e);
struct metric_entry *metric_next(const struct metric_region *r,
                                 uint64_t *place); /* NULL: no more */

#endif
