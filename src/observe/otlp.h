#ifndef OBSERVE_OTLP_H
#define OBSERVE_OTLP_H

/* OpenTelemetry's protocol over HTTP (OTLP 1.x, opentelemetry-proto's collector/trace/v1), in
 * protobuf or in its JSON mapping (ids in hexadecimal, 64 bit numbers as strings):
 *
 *     otlp_begin, resource attributes, otlp_spans,
 *     { otlp_span_begin, attributes, otlp_span_end }, otlp_end */

#include "base/json.h"
#include "observe/record.h"
#include "protobuf.h"

struct otlp {
    struct buf *out;
    bool json;            /* or protobuf */
    struct json_writer w; /* the one, */
    struct protobuf p;    /* or the other */
    char attribute;       /* protobuf's tag of an attribute, here */
};

enum otlp_kind { OTLP_INTERNAL = 1, OTLP_SERVER = 2, OTLP_CLIENT = 3 };

struct otlp_span {
    struct slice trace, id, parent; /* hexadecimal; parent may be empty */
    struct slice trace_state;       /* or empty */
    struct slice name;
    enum otlp_kind kind;
    int64_t begun_ms, ended_ms; /* since 1970 */
};

struct slice otlp_content_type(bool json);

void otlp_begin(struct otlp *o, struct buf *out, bool json);
void otlp_spans(struct otlp *o); /* the resource is complete */
void otlp_end(struct otlp *o);

void otlp_span_begin(struct otlp *o, const struct otlp_span *s);
void otlp_span_end(struct otlp *o, bool failed, struct slice message);

/* The name of an attribute: a literal without escapes, for JSON together with what stands around
 * it, as a span has fifty of them. Each is for values of one kind. */
struct otlp_key {
    struct slice name, json;
};
#define OTLP_KEY(key, value)                                                                       \
    ((struct otlp_key){.name = SLICE(key), .json = SLICE("{\"key\":\"" key "\",\"value\":{" value)})
#define OTLP_TEXT(key)    OTLP_KEY(key, "\"stringValue\":")
#define OTLP_INTEGER(key) OTLP_KEY(key, "\"intValue\":\"")
#define OTLP_NUMBER(key)  OTLP_KEY(key, "\"doubleValue\":")
#define OTLP_BOOL(key)    OTLP_KEY(key, "\"boolValue\":")
#define OTLP_LIST(key)    OTLP_KEY(key, "\"arrayValue\":{\"values\":[")

/* Attributes that were written before, as bytes: the first of their span, then and now. */
void otlp_again(struct otlp *o, struct slice attributes);

/* Attributes. Empty texts are left out. */
#define otlp_text(o, key, value)    otlp_add_text((o), OTLP_TEXT(key), (value))
#define otlp_integer(o, key, value) otlp_add_integer((o), OTLP_INTEGER(key), (value))
#define otlp_number(o, key, value)  otlp_add_number((o), OTLP_NUMBER(key), (value))
#define otlp_bool(o, key, value)    otlp_add_bool((o), OTLP_BOOL(key), (value))
/* A list of strings; what is no string is left out. */
#define otlp_texts(o, key, list) otlp_add_texts((o), OTLP_LIST(key), (list))
/* A list of one. */
#define otlp_text_alone(o, key, value) otlp_add_text_alone((o), OTLP_LIST(key), (value))
/* Under any name. */
void otlp_text_named(struct otlp *o, struct slice name, struct slice value);

void otlp_add_text(struct otlp *o, struct otlp_key key, struct slice value);
/* One text in n pieces that lie apart; surely UTF-8, as what was parsed as JSON is. */
void otlp_add_pieces(struct otlp *o, struct otlp_key key, const struct slice *pieces, size_t n);
void otlp_add_integer(struct otlp *o, struct otlp_key key, int64_t value);
void otlp_add_number(struct otlp *o, struct otlp_key key, double value);
void otlp_add_bool(struct otlp *o, struct otlp_key key, bool value);
void otlp_add_texts(struct otlp *o, struct otlp_key key, yyjson_val *list);
void otlp_add_text_alone(struct otlp *o, struct otlp_key key, struct slice value);

/* How many spans an answer of 200 says were not taken (its partial success, in either form), and
 * why (in the answer, or the arena). */
size_t otlp_missed(struct slice answer, struct arena *a, struct slice *why);

/* JSON of a record; NULL where it is empty, or holds nothing. */
yyjson_val *otlp_parse(struct slice json, struct arena *a);

#endif
