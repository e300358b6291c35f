/* The event-stream decoder. Frames here are built by hand from the specification (raw_frame); that
 * ours are what AWS's own code writes and reads is vectors.py's business. */

#include "check.h"
#include "eventstream_trace.h"

#include <zlib.h>

static void add_u32(struct buf *b, size_t v)
{
    const char bytes[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};
    buf_add(b, slice_make(bytes, 4));
}

/* A frame with any header block; what is added to the lengths and CRCs makes it a wrong one. */
struct raw_frame {
    struct slice headers, payload;
    uint32_t total_off, headers_off, prelude_crc_off, message_crc_off;
};

static void add_raw(struct buf *b, const struct raw_frame *f)
{
    size_t start = b->n;
    add_u32(b, 16 + f->headers.n + f->payload.n + f->total_off);
    add_u32(b, f->headers.n + f->headers_off);
    add_u32(b, crc32(0, (const Bytef *)b->p + start, 8) + f->prelude_crc_off);
    buf_add(b, f->headers);
    buf_add(b, f->payload);
    add_u32(b, crc32(0, (const Bytef *)b->p + start, (uInt)(b->n - start)) + f->message_crc_off);
}

#define TYPE_EVENT                                                                                 \
    "\x0d:message-type\x07\0\x05"                                                                  \
    "event"

static void add_delta(struct buf *b, const char *payload)
{
    struct raw_frame f = {.headers = SLICE(TYPE_EVENT "\x0b:event-type\x07\0\x05"
                                                      "delta\x0d:content-type\x07\0\x10"
                                                      "application/json"),
                          .payload = slice_of(payload)};
    add_raw(b, &f);
}

#define ABSENT "exception=0-: code=0-: text=0-: "
#define DELTA  "message=5:event event=5:delta " ABSENT "content=16:application/json "

static void check_trace(struct slice input, size_t stop_after, struct slice expected)
{
    static const uint8_t one = 1;
    uint64_t seed = 0x2545f4914f6cdd1d;
    for (int round = 0; round < 40; round++) {
        uint8_t sizes[CUTS_RANDOM];
        struct cuts cuts = {0};
        struct buf out;
        if (round == 1)
            cuts = (struct cuts){.sizes = &one, .n = 1};
        else if (round > 1)
            cuts = cuts_random(&seed, sizes);
        buf_init(&out, SIZE_MAX);
        eventstream_trace(input, cuts, stop_after, &out);
        check_slice(buf_slice(&out), expected);
        buf_fini(&out);
    }
}

static void test_stream(void **state)
{
    struct buf in;
    buf_init(&in, SIZE_MAX);
    add_delta(&in, "{\"a\":1}");
    add_delta(&in, "");
    add_delta(&in, "{\"b\":\"two\"}");
    check_trace(buf_slice(&in), 0,
                SLICE(DELTA "payload=7:{\"a\":1}\n" DELTA "payload=0:\n" DELTA
                            "payload=11:{\"b\":\"two\"}\nno error\n"));
    check_trace(buf_slice(&in), 2,
                SLICE(DELTA "payload=7:{\"a\":1}\n" DELTA "payload=0:\nevent stream: stopped\n"));
    in.n -= 1;
    check_trace(buf_slice(&in), 0,
                SLICE(DELTA "payload=7:{\"a\":1}\n" DELTA "payload=0:\nno error, cut\n"));
    check_trace(slice_make(in.p, 5), 0, SLICE("no error, cut\n"));
    check_trace(slice_make(NULL, 0), 0, SLICE("no error\n"));
    buf_fini(&in);
}

struct frame_case {
    struct raw_frame frame;
    const char *expected;
};

#define NOTHING "message=0-: event=0-: " ABSENT "content=0-: payload=1:x\nno error\n"
#define LIT(literal)                                                                               \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define HEADERS(literal) .headers = LIT(literal), .payload = LIT("x")

