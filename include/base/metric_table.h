#ifndef BASE_METRIC_TABLE_H
#define BASE_METRIC_TABLE_H

/* The metrics that there are, with their labels: what observe counts, and what a configuration may
 * name. Names are LiteLLM's where it has one (metric_rows.h). */

#include "base/arena.h"

enum metric_id {
#define METRIC(id, ...) METRIC_##id,
#include "base/metric_rows.h"
#undef METRIC
    METRIC_COUNT
};

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum metric_merge { MERGE_SUM, MERGE_MAX, MERGE_LATEST };

enum label {
    LABEL_END = 0,
#define LABEL(id, name) LABEL_##id,
#include "base/metric_labels.h"
#undef LABEL
    LABEL_COUNT
};

#define METRIC_OF_SERVICES METRIC_REDIS_LATENCY /* the first of them; they are the last */
#define METRIC_CUSTOM_MAX  16 /* labels that a configuration makes; behind LABEL_COUNT */
#define METRIC_LABELS_ALL  (LABEL_COUNT + METRIC_CUSTOM_MAX)
#define METRIC_LABELS_MAX  (24 + METRIC_CUSTOM_MAX) /* of one metric */
#define METRIC_BUCKETS_MAX 40

struct metric_row {
    const char *name, *help;
    enum metric_kind kind;
    enum metric_merge merge;
    const double *buckets; /* upper bounds, rising, 0 behind the last; NULL: no histogram */
    bool latency;          /* … which a configuration may replace */
    bool off;              /* it is not wanted */
    uint8_t labels[METRIC_LABELS_MAX]; /* enum label, LABEL_END behind the last */
};

extern const struct metric_row metric_rows[METRIC_COUNT];
const char *metric_label_name(enum label l);
unsigned metric_bucket_count(const struct metric_row *r);
unsigned metric_value_count(const struct metric_row *r); /* numbers of a series */

/* A counter also with its "_total". METRIC_COUNT, LABEL_END: unknown. */
enum metric_id metric_find(struct slice name);
enum label metric_label_find(struct slice name);
bool metric_has_label(const struct metric_row *r, enum label l);
bool metric_is_named(enum metric_id id, struct slice name);
/* It counts requests of single callers: it gets what labels a configuration makes. */
bool metric_counts_callers(const struct metric_row *r);

/* A label of that name, as Prometheus takes it: what is no letter or digit is '_'. */
const char *metric_label_make(struct arena *a, const char *prefix, struct slice name);

#endif
