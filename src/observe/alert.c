#include "observe/alert.h"

#include "alert_sinks.h"

#include <time.h>

static const char *const names[ALERT_TYPES] = {
    [ALERT_LLM_EXCEPTIONS] = "llm_exceptions",
    [ALERT_LLM_TOO_SLOW] = "llm_too_slow",
    [ALERT_LLM_REQUESTS_HANGING] = "llm_requests_hanging",
    [ALERT_BUDGET_ALERTS] = "budget_alerts",
    [ALERT_COOLDOWN_DEPLOYMENT] = "cooldown_deployment",
    [ALERT_OUTAGE_ALERTS] = "outage_alerts",
    [ALERT_REGION_OUTAGE_ALERTS] = "region_outage_alerts",
    [ALERT_DB_EXCEPTIONS] = "db_exceptions",
    [ALERT_DAILY_REPORTS] = "daily_reports",
    [ALERT_SPEND_REPORTS] = "spend_reports",
    [ALERT_FAILED_TRACKING_SPEND] = "failed_tracking_spend",
    [ALERT_NEW_MODEL_ADDED] = "new_model_added",
    [ALERT_NEW_VIRTUAL_KEY_CREATED] = "new_virtual_key_created",
    [ALERT_VIRTUAL_KEY_UPDATED] = "virtual_key_updated",
    [ALERT_VIRTUAL_KEY_DELETED] = "virtual_key_deleted",
    [ALERT_NEW_TEAM_CREATED] = "new_team_created",
    [ALERT_TEAM_UPDATED] = "team_updated",
    [ALERT_TEAM_DELETED] = "team_deleted",
    [ALERT_NEW_INTERNAL_USER_CREATED] = "new_internal_user_created",
    [ALERT_INTERNAL_USER_UPDATED] = "internal_user_updated",
    [ALERT_INTERNAL_USER_DELETED] = "internal_user_deleted",
};

const char *alert_type_name(enum alert_type type)
{
    return names[type];
}

bool alert_type_find(struct slice name, enum alert_type *type)
{
    for (int i = 0; i < ALERT_TYPES; i++)
        if (slice_eq(name, slice_of(names[i]))) {
            *type = (enum alert_type)i;
            return true;
        }
    return false;
}

static void pack(struct slice *text, char **room)
{
    if (text->n)
        memcpy(*room, text->p, text->n);
    text->p = *room;
    *room += text->n;
}

struct alert *alert_new(const struct alert *draft)
{
    size_t size = sizeof(*draft) + draft->subject.n + draft->text.n + draft->event.n;
    struct alert *a = (struct alert *)(void *)parcel_new(size);
    struct parcel parcel = a->parcel;
    *a = *draft;
    a->parcel = parcel;
    char *room = (char *)(a + 1);
    pack(&a->subject, &room);
    pack(&a->text, &room);
    pack(&a->event, &room);
    return a;
}

/* ---- channels ------------------------------------------------------------------------------- */

const struct sink_kind *alert_sink_find(struct slice name)
{
    static const struct sink_kind *const kinds[] = {&alert_slack, &alert_webhook, &alert_email,
                                                    NULL};
    for (const struct sink_kind *const *kind = kinds; *kind; kind++)
        if (slice_eq(name, slice_of((*kind)->names[0])))
            return *kind;
    return NULL;
}

void alert_time(int64_t unix_ms, char out[ALERT_TIME_SIZE])
{
    struct tm tm;
    time_t seconds = (time_t)(unix_ms / 1000);
    gmtime_r(&seconds, &tm);
    strftime(out, ALERT_TIME_SIZE, "%Y-%m-%d %H:%M:%S UTC", &tm);
}
