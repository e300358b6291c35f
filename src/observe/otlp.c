/* Spans in both forms of OTLP: protobuf, which costs half as much, and JSON for those who ask for
 * it. The field numbers are those of opentelemetry-proto 1.x: collector/trace/v1/trace_service,
 * trace/v1/trace, common/v1/common, resource/v1/resource.
 *
 * An attribute of protobuf is measured before it is written; of the messages around it the length
 * is filled in at their end.
 *
 * Failure modes: what does not fit shows as `out->overflow`; bytes that are no UTF-8 become
 * U+FFFD. */

#include "otlp.h"

#include "base/text.h"

enum { REQUEST_RESOURCE_SPANS = 1 };
enum { RESOURCE_SPANS_RESOURCE = 1, RESOURCE_SPANS_SCOPE_SPANS = 2 };
enum { RESOURCE_ATTRIBUTES = 1 };
enum { SCOPE_SPANS_SCOPE = 1, SCOPE_SPANS_SPANS = 2 };
enum { SCOPE_NAME = 1, SCOPE_VERSION = 2 };
enum {
    SPAN_TRACE_ID = 1,
    SPAN_SPAN_ID = 2,
    SPAN_TRACE_STATE = 3,
    SPAN_PARENT_SPAN_ID = 4,
    SPAN_NAME = 5,
    SPAN_KIND = 6,
    SPAN_START = 7,
    SPAN_END = 8,
    SPAN_ATTRIBUTES = 9,
    SPAN_STATUS = 15
};
enum { STATUS_MESSAGE = 2, STATUS_CODE = 3 };
enum { PAIR_KEY = 1, PAIR_VALUE = 2 };
enum { VALUE_STRING = 1, VALUE_BOOL = 2, VALUE_INT = 3, VALUE_DOUBLE = 4, VALUE_ARRAY = 5 };
enum { ARRAY_VALUES = 1 };

enum { CODE_ERROR = 2 };

struct slice otlp_content_type(bool json)
{
    return json ? SLICE("application/json") : SLICE("application/x-protobuf");
}

/* ---- the request ---------------------------------------------------------------------------- */

void otlp_begin(struct otlp *o, struct buf *out, bool json)
{
    o->out = out;
    o->json = json;
    json_begin(&o->w, out);
    protobuf_begin(&o->p, out);
    o->attribute = PROTOBUF_TAG(RESOURCE_ATTRIBUTES, PROTOBUF_BYTES);
    if (json) {
        json_raw(&o->w, SLICE("{\"resourceSpans\":[{\"resource\":{\"attributes\":["));
        o->w.comma = false;
        return;
    }
    protobuf_open(&o->p, REQUEST_RESOURCE_SPANS);
    protobuf_open(&o->p, RESOURCE_SPANS_RESOURCE);
}

void otlp_spans(struct otlp *o)
{
    if (o->json) {
        buf_add(o->out, SLICE("]},\"scopeSpans\":[{\"scope\":{\"name\":\"lintel\","
                              "\"version\":\"" LINTEL_VERSION "\"},\"spans\":["));
        o->w.comma = false;
        return;
    }
    protobuf_close(&o->p);
    protobuf_open(&o->p, RESOURCE_SPANS_SCOPE_SPANS);
    protobuf_open(&o->p, SCOPE_SPANS_SCOPE);
    protobuf_text(&o->p, SCOPE_NAME, SLICE("lintel"));
    protobuf_text(&o->p, SCOPE_VERSION, SLICE(LINTEL_VERSION));
    protobuf_close(&o->p);
    o->attribute = PROTOBUF_TAG(SPAN_ATTRIBUTES, PROTOBUF_BYTES);
}

void otlp_end(struct otlp *o)
{
    if (o->json) {
        BUF_LITERAL(o->out, "]}]}]}");
        return;
    }
    protobuf_close(&o->p);
    protobuf_close(&o->p);
}

/* ---- a span --------------------------------------------------------------------------------- */

static void write_json_text(struct json_writer *w, struct slice before, struct slice value,
                            struct slice after)
{
    struct buf mended;
    json_string_between(w, before, protobuf_utf8(value, &mended), after);
    buf_fini(&mended);
}

#define write_member(w, literal, value)                                                            \
    write_json_text((w), SLICE("\"" literal "\":"), (value), SLICE(""))

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

