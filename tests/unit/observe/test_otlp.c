/* OTLP's messages against bytes made by hand, in both forms; what a text may hold. */

#include "cmocka_all.h"
#include "otlp.h"

#include <stdlib.h>

#define CAP ((size_t)8 * 1024 * 1024)

static const struct otlp_span call = {
    .trace = {"4bf92f3577b34da6a3ce929d0e0e4736", 32},
    .id = {"00f067aa0ba902B7", 16},
    .name = {"chat", 4},
    .kind = OTLP_CLIENT,
    .begun_ms = 1,
    .ended_ms = 258,
};

static void write_attributes(struct otlp *o)
{
    otlp_text(o, "t", SLICE("say \"x\""));
    otlp_text(o, "none", SLICE(""));
    otlp_integer(o, "i", 300);
    otlp_integer(o, "n", -1);
    otlp_number(o, "d", 0.5);
    otlp_bool(o, "b", true);
    otlp_text_alone(o, "l", SLICE("z"));
    otlp_text_named(o, SLICE("m"), SLICE("v"));
}

static void write_small(struct buf *out, bool json, bool failed)
{
    struct otlp o;
    buf_init(out, CAP);
    otlp_begin(&o, out, json);
    otlp_text(&o, "r", SLICE("s"));
    otlp_spans(&o);
    otlp_span_begin(&o, &call);
    write_attributes(&o);
    otlp_span_end(&o, failed, SLICE("no"));
    otlp_end(&o);
    assert_false(out->overflow);
}

static void assert_bytes(const struct buf *found, struct slice expected)
{
    assert_int_equal(found->n, expected.n);
    assert_memory_equal(found->p, expected.p, expected.n);
}

/* A length that is filled in: four bytes. */
#define PADDED(low, high) low high "\x80\x00"
#define SCOPE_SIZE        (10 + sizeof(LINTEL_VERSION) - 1)

static void protobuf_is_as_made_by_hand(void **state)
{
    static const char span[] =
        "\x0a\x10\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36"
        "\x12\x08\x00\xf0\x67\xaa\x0b\xa9\x02\xb7"
        "\x2a\x04"
        "chat"
        "\x30\x03"
        "\x39\x40\x42\x0f\x00\x00\x00\x00\x00"
        "\x41\x80\xc4\x60\x0f\x00\x00\x00\x00"
        "\x4a\x0e\x0a\x01t\x12\x09\x0a\x07say \"x\""
        "\x4a\x08\x0a\x01i\x12\x03\x18\xac\x02"
        "\x4a\x10\x0a\x01n\x12\x0b\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
        "\x4a\x0e\x0a\x01"
        "d\x12\x09\x21\x00\x00\x00\x00\x00\x00\xe0\x3f"
        "\x4a\x07\x0a\x01"
        "b\x12\x02\x10\x01"
        "\x4a" PADDED("\x95", "\x80") "\x0a\x01l\x12" PADDED("\x8d", "\x80") "\x2a" PADDED(
            "\x88", "\x80") "\x0a" PADDED("\x83", "\x80") "\x0a\x01z"
                                                          "\x4a\x08\x0a\x01m\x12\x03\x0a\x01v"
                                                          "\x7a" PADDED(
                                                              "\x86", "\x80") "\x12\x02no\x18\x02";
    struct buf found, expected;
    struct protobuf p;
    write_small(&found, false, true);
    buf_init(&expected, CAP);
    protobuf_begin(&p, &expected);
    protobuf_open(&p, 1);
    buf_add(&expected, SLICE("\x0a" PADDED("\x8a", "\x80") "\x0a\x08\x0a\x01r\x12\x03\x0a\x01s"));
    protobuf_open(&p, 2);
    protobuf_open(&p, 1);
    BUF_LITERAL(&expected, "\x0a\x06lintel\x12");
    buf_add_char(&expected, (char)(sizeof(LINTEL_VERSION) - 1));
    BUF_LITERAL(&expected, LINTEL_VERSION);
    assert_int_equal(p.out->n - p.marks[2], SCOPE_SIZE);
    protobuf_close(&p);
    protobuf_open(&p, 2);
    buf_add(&expected, slice_make(span, sizeof(span) - 1));
    protobuf_close(&p);
    protobuf_close(&p);
    protobuf_close(&p);
    assert_bytes(&found, buf_slice(&expected));
    buf_fini(&found);
    buf_fini(&expected);
}