static const struct frame_case frames[] = {
    {{HEADERS("")}, NOTHING},
    /* every type there is, none of them ours */
    {{HEADERS("\x01t\x00\x01"
              "f\x01\x01"
              "b\x02\x7f\x01s\x03\x01\x02\x01i\x04\x01\x02\x03\x04"
              "\x01l\x05\xff\xff\xff\xff\xff\xff\xff\xff\x01y\x06\x00\x03"
              "abc\x01u\x07\x00\x00\x01m\x08\x01\x02\x03\x04\x05\x06\x07\x08"
              "\x01g\x09"
              "0123456789abcdef")},
     NOTHING},
    {{HEADERS("\x0d:message-type\x07\0\x09"
              "exception\x0f:exception-type\x07\0\x13throttlingException")},
     "message=9:exception event=0-: exception=19:throttlingException code=0-: text=0-: "
     "content=0-: payload=1:x\nno error\n"},
    {{HEADERS("\x0d:message-type\x07\0\x05"
              "error\x0b:error-code\x07\0\x03"
              "500\x0e:error-message\x07\0\0")},
     "message=5:error event=0-: exception=0-: code=3:500 text=0: content=0-: "
     "payload=1:x\nno error\n"},
    /* malformed header blocks */
    {{HEADERS("\x01")}, "event stream: malformed header\n"},
    {{HEADERS("\x01t")}, "event stream: malformed header\n"},
    {{HEADERS("\x05t\x00")}, "event stream: malformed header\n"},
    {{.headers = LIT("\x01t"), .payload = LIT("\0\0\0\0")}, "event stream: malformed header\n"},
    {{.headers = LIT("\x02t"), .payload = LIT("t\0\0\0")}, "event stream: malformed header\n"},
    {{HEADERS("\x01t\x0a")}, "event stream: malformed header\n"},
    {{HEADERS("\x01t\xff")}, "event stream: malformed header\n"},
    {{HEADERS("\x01t\x04\x01\x02\x03")}, "event stream: malformed header\n"},
    {{HEADERS("\x01t\x07\x00")}, "event stream: malformed header\n"},
    {{HEADERS("\x01t\x07\x00\x02z")}, "event stream: malformed header\n"},
    {{HEADERS("\x01t\x09"
              "0123456789abcde")},
     "event stream: malformed header\n"},
    {{HEADERS(TYPE_EVENT TYPE_EVENT)}, "event stream: malformed header\n"},
    {{HEADERS("\x0d:message-type\x06\0\x05"
              "event")},
     "event stream: malformed header\n"},
    {{HEADERS("\x0b:event-type\x04\0\0\0\x01")}, "event stream: malformed header\n"},
    /* checksums and lengths */
    {{.prelude_crc_off = 1}, "event stream: prelude checksum is wrong\n"},
    {{.message_crc_off = 1}, "event stream: message checksum is wrong\n"},
    {{.total_off = 1, .prelude_crc_off = 1}, "event stream: prelude checksum is wrong\n"},
    {{.total_off = -1u}, "event stream: frame too large or its lengths do not fit\n"},
    {{.headers_off = 1}, "event stream: frame too large or its lengths do not fit\n"},
    {{.headers_off = EVENTSTREAM_HEADERS_MAX + 1, .total_off = EVENTSTREAM_HEADERS_MAX + 1},
     "event stream: frame too large or its lengths do not fit\n"},
    {{.headers_off = 0xffffffff}, "event stream: frame too large or its lengths do not fit\n"},
    {{.total_off = EVENTSTREAM_PAYLOAD_MAX + 1},
     "event stream: frame too large or its lengths do not fit\n"},
    {{.total_off = EVENTSTREAM_PAYLOAD_MAX}, "no error, cut\n"},
    {{.headers_off = EVENTSTREAM_HEADERS_MAX,
      .total_off = EVENTSTREAM_HEADERS_MAX + EVENTSTREAM_PAYLOAD_MAX},
     "no error, cut\n"},
};

static void test_frames(void **state)
{
    for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
        struct buf in;
        buf_init(&in, SIZE_MAX);
        add_raw(&in, &frames[i].frame);
        check_trace(buf_slice(&in), 0, slice_of(frames[i].expected));
        buf_fini(&in);
    }
}

