#ifndef OBSERVE_ALERT_H
#define OBSERVE_ALERT_H

/* What somebody should look at: one text, in the gateway's words, on its way to people. An alert is
 * a parcel like a record, and its channels are sinks with an outbox each (observe_add_alerts):
 * bounded, tried again, never waited for. Types and levels are LiteLLM's. */

#include "base/slice.h"
#include "observe/sink.h"

#define ALERTS_BYTES_MAX ((size_t)256 * 1024) /* that wait for one channel; the oldest go */
#define ALERTS_BATCH_MAX 20                   /* in one message */

enum alert_type {
    ALERT_LLM_EXCEPTIONS,
    ALERT_LLM_TOO_SLOW,
    ALERT_LLM_REQUESTS_HANGING,
    ALERT_BUDGET_ALERTS,
    ALERT_COOLDOWN_DEPLOYMENT,
    ALERT_OUTAGE_ALERTS,
    ALERT_DB_EXCEPTIONS,
    ALERT_DAILY_REPORTS,
    ALERT_SPEND_REPORTS,
    ALERT_FAILED_TRACKING_SPEND,
    ALERT_NEW_MODEL_ADDED,
    ALERT_NEW_VIRTUAL_KEY_CREATED, /* from here on: only where alert_types name them */
    ALERT_VIRTUAL_KEY_UPDATED,
    ALERT_VIRTUAL_KEY_DELETED,
    ALERT_NEW_TEAM_CREATED,
    ALERT_TEAM_UPDATED,
    ALERT_TEAM_DELETED,
    ALERT_NEW_INTERNAL_USER_CREATED,
    ALERT_INTERNAL_USER_UPDATED,
    ALERT_INTERNAL_USER_DELETED,
    ALERT_REGION_OUTAGE_ALERTS,
    ALERT_TYPES
};
#define ALERT_USUAL ((1u << ALERT_NEW_VIRTUAL_KEY_CREATED) - 1)

const char *alert_type_name(enum alert_type type); /* LiteLLM's: "llm_exceptions" */
bool alert_type_find(struct slice name, enum alert_type *type);

struct alert {
    struct parcel parcel; /* first: see alert_of */
    enum alert_type type;
    const char *level;    /* static: "Low", "Medium", "High" */
    int64_t at_ms;        /* since 1970 */
    struct slice subject; /* one line */
    struct slice text;    /* lines */
    struct slice event;   /* a JSON object: LiteLLM's WebhookEvent */
};

/* A copy that owns what it points to, with one reference. */
struct alert *alert_new(const struct alert *draft);

static inline const struct alert *alert_of(const struct parcel *p)
{
    return (const struct alert *)(const void *)p;
}

/* Of channels: "slack", "webhook", "email"; NULL: there is none of that name. Settings: `url` of
 * the first two. */
const struct sink_kind *alert_sink_find(struct slice name);

#endif
