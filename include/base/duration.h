#ifndef BASE_DURATION_H
#define BASE_DURATION_H

/* LiteLLM's durations: "30s", "5m", "12h", "30d", "2w", "1mo"; at most 2,800,000 days, as dates end
 * with the year 9999. Periods of such a length begin with the calendar, in UTC: days at midnight,
 * weeks (7d, 1w) on Monday, months (30d, 1mo) on the first, hours and minutes with the clock. Pure.
 */

#include "base/slice.h"

int64_t duration_ms(struct slice text); /* months have 30 days; 0: it is none */

/* Unix ms: when the period that `now` lies in, unix ms too, began, and when the next one begins.
 * 0: it is none. */
int64_t duration_begin(struct slice text, int64_t now);
int64_t duration_end(struct slice text, int64_t now);

/* Unix ms: when a budget of that duration that is set, or begins anew, at `now` begins anew next:
 * as duration_end, but several days are counted from today, and seconds from now. 0: it is none. */
int64_t duration_reset(struct slice text, int64_t now);

#endif
