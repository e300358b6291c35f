#ifndef BASE_PACK_H
#define BASE_PACK_H

/* Numbers and byte strings one behind the other, for bytes that are kept and read again, perhaps
 * by another process or another version: reading never trusts them.
 *
 * A number is little-endian base 128 (LEB128, at most 10 bytes); a byte string is its length as a
 * number, then its bytes. Errors of writing show as `out->overflow`. */

#include "base/buf.h"

void pack_number(struct buf *out, uint64_t value);
void pack_bytes(struct buf *out, struct slice bytes);

/* Cut the first off `*rest`; bytes point into it. False: it is not there. */
bool unpack_byte(struct slice *rest, uint8_t *value);
bool unpack_number(struct slice *rest, uint64_t *value);
bool unpack_bytes(struct slice *rest, struct slice *bytes);

#endif
