/* Decodes and writes event-stream frames.
 *
 * Happy path: the input holds whole frames; each is checked (prelude CRC, lengths, message CRC),
 * its headers are read and the sink is called with slices into the input. Only a frame cut by the
 * end of the input is gathered in `partial`, growing with what really arrived.
 * Failure modes: a wrong CRC, lengths over the caps, a malformed header block or a sink that says
 * stop. The order of the checks depends on the bytes only, never on how they were cut. */

#include "wire/eventstream.h"

#include "wire/crc32.h"

#include <assert.h>
#include <string.h>

#define PRELUDE_SIZE  ((size_t)12)
#define OVERHEAD      ((size_t)16) /* prelude and message CRC */
#define FRAME_MAX     (OVERHEAD + EVENTSTREAM_HEADERS_MAX + EVENTSTREAM_PAYLOAD_MAX)
#define KEPT_SIZE_MAX ((size_t)64 * 1024) /* a bigger gathering buffer is freed after its frame */

static uint32_t read_u32(const char *p)
{
    const uint8_t *b = (const uint8_t *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

void eventstream_init(struct eventstream *es)
{
    *es = (struct eventstream){.failed = ES_OK};
    buf_init(&es->partial, FRAME_MAX);
}

void eventstream_fini(struct eventstream *es)
{
    buf_fini(&es->partial);
}

/* ---- headers ------------------------------------------------------------------------------- */

#define HEADER_STRING 7

/* Bytes of a value of that type; for types 6 and 7 its length field says. -1: no such type, or the
 * length field is cut. */
static ptrdiff_t value_size(int type, struct slice rest)
{
    static const int8_t fixed[] = {0, 0, 1, 2, 4, 8, -1, -1, 8, 16};
    if (type < 0 || (size_t)type >= sizeof(fixed))
        return -1;
    if (fixed[type] >= 0)
        return fixed[type];
    if (rest.n < 2)
        return -1;
    return (uint8_t)rest.p[0] << 8 | (uint8_t)rest.p[1];
}

/* Where a header we know is kept, or NULL. */
static struct slice *slot_of(struct eventstream_message *m, struct slice name)
{
    static const struct {
        struct slice name;
        size_t offset;
    } known[] = {
        {{":message-type", 13}, offsetof(struct eventstream_message, message_type)},
        {{":event-type", 11}, offsetof(struct eventstream_message, event_type)},
        {{":exception-type", 15}, offsetof(struct eventstream_message, exception_type)},
        {{":error-code", 11}, offsetof(struct eventstream_message, error_code)},
        {{":error-message", 14}, offsetof(struct eventstream_message, error_message)},
        {{":content-type", 13}, offsetof(struct eventstream_message, content_type)},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (slice_eq(name, known[i].name))
            return (struct slice *)(void *)((char *)m + known[i].offset);
    return NULL;
}

/* Cuts one header off `*block`. A header we know must be a string and come once. */
static bool read_header(struct slice *block, struct eventstream_message *m)
{
    struct slice b = *block;
    size_t name_size = (uint8_t)*b.p;
    if (b.n < 1 + name_size + 1)
        return false;
    struct slice name = slice_make(b.p + 1, name_size);
    int type = (uint8_t)b.p[1 + name_size];
    b = slice_skip(b, 1 + name_size + 1);
    ptrdiff_t size = value_size(type, b);
    size_t length_field = type == 6 || type == HEADER_STRING ? 2 : 0;
    if (size < 0 || b.n - length_field < (size_t)size)
        return false;
    b = slice_skip(b, length_field);
    struct slice *slot = slot_of(m, name);
    if (slot && (type != HEADER_STRING || slot->p))
        return false;
    if (slot)
        *slot = slice_make(b.p, (size_t)size);
    *block = slice_skip(b, (size_t)size);
    return true;
}

/* ---- frames -------------------------------------------------------------------------------- */

/* `p` holds PRELUDE_SIZE bytes. */
static enum eventstream_error check_prelude(const char *p)
{
    size_t total = read_u32(p), headers = read_u32(p + 4);
    if (crc32_of(slice_make(p, 8)) != read_u32(p + 8))
        return ES_BAD_PRELUDE;
    if (headers > EVENTSTREAM_HEADERS_MAX || total < OVERHEAD + headers ||
        total - OVERHEAD - headers > EVENTSTREAM_PAYLOAD_MAX)
        return ES_TOO_LARGE;
    return ES_OK;
}

/* `frame` is one whole frame whose prelude was checked. */
static enum eventstream_error deliver(struct slice frame, eventstream_sink *sink, void *user)
{
    struct eventstream_message m = {.frame = frame};
    size_t headers = read_u32(frame.p + 4);
    struct slice block = slice_make(frame.p + PRELUDE_SIZE, headers);
    if (crc32_of(slice_make(frame.p, frame.n - 4)) != read_u32(frame.p + frame.n - 4))
        return ES_BAD_MESSAGE;
    while (block.n)
        if (!read_header(&block, &m))
            return ES_BAD_HEADER;
    m.payload = slice_make(frame.p + PRELUDE_SIZE + headers, frame.n - OVERHEAD - headers);
    return sink(user, &m) ? ES_OK : ES_STOPPED;
}

/* Moves bytes from `*in` to `partial` until it holds `n`, or `*in` is empty. */
static bool gather(struct eventstream *es, struct slice *in, size_t n)
{
    size_t missing = n - es->partial.n, piece = missing < in->n ? missing : in->n;
    buf_add(&es->partial, slice_make(in->p, piece));
    *in = slice_skip(*in, piece);
    return piece == missing;
}

/* Goes on with the frame in `partial`. `*done` false: more bytes are needed. */
static enum eventstream_error feed_partial(struct eventstream *es, struct slice *in,
                                           eventstream_sink *sink, void *user)
{
    enum eventstream_error e;
    if (!es->want) {
        if (!gather(es, in, PRELUDE_SIZE))
            return ES_OK;
        e = check_prelude(es->partial.p);
        if (e)
            return e;
        es->want = read_u32(es->partial.p);
    }
    if (!gather(es, in, es->want))
        return ES_OK;
    e = deliver(buf_slice(&es->partial), sink, user);
    es->want = 0;
    if (es->partial.size > KEPT_SIZE_MAX)
        buf_fini(&es->partial);
    else
        buf_reset(&es->partial);
    return e;
}

/* Frames that lie whole in the input. Leaves the cut one at the end in `*in`. */
static enum eventstream_error feed_whole(struct slice *in, eventstream_sink *sink, void *user)
{
    while (in->n >= PRELUDE_SIZE) {
        enum eventstream_error e = check_prelude(in->p);
        if (e)
            return e;
        size_t total = read_u32(in->p);
        if (in->n < total)
            return ES_OK;
        e = deliver(slice_make(in->p, total), sink, user);
        if (e)
            return e;
        *in = slice_skip(*in, total);
    }
    return ES_OK;
}

enum eventstream_error eventstream_feed(struct eventstream *es, struct slice bytes,
                                        eventstream_sink *sink, void *user)
{
    if (!es->failed && es->partial.n)
        es->failed = feed_partial(es, &bytes, sink, user);
    if (!es->failed && bytes.n)
        es->failed = feed_whole(&bytes, sink, user);
    if (!es->failed && bytes.n)
        es->failed = feed_partial(es, &bytes, sink, user);
    return es->failed;
}

bool eventstream_at_boundary(const struct eventstream *es)
{
    return es->partial.n == 0;
}

const char *eventstream_error_text(enum eventstream_error e)
{
    switch (e) {
    case ES_OK: return "no error";
    case ES_BAD_PRELUDE: return "event stream: prelude checksum is wrong";
    case ES_BAD_MESSAGE: return "event stream: message checksum is wrong";
    case ES_TOO_LARGE: return "event stream: frame too large or its lengths do not fit";
    case ES_BAD_HEADER: return "event stream: malformed header";
    case ES_STOPPED: return "event stream: stopped";
    }
    return "event stream: unknown error";
}

/* ---- writing ------------------------------------------------------------------------------- */

static void write_u32(char *p, size_t v)
{
    p[0] = (char)(v >> 24);
    p[1] = (char)(v >> 16);
    p[2] = (char)(v >> 8);
    p[3] = (char)v;
}

static char *write_header(char *p, const struct eventstream_header *h)
{
    *p++ = (char)h->name.n;
    memcpy(p, h->name.p, h->name.n);
    p += h->name.n;
    *p++ = HEADER_STRING;
    *p++ = (char)(h->value.n >> 8);
    *p++ = (char)h->value.n;
    if (h->value.n)
        memcpy(p, h->value.p, h->value.n);
    return p + h->value.n;
}

void eventstream_write(struct buf *out, const struct eventstream_header *headers, size_t n,
                       struct slice payload)
{
    size_t block = 0;
    for (size_t i = 0; i < n; i++) {
        assert(headers[i].name.n && headers[i].name.n <= UINT8_MAX);
        assert(headers[i].value.n <= INT16_MAX);
        block += 1 + headers[i].name.n + 1 + 2 + headers[i].value.n;
    }
    assert(block <= EVENTSTREAM_HEADERS_MAX && payload.n <= EVENTSTREAM_PAYLOAD_MAX);
    size_t total = OVERHEAD + block + payload.n;
    char *start = buf_reserve(out, total), *p = start;
    if (!start)
        return;
    write_u32(p, total);
    write_u32(p + 4, block);
    write_u32(p + 8, crc32_of(slice_make(start, 8)));
    p += PRELUDE_SIZE;
    for (size_t i = 0; i < n; i++)
        p = write_header(p, &headers[i]);
    if (payload.n)
        memcpy(p, payload.p, payload.n);
    write_u32(p + payload.n, crc32_of(slice_make(start, total - 4)));
    out->n += total;
}
