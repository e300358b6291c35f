/* The event-stream decoder: bytes cut in any way decode as the same bytes in one piece.
 * Input: a byte (low 3 bits: a count of piece sizes; bit 3: mend the checksums, without which no
 * fuzzer gets beyond them; high bits: messages after which the sink stops), the sizes, the frames.
 */

#include "../unit/wire/eventstream_trace.h"

#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void write_crc(uint8_t *p, const uint8_t *from, size_t n)
{
    uint32_t crc = (uint32_t)crc32(0, from, (uInt)n);
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(crc >> (24 - 8 * i));
}

static void mend(uint8_t *p, size_t n)
{
    while (n >= 16) {
        size_t total = read_u32(p);
        write_crc(p + 8, p, 8);
        if (total < 16 || total > n)
            return;
        write_crc(p + total - 4, p, total - 4);
        p += total;
        n -= total;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, cut;
    size_t sizes = size ? data[0] & 7 : 0, stop_after = size ? data[0] >> 4 : 0;
    if (size < 1 + sizes)
        return 0;
    size_t n = size - 1 - sizes;
    uint8_t *frames = malloc(n + 1);
    if (!frames)
        abort();
    memcpy(frames, data + 1 + sizes, n);
    if (data[0] & 8)
        mend(frames, n);
    struct slice bytes = slice_make((const char *)frames, n);
    buf_init(&whole, SIZE_MAX);
    buf_init(&cut, SIZE_MAX);
    eventstream_trace(bytes, (struct cuts){0}, stop_after, &whole);
    eventstream_trace(bytes, (struct cuts){.sizes = data + 1, .n = sizes}, stop_after, &cut);
    if (!slice_eq(buf_slice(&whole), buf_slice(&cut)))
        abort();
    buf_fini(&whole);
    buf_fini(&cut);
    free(frames);
    return 0;
}
