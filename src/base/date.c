/* Dates as people, databases and HTTP write them, and ms since 1970.
 *
 * Happy path: date_parse takes ISO 8601 apart from the left, date_format puts it together.
 *
 * Failure modes: any other text is refused whole; a time outside the years 1970 to 9999 is written
 * as the nearest one inside. */

#include "base/date.h"

#include <string.h>

#define DAY_MS    INT64_C(86400000)
#define SECOND_MS INT64_C(1000)
#define DATE_MAX  INT64_C(253402300799999) /* the end of the year 9999 */

/* Days since 1970 ⇄ the civil calendar (proleptic Gregorian); years 1 to 9999. */
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = y / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

struct civil {
    int year, month, day, hour, minute, second, ms;
};

static struct civil civil_from_ms(int64_t unix_ms)
{
    int64_t in = unix_ms < 0 ? 0 : unix_ms > DATE_MAX ? DATE_MAX : unix_ms;
    int64_t z = in / DAY_MS + 719468, rest = in % DAY_MS;
    int64_t era = z / 146097, doe = z % 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    return (struct civil){
        .year = (int)(yoe + era * 400 + (month <= 2)),
        .month = (int)month,
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (int)(rest / 3600000),
        .minute = (int)(rest / 60000 % 60),
        .second = (int)(rest / 1000 % 60),
        .ms = (int)(rest % 1000),
    };
}

static char *put_digits(char *to, int value, size_t n)
{
    for (size_t i = n; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + n;
}

/* "2026-11-21T06:11:48.123"; callbacks are told one of each request, so printf does not do it. */
static char *put_date(char *to, int64_t unix_ms, char between)
{
    struct civil c = civil_from_ms(unix_ms);
    to = put_digits(to, c.year, 4), *to++ = '-';
    to = put_digits(to, c.month, 2), *to++ = '-';
    to = put_digits(to, c.day, 2), *to++ = between;
    to = put_digits(to, c.hour, 2), *to++ = ':';
    to = put_digits(to, c.minute, 2), *to++ = ':';
    to = put_digits(to, c.second, 2), *to++ = '.';
    return put_digits(to, c.ms, 3);
}

void date_format(int64_t unix_ms, char out[DATE_SIZE])
{
    memcpy(put_date(out, unix_ms, 'T'), "000Z", sizeof("000Z"));
}

void date_format_sql(int64_t unix_ms, char out[DATE_SIZE])
{
    *put_date(out, unix_ms, ' ') = '\0';
}

/* `n` digits off the front. */
static bool take_digits(struct slice *s, size_t n, int *value)
{
    *value = 0;
    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        *value = *value * 10 + (s->p[i] - '0');
    }
    *s = slice_skip(*s, n);
    return true;
}

static bool take_char(struct slice *s, const char *any)
{
    bool found = s->n && strchr(any, s->p[0]) != NULL && s->p[0];
    if (found)
        *s = slice_skip(*s, 1);
    return found;
}

static bool take_text(struct slice *s, struct slice text)
{
    bool found = slice_starts(*s, text);
    if (found)
        *s = slice_skip(*s, text.n);
    return found;
}

/* ".123456": milliseconds; what is finer is cut. */
static bool take_fraction(struct slice *s, int *ms)
{
    int digit = 0, weight = 100;
    *ms = 0;
    if (!take_char(s, "."))
        return true;
    if (!s->n || s->p[0] < '0' || s->p[0] > '9')
        return false;
    for (; take_digits(s, 1, &digit); weight /= 10)
        *ms += digit * weight;
    return true;
}

/* "Z", "UTC", "+02:00", "+0200", "+02", or nothing. */
static bool take_zone(struct slice *s, int64_t *offset_ms)
{
    int hours = 0, minutes = 0;
    *offset_ms = 0;
    if (!s->n || take_char(s, "Zz") || take_text(s, SLICE("UTC")))
        return true;
    int64_t sign = s->p[0] == '-' ? -1 : 1;
    if (!take_char(s, "+-") || !take_digits(s, 2, &hours))
        return false;
    take_char(s, ":");
    if (s->n && !take_digits(s, 2, &minutes))
        return false;
    *offset_ms = sign * (hours * 60 + minutes) * INT64_C(60000);
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool is_day(const struct civil *c)
{
    return c->year >= 1 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= days_in(c->year, c->month);
}

static bool take_date(struct slice *s, struct civil *c)
{
    return take_digits(s, 4, &c->year) && take_char(s, "-") && take_digits(s, 2, &c->month) &&
           take_char(s, "-") && take_digits(s, 2, &c->day) && is_day(c);
}

static bool take_clock(struct slice *s, struct civil *c)
{
    return take_digits(s, 2, &c->hour) && take_char(s, ":") && take_digits(s, 2, &c->minute) &&
           (!take_char(s, ":") || take_digits(s, 2, &c->second)) && take_fraction(s, &c->ms) &&
           c->hour < 24 && c->minute < 60 && c->second < 61;
}

/* False: outside of what we can write. */
static bool to_ms(const struct civil *c, int64_t offset_ms, int64_t *unix_ms)
{
    int64_t days = days_from_civil(c->year, c->month, c->day);
    int64_t ms = days * DAY_MS + c->hour * INT64_C(3600000) + c->minute * INT64_C(60000) +
                 c->second * SECOND_MS + c->ms - offset_ms;
    if (ms < 0 || ms > DATE_MAX)
        return false;
    *unix_ms = ms;
    return true;
}

bool date_parse(struct slice text, int64_t *unix_ms)
{
    struct civil c = {0};
    int64_t offset = 0;
    struct slice s = slice_trim(text);
    if (!take_date(&s, &c))
        return false;
    if (s.n && (!take_char(&s, "Tt ") || !take_clock(&s, &c) || !take_zone(&s, &offset) || s.n))
        return false;
    return to_ms(&c, offset, unix_ms);
}

bool date_parse_seconds(struct slice text, int64_t *seconds)
{
    int64_t unix_ms;
    if (!date_parse(text, &unix_ms))
        return false;
    *seconds = unix_ms / SECOND_MS;
    return true;
}

static bool take_month(struct slice *s, int *month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (*month = 1; *month <= 12; ++*month)
        if (take_text(s, slice_make(names + ((size_t)*month - 1) * 3, 3)))
            return true;
    return false;
}

/* "21 Nov 2026" */
static bool take_http_day(struct slice *s, struct civil *c)
{
    return take_digits(s, 2, &c->day) && take_char(s, " ") && take_month(s, &c->month) &&
           take_char(s, " ") && take_digits(s, 4, &c->year) && is_day(c);
}

bool date_parse_http(struct slice text, int64_t *seconds)
{
    struct slice s = slice_trim(text);
    struct civil c = {0};
    int64_t unix_ms;
    if (slice_find_char(s, ',') != 3)
        return false;
    s = slice_skip(s, 4);
    if (!take_char(&s, " ") || !take_http_day(&s, &c) || !take_char(&s, " ") ||
        !take_clock(&s, &c) || !take_text(&s, SLICE(" GMT")) || s.n || !to_ms(&c, 0, &unix_ms))
        return false;
    *seconds = unix_ms / SECOND_MS;
    return true;
}
