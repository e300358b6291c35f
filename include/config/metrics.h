#ifndef CONFIG_METRICS_H
#define CONFIG_METRICS_H

/* litellm_settings.prometheus_… and custom_prometheus_…: which metrics, with which labels. As
 * written; names that are not known have been told of. What they mean is observe's matter. */

#include "base/json.h"

struct metrics_settings {
    yyjson_val *groups;                           /* prometheus_metrics_config, or NULL */
    yyjson_val *exclude_metrics, *exclude_labels; /* lists, or NULL */
    yyjson_val *metadata, *tags;                  /* custom_prometheus_…: lists, or NULL */
    yyjson_val *buckets;                          /* prometheus_latency_buckets, or NULL */
    bool services; /* service_callback, service_callbacks: prometheus_system */
};

#endif