static void begin_span_json(struct json_writer *w, const struct otlp_span *s)
{
    json_object(w);
    json_member_string(w, "traceId", s->trace);
    json_member_string(w, "spanId", s->id);
    if (s->parent.n)
        json_member_string(w, "parentSpanId", s->parent);
    if (s->trace_state.n)
        write_member(w, "traceState", s->trace_state);
    write_member(w, "name", s->name);
    json_member_integer(w, "kind", s->kind);
    write_nanoseconds(w, SLICE("\"startTimeUnixNano\":\""), s->begun_ms, SLICE(NANOSECONDS));
    w->comma = true;
    write_nanoseconds(w, SLICE("\"endTimeUnixNano\":\""), s->ended_ms,
                      SLICE(NANOSECONDS ",\"attributes\":["));
}

static uint64_t nanoseconds(int64_t ms)
{
    return (uint64_t)ms * 1000000;
}

void otlp_span_begin(struct otlp *o, const struct otlp_span *s)
{
    struct protobuf *p = &o->p;
    if (o->json) {
        begin_span_json(&o->w, s);
        return;
    }
    protobuf_open(p, SCOPE_SPANS_SPANS);
    protobuf_hex(p, SPAN_TRACE_ID, s->trace);
    protobuf_hex(p, SPAN_SPAN_ID, s->id);
    if (s->trace_state.n)
        protobuf_text(p, SPAN_TRACE_STATE, s->trace_state);
    if (s->parent.n)
        protobuf_hex(p, SPAN_PARENT_SPAN_ID, s->parent);
    protobuf_text(p, SPAN_NAME, s->name);
    protobuf_small(p, SPAN_KIND, s->kind);
    protobuf_fixed64(p, SPAN_START, nanoseconds(s->begun_ms));
    protobuf_fixed64(p, SPAN_END, nanoseconds(s->ended_ms));
}

static void end_span_json(struct json_writer *w, bool failed, struct slice message)
{
    json_array_end(w);
    if (!failed) {
        json_key_raw(w, SLICE("\"status\":{\"code\":0}}"));
        w->comma = true;
        return;
    }
    json_key(w, "status");
    json_object(w);
    json_member_integer(w, "code", CODE_ERROR);
    if (message.n)
        write_member(w, "message", message);
    json_object_end(w);
    json_object_end(w);
}

void otlp_span_end(struct otlp *o, bool failed, struct slice message)
{
    if (o->json) {
        end_span_json(&o->w, failed, message);
        return;
    }
    if (failed) { /* nothing is said of the others: 0 is what is not said */
        protobuf_open(&o->p, SPAN_STATUS);
        if (message.n)
            protobuf_text(&o->p, STATUS_MESSAGE, message);
        protobuf_small(&o->p, STATUS_CODE, CODE_ERROR);
        protobuf_close(&o->p);
    }
    protobuf_close(&o->p);
}

/* ---- attributes in protobuf ----------------------------------------------------------------- */

/* Bytes around a name and a value: three tags with their lengths, and the value's own. */
#define AROUND_MAX (4 * (1 + (size_t)PROTOBUF_VARINT_MAX))

/* Up to the content of the value, which has that size. NULL: there is no room. */
static char *begin_attribute(struct otlp *o, struct slice name, size_t size)
{
    size_t pair = 1 + protobuf_varint_size(name.n) + name.n + 1 + protobuf_varint_size(size) + size;
    char *to = buf_reserve(o->out, AROUND_MAX + name.n + size);
    if (!to)
        return NULL;
    *to++ = o->attribute;
    to = protobuf_put_varint(to, pair);
    *to++ = PROTOBUF_TAG(PAIR_KEY, PROTOBUF_BYTES);
    to = protobuf_put_bytes(to, name);
    *to++ = PROTOBUF_TAG(PAIR_VALUE, PROTOBUF_BYTES);
    return protobuf_put_varint(to, size);
}

static void end_attribute(struct otlp *o, const char *end)
{
    o->out->n = (size_t)(end - o->out->p);
}

/* Most are small: all lengths have one byte, and room is looked for once. */
static bool put_short_text(struct otlp *o, struct slice name, struct slice value)
{
    enum { PAIR = 2, AROUND = 2 + 2 + 2 + 2 }; /* bytes of tags and lengths */
    size_t size = AROUND + name.n + value.n;
    if (size - PAIR >= 0x80)
        return false;
    char *to = buf_reserve(o->out, size);
    if (!to)
        return true;
    const char before[] = {o->attribute, (char)(size - PAIR),
                           PROTOBUF_TAG(PAIR_KEY, PROTOBUF_BYTES), (char)name.n};
    const char between[] = {PROTOBUF_TAG(PAIR_VALUE, PROTOBUF_BYTES), (char)(2 + value.n),
                            PROTOBUF_TAG(VALUE_STRING, PROTOBUF_BYTES), (char)value.n};
    memcpy(to, before, sizeof(before));
    memcpy(to + sizeof(before), name.p, name.n);
    to += sizeof(before) + name.n;
    memcpy(to, between, sizeof(between));
    if (value.n)
        memcpy(to + sizeof(between), value.p, value.n);
    o->out->n += size;
    return true;
}