#define JSON_HEAD                                                                                  \
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":["                                          \
    "{\"key\":\"r\",\"value\":{\"stringValue\":\"s\"}}]},"                                         \
    "\"scopeSpans\":[{\"scope\":{\"name\":\"lintel\",\"version\":\"" LINTEL_VERSION "\"},"         \
    "\"spans\":[{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\","                                \
    "\"spanId\":\"00f067aa0ba902B7\",\"name\":\"chat\",\"kind\":3,"                                \
    "\"startTimeUnixNano\":\"1000000\",\"endTimeUnixNano\":\"258000000\",\"attributes\":["         \
    "{\"key\":\"t\",\"value\":{\"stringValue\":\"say \\\"x\\\"\"}},"                               \
    "{\"key\":\"i\",\"value\":{\"intValue\":\"300\"}},"                                            \
    "{\"key\":\"n\",\"value\":{\"intValue\":\"-1\"}},"                                             \
    "{\"key\":\"d\",\"value\":{\"doubleValue\":0.5}},"                                             \
    "{\"key\":\"b\",\"value\":{\"boolValue\":true}},"                                              \
    "{\"key\":\"l\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"z\"}]}}},"           \
    "{\"key\":\"m\",\"value\":{\"stringValue\":\"v\"}}],\"status\":{"
#define JSON_TAIL "}}]}]}]}"

static void json_is_as_made_by_hand(void **state)
{
    struct buf found;
    write_small(&found, true, true);
    assert_bytes(&found, SLICE(JSON_HEAD "\"code\":2,\"message\":\"no\"" JSON_TAIL));
    buf_fini(&found);
    write_small(&found, true, false);
    assert_bytes(&found, SLICE(JSON_HEAD "\"code\":0" JSON_TAIL));
    buf_fini(&found);
}

static void lengths_of_one_to_four_bytes(void **state)
{
    static const size_t sizes[] = {1, 100, 127, 128, 16383, 16384, 2097151, 2097152};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct buf out, expected;
        struct otlp o;
        size_t n = sizes[i], value = 1 + protobuf_varint_size(n) + n;
        size_t pair = 4 + protobuf_varint_size(value) + value;
        char *text = malloc(n), *p;
        memset(text, 'x', n);
        buf_init(&out, CAP);
        buf_init(&expected, CAP);
        otlp_begin(&o, &out, false);
        size_t begun = out.n;
        otlp_text(&o, "k", slice_make(text, n));
        p = buf_reserve(&expected, 64);
        *p++ = '\x0a';
        p = protobuf_put_varint(p, pair);
        memcpy(p, "\x0a\x01k\x12", 4);
        p = protobuf_put_varint(p + 4, value);
        *p++ = '\x0a';
        p = protobuf_put_varint(p, n);
        expected.n = (size_t)(p - expected.p);
        buf_add(&expected, slice_make(text, n));
        assert_int_equal(out.n - begun, expected.n);
        assert_memory_equal(out.p + begun, expected.p, expected.n);
        free(text);
        buf_fini(&out);
        buf_fini(&expected);
    }
}

