#ifndef BASE_CRON_H
#define BASE_CRON_H

/* Cron expressions, as LiteLLM's scheduler reads them (APScheduler, CronTrigger.from_crontab):
 * minute, hour, day, month, weekday; each a '*', a number, a range "1-5", either with a step "/2",
 * or a list of these. Months and weekdays have names, too; weekdays count from 0 for Monday. A time
 * must agree with all five: a day and a weekday are not alternatives, as with Unix' cron. UTC.
 * Pure.
 */

#include "base/slice.h"

struct cron {
    uint64_t minutes; /* bits */
    uint32_t hours, days, months, weekdays;
};

/* False: it is none, or no day ever agrees with it ("30 feb"). */
bool cron_parse(struct slice text, struct cron *cron);

/* The last such time up to `unix_ms`, as ms; 0: there was none since 1970. */
int64_t cron_last(const struct cron *cron, int64_t unix_ms);

#endif
