#ifndef SIM_ARGUMENTS_H
#define SIM_ARGUMENTS_H

/* JSON that satisfies a JSON schema: required members by type, the first value of an enum, strings
 * taken from the prompt where that is plausible. Covers what tool schemas use (type, properties,
 * required, enum, const, default, items, minItems, minimum, anyOf/oneOf/allOf, local $ref);
 * patterns and formats are not looked at. Pure. */

#include "base/json.h"

struct arguments {
    yyjson_val *root;  /* the whole schema, for $ref */
    struct slice text; /* the prompt */
    size_t index;      /* which of several parallel calls: takes the index-th candidate */
    struct arena *arena;
    unsigned written; /* values so far; starts at 0 */
};

/* Nesting beyond 16 levels and what follows the 5000th value gives null. */
void arguments_write(struct arguments *args, yyjson_val *schema, struct buf *out);

/* How many parallel calls the prompt asks of a tool with this schema ("… in Paris and Tokyo"): the
 * length of the row of candidates for its first required string; at least 1. */
size_t arguments_parallel(yyjson_val *schema, struct slice text);

#endif
