#ifndef OBSERVE_METRICS_PRIVATE_H
#define OBSERVE_METRICS_PRIVATE_H

/* The table of metrics and the memory of their series, for the files behind observe/metrics.h. */

#include "base/arena.h"
#include "base/map.h"
#include "observe/metrics.h"

#include <stdatomic.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum metric_merge { MERGE_SUM, MERGE_MAX, MERGE_LATEST };

enum label {
    LABEL_END = 0,
#define LABEL(id, name) LABEL_##id,
#include "metric_labels.h"
#undef LABEL
    LABEL_COUNT
};

#define METRIC_LABELS_MAX  20
#define METRIC_BUCKETS_MAX 40

struct metric_row {
    const char *name, *help;
    enum metric_kind kind;
    enum metric_merge merge;
    const double *buckets; /* upper bounds, rising, 0 behind the last; NULL: no histogram */
    uint8_t labels[METRIC_LABELS_MAX]; /* enum label, LABEL_END behind the last */
};

extern const struct metric_row metric_rows[METRIC_COUNT];
const char *metric_label_name(enum label l);
unsigned metric_bucket_count(const struct metric_row *r);
unsigned metric_value_count(const struct metric_row *r); /* numbers of a series */

/* A series in the shared memory: written by one process, read by all. Then its numbers (bits of
 * doubles): one, or of a histogram each bucket's own count, that beyond the last, and the sum; then
 * its labels as they are shown. */
struct metric_entry {
    uint32_t size; /* bytes, a multiple of 8, with what follows */
    uint16_t metric;
    uint16_t labels; /* bytes */
    _Atomic int64_t updated_ms;
    _Atomic uint64_t values[];
};

struct metric_region {
    _Atomic uint64_t used; /* bytes of entries: complete ones */
    char entries[];
};

struct metrics_shared {
    char *base;
    unsigned workers;
};

struct metric_series {
    struct metric_entry *entry;
    const double *buckets; /* of its row */
    unsigned sum;          /* of a histogram: the place of its sum */
    double base;           /* when this process took it over */
};

struct metrics {
    struct metrics_shared *shared;
    struct metric_region *region;
    struct arena arena;
    struct map series[METRIC_COUNT]; /* labels → struct metric_series * */
    struct metric_series *other[METRIC_COUNT];
    size_t series_max;
};

struct metric_region *metrics_region(const struct metrics_shared *s, unsigned worker);
double metric_value(const struct metric_entry *e, unsigned i);
struct slice metric_labels(const struct metric_entry *e);
struct metric_entry *metric_next(const struct metric_region *r,
                                 uint64_t *place); /* NULL: no more */

#endif
