/* Cells: between JSON, C and the databases' text.
 *
 * Happy path: store_value_from_json makes a cell of a client's value, store_value_write the
 * reverse; times are ms since 1970 in between.
 *
 * Failure modes: a value of another kind than its column is refused; what a database holds and we
 * cannot read as its column's type is an empty cell. */

#include "store_private.h"

#include "base/date.h"

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
    case STORE_TIME: return date_parse(json_slice(json), &value->integer);
    }
    return false;
}

static void write_time(struct json_writer *w, int64_t unix_ms)
{
    char text[DATE_SIZE];
    date_format(unix_ms, text);
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
    case STORE_TIME: v.null = !date_parse(text, &v.integer); break;
    }
    return v;
}
