#include "duration.h"

#include <time.h>

#define MS_PER_S  1000
#define S_PER_DAY 86400
#define DAYS_MAX  36500
#define WEEK      7
#define MONTH     30
#define THURSDAY  3 /* 1970-01-01 was one; days since Monday */

struct duration {
    int64_t count;
    char unit; /* s, m, h, d, w; M: months */
};

static int64_t seconds_of(const struct duration *d)
{
    switch (d->unit) {
    case 'm': return d->count * 60;
    case 'h': return d->count * 3600;
    case 'd': return d->count * S_PER_DAY;
    case 'w': return d->count * S_PER_DAY * WEEK;
    case 'M': return d->count * S_PER_DAY * MONTH;
    default: return d->count;
    }
}

static bool read_duration(struct slice text, struct duration *d)
{
    size_t digits = 0;
    struct slice unit;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    unit = slice_skip(text, digits);
    if (!digits || !slice_to_i64(slice_make(text.p, digits), &d->count) || d->count < 1)
        return false;
    d->unit = unit.n ? unit.p[0] : 0;
    if (slice_eq(unit, SLICE("mo")))
        d->unit = 'M';
    else if (unit.n != 1 || !strchr("smhdw", d->unit))
        return false;
    return d->count <= (int64_t)DAYS_MAX * S_PER_DAY &&
           seconds_of(d) <= (int64_t)DAYS_MAX * S_PER_DAY;
}

static int64_t months_on(int64_t now_s, int64_t months)
{
    time_t t = (time_t)now_s;
    struct tm tm;
    if (!gmtime_r(&t, &tm))
        return now_s;
    tm.tm_mon += (int)months;
    tm.tm_mday = 1;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    return (int64_t)timegm(&tm);
}

/* When a budget of that duration begins anew: days at midnight, weeks on Mondays, months on the
 * first, as LiteLLM's (UTC). */
static int64_t reset_after(int64_t now_s, const struct duration *d)
{
    int64_t days = seconds_of(d) / S_PER_DAY, today = now_s / S_PER_DAY;
    if (d->unit == 'M')
        return months_on(now_s, d->count < DAYS_MAX ? d->count : DAYS_MAX);
    if (!days)
        return now_s + seconds_of(d);
    if (days == MONTH)
        return months_on(now_s, 1);
    if (days == WEEK)
        return (today - (today + THURSDAY) % WEEK + WEEK) * S_PER_DAY;
    return (today + days) * S_PER_DAY;
}

int64_t duration_ms(struct slice text)
{
    struct duration d;
    return read_duration(text, &d) ? seconds_of(&d) * MS_PER_S : 0;
}

int64_t duration_reset(struct slice text, int64_t now)
{
    struct duration d;
    return read_duration(text, &d) ? reset_after(now / MS_PER_S, &d) * MS_PER_S : 0;
}
