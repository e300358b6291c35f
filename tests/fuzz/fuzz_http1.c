/* The request parser: bytes cut in any way read as the same bytes in one piece.
 * Input: a count of piece sizes (its low 3 bits), the sizes, then the bytes of a connection. */

#include "../unit/wire/http1_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, cut;
    size_t sizes = size ? data[0] & 7 : 0;
    if (size < 1 + sizes)
        return 0;
    struct slice bytes = slice_make((const char *)data + 1 + sizes, size - 1 - sizes);
    buf_init(&whole, SIZE_MAX);
    buf_init(&cut, SIZE_MAX);
    http1_trace(bytes, (struct cuts){0}, &whole);
    http1_trace(bytes, (struct cuts){.sizes = data + 1, .n = sizes}, &cut);
    if (!slice_eq(buf_slice(&whole), buf_slice(&cut)))
        abort();
    buf_fini(&whole);
    buf_fini(&cut);
    return 0;
}
