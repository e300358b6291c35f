#ifndef OBSERVE_ALERT_SINKS_H
#define OBSERVE_ALERT_SINKS_H

/* The channels of alerts, one file each. */

#include "observe/alert.h"

extern const struct sink_kind alert_slack, alert_webhook, alert_email;

#define ALERT_TIME_SIZE 24 /* "2026-11-21 13:00:00 UTC" and the NUL */
void alert_time(int64_t unix_ms, char out[ALERT_TIME_SIZE]);

#endif
