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

/* A number of milliseconds as one of nanoseconds: `after` begins with the digits that lack. */
#define NANOSECONDS "000000\""

static void write_nanoseconds(struct json_writer *w, struct slice before, int64_t ms,
                              struct slice after)
{
    char digits[SLICE_DIGITS];
    json_key_raw(w, before);
    buf_add(w->out, slice_digits(ms, digits));
    buf_add(w->out, after);
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
    write_nanoseconds(w, SLICE("\"startTimeUnixNano\":\""), s->begun_ms, SLICE(NANOSECONDS));
    w->comma = true;
    write_nanoseconds(w, SLICE("\"endTimeUnixNano\":\""), s->ended_ms,
                      SLICE(NANOSECONDS ",\"attributes\":["));
}

void otlp_span_end(struct json_writer *w, bool failed, struct slice message)
{
    enum { STATUS_ERROR = 2 };
    json_array_end(w);
    if (!failed) {
        json_key_raw(w, SLICE("\"status\":{\"code\":0}}"));
        w->comma = true;
        return;
    }
    json_key(w, "status");
    json_object(w);
    json_member_integer(w, "code", STATUS_ERROR);
    if (message.n)
        json_member_string(w, "message", message);
    json_object_end(w);
    json_object_end(w);
}

/* ---- attributes ----------------------------------------------------------------------------- */

static void end(struct json_writer *w)
{
    BUF_LITERAL(w->out, "}}");
    w->comma = true;
}

void otlp_add_text(struct json_writer *w, struct slice head, struct slice value)
{
    if (value.n)
        json_string_between(w, head, value, SLICE("}}"));
}

void otlp_text_named(struct json_writer *w, struct slice name, struct slice value)
{
    json_object(w);
    json_member_string(w, "key", name);
    json_key(w, "value");
    json_object(w);
    json_member_string(w, "stringValue", value);
    end(w);
}

void otlp_add_integer(struct json_writer *w, struct slice head, int64_t value)
{
    char digits[SLICE_DIGITS];
    json_key_raw(w, head);
    buf_add(w->out, slice_digits(value, digits));
    BUF_LITERAL(w->out, "\"}}");
    w->comma = true;
}

void otlp_add_number(struct json_writer *w, struct slice head, double value)
{
    json_key_raw(w, head);
    json_number(w, value);
    end(w);
}

void otlp_add_bool(struct json_writer *w, struct slice head, bool value)
{
    json_key_raw(w, head);
    buf_add(w->out, value ? SLICE("true}}") : SLICE("false}}"));
    w->comma = true;
}

void otlp_add_texts(struct json_writer *w, struct slice head, yyjson_val *list)
{
    size_t i, n;
    yyjson_val *item;
    json_key_raw(w, head);
    json_object(w);
    json_key(w, "values");
    json_array(w);
    yyjson_arr_foreach(list, i, n, item)
    {
        if (!yyjson_is_str(item))
            continue;
        json_string_between(w, SLICE("{\"stringValue\":"), json_slice(item), SLICE("}"));
    }
    json_array_end(w);
    json_object_end(w);
    end(w);
}

yyjson_val *otlp_parse(struct slice json, struct arena *a)
{
    return json.n > sizeof("{}") - 1 ? json_parse(json, a, NULL) : NULL;
}