/* A frame of any byte flipped is never delivered. */
static void test_flips(void **state)
{
    struct buf in;
    buf_init(&in, SIZE_MAX);
    add_delta(&in, "{\"text\":\"hello\"}");
    for (size_t bit = 0; bit < in.n * 8; bit++) {
        struct buf out;
        buf_init(&out, SIZE_MAX);
        in.p[bit / 8] = (char)(in.p[bit / 8] ^ 1 << bit % 8);
        eventstream_trace(buf_slice(&in), (struct cuts){0}, 0, &out);
        assert_true(slice_find(buf_slice(&out), SLICE("payload")) < 0);
        in.p[bit / 8] = (char)(in.p[bit / 8] ^ 1 << bit % 8);
        buf_fini(&out);
    }
    buf_fini(&in);
}

/* A promised 24 MiB frame takes memory only for what came, and a large one is not kept. */
static void test_memory(void **state)
{
    struct eventstream es;
    struct eventstream_trace trace = {0};
    struct buf in, out;
    buf_init(&in, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    trace.out = &out;
    eventstream_init(&es);
    char *payload = calloc(1, EVENTSTREAM_PAYLOAD_MAX);
    assert_non_null(payload);
    add_raw(&in, &(struct raw_frame){.payload = {payload, EVENTSTREAM_PAYLOAD_MAX}});
    assert_int_equal(eventstream_feed(&es, slice_make(in.p, 100), trace_message, &trace), ES_OK);
    assert_true(es.partial.size <= 2048);
    assert_int_equal(
        eventstream_feed(&es, slice_make(in.p + 100, in.n - 100), trace_message, &trace), ES_OK);
    assert_int_equal(trace.count, 1);
    assert_int_equal(es.partial.size, 0);
    assert_true(eventstream_at_boundary(&es));
    free(payload);
    eventstream_fini(&es);
    buf_fini(&in);
    buf_fini(&out);
}

/* Whole frames are decoded where they lie. */
static bool in_place_sink(void *user, const struct eventstream_message *m)
{
    const struct buf *in = user;
    assert_true(m->payload.p > in->p && m->payload.p + m->payload.n < in->p + in->n);
    return true;
}

static void test_in_place(void **state)
{
    struct eventstream es;
    struct buf in;
    buf_init(&in, SIZE_MAX);
    for (int i = 0; i < 3; i++)
        add_delta(&in, "{}");
    eventstream_init(&es);
    assert_int_equal(eventstream_feed(&es, buf_slice(&in), in_place_sink, &in), ES_OK);
    assert_null(es.partial.p);
    eventstream_fini(&es);
    buf_fini(&in);
}

static void test_write(void **state)
{
    const struct eventstream_header headers[] = {
        {SLICE(":message-type"), SLICE("event")},
        {SLICE(":event-type"), SLICE("delta")},
        {SLICE(":content-type"), SLICE("application/json")},
    };
    struct buf ours, expected;
    buf_init(&ours, SIZE_MAX);
    buf_init(&expected, SIZE_MAX);
    eventstream_write(&ours, headers, 3, SLICE("{\"a\":1}"));
    eventstream_write(&ours, NULL, 0, SLICE(""));
    add_delta(&expected, "{\"a\":1}");
    add_raw(&expected, &(struct raw_frame){0});
    check_slice(buf_slice(&ours), buf_slice(&expected));
    buf_fini(&ours);
    buf_fini(&expected);
}

static void test_write_overflow(void **state)
{
    struct buf out;
    buf_init(&out, 20);
    eventstream_write(&out, NULL, 0, SLICE("hello"));
    assert_true(out.overflow);
    assert_int_equal(out.n, 0);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream),   cmocka_unit_test(test_frames),
        cmocka_unit_test(test_flips),    cmocka_unit_test(test_memory),
        cmocka_unit_test(test_write),    cmocka_unit_test(test_write_overflow),
        cmocka_unit_test(test_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
