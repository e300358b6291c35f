#ifndef OBSERVE_PROTOBUF_H
#define OBSERVE_PROTOBUF_H

/* Protocol Buffers' wire format (protobuf.dev, "Encoding"), as far as OTLP needs it. Texts become
 * valid UTF-8: one that is not makes readers refuse the whole message. */

#include "base/buf.h"

#include <endian.h>

#define PROTOBUF_DEPTH_MAX  8
#define PROTOBUF_VARINT_MAX 10 /* bytes of one */

struct protobuf {
    struct buf *out;
    size_t marks[PROTOBUF_DEPTH_MAX]; /* where the content of the open messages begins */
    unsigned depth;
};

enum protobuf_type { PROTOBUF_VARINT, PROTOBUF_FIXED64, PROTOBUF_BYTES };

/* What stands before a field: one byte, so numbers up to 15. */
#define PROTOBUF_TAG(number, type) ((char)((number) << 3 | (type)))

void protobuf_begin(struct protobuf *w, struct buf *out);

/* A message within: its length is filled in at the end. */
void protobuf_open(struct protobuf *w, int number);
void protobuf_close(struct protobuf *w);

void protobuf_text(struct protobuf *w, int number, struct slice value);
/* Bytes, in hexadecimal: eight digits, or 16, … up to 248. */
void protobuf_hex(struct protobuf *w, int number, struct slice digits);
void protobuf_small(struct protobuf *w, int number, unsigned value); /* below 128 */
void protobuf_fixed64(struct protobuf *w, int number, uint64_t value);

/* `s`, or a copy with U+FFFD for what is no UTF-8, in `room`: begun here, the caller ends it. */
struct slice protobuf_utf8(struct slice s, struct buf *room);

/* Into room that was reserved; they return the end of what they wrote. */

static inline size_t protobuf_varint_size(uint64_t value)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    return (bits + 6) / 7;
}

static inline char *protobuf_put_varint(char *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *to++ = (char)(value | 0x80);
    *to++ = (char)value;
    return to;
}

static inline char *protobuf_put_bytes(char *to, struct slice s) /* with their length */
{
    to = protobuf_put_varint(to, s.n);
    if (s.n)
        memcpy(to, s.p, s.n);
    return to + s.n;
}

static inline char *protobuf_put_fixed64(char *to, uint64_t value)
{
    value = htole64(value);
    memcpy(to, &value, sizeof(value));
    return to + sizeof(value);
}

#endif
