#ifndef CONFIG_ALERTING_H
#define CONFIG_ALERTING_H

/* general_settings.alerting and what belongs to it; the names in it are the gateway's matter. */

#include "base/json.h"

struct alerting_settings {
    yyjson_val *channels; /* alerting: list of names, or NULL: nobody is told */
    yyjson_val *types;    /* alert_types: list of names, or NULL: all */
    yyjson_val *urls;     /* alert_to_webhook_url: object type → URL or list of them, or NULL */
    yyjson_val *gathered; /* alert_type_config: object type → {digest, digest_interval}, or NULL */
    const char *webhook;  /* router_settings.alerting_config.webhook_url: one more Slack; or NULL */
    double threshold;     /* alerting_threshold: seconds until a request is slow, or hangs */
    int64_t errors;       /* litellm_settings.alerting_threshold: failures of a model in a minute
                             before they are told; 1 */
    double budget_ttl, outage_ttl, region_outage_ttl; /* seconds until the same is told again */
    int64_t minor, major;                             /* failures within outage_ttl */
    double daily_frequency;                           /* seconds; 0: no daily report */
    const char *spend_frequency;                      /* spend_report_frequency: "7d" */
};

#endif
