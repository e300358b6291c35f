#include "base/cron.h"

#include <time.h>

#define MS_PER_MINUTE   60000
#define MINUTES_PER_DAY 1440
#define S_PER_DAY       86400
#define DAYS_MAX        (8 * 366 + 1) /* between two 29ths of February, around 2100 */
#define WEEK            7
#define NAME_SIZE       3

struct field {
    unsigned least, most;
    const char *names; /* of three letters each, the first stands for `least`; or NULL */
};

static const struct field fields[] = {{0, 59, NULL},
                                      {0, 23, NULL},
                                      {1, 31, NULL},
                                      {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
                                      {0, 6, "montuewedthufrisatsun"}};
#define FIELDS (sizeof(fields) / sizeof(*fields))

static bool read_value(struct slice text, const struct field *f, unsigned *value)
{
    int64_t n;
    for (unsigned i = 0; f->names && i <= f->most - f->least; i++)
        if (slice_eq_nocase(text, slice_make(f->names + (size_t)i * NAME_SIZE, NAME_SIZE))) {
            *value = f->least + i;
            return true;
        }
    if (!text.n || text.p[0] < '0' || text.p[0] > '9' || !slice_to_i64(text, &n) || n < f->least ||
        n > f->most)
        return false;
    *value = (unsigned)n;
    return true;
}

/* One of a list. A step behind a single number goes on to the end, as there. */
static bool read_part(struct slice text, const struct field *f, uint64_t *bits)
{
    struct slice step = text, range = slice_split(&step, '/');
    struct slice last = range, first = slice_split(&last, '-');
    unsigned from = f->least, to = f->most;
    int64_t by = 1;
    if (step.p && (!slice_to_i64(step, &by) || by < 1 || by > f->most))
        return false;
    if (!slice_eq(range, SLICE("*"))) {
        if (!read_value(first, f, &from))
            return false;
        to = step.p ? f->most : from;
        if (last.p && !read_value(last, f, &to))
            return false;
    }
    for (unsigned i = from; i <= to; i += (unsigned)by)
        *bits |= UINT64_C(1) << i;
    return from <= to;
}

static bool read_field(struct slice text, const struct field *f, uint64_t *bits)
{
    *bits = 0;
    do
        if (!read_part(slice_split(&text, ','), f, bits))
            return false;
    while (text.p);
    return true;
}

bool cron_parse(struct slice text, struct cron *cron)
{
    uint64_t bits[FIELDS];
    struct slice rest = slice_trim(text);
    for (size_t i = 0; i < FIELDS; i++) {
        if (!read_field(slice_split(&rest, ' '), &fields[i], &bits[i]))
            return false;
        if (rest.p)
            rest = slice_trim(rest);
    }
    *cron = (struct cron){bits[0], (uint32_t)bits[1], (uint32_t)bits[2], (uint32_t)bits[3],
                          (uint32_t)bits[4]};
    return !rest.p && cron_last(cron, INT64_C(4102444800000)); /* 2100: the past has any day */
}

/* ---- times ----------------------------------------------------------------------------------- */

static bool has_bit(uint64_t bits, int i)
{
    return bits >> i & 1;
}

static bool is_day(const struct cron *c, int64_t day)
{
    time_t t = (time_t)(day * S_PER_DAY);
    struct tm tm;
    return gmtime_r(&t, &tm) && has_bit(c->months, tm.tm_mon + 1) && has_bit(c->days, tm.tm_mday) &&
           has_bit(c->weekdays, (tm.tm_wday + WEEK - 1) % WEEK);
}

/* Of a day, up to `minute`; -1: none. */
static int last_minute(const struct cron *c, int minute)
{
    while (minute >= 0 && !(has_bit(c->hours, minute / 60) && has_bit(c->minutes, minute % 60)))
        minute--;
    return minute;
}

int64_t cron_last(const struct cron *cron, int64_t unix_ms)
{
    int64_t minutes = unix_ms / MS_PER_MINUTE, day = minutes / MINUTES_PER_DAY;
    int minute = (int)(minutes % MINUTES_PER_DAY), found;
    for (int64_t first = day - DAYS_MAX; day >= 0 && day >= first; day--) {
        found = is_day(cron, day) ? last_minute(cron, minute) : -1;
        if (found >= 0)
            return (day * MINUTES_PER_DAY + found) * MS_PER_MINUTE;
        minute = MINUTES_PER_DAY - 1;
    }
    return 0;
}
