/* Cells: between JSON, C and the databases' text.
 *
 * Happy path: store_value_from_json makes a cell of a client's value, store_value_write the
 * reverse; times are ms since 1970 in between.
 *
 * Failure modes: a value of another kind than its column is refused; what a database holds and we
 * cannot read as its column's type is an empty cell. */

#include "store_private.h"

#include <stdio.h>

#define DAY_MS   INT64_C(86400000)
#define TIME_MAX INT64_C(253402300799999) /* the end of the year 9999 */

/* ---- times ----------------------------------------------------------------------------------- */

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
    int64_t in = unix_ms < 0 ? 0 : unix_ms > TIME_MAX ? TIME_MAX : unix_ms;
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

void store_time_format(int64_t unix_ms, char out[STORE_TIME_SIZE])
{
    struct civil c = civil_from_ms(unix_ms);
    snprintf(out, STORE_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03d000Z", c.year, c.month, c.day,
             c.hour, c.minute, c.second, c.ms);
}

void store_time_sql(int64_t unix_ms, char out[STORE_TIME_SIZE])
{
    struct civil c = civil_from_ms(unix_ms);
    snprintf(out, STORE_TIME_SIZE, "%04d-%02d-%02d %02d:%02d:%02d.%03d", c.year, c.month, c.day,
             c.hour, c.minute, c.second, c.ms);
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

/* "Z", "+02:00", "+0200", "+02", or nothing. */
static bool take_zone(struct slice *s, int64_t *offset_ms)
{
    int hours = 0, minutes = 0;
    *offset_ms = 0;
    if (!s->n || take_char(s, "Zz"))
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

static bool take_date(struct slice *s, struct civil *c)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return take_digits(s, 4, &c->year) && take_char(s, "-") && take_digits(s, 2, &c->month) &&
           take_char(s, "-") && take_digits(s, 2, &c->day) && c->year >= 1 && c->month >= 1 &&
           c->month <= 12 && c->day >= 1 && c->day <= days[c->month - 1];
}

static bool take_clock(struct slice *s, struct civil *c)
{
    return take_digits(s, 2, &c->hour) && take_char(s, ":") && take_digits(s, 2, &c->minute) &&
           (!take_char(s, ":") || take_digits(s, 2, &c->second)) && take_fraction(s, &c->ms) &&
           c->hour < 24 && c->minute < 60 && c->second < 61;
}

bool store_time_parse(struct slice text, int64_t *unix_ms)
{
    struct civil c = {0};
    int64_t offset = 0;
    struct slice s = slice_trim(text);
    if (!take_date(&s, &c))
        return false;
    if (s.n && (!take_char(&s, "Tt ") || !take_clock(&s, &c) || !take_zone(&s, &offset) || s.n))
        return false;
    *unix_ms = days_from_civil(c.year, c.month, c.day) * DAY_MS + c.hour * INT64_C(3600000) +
               c.minute * INT64_C(60000) + c.second * INT64_C(1000) + c.ms - offset;
    return *unix_ms >= 0 && *unix_ms <= TIME_MAX;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static bool is_list_of_strings(yyjson_val *json)
{
    size_t i, n;
    yyjson_val *element;
    if (!yyjson_is_arr(json))
        return false;
    yyjson_arr_foreach(json, i, n, element) if (!yyjson_is_str(element)) return false;
    return true;
}

static bool text_from_json(yyjson_val *json, struct arena *a, struct store_value *value)
{
    value->text = arena_dup(a, json_slice(json));
    return yyjson_is_str(json) && !memchr(value->text.p, '\0', value->text.n);
}

bool store_value_from_json(const struct store_column *column, yyjson_val *json, struct arena *a,
                           struct store_value *value)
{
    *value = (struct store_value){.type = column->type};
    if (!json || yyjson_is_null(json)) {
        value->null = true;
        return true;
    }
    switch (column->type) {
    case STORE_TEXT: return text_from_json(json, a, value);
    case STORE_INTEGER: return json_int(json, &value->integer);
    case STORE_FLOAT: return json_double(json, &value->number);
    case STORE_BOOL: value->flag = yyjson_is_true(json); return yyjson_is_bool(json);
    case STORE_JSON: value->text = json_text_of(json, a); return true;
    case STORE_TEXTS: value->text = json_text_of(json, a); return is_list_of_strings(json);
    case STORE_TIME: return store_time_parse(json_slice(json), &value->integer);
    }
    return false;
}

static void write_time(struct json_writer *w, int64_t unix_ms)
{
    char text[STORE_TIME_SIZE];
    store_time_format(unix_ms, text);
    json_string(w, slice_of(text));
}

void store_value_write(struct json_writer *w, const struct store_value *value)
{
    if (value->null) {
        json_null(w);
        return;
    }
    switch (value->type) {
    case STORE_TEXT: json_string(w, value->text); break;
    case STORE_INTEGER: json_integer(w, value->integer); break;
    case STORE_FLOAT: json_number(w, value->number); break;
    case STORE_BOOL: json_bool(w, value->flag); break;
    case STORE_JSON:
    case STORE_TEXTS: json_raw(w, value->text); break;
    case STORE_TIME: write_time(w, value->integer); break;
    }
}

/* ---- what a database says -------------------------------------------------------------------- */

static bool flag_from_text(struct slice text)
{
    return text.n &&
           (text.p[0] == 't' || text.p[0] == 'T' || (text.p[0] >= '1' && text.p[0] <= '9'));
}

/* Sums of integers come as decimals ("12", "12.0000"). */
static bool integer_from_text(struct slice text, int64_t *value)
{
    double number = 0;
    if (slice_to_i64(text, value))
        return true;
    bool ok = slice_to_double(text, &number) && number > -9e18 && number < 9e18;
    *value = ok ? (int64_t)number : 0;
    return ok;
}

static bool json_from_text(struct slice text, struct arena *a)
{
    struct arena_mark mark = arena_mark(a);
    bool ok = json_parse(text, a, NULL) != NULL;
    arena_rewind(a, mark);
    return ok;
}

struct store_value store_value_from_text(enum store_type type, struct slice text, struct arena *a)
{
    struct store_value v = {.type = type};
    switch (type) {
    case STORE_TEXT: v.text = arena_dup(a, text); break;
    case STORE_INTEGER: v.null = !integer_from_text(text, &v.integer); break;
    case STORE_FLOAT: v.null = !slice_to_double(text, &v.number); break;
    case STORE_BOOL: v.flag = flag_from_text(text); break;
    case STORE_JSON:
    case STORE_TEXTS:
        v.null = !json_from_text(text, a);
        v.text = arena_dup(a, text);
        break;
    case STORE_TIME: v.null = !store_time_parse(text, &v.integer); break;
    }
    return v;
}
