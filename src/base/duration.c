#include "base/duration.h"

#include <assert.h>
#include <time.h>

#define MS_PER_S  1000
#define S_PER_DAY 86400
#define DAYS_MAX  2800000
#define WEEK      7
#define MONTH     30
#define THURSDAY  3 /* 1970-01-01 was one; days since Monday */
#define YEAR      12

struct duration {
    int64_t count;
    char unit; /* s, m, h, d, w; M: months */
};

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
    return d->count <= (int64_t)DAYS_MAX * S_PER_DAY;
}

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

static bool parse(struct slice text, struct duration *d)
{
    return read_duration(text, d) && seconds_of(d) <= (int64_t)DAYS_MAX * S_PER_DAY;
}

int64_t duration_ms(struct slice text)
{
    struct duration d = {0};
    return parse(text, &d) ? seconds_of(&d) * MS_PER_S : 0;
}

/* ---- the calendar ---------------------------------------------------------------------------- */

/* The first of the month `months` from that of `now_s`. */
static int64_t month_of(int64_t now_s, int64_t months)
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

/* Several months: counted from January of 1970, so that all agree on where they begin. */
static int64_t months_begin(int64_t now_s, int64_t count)
{
    time_t t = (time_t)now_s;
    struct tm tm;
    if (!gmtime_r(&t, &tm))
        return now_s;
    return month_of(now_s, -((int64_t)(tm.tm_year - 70) * YEAR + tm.tm_mon) % count);
}

static int64_t months_in(const struct duration *d)
{
    if (d->unit == 'M')
        return d->count;
    return seconds_of(d) == (int64_t)MONTH * S_PER_DAY ? 1 : 0;
}

static int64_t begin(const struct duration *d, int64_t now_s)
{
    int64_t length = seconds_of(d), week = (int64_t)WEEK * S_PER_DAY;
    int64_t shift = length == week ? (int64_t)THURSDAY * S_PER_DAY : 0;
    assert(length > 0);
    if (months_in(d))
        return months_begin(now_s, months_in(d));
    return now_s - (now_s + shift) % length;
}

int64_t duration_begin(struct slice text, int64_t now)
{
    struct duration d = {0};
    return parse(text, &d) ? begin(&d, now / MS_PER_S) * MS_PER_S : 0;
}

int64_t duration_end(struct slice text, int64_t now)
{
    struct duration d = {0};
    int64_t from;
    if (!parse(text, &d))
        return 0;
    from = begin(&d, now / MS_PER_S);
    return (months_in(&d) ? month_of(from, months_in(&d)) : from + seconds_of(&d)) * MS_PER_S;
}

int64_t duration_reset(struct slice text, int64_t now)
{
    struct duration d = {0};
    int64_t day = (int64_t)S_PER_DAY * MS_PER_S;
    if (!parse(text, &d))
        return 0;
    if (d.unit == 's')
        return now + d.count * MS_PER_S;
    if (d.unit == 'd' && d.count != WEEK && d.count != MONTH)
        return now - now % day + d.count * day;
    return duration_end(text, now);
}
