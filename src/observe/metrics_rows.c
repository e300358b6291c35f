#include "metrics_private.h"

static const double buckets_latency[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,   2,
                                         5,     10,   30,    60,   120, 300,  420, 600, 0};
static const double buckets_per_token[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5,
                                           0.75,  1,    2.5,   5,    7.5,   10,  0};
static const double buckets_stage[] = {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 0};
static const double buckets_loop[] = {0.00005, 0.0002, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 0};

#define BUCKETS_NONE      NULL
#define BUCKETS_LATENCY   buckets_latency
#define BUCKETS_PER_TOKEN buckets_per_token
#define BUCKETS_STAGE     buckets_stage
#define BUCKETS_LOOP      buckets_loop

const struct metric_row metric_rows[METRIC_COUNT] = {
#define METRIC(id, kind, merge, buckets, name, help, ...)                                          \
    [METRIC_##id] = {name, help, METRIC_##kind, MERGE_##merge, BUCKETS_##buckets, {__VA_ARGS__}},
#include "observe/metric_rows.h"
#undef METRIC
};

const char *metric_label_name(enum label l)
{
    static const char *const names[] = {
        "",
#define LABEL(id, name) name,
#include "metric_labels.h"
#undef LABEL
    };
    return names[l];
}

unsigned metric_bucket_count(const struct metric_row *r)
{
    unsigned n = 0;
    while (r->buckets && r->buckets[n] > 0)
        n++;
    return n;
}

unsigned metric_value_count(const struct metric_row *r)
{
    return r->kind == METRIC_HISTOGRAM ? metric_bucket_count(r) + 2 : 1;
}
