#include "otlp.h"

void otlp_begin(struct json_writer *w)
{
    json_object(w);
    json_key(w, "resourceSpans");
    json_array(w);
    json_object(w);
    json_key(w, "resource");
    json_object(w);
    json_key(w, "attributes");
    json_array(w);
}

void otlp_spans(struct json_writer *w)
{
    json_array_end(w);
    json_object_end(w);
    json_key(w, "scopeSpans");
    json_array(w);
    json_object(w);
    json_key(w, "scope");
    json_object(w);
    json_member_string(w, "name", SLICE("lintel"));
    json_member_string(w, "version", SLICE(LINTEL_VERSION));
    json_object_end(w);
    json_key(w, "spans");
    json_array(w);
}

void otlp_end(struct json_writer *w)
{
    json_array_end(w);
    json_object_end(w);
    json_array_end(w);
    json_object_end(w);
    json_array_end(w);
    json_object_end(w);
}

static void write_nanoseconds(struct json_writer *w, int64_t ms)
{
    char digits[SLICE_DIGITS];
    json_string_begin(w);
    json_string_part(w, slice_digits(ms, digits));
    json_string_part(w, SLICE("000000"));
    json_string_end(w);
}

void otlp_span_begin(struct json_writer *w, const struct otlp_span *s)
{
    json_object(w);
    json_member_string(w, "traceId", s->trace);
    json_member_string(w, "spanId", s->id);
    if (s->parent.n)
        json_member_string(w, "parentSpanId", s->parent);
    if (s->trace_state.n)
        json_member_string(w, "traceState", s->trace_state);
    json_member_string(w, "name", s->name);
    json_member_integer(w, "kind", s->kind);
    json_key(w, "startTimeUnixNano"), write_nanoseconds(w, s->begun_ms);
    json_key(w, "endTimeUnixNano"), write_nanoseconds(w, s->ended_ms);
    json_key(w, "attributes");
    json_array(w);
}

void otlp_span_end(struct json_writer *w, bool failed, struct slice message)
{
    enum { STATUS_UNSET = 0, STATUS_ERROR = 2 };
    json_array_end(w);
    json_key(w, "status");
    json_object(w);
    json_member_integer(w, "code", failed ? STATUS_ERROR : STATUS_UNSET);
    if (failed && message.n)
        json_member_string(w, "message", message);
    json_object_end(w);
    json_object_end(w);
}

/* ---- attributes ----------------------------------------------------------------------------- */

static bool is_plain(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '\\')
            return false;
    return true;
}

/* A span has fifty of them: a plain key is written as it is. */
static void begin(struct json_writer *w, const char *key)
{
    struct slice name = slice_of(key);
    json_object(w);
    json_key(w, "key");
    if (!is_plain(name)) {
        json_string(w, name);
        json_key(w, "value");
        json_object(w);
        return;
    }
    buf_add_char(w->out, '"');
    buf_add(w->out, name);
    BUF_LITERAL(w->out, "\",\"value\":{");
    w->comma = false;
}

static void end(struct json_writer *w)
{
    BUF_LITERAL(w->out, "}}");
    w->comma = true;
}

void otlp_text(struct json_writer *w, const char *key, struct slice value)
{
    if (!value.n)
        return;
    begin(w, key);
    json_member_string(w, "stringValue", value);
    end(w);
}

void otlp_integer(struct json_writer *w, const char *key, int64_t value)
{
    char digits[SLICE_DIGITS];
    begin(w, key);
    json_member_string(w, "intValue", slice_digits(value, digits));
    end(w);
}

void otlp_number(struct json_writer *w, const char *key, double value)
{
    begin(w, key);
    json_key(w, "doubleValue"), json_number(w, value);
    end(w);
}

void otlp_bool(struct json_writer *w, const char *key, bool value)
{
    begin(w, key);
    json_member_bool(w, "boolValue", value);
    end(w);
}

void otlp_texts(struct json_writer *w, const char *key, yyjson_val *list)
{
    size_t i, n;
    yyjson_val *item;
    begin(w, key);
    json_key(w, "arrayValue");
    json_object(w);
    json_key(w, "values");
    json_array(w);
    yyjson_arr_foreach(list, i, n, item)
    {
        if (!yyjson_is_str(item))
            continue;
        json_object(w);
        json_member_string(w, "stringValue", json_slice(item));
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
    end(w);
}
