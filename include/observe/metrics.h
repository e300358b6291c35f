#ifndef OBSERVE_METRICS_H
#define OBSERVE_METRICS_H

/* Counters, gauges and histograms for Prometheus, of all workers of one machine.
 *
 * Each worker writes its own series into its own part of memory that all of them share, and nobody
 * else writes there: adding is an addition. Whoever is asked reads all parts and merges equal
 * series (docs/decisions/0007-metrics-of-all-workers.md). A worker that is started anew goes on in
 * the part of the one that died, so counters never go back.
 *
 * Bounds: METRICS_REGION bytes for each worker (address space; used are those that series take),
 * and a number of series for each metric; what comes beyond is counted in a series whose labels are
 * all "other". Values of labels are cut at METRICS_VALUE_MAX. */

#include "base/buf.h"
#include "base/json.h"
#include "base/metric_table.h"

#define METRICS_REGION    ((size_t)64 * 1024 * 1024)
#define METRICS_VALUE_MAX 200 /* bytes */

/* What a configuration wants of them, each as written: lists, or NULL. Names are litellm_settings',
 * without prometheus_. */
struct metrics_options {
    yyjson_val *groups; /* metrics_config: [{metrics: [], include_labels: []}] */
    yyjson_val *exclude_metrics, *exclude_labels;
    yyjson_val *metadata, *tags; /* labels of its own: members of metadata; tags or "begin*" */
    yyjson_val *buckets;         /* of latencies, seconds, rising */
    const char *identity;        /* "user_email", "both"; or NULL: the key's alias */
    bool stream;                 /* emit_…: labels that are there on demand */
    bool limits, prompt_length;
    bool services;   /* service_callback: prometheus_system */
    bool user_names; /* user_budget_label_include_email_alias */
};

struct metrics;        /* one worker's */
struct metrics_shared; /* of all workers; made before they are forked */
struct metric_series;  /* valid as long as the metrics */

/* Nothing of the options is needed afterwards; NULL: none. */
struct metrics_shared *metrics_shared_new(unsigned workers, const struct metrics_options *o);
void metrics_shared_free(struct metrics_shared *s); /* NULL is fine */

struct metrics *metrics_new(struct metrics_shared *s, unsigned worker, size_t series_max);
void metrics_free(struct metrics *m); /* NULL is fine */
/* Other bounds for what tells of an end user: series of a metric that has that label, and how long
 * one that names somebody stays; 0: those of all. Before the first series. */
void metrics_bound_end_users(struct metrics *m, size_t series_max, int64_t ttl_ms);

/* `values`: in the order of the row's labels. Never NULL. */
struct metric_series *metrics_series(struct metrics *m, enum metric_id id,
                                     const struct slice *values);
/* `labels`: of METRIC_LABELS_ALL, each at its place; those that the row has are taken. */
struct metric_series *metrics_labelled(struct metrics *m, enum metric_id id,
                                       const struct slice *labels);
/* Of a row with one label, or none. */
struct metric_series *metrics_one(struct metrics *m, enum metric_id id, struct slice value);

void metric_add(struct metric_series *s, double value);                  /* a counter */
void metric_set(struct metric_series *s, double value, int64_t unix_ms); /* a gauge */
void metric_observe(struct metric_series *s, double value);              /* a histogram */
/* A counter that somebody else in this process keeps: what it says now. */
void metric_follow(struct metric_series *s, double total);

/* Series of this worker which tell of a caller, and have not changed for `ttl_ms` (0: none of all)
 * at two looks, go: they are shown no more, count against no bound, and begin anew at 0. True:
 * there were such; what was got of them before is not valid any more. */
bool metrics_expire(struct metrics *m, int64_t now_ms, int64_t ttl_ms);

/* A configuration makes labels of metadata or tags: the texts must be there. */
bool metrics_want_texts(const struct metrics *m);

/* Everything, of all workers. `open`: OpenMetrics 1.0, else Prometheus' text format 0.0.4. */
void metrics_write(const struct metrics *m, bool open, struct buf *out);
#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

#endif
