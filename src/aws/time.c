#include "aws/time.h"

#define SECONDS_A_DAY INT64_C(86400)

static bool digits(struct slice *s, size_t n, int *value)
{
    if (s->n < n)
        return false;
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        *value = *value * 10 + (s->p[i] - '0');
    }
    *s = slice_skip(*s, n);
    return true;
}

static bool literal(struct slice *s, struct slice text)
{
    if (!slice_starts(*s, text))
        return false;
    *s = slice_skip(*s, text.n);
    return true;
}

struct moment {
    int year, month, day, hour, minute, second;
};

/* Days since 1970 by the usual count of years that begin in March. */
static bool to_seconds(const struct moment *m, int64_t *seconds)
{
    if (m->month < 1 || m->month > 12 || m->day < 1 || m->day > 31 || m->hour > 23 ||
        m->minute > 59 || m->second > 60)
        return false;
    int64_t year = m->year - (m->month <= 2), era = year / 400, of_era = year % 400;
    int64_t of_year = (153 * (m->month + (m->month > 2 ? -3 : 9)) + 2) / 5 + m->day - 1;
    int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    *seconds = days * SECONDS_A_DAY + m->hour * 3600 + m->minute * 60 + m->second;
    return true;
}

static bool read_clock(struct slice *s, struct moment *m)
{
    return digits(s, 2, &m->hour) && literal(s, SLICE(":")) && digits(s, 2, &m->minute) &&
           literal(s, SLICE(":")) && digits(s, 2, &m->second);
}

static void skip_fraction(struct slice *s)
{
    int digit;
    if (literal(s, SLICE(".")))
        while (digits(s, 1, &digit))
            ;
}

/* East of Greenwich is ahead. */
static bool read_zone(struct slice *s, int64_t *seconds)
{
    int hours, minutes = 0;
    bool east = literal(s, SLICE("+"));
    if (!s->n || literal(s, SLICE("Z")) || literal(s, SLICE("UTC")))
        return !s->n && !east;
    if ((!east && !literal(s, SLICE("-"))) || !digits(s, 2, &hours))
        return false;
    literal(s, SLICE(":"));
    if (s->n && !digits(s, 2, &minutes))
        return false;
    *seconds += (east ? -60 : 60) * (hours * 60 + minutes);
    return !s->n;
}

bool aws_time_parse(struct slice text, int64_t *seconds)
{
    struct slice s = slice_trim(text);
    struct moment m = {0};
    if (!digits(&s, 4, &m.year) || !literal(&s, SLICE("-")) || !digits(&s, 2, &m.month) ||
        !literal(&s, SLICE("-")) || !digits(&s, 2, &m.day))
        return false;
    if ((!literal(&s, SLICE("T")) && !literal(&s, SLICE(" "))) || !read_clock(&s, &m))
        return false;
    skip_fraction(&s);
    return to_seconds(&m, seconds) && read_zone(&s, seconds);
}

static bool read_month(struct slice *s, int *month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (*month = 1; *month <= 12; ++*month)
        if (literal(s, slice_make(names + ((size_t)*month - 1) * 3, 3)))
            return true;
    return false;
}

bool http_date_parse(struct slice text, int64_t *seconds)
{
    struct slice s = slice_trim(text);
    struct moment m = {0};
    if (slice_find_char(s, ',') != 3)
        return false;
    s = slice_skip(s, 4);
    return literal(&s, SLICE(" ")) && digits(&s, 2, &m.day) && literal(&s, SLICE(" ")) &&
           read_month(&s, &m.month) && literal(&s, SLICE(" ")) && digits(&s, 4, &m.year) &&
           literal(&s, SLICE(" ")) && read_clock(&s, &m) && literal(&s, SLICE(" GMT")) && !s.n &&
           to_seconds(&m, seconds);
}