static void put_valid_text(struct otlp *o, struct slice name, struct slice value)
{
    if (put_short_text(o, name, value))
        return;
    char *to = begin_attribute(o, name, 1 + protobuf_varint_size(value.n) + value.n);
    if (!to)
        return;
    *to++ = PROTOBUF_TAG(VALUE_STRING, PROTOBUF_BYTES);
    end_attribute(o, protobuf_put_bytes(to, value));
}

static void put_text(struct otlp *o, struct slice name, struct slice value)
{
    struct buf mended;
    if (text_is_utf8(value)) {
        put_valid_text(o, name, value);
        return;
    }
    put_valid_text(o, name, protobuf_utf8(value, &mended));
    buf_fini(&mended);
}

static void put_pieces(struct otlp *o, struct slice name, const struct slice *pieces, size_t n,
                       size_t size)
{
    char *to = begin_attribute(o, name, 1 + protobuf_varint_size(size) + size);
    if (!to)
        return;
    *to++ = PROTOBUF_TAG(VALUE_STRING, PROTOBUF_BYTES);
    to = protobuf_put_varint(to, size);
    for (size_t i = 0; i < n; to += pieces[i++].n)
        if (pieces[i].n)
            memcpy(to, pieces[i].p, pieces[i].n);
    end_attribute(o, to);
}

static void put_number(struct otlp *o, struct slice name, double value)
{
    uint64_t bits;
    char *to = begin_attribute(o, name, 1 + sizeof(bits));
    if (!to)
        return;
    memcpy(&bits, &value, sizeof(bits));
    *to++ = PROTOBUF_TAG(VALUE_DOUBLE, PROTOBUF_FIXED64);
    end_attribute(o, protobuf_put_fixed64(to, bits));
}

static void put_varint(struct otlp *o, struct slice name, int field, uint64_t value)
{
    char *to = begin_attribute(o, name, 1 + protobuf_varint_size(value));
    if (!to)
        return;
    *to++ = PROTOBUF_TAG(field, PROTOBUF_VARINT);
    end_attribute(o, protobuf_put_varint(to, value));
}

static void open_list(struct otlp *o, struct slice name)
{
    protobuf_open(&o->p, SPAN_ATTRIBUTES); /* a resource has no lists */
    protobuf_text(&o->p, PAIR_KEY, name);
    protobuf_open(&o->p, PAIR_VALUE);
    protobuf_open(&o->p, VALUE_ARRAY);
}

static void close_list(struct otlp *o)
{
    protobuf_close(&o->p);
    protobuf_close(&o->p);
    protobuf_close(&o->p);
}

/* ---- attributes ----------------------------------------------------------------------------- */

static void end(struct json_writer *w, struct slice closing)
{
    buf_add(w->out, closing);
    w->comma = true;
}

void otlp_again(struct otlp *o, struct slice attributes)
{
    buf_add(o->out, attributes);
    o->w.comma = true;
}

void otlp_add_text(struct otlp *o, struct otlp_key key, struct slice value)
{
    if (!value.n)
        return;
    if (o->json)
        write_json_text(&o->w, key.json, value, SLICE("}}"));
    else
        put_text(o, key.name, value);
}

void otlp_add_pieces(struct otlp *o, struct otlp_key key, const struct slice *pieces, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += pieces[i].n;
    if (!size)
        return;
    if (!o->json) {
        put_pieces(o, key.name, pieces, n, size);
        return;
    }
    json_key_raw(&o->w, key.json);
    json_string_begin(&o->w);
    for (size_t i = 0; i < n; i++)
        json_string_part(&o->w, pieces[i]);
    json_string_end(&o->w);
    end(&o->w, SLICE("}}"));
}

void otlp_text_named(struct otlp *o, struct slice name, struct slice value)
{
    struct buf mended;
    struct json_writer *w = &o->w;
    if (o->json) {
        json_object(w);
        write_member(w, "key", name);
        json_key(w, "value");
        json_object(w);
        write_member(w, "stringValue", value);
        end(w, SLICE("}}"));
        return;
    }
    put_text(o, protobuf_utf8(name, &mended), value);
    buf_fini(&mended);
}

void otlp_add_integer(struct otlp *o, struct otlp_key key, int64_t value)
{
    char digits[SLICE_DIGITS];
    if (!o->json) {
        put_varint(o, key.name, VALUE_INT, (uint64_t)value);
        return;
    }
    json_key_raw(&o->w, key.json);
    buf_add(o->out, slice_digits(value, digits));
    end(&o->w, SLICE("\"}}"));
}

