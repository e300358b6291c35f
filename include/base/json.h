#ifndef BASE_JSON_H
#define BASE_JSON_H

/* JSON, thinly over yyjson (the only place that includes it): documents live in an arena, numbers
 * stay as the client wrote them (raw), so that what passes through the gateway passes unchanged and
 * a prompt prefix keeps its bytes from turn to turn. Output goes through a small streaming writer,
 * straight into the outgoing buffer. */

#include "base/arena.h"
#include "base/buf.h"

#include <yyjson.h>

#define JSON_MAX_DEPTH 256 /* nesting we accept from anybody; deeper is a parse error */

struct json_error {
    const char *message; /* static text */
    size_t offset;       /* byte where it happened */
};

/* Parses one document. The result and its strings live as long as the arena; `text` is not needed
 * afterwards. RFC 8259 only (no NaN, comments, trailing commas, BOM); invalid UTF-8 is an error.
 * NULL: `error` (may be NULL) says why. */
yyjson_val *json_parse(struct slice text, struct arena *a, struct json_error *error);

/* The same without the copy: the bytes of `text` are changed and must live as long as the result.
 * There must be JSON_PADDING writable bytes behind them. */
#define JSON_PADDING YYJSON_PADDING_SIZE
yyjson_val *json_parse_insitu(char *text, size_t n, struct arena *a, struct json_error *error);

/* Members; NULL when absent or when `v` is NULL or no object. Duplicate keys: the last one wins, as
 * in every client library. */
yyjson_val *json_get(yyjson_val *v, const char *key);
struct slice json_get_slice(yyjson_val *v, const char *key); /* p == NULL: absent or no string */
struct slice json_slice(yyjson_val *v);                      /* likewise, of the value itself */
bool json_list_has(yyjson_val *list, struct slice text);     /* a string of it; no list: false */
bool json_is_number(yyjson_val *v);
bool json_int(yyjson_val *v,
              int64_t *value); /* an integer, written as one (12, not 12.5 or "12") */
bool json_double(yyjson_val *v, double *value);
const char *json_type_name(yyjson_val *v); /* "string", "number", …; "missing" for NULL */

/* The value as text, as it was read; in the arena. */
struct slice json_text_of(yyjson_val *v, struct arena *a);

/* The writer. Calls must nest properly; json_key comes before each member's value. Strings are
 * escaped as RFC 8259 needs and no further. Errors show as `out->overflow`. */
struct json_writer {
    struct buf *out;
    bool comma; /* a value stands before this place */
};

void json_begin(struct json_writer *w, struct buf *out);
void json_object(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key_slice(struct json_writer *w, struct slice key);
void json_key_raw(struct json_writer *w, struct slice quoted); /* with quotes and colon */
/* `literal` needs no escapes. */
#define json_key(w, literal) json_key_raw((w), SLICE("\"" literal "\":"))
void json_string(struct json_writer *w, struct slice s);
/* The same at once with what stands around it, which is written as it is: a key, what closes. */
void json_string_between(struct json_writer *w, struct slice before, struct slice s,
                         struct slice after);
void json_string_or_null(struct json_writer *w, struct slice s); /* an empty one is null */
void json_integer(struct json_writer *w, int64_t value);
/* The same behind a key with quotes and colon. */
void json_integer_after(struct json_writer *w, struct slice quoted, int64_t value);
void json_number(struct json_writer *w, double value); /* shortest that reads back; non-finite: 0 */
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
void json_raw(struct json_writer *w, struct slice json); /* valid JSON, written as it is */
void json_value(struct json_writer *w, yyjson_val *v);   /* as it was read */
/* The members of an object, but for those left out; anything else has none. The caller writes { and
 * }. */
void json_members_but(struct json_writer *w, yyjson_val *object,
                      bool (*left_out)(struct slice name));
/* The same with a space behind each comma and colon: what clients of Python programs are used to.
 */
void json_value_spaced(struct json_writer *w, yyjson_val *v);

/* A string in pieces (its parts may arrive one by one): begin, any number of parts, end. */
void json_string_begin(struct json_writer *w);
void json_string_part(struct json_writer *w, struct slice part);
void json_string_end(struct json_writer *w);

#define json_member_string(w, literal, s)                                                          \
    json_string_between((w), SLICE("\"" literal "\":"), (s), SLICE(""))
#define json_member_integer(w, literal, v) json_integer_after((w), SLICE("\"" literal "\":"), (v))
#define json_member_bool(w, literal, v)    (json_key((w), literal), json_bool((w), (v)))

#endif
