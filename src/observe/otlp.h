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

/* Attributes. Empty texts are left out. */
void otlp_text(struct json_writer *w, const char *key, struct slice value);
void otlp_integer(struct json_writer *w, const char *key, int64_t value);
void otlp_number(struct json_writer *w, const char *key, double value);
void otlp_bool(struct json_writer *w, const char *key, bool value);
/* A list of strings, of JSON text `list`; what is no string is left out. */
void otlp_texts(struct json_writer *w, const char *key, yyjson_val *list);

#endif
