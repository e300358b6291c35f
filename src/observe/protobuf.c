#include "protobuf.h"

#include "base/text.h"

#include <assert.h>

void protobuf_begin(struct protobuf *w, struct buf *out)
{
    *w = (struct protobuf){.out = out};
}

/* ---- messages ------------------------------------------------------------------------------- */

/* A length that is not known yet has four bytes, whatever it will be: readers take a varint with
 * needless zeros at its end. Enough for 256 MiB, far beyond what a sink sends at once. */
#define LENGTH_SIZE ((size_t)4)

void protobuf_open(struct protobuf *w, int number)
{
    assert(w->depth < PROTOBUF_DEPTH_MAX);
    char *to = buf_reserve(w->out, 1 + LENGTH_SIZE);
    if (to) {
        *to = PROTOBUF_TAG(number, PROTOBUF_BYTES);
        w->out->n += 1 + LENGTH_SIZE;
    }
    w->marks[w->depth++] = w->out->n;
}

void protobuf_close(struct protobuf *w)
{
    size_t begin = w->marks[--w->depth], n = w->out->n - begin;
    if (w->out->overflow) /* some mark may be of what was dropped */
        return;
    char *length = w->out->p + begin - LENGTH_SIZE;
    for (size_t i = 0; i < LENGTH_SIZE; i++, n >>= 7)
        length[i] = (char)((n & 0x7f) | (i + 1 < LENGTH_SIZE ? 0x80 : 0));
}

/* ---- fields --------------------------------------------------------------------------------- */

struct slice protobuf_utf8(struct slice s, struct buf *room)
{
    buf_init(room, 3 * s.n);
    if (text_is_utf8(s))
        return s;
    text_add_utf8(room, s);
    return buf_slice(room);
}

static void write_text(struct protobuf *w, int number, struct slice value)
{
    char *start = buf_reserve(w->out, 1 + PROTOBUF_VARINT_MAX + value.n), *to = start;
    if (!to)
        return;
    *to++ = PROTOBUF_TAG(number, PROTOBUF_BYTES);
    to = protobuf_put_bytes(to, value);
    w->out->n += (size_t)(to - start);
}

void protobuf_text(struct protobuf *w, int number, struct slice value)
{
    struct buf mended;
    if (text_is_utf8(value)) {
        write_text(w, number, value);
        return;
    }
    write_text(w, number, protobuf_utf8(value, &mended));
    buf_fini(&mended);
}

/* Eight digits, of either case, as four bytes. */
static uint32_t bytes_of_digits(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    v = le64toh(v);
    v = (v & UINT64_C(0x0f0f0f0f0f0f0f0f)) + 9 * (v >> 6 & UINT64_C(0x0101010101010101));
    v = (v << 4 | v >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
    return htole32((uint32_t)(v | v >> 16));
}

void protobuf_hex(struct protobuf *w, int number, struct slice digits)
{
    enum { DIGITS = 8 };
    digits.n -= digits.n % DIGITS;
    char *to = buf_reserve(w->out, 2 + digits.n / 2), *start = to;
    if (!to)
        return;
    *to++ = PROTOBUF_TAG(number, PROTOBUF_BYTES);
    *to++ = (char)(digits.n / 2);
    for (size_t i = 0; i + DIGITS <= digits.n; i += DIGITS) {
        uint32_t bytes = bytes_of_digits(digits.p + i);
        memcpy(to, &bytes, sizeof(bytes));
        to += sizeof(bytes);
    }
    w->out->n += (size_t)(to - start);
}

void protobuf_small(struct protobuf *w, int number, unsigned value)
{
    const char field[] = {PROTOBUF_TAG(number, PROTOBUF_VARINT), (char)value};
    buf_add(w->out, slice_make(field, sizeof(field)));
}

void protobuf_fixed64(struct protobuf *w, int number, uint64_t value)
{
    char field[1 + sizeof(value)] = {PROTOBUF_TAG(number, PROTOBUF_FIXED64)};
    protobuf_put_fixed64(field + 1, value);
    buf_add(w->out, slice_make(field, sizeof(field)));
}
