#ifndef SIM_VECTOR_H
#define SIM_VECTOR_H

/* Embeddings without a model: the same bytes give the same vector, texts that share words lie
 * closer to each other than others. Pure. */

#include "base/json.h"

#define VECTOR_MAX 3072 /* dimensions */

struct vector {
    size_t n; /* dimensions */
    double v[VECTOR_MAX];
};

/* `n` <= VECTOR_MAX; of unit length, components rounded to nine decimals. */
void vector_of(struct slice text, size_t n, struct vector *out);

/* Not of unit length any more: by a factor that depends on the text, between 2 and 10. */
void vector_unscale(struct slice text, struct vector *v);

/* As JSON arrays. Bits are signs, eight in a byte (the first is the highest) or one by one. */
void vector_write_floats(struct json_writer *w, const struct vector *v);
void vector_write_bytes(struct json_writer *w, const struct vector *v, bool is_signed);
void vector_write_bits(struct json_writer *w, const struct vector *v);
void vector_write_packed(struct json_writer *w, const struct vector *v, bool is_signed);
void vector_write_base64(struct json_writer *w, const struct vector *v); /* little-endian float32 */

#endif
