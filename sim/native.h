#ifndef SIM_NATIVE_H
#define SIM_NATIVE_H

/* The models' own request bodies (InvokeModel) as tables, and a walker that holds a body against
 * them. Two voices tell what is wrong: Anthropic's validator (the first thing, with its path:
 * "messages.0.content.1.image.source.base64.data: Field required"), and the JSON schema with which
 * Bedrock fronts Amazon's and Cohere's models ("Malformed input request: #/inputText: …"). */

#include "fault.h"

#include "base/json.h"

enum native_kind {
    NATIVE_OBJECT,       /* these members, no others */
    NATIVE_TAGGED,       /* an object whose "type" says which */
    NATIVE_LIST,         /* of `item` */
    NATIVE_TEXT_OR_LIST, /* a string, or a list of `item` */
    NATIVE_STRING,
    NATIVE_INTEGER,
    NATIVE_NUMBER,
    NATIVE_BOOLEAN,
    NATIVE_MAP, /* an object with any members */
    NATIVE_ANY,
};

#define NATIVE_NO_MAX (-1)

struct native_shape;

struct native_member {
    const char *name; /* of a member, or the tag; NULL ends the table */
    const struct native_shape *shape;
    bool required;
};

struct native_shape {
    enum native_kind kind;
    const struct native_member *members; /* objects; for tagged ones the objects by tag */
    const struct native_shape *item;
    const char *untagged;      /* the tag of an object without "type"; NULL: it must have one */
    double min, max;           /* length, count or value; max NATIVE_NO_MAX: none */
    const char *const *values; /* enum, NULL-terminated */
    const char *pattern;       /* as messages write it */
    const char *alphabet;      /* what the pattern allows beside letters and digits */
};

enum native_voice {
    VOICE_ANTHROPIC, /* null stands for an absent member */
    VOICE_SCHEMA,
};

bool native_check(const struct native_shape *shape, enum native_voice voice, yyjson_val *body,
                  struct arena *a, struct fault *f);

/* What a walker needs for a tagged object: the table row of its "type". NULL: unknown. */
const struct native_member *native_tagged(const struct native_shape *shape, yyjson_val *v);

#endif
