#ifndef OBSERVE_OTLP_H
#define OBSERVE_OTLP_H

/* OpenTelemetry's protocol over HTTP, in JSON (OTLP 1.x, opentelemetry-proto's trace.proto in its
 * JSON mapping: ids in hexadecimal, 64 bit numbers as strings):
 *
 *     otlp_begin, resource attributes, otlp_spans,
 *     { otlp_span_begin, attributes, otlp_span_end }, otlp_end */

#include "base/json.h"
#include "observe/record.h"

enum otlp_kind { OTLP_INTERNAL = 1, OTLP_SERVER = 2, OTLP_CLIENT = 3 };

struct otlp_span {
    struct slice trace, id, parent; /* hexadecimal; parent may be empty */
    struct slice trace_state;       /* or empty */
    struct slice name;
    enum otlp_kind kind;
    int64_t begun_ms, ended_ms; /* since 1970 */
};

void otlp_begin(struct json_writer *w);
void otlp_spans(struct json_writer *w); /* the resource is complete */
void otlp_end(struct json_writer *w);

void otlp_span_begin(struct json_writer *w, const struct otlp_span *s);
void otlp_span_end(struct json_writer *w, bool failed, struct slice message);

/* Attributes. A span has fifty of them, so a key is a literal without escapes, and written together
 * with what stands around it. Empty texts are left out. */
#define otlp_text(w, key, value)    otlp_add_text((w), OTLP_HEAD(key, "stringValue"), (value))
#define otlp_integer(w, key, value) otlp_add_integer((w), OTLP_HEAD_INTEGER(key), (value))
#define otlp_number(w, key, value)  otlp_add_number((w), OTLP_HEAD(key, "doubleValue"), (value))
#define otlp_bool(w, key, value)    otlp_add_bool((w), OTLP_HEAD(key, "boolValue"), (value))
/* A list of strings; what is no string is left out. */
#define otlp_texts(w, key, list) otlp_add_texts((w), OTLP_HEAD(key, "arrayValue"), (list))
/* Under any name. */
void otlp_text_named(struct json_writer *w, struct slice name, struct slice value);

#define OTLP_HEAD(key, kind)   SLICE("{\"key\":\"" key "\",\"value\":{\"" kind "\":")
#define OTLP_HEAD_INTEGER(key) SLICE("{\"key\":\"" key "\",\"value\":{\"intValue\":\"")
void otlp_add_text(struct json_writer *w, struct slice head, struct slice value);
void otlp_add_integer(struct json_writer *w, struct slice head, int64_t value);
void otlp_add_number(struct json_writer *w, struct slice head, double value);
void otlp_add_bool(struct json_writer *w, struct slice head, bool value);
void otlp_add_texts(struct json_writer *w, struct slice head, yyjson_val *list);

/* JSON of a record; NULL where it is empty, or holds nothing. */
yyjson_val *otlp_parse(struct slice json, struct arena *a);

#endif