void otlp_add_number(struct otlp *o, struct otlp_key key, double value)
{
    if (!o->json) {
        put_number(o, key.name, value);
        return;
    }
    json_key_raw(&o->w, key.json);
    json_number(&o->w, value);
    end(&o->w, SLICE("}}"));
}

void otlp_add_bool(struct otlp *o, struct otlp_key key, bool value)
{
    if (!o->json) {
        put_varint(o, key.name, VALUE_BOOL, value);
        return;
    }
    json_key_raw(&o->w, key.json);
    end(&o->w, value ? SLICE("true}}") : SLICE("false}}"));
}

static void begin_list(struct otlp *o, struct otlp_key key)
{
    if (!o->json) {
        open_list(o, key.name);
        return;
    }
    json_key_raw(&o->w, key.json);
    o->w.comma = false;
}

static void add_item(struct otlp *o, struct slice item)
{
    if (o->json) {
        write_json_text(&o->w, SLICE("{\"stringValue\":"), item, SLICE("}"));
        return;
    }
    protobuf_open(&o->p, ARRAY_VALUES);
    protobuf_text(&o->p, VALUE_STRING, item);
    protobuf_close(&o->p);
}

static void end_list(struct otlp *o)
{
    if (o->json)
        end(&o->w, SLICE("]}}}"));
    else
        close_list(o);
}

void otlp_add_texts(struct otlp *o, struct otlp_key key, yyjson_val *list)
{
    size_t i, n;
    yyjson_val *item;
    begin_list(o, key);
    yyjson_arr_foreach(list, i, n, item) if (yyjson_is_str(item)) add_item(o, json_slice(item));
    end_list(o);
}

void otlp_add_text_alone(struct otlp *o, struct otlp_key key, struct slice value)
{
    if (!value.n)
        return;
    begin_list(o, key);
    add_item(o, value);
    end_list(o);
}

yyjson_val *otlp_parse(struct slice json, struct arena *a)
{
    return json.n > sizeof("{}") - 1 ? json_parse(json, a, NULL) : NULL;
}

/* ---- the answer ----------------------------------------------------------------------------- */

enum { RESPONSE_PARTIAL_SUCCESS = 1 };
enum { PARTIAL_REJECTED_SPANS = 1, PARTIAL_ERROR_MESSAGE = 2 };

static bool take_varint(struct slice *rest, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; rest->n && shift < 64; shift += 7) {
        unsigned char c = (unsigned char)*rest->p;
        *rest = slice_skip(*rest, 1);
        *value |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return true;
    }
    return false;
}

/* A number, or bytes; of other kinds there is none in an answer. */
static bool take_field(struct slice *rest, int *field, uint64_t *number, struct slice *bytes)
{
    uint64_t tag;
    if (!take_varint(rest, &tag) || !take_varint(rest, number))
        return false;
    *field = (int)(tag >> 3);
    *bytes = (struct slice){0};
    if ((tag & 7) == PROTOBUF_VARINT)
        return true;
    if ((tag & 7) != PROTOBUF_BYTES || *number > rest->n)
        return false;
    *bytes = slice_make(rest->p, (size_t)*number);
    *rest = slice_skip(*rest, bytes->n);
    return true;
}

static size_t missed_protobuf(struct slice answer, struct slice *why)
{
    int field;
    uint64_t number = 0, missed = 0;
    struct slice partial = {0}, bytes = {0};
    while (take_field(&answer, &field, &number, &bytes))
        if (field == RESPONSE_PARTIAL_SUCCESS)
            partial = bytes;
    while (take_field(&partial, &field, &number, &bytes)) {
        if (field == PARTIAL_REJECTED_SPANS && !bytes.p)
            missed = number;
        else if (field == PARTIAL_ERROR_MESSAGE)
            *why = bytes;
    }
    return (size_t)missed;
}

static size_t missed_json(yyjson_val *answer, struct slice *why)
{
    int64_t missed = 0;
    yyjson_val *partial = json_get(answer, "partialSuccess");
    yyjson_val *rejected = json_get(partial, "rejectedSpans");
    *why = json_get_slice(partial, "errorMessage");
    if (!slice_to_i64(json_slice(rejected), &missed)) /* 64 bit numbers are strings, or not */
        json_int(rejected, &missed);
    return missed > 0 ? (size_t)missed : 0;
}

size_t otlp_missed(struct slice answer, struct arena *a, struct slice *why)
{
    return slice_starts(answer, SLICE("{")) ? missed_json(json_parse(answer, a, NULL), why)
                                            : missed_protobuf(answer, why);
}
