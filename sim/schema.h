#ifndef SIM_SCHEMA_H
#define SIM_SCHEMA_H

/* The Converse request model as tables, and a walker that holds a body against it: unknown members
 * and wrong types are refused at once, broken constraints (required, length, range, pattern, enum)
 * are collected and told together, as AWS tells them. Facts: botocore's bedrock-runtime
 * service-2.json. */

#include "fault.h"

#include "base/json.h"

enum shape_kind {
    SHAPE_STRUCTURE,
    SHAPE_UNION, /* a structure with exactly one member set */
    SHAPE_LIST,
    SHAPE_MAP, /* string keys */
    SHAPE_STRING,
    SHAPE_BLOB, /* base64 */
    SHAPE_INTEGER,
    SHAPE_FLOAT,
    SHAPE_BOOLEAN,
    SHAPE_DOCUMENT, /* any JSON */
};

#define SHAPE_NO_MAX (-1)

struct shape;

struct shape_member {
    const char *name; /* NULL ends the table */
    const struct shape *shape;
    bool required;
};

struct shape {
    enum shape_kind kind;
    const char *name;                   /* of structures and unions, for messages */
    const struct shape_member *members; /* structures, unions */
    const struct shape *item;           /* lists; values of maps */
    const struct shape *key;            /* maps */
    int64_t min, max;                   /* length, count or value; max SHAPE_NO_MAX: none */
    const char *const *values;          /* enum, NULL-terminated */
    const char *pattern;                /* as AWS writes it */
    const char *alphabet;               /* what the pattern allows beside letters and digits */
};

extern const struct shape shape_converse_request;     /* the body of both operations */
extern const struct shape shape_count_tokens_request; /* the body of CountTokens */
extern const struct shape shape_request_metadata;     /* InvokeModel has it in a header */

bool schema_check(const struct shape *shape, yyjson_val *body, struct arena *a, struct fault *f);

#endif
