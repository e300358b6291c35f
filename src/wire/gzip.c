#include "wire/gzip.h"

#include <stdlib.h>
#include <zlib.h>

#define LEVEL       1  /* JSON shrinks to 40 % already; what level 6 gains costs five times that */
#define GZIP_HEADER 16 /* added to the window's bits: zlib writes gzip's header and checksum */
#define INPUT_MAX   (1 << 30) /* bytes; zlib counts in unsigned int */

static bool is_refused(struct slice parameters)
{
    double q;
    struct slice name = slice_trim(slice_split(&parameters, '='));
    return slice_eq_nocase(name, SLICE("q")) && slice_to_double(slice_trim(parameters), &q) &&
           q <= 0;
}

bool gzip_accepted(struct slice accept_encoding)
{
    while (accept_encoding.n) {
        struct slice item = slice_split(&accept_encoding, ',');
        struct slice coding = slice_trim(slice_split(&item, ';'));
        if (slice_eq_nocase(coding, SLICE("gzip")) || slice_eq_nocase(coding, SLICE("x-gzip")))
            return !is_refused(item);
    }
    return false;
}

/* A window that holds the text, so that a short one pays for little memory. */
static int window_bits(size_t n)
{
    int bits = 9;
    while (bits < MAX_WBITS && n > (size_t)1 << bits)
        bits++;
    return bits;
}

bool gzip_write(struct slice in, struct buf *out)
{
    z_stream z = {.zalloc = Z_NULL};
    int bits = window_bits(in.n), memory = bits - 7 < 8 ? bits - 7 : 8;
    char *room = in.n > 1 && in.n <= INPUT_MAX ? buf_reserve(out, in.n - 1) : NULL;
    if (!room)
        return false;
    if (deflateInit2(&z, LEVEL, Z_DEFLATED, bits + GZIP_HEADER, memory, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    z.next_in = (Bytef *)(uintptr_t)in.p;
    z.avail_in = (uInt)in.n;
    z.next_out = (Bytef *)room;
    z.avail_out = (uInt)(in.n - 1);
    bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
    if (whole)
        out->n += in.n - 1 - z.avail_out;
    deflateEnd(&z);
    return whole;
}