static void varints(void **state)
{
    static const struct {
        uint64_t value;
        struct slice bytes;
    } rows[] = {
        {0, {"\x00", 1}},
        {127, {"\x7f", 1}},
        {128, {"\x80\x01", 2}},
        {16383, {"\xff\x7f", 2}},
        {16384, {"\x80\x80\x01", 3}},
        {2097152, {"\x80\x80\x80\x01", 4}},
        {UINT64_MAX, {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char room[PROTOBUF_VARINT_MAX];
        size_t n = (size_t)(protobuf_put_varint(room, rows[i].value) - room);
        assert_int_equal(n, rows[i].bytes.n);
        assert_int_equal(protobuf_varint_size(rows[i].value), n);
        assert_memory_equal(room, rows[i].bytes.p, n);
    }
}

#define FFFD "\xef\xbf\xbd"

/* Every way not to be UTF-8 (Unicode 15, section 3.9). */
static const char *const bad_texts[][2] = {
    {"\x80", FFFD},                                     /* goes on without a beginning … */
    {"\xbf", FFFD},                                     /* … the last of these */
    {"\xc0\xaf", FFFD FFFD},                            /* '/' in two bytes */
    {"\xc1\xbf", FFFD FFFD},                            /* the longest of those */
    {"\xe0\x9f\xbf", FFFD FFFD FFFD},                   /* two bytes would do */
    {"\xf0\x8f\xbf\xbf", FFFD FFFD FFFD FFFD},          /* three would */
    {"\xed\xa0\x80", FFFD FFFD FFFD},                   /* the first surrogate … */
    {"\xed\xbf\xbf", FFFD FFFD FFFD},                   /* … and the last */
    {"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD},          /* beyond U+10FFFF */
    {"\xf5\x80\x80\x80", FFFD FFFD FFFD FFFD},          /* so is all that begins so … */
    {"\xf8\x88\x80\x80\x80", FFFD FFFD FFFD FFFD FFFD}, /* … or in five bytes */
    {"\xfe", FFFD},
    {"\xff", FFFD},
    {"\xc3", FFFD}, /* cut within … */
    {"\xe2\x82", FFFD FFFD},
    {"\xf0\x9f\x98", FFFD FFFD FFFD},
    {"\xc3(", FFFD "("}, /* … or broken off by another */
    {"\xe2\x82(", FFFD FFFD "("},
    {"\xf0\x9f(\x98", FFFD FFFD "(" FFFD},
    {"\xe2\x82\xc3\xa9", FFFD FFFD "\xc3\xa9"},
    {"caf\xe9", "caf" FFFD}, /* another encoding */
    {"a long one, and then \xc3", "a long one, and then " FFFD},
    {"\x80 behind it\xc3\xa9", FFFD " behind it\xc3\xa9"},
};
#define BAD_TEXTS (sizeof(bad_texts) / sizeof(*bad_texts))

static void texts_are_made_utf8(void **state)
{
    static const char *const good[] = {"",
                                       "plain",
                                       "\xc3\xa9 eight bytes \xc3\xa9",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    struct buf room;
    for (size_t i = 0; i < BAD_TEXTS; i++) {
        struct slice found = protobuf_utf8(slice_of(bad_texts[i][0]), &room);
        assert_int_equal(found.n, strlen(bad_texts[i][1]));
        assert_memory_equal(found.p, bad_texts[i][1], found.n);
        buf_fini(&room);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct slice found = protobuf_utf8(slice_of(good[i]), &room);
        assert_ptr_equal(found.p, good[i]); /* not even copied */
        buf_fini(&room);
    }
}

/* A span that has the text wherever a span has one. */
static void write_everywhere(struct buf *out, bool json, struct slice text)
{
    struct otlp o;
    struct otlp_span span = call;
    span.name = span.trace_state = text;
    buf_init(out, CAP);
    otlp_begin(&o, out, json);
    otlp_spans(&o);
    otlp_span_begin(&o, &span);
    otlp_text(&o, "a", text);
    otlp_text_named(&o, text, text);
    otlp_text_alone(&o, "b", text);
    otlp_span_end(&o, true, text);
    otlp_end(&o);
}
#define EVERYWHERE 7

static size_t count(struct slice all, const char *text)
{
    size_t n = 0;
    for (; all.n; all = slice_skip(all, 1))
        n += slice_starts(all, slice_of(text));
    return n;
}

static void every_text_of_a_span_is_made_utf8(void **state)
{
    for (size_t i = 0; i < 2 * BAD_TEXTS; i++) {
        struct arena a;
        struct buf out;
        bool json = i % 2;
        const char *const *row = bad_texts[i / 2];
        arena_init(&a);
        struct slice bad = ARENA_JOIN(&a, SLICE("<"), slice_of(row[0]), SLICE(">"));
        struct slice mended = ARENA_JOIN(&a, SLICE("<"), slice_of(row[1]), SLICE(">"));
        write_everywhere(&out, json, bad);
        assert_int_equal(count(buf_slice(&out), mended.p), EVERYWHERE);
        assert_int_equal(slice_find(buf_slice(&out), bad), -1);
        if (json)
            assert_non_null(json_parse(buf_slice(&out), &a, NULL)); /* takes nothing else */
        buf_fini(&out);
        arena_fini(&a);
    }
}

/* Wherever room ends, nothing is written beyond it. */
static void write_input(struct buf *out, bool json, const struct slice *pieces, size_t n)
{
    struct otlp o;
    buf_init(out, CAP);
    otlp_begin(&o, out, json);
    otlp_spans(&o);
    otlp_span_begin(&o, &call);
    if (n == 1)
        otlp_text(&o, "input", *pieces);
    else
        otlp_add_pieces(&o, OTLP_TEXT("input"), pieces, n);
    otlp_bool(&o, "b", true);
    otlp_span_end(&o, false, SLICE(""));
    otlp_end(&o);
}

/* A text in pieces is the same as one. */
static void pieces_are_one_text(void **state)
{
    static char many[20000];
    static const size_t sizes[] = {0, 1, 90, 127, 128, 20000};
    memset(many, '"', sizeof(many));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        for (int json = 0; json < 2; json++) {
            struct buf one, apart;
            struct slice whole = slice_make(many, sizes[i]);
            struct slice pieces[] = {slice_make(many, sizes[i] / 3), SLICE(""), slice_make(NULL, 0),
                                     slice_skip(whole, sizes[i] / 3)};
            write_input(&one, json, &whole, 1);
            write_input(&apart, json, pieces, 4);
            assert_bytes(&apart, buf_slice(&one));
            buf_fini(&one);
            buf_fini(&apart);
        }
}

static void what_does_not_fit_shows(void **state)
{
    struct buf whole;
    write_small(&whole, false, true);
    for (size_t cap = 0; cap < whole.n; cap++) {
        struct buf out;
        struct otlp o;
        buf_init(&out, cap);
        otlp_begin(&o, &out, false);
        otlp_spans(&o);
        otlp_span_begin(&o, &call);
        write_attributes(&o);
        otlp_span_end(&o, true, SLICE("no"));
        otlp_end(&o);
        if (cap < whole.n / 2)
            assert_true(out.overflow);
        buf_fini(&out);
    }
    buf_fini(&whole);
}

#define ROW(literal)                                                                               \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* ExportTraceServiceResponse, as collectors answer. */
static void partial_success(void **state)
{
    static const struct {
        struct slice answer;
        size_t missed;
        const char *why;
    } rows[] = {
        {ROW(""), 0, ""},
        {ROW("{}"), 0, ""},
        {ROW("{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"full\"}}"), 3,
         "full"},
        {ROW("{\"partialSuccess\":{\"rejectedSpans\":2}}"), 2, ""},
        {ROW("{\"partialSuccess\":{\"rejectedSpans\":-2}}"), 0, ""},
        {ROW("{\"partialSuccess\":"), 0, ""},
        {ROW("\x0a\x00"), 0, ""},
        {ROW("\x0a\x09\x08\xac\x02\x12\x04"
             "full"),
         300, "full"},
        {ROW("\x0a\x06\x12\x04"
             "warn"),
         0, "warn"},
        {ROW("\x0a\x03\x0a\x01\x05"), 0, ""}, /* bytes for a number */
        {ROW("\x0a\x7f\x08\x01"), 0, ""},     /* longer than it is */
        {ROW("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), 0, ""},
        {ROW("accepted"), 0, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct arena a;
        struct slice why = SLICE("");
        arena_init(&a);
        assert_int_equal(otlp_missed(rows[i].answer, &a, &why), rows[i].missed);
        assert_true(slice_eq(why, slice_of(rows[i].why)));
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protobuf_is_as_made_by_hand),
        cmocka_unit_test(json_is_as_made_by_hand),
        cmocka_unit_test(lengths_of_one_to_four_bytes),
        cmocka_unit_test(varints),
        cmocka_unit_test(texts_are_made_utf8),
        cmocka_unit_test(every_text_of_a_span_is_made_utf8),
        cmocka_unit_test(pieces_are_one_text),
        cmocka_unit_test(what_does_not_fit_shows),
        cmocka_unit_test(partial_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
