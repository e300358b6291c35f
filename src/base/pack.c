#include "base/pack.h"

#define NUMBER_MAX 10 /* bytes of 64 bits, seven at a time */

void pack_number(struct buf *out, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        buf_add_char(out, (char)(value | 0x80));
    buf_add_char(out, (char)value);
}

void pack_bytes(struct buf *out, struct slice bytes)
{
    pack_number(out, bytes.n);
    buf_add(out, bytes);
}

bool unpack_byte(struct slice *rest, uint8_t *value)
{
    if (!rest->n)
        return false;
    *value = (uint8_t)rest->p[0];
    *rest = slice_skip(*rest, 1);
    return true;
}

bool unpack_number(struct slice *rest, uint64_t *value)
{
    uint8_t byte = 0x80;
    *value = 0;
    for (unsigned i = 0; byte & 0x80; i++) {
        if (i == NUMBER_MAX || !unpack_byte(rest, &byte) || (i == NUMBER_MAX - 1 && byte > 1))
            return false;
        *value |= (uint64_t)(byte & 0x7f) << 7 * i;
    }
    return true;
}

bool unpack_bytes(struct slice *rest, struct slice *bytes)
{
    uint64_t n;
    if (!unpack_number(rest, &n) || n > rest->n)
        return false;
    *bytes = slice_make(rest->p, (size_t)n);
    *rest = slice_skip(*rest, (size_t)n);
    return true;
}
