#include "wire/sse.h"

#include <assert.h>

void sse_begin(struct buf *out)
{
    BUF_LITERAL(out, "data: ");
}

void sse_end(struct buf *out)
{
    BUF_LITERAL(out, "\n\n");
}

void sse_data(struct buf *out, struct slice data)
{
    assert(slice_find_char(data, '\n') < 0);
    sse_begin(out);
    buf_add(out, data);
    sse_end(out);
}

void sse_comment(struct buf *out, struct slice text)
{
    assert(slice_find_char(text, '\n') < 0);
    BUF_LITERAL(out, ": ");
    buf_add(out, text);
    sse_end(out);
}
