/* The request parser: what is read, what is refused, and that cutting the input changes nothing. */

#include "check.h"
#include "http1_trace.h"

#define HOST "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST
#define CHUNKED                                                                                    \
    POST "Transfer-Encoding: chunked\r\n"                                                          \
         "\r\n"
#define CHUNKED_HEAD "POST /|/?|1.1 keep -1 chunked|Host=a;Transfer-Encoding=chunked;\n"

/* Whole, byte by byte, and at seeded random cuts; all must give `expected`. */
static void check_trace(struct slice input, struct slice expected)
{
    static const uint8_t one = 1;
    uint64_t seed = 0x9e3779b97f4a7c15;
    for (int round = 0; round < 24; round++) {
        uint8_t sizes[CUTS_RANDOM];
        struct cuts cuts = {0};
        struct buf out;
        if (round == 1)
            cuts = (struct cuts){.sizes = &one, .n = 1};
        else if (round > 1)
            cuts = cuts_random(&seed, sizes);
        buf_init(&out, SIZE_MAX);
        http1_trace(input, cuts, &out);
        check_slice(buf_slice(&out), expected);
        buf_fini(&out);
    }
}

struct reading {
    const char *input;
    const char *expected;
};

static const struct reading readings[] = {
    {"GET /v1/models HTTP/1.1\r\nHost: a:4000\r\nAccept: */*\r\n\r\n",
     "GET /v1/models|/v1/models?|1.1 keep 0|Host=a:4000;Accept=*/*;\n\nEND\nMORE\n"},
    {"GET /a%2Fb?x=1&y=%3F?z HTTP/1.1\r\n" HOST "\r\n",
     "GET /a%2Fb?x=1&y=%3F?z|/a%2Fb?x=1&y=%3F?z|1.1 keep 0|Host=a;\n\nEND\nMORE\n"},
    {"GET /? HTTP/1.1\r\n" HOST "\r\n", "GET /?|/?|1.1 keep 0|Host=a;\n\nEND\nMORE\n"},
    /* white space around a value goes, inside it stays; a value may be empty */
    {GET "A: \t b \t c \t\r\nB:\r\nC:   \r\nD:d\r\n\r\n",
     "GET /|/?|1.1 keep 0|Host=a;A=b \t c;B=;C=;D=d;\n\nEND\nMORE\n"},
    {GET "X-Utf8: caf\xc3\xa9\r\n\r\n",
     "GET /|/?|1.1 keep 0|Host=a;X-Utf8=caf\xc3\xa9;\n\nEND\nMORE\n"},
    {GET "!#$%&'*+-.^_`|~: token\r\n\r\n",
     "GET /|/?|1.1 keep 0|Host=a;!#$%&'*+-.^_`|~=token;\n\nEND\nMORE\n"},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET /|/?|1.1 keep 0|Host=;\n\nEND\nMORE\n"},
    {"GET / HTTP/1.1\r\nHost: [::1]:4000\r\n\r\n",
     "GET /|/?|1.1 keep 0|Host=[::1]:4000;\n\nEND\nMORE\n"},
    /* keep-alive */
    {"GET / HTTP/1.0\r\n\r\n", "GET /|/?|1.0 close 0|\n\nEND\nMORE\n"},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
     "GET /|/?|1.0 keep 0|Connection=Keep-Alive;\n\nEND\nMORE\n"},
    {GET "Connection: close\r\n\r\n",
     "GET /|/?|1.1 close 0|Host=a;Connection=close;\n\nEND\nMORE\n"},
    {GET "Connection: TE ,\tClose\r\n\r\n",
     "GET /|/?|1.1 close 0|Host=a;Connection=TE ,\tClose;\n\nEND\nMORE\n"},
    {GET "Connection: closed\r\n\r\n",
     "GET /|/?|1.1 keep 0|Host=a;Connection=closed;\n\nEND\nMORE\n"},
    {GET "Connection: keep-alive\r\nConnection: close\r\n\r\n",
     "GET /|/?|1.1 close 0|Host=a;Connection=keep-alive;Connection=close;\n\nEND\nMORE\n"},
    /* bodies by length */
    {POST "Content-Length: 5\r\n\r\nhello",
     "POST /|/?|1.1 keep 5|Host=a;Content-Length=5;\nhello\nEND\nMORE\n"},
    {POST "content-LENGTH:0005 \r\n\r\nhel",
     "POST /|/?|1.1 keep 5|Host=a;content-LENGTH=0005;\nhelMORE in request\n"},
    {POST "Content-Length: 0\r\n\r\n",
     "POST /|/?|1.1 keep 0|Host=a;Content-Length=0;\n\nEND\nMORE\n"},
    {"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi",
     "POST /|/?|1.0 close 2|Content-Length=2;\nhi\nEND\nMORE\n"},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi",
     "GET /|/?|1.1 keep 2|Host=a;Content-Length=2;\nhi\nEND\nMORE\n"},
    {POST "Content-Length: 9223372036854775807\r\n\r\nx",
     "POST /|/?|1.1 keep 9223372036854775807|Host=a;Content-Length=9223372036854775807;\n"
     "xMORE in request\n"},
    /* Expect */
    {POST "Content-Length: 1\r\nExpect: 100-Continue\r\n\r\nx",
     "POST /|/?|1.1 keep 1 expect|Host=a;Content-Length=1;Expect=100-Continue;\nx\nEND\nMORE\n"},
    {GET "Expect: 100-continue\r\n\r\n",
     "GET /|/?|1.1 keep 0|Host=a;Expect=100-continue;\n\nEND\nMORE\n"},
    {"POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
     "POST /|/?|1.0 close 1|Content-Length=1;Expect=100-continue;\nx\nEND\nMORE\n"},
    /* chunks */
    {CHUNKED "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", CHUNKED_HEAD "hello!\nEND\nMORE\n"},
    {CHUNKED "0\r\n\r\n", CHUNKED_HEAD "\nEND\nMORE\n"},
    {CHUNKED "A\r\n0123456789\r\n00000000000a\r\nabcdefghij\r\n000\r\n\r\n",
     CHUNKED_HEAD "0123456789abcdefghij\nEND\nMORE\n"},
    {CHUNKED "1;a=b;c=\"\td\"\r\nx\r\n0;last\r\n\r\n", CHUNKED_HEAD "x\nEND\nMORE\n"},
    {CHUNKED "1;\r\nx\r\n0\r\nDigest: abc\r\nEmpty:\r\n\r\n", CHUNKED_HEAD "x\nEND\nMORE\n"},
    {CHUNKED "3\r\n\r\n\n\r\n0\r\n\r\n", CHUNKED_HEAD "\r\n\n\nEND\nMORE\n"},
    {CHUNKED "5\r\nhel", CHUNKED_HEAD "helMORE in request\n"},
    {POST "Transfer-Encoding:\tCHUNKED \r\n\r\n0\r\n\r\n",
     "POST /|/?|1.1 keep -1 chunked|Host=a;Transfer-Encoding=CHUNKED;\n\nEND\nMORE\n"},
    /* one after the other on one connection */
    {GET "\r\n" POST "Content-Length: 3\r\n\r\nabc" GET "\r\n",
     "GET /|/?|1.1 keep 0|Host=a;\n\nEND\n"
     "POST /|/?|1.1 keep 3|Host=a;Content-Length=3;\nabc\nEND\n"
     "GET /|/?|1.1 keep 0|Host=a;\n\nEND\nMORE\n"},
    {CHUNKED "1\r\nx\r\n0\r\n\r\n\r\n" GET "\r\nGE",
     CHUNKED_HEAD "x\nEND\nGET /|/?|1.1 keep 0|Host=a;\n\nEND\nMORE in request\n"},
    {"\r\n\r\n\r\n\r\n" GET "\r\n", "GET /|/?|1.1 keep 0|Host=a;\n\nEND\nMORE\n"},
    {"\r\n\r\n\r\n" GET "\r\n\r\n\r\n\r\n" GET "\r\n",
     "GET /|/?|1.1 keep 0|Host=a;\n\nEND\nGET /|/?|1.1 keep 0|Host=a;\n\nEND\nMORE\n"},
    {"", "MORE\n"},
    {"\r\n\r", "MORE\n"},
    {"G", "MORE in request\n"},
    {"GET / HTTP/1.1\r\n" HOST, "MORE in request\n"},
    /* an upgrade is only a wish; what follows is the next request, not another protocol */
    {GET "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n" GET "\r\n",
     "GET /|/?|1.1 keep 0|Host=a;Upgrade=websocket;Connection=Upgrade;\n\nEND\n"
     "GET /|/?|1.1 keep 0|Host=a;\n\nEND\nMORE\n"},
    {POST "Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nhi" GET "\r\n",
     "POST /|/?|1.1 keep 2|Host=a;Upgrade=h2c;Connection=Upgrade;Content-Length=2;\nhi\nEND\n"
     "GET /|/?|1.1 keep 0|Host=a;\n\nEND\nMORE\n"},
    /* reasons that help whoever reads them */
    {GET "A: b\r\n c\r\n\r\n", "BAD 400 folded header lines are not accepted\n"},
    {"GET / HTTP/1.1\n", "BAD 400 line feed without carriage return\n"},
    {"GET / HTTP/1.1\rHost", "BAD 400 carriage return without line feed\n"},
    {"GET / HTTP/1.1\r\n\r\n", "BAD 400 exactly one Host header is needed\n"},
    /* forms of the target */
    {"GET http://a/x?y HTTP/1.1\r\n" HOST "\r\n",
     "GET http://a/x?y|/x?y|1.1 keep 0|Host=a;\n\nEND\nMORE\n"},
    {"GET HTTPS://a:1?y HTTP/1.1\r\n" HOST "\r\n",
     "GET HTTPS://a:1?y|/?y|1.1 keep 0|Host=a;\n\nEND\nMORE\n"},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS *|*?|1.1 keep 0|Host=a;\n\nEND\nMORE\n"},
    {"OPTIONS /v1/models HTTP/1.1\r\n" HOST "\r\n",
     "OPTIONS /v1/models|/v1/models?|1.1 keep 0|Host=a;\n\nEND\nMORE\n"},
};

static void test_readings(void **state)
{
    for (size_t i = 0; i < sizeof(readings) / sizeof(*readings); i++)
        check_trace(slice_of(readings[i].input), slice_of(readings[i].expected));
}

struct refusal {
    int status;
    struct slice input;
};

#define BAD(status, literal)                                                                       \
    {                                                                                              \
        status,                                                                                    \
        {                                                                                          \
            literal, sizeof(literal) - 1                                                           \
        }                                                                                          \
    }

static const struct refusal refusals[] = {
    /* the request line */
    BAD(400, "GET /\r\n\r\n"),
    BAD(400, "GET  / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    BAD(400, "GET /  HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, " GET / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET\t/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/1.1x\r\n" HOST "\r\n"),
    BAD(400, "GET / http/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/11\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/1.10\r\n" HOST "\r\n"),
    BAD(400, "GET / HTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "G(T / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET a HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET * HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http:///x HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET ftp://a/x HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET /#top HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET /caf\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET /\x7f HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "\r\n\r\n\r\n\r\n\r\n" GET "\r\n"),
    BAD(400, "\rGET / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "\n" GET "\r\n"),
    BAD(400, "\x16\x03\x01\x02"), /* a TLS hello */
    BAD(501, "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n"),
    BAD(501, "BREW / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(501, "get / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(501, "PROPFIND / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    BAD(505, "GET / HTTP/2.0\r\n" HOST "\r\n"),
    BAD(505, "GET / HTTP/1.2\r\n" HOST "\r\n"),
    BAD(505, "GET / HTTP/0.9\r\n" HOST "\r\n"),
    /* line ends and control characters */
    BAD(400, "GET / HTTP/1.1\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: a\n\r\n"),
    BAD(400, GET "\n"),
    BAD(400, GET "A: b\rc\r\n\r\n"),
    BAD(400, GET "A: b\r\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r" HOST "\r\n"),
    BAD(400, GET "\rX: y\r\n\r\n"),
    BAD(400, GET "A: b\0c\r\n\r\n"),
    BAD(400, GET "A: b\x0b"
                 "c\r\n\r\n"),
    BAD(400, GET "A: b\x7f\r\n\r\n"),
    BAD(400, GET "A: \x1b[0m\r\n\r\n"),
    /* header lines */
    BAD(400, GET "A: b\r\n c\r\n\r\n"),
    BAD(400, GET "A: b\r\n\tc\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    BAD(400, GET "A : b\r\n\r\n"),
    BAD(400, GET "A\t: b\r\n\r\n"),
    BAD(400, GET "A B: c\r\n\r\n"),
    BAD(400, GET ": b\r\n\r\n"),
    BAD(400, GET "novalue\r\n\r\n"),
    BAD(400, GET "caf\xc3\xa9: x\r\n\r\n"),
    BAD(400, GET "A[0]: x\r\n\r\n"),
    /* Host */
    BAD(400, "GET / HTTP/1.1\r\n\r\n"),
    BAD(400, GET HOST "\r\n"),
    BAD(400, "GET / HTTP/1.0\r\n" HOST HOST "\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    /* two lengths, or a length that is none */
    BAD(400, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
    BAD(400, POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    BAD(400, POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    BAD(400, POST "Content-Length: 5, 5\r\n\r\nhello"),
    BAD(400, POST "Content-Length: +5\r\n\r\nhello"),
    BAD(400, POST "Content-Length: -5\r\n\r\nhello"),
    BAD(400, POST "Content-Length: -0\r\n\r\n"),
    BAD(400, POST "Content-Length: 0x5\r\n\r\nhello"),
    BAD(400, POST "Content-Length: 5.0\r\n\r\nhello"),
    BAD(400, POST "Content-Length: 5 5\r\n\r\nhello"),
    BAD(400, POST "Content-Length: 1e3\r\n\r\nhello"),
    BAD(400, POST "Content-Length:\r\n\r\n"),
    BAD(400, POST "Content-Length: 9223372036854775808\r\n\r\n"),
    BAD(400, POST "Content-Length: 18446744073709551621\r\n\r\nhello"),
    BAD(400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    BAD(400, POST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    BAD(400, POST "Transfer-Encoding: chunked, gzip\r\n\r\n"),
    BAD(501, POST "Transfer-Encoding: gzip\r\n\r\n"),
    BAD(501, POST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    BAD(501, POST "Transfer-Encoding: identity\r\n\r\n"),
    BAD(501, POST "Transfer-Encoding: xchunked\r\n\r\n"),
    BAD(501, POST "Transfer-Encoding: \"chunked\"\r\n\r\n"),
    BAD(501, POST "Transfer-Encoding:\r\n\r\n"),
    BAD(417, POST "Content-Length: 1\r\nExpect: 200-ok\r\n\r\nx"),
    BAD(417, POST "Content-Length: 1\r\nExpect: 100-continue, x\r\n\r\nx"),
    /* chunk framing */
    BAD(400, CHUNKED "\r\n"),
    BAD(400, CHUNKED "g\r\n"),
    BAD(400, CHUNKED "-1\r\n"),
    BAD(400, CHUNKED "+1\r\n"),
    BAD(400, CHUNKED "0x1\r\nx\r\n"),
    BAD(400, CHUNKED " 1\r\nx\r\n"),
    BAD(400, CHUNKED "1 \r\nx\r\n"),
    BAD(400, CHUNKED "1 ;a\r\nx\r\n"),
    BAD(400, CHUNKED "1\nx\r\n"),
    BAD(400, CHUNKED "1\rx\r\n"),
    BAD(400, CHUNKED "1;a\nx\r\n"),
    BAD(400, CHUNKED "1;a\0\r\nx\r\n"),
    BAD(400, CHUNKED "1;a\rb\r\nx\r\n"),
    BAD(400, CHUNKED ";a\r\nx\r\n"),
    BAD(400, CHUNKED "1\r\nxy\r\n"),
    BAD(400, CHUNKED "1\r\nx\n0\r\n\r\n"),
    BAD(400, CHUNKED "1\r\nx\rx"),
    BAD(400, CHUNKED "1\r\nx0\r\n\r\n"),
    BAD(400, CHUNKED "0\r\n\n"),
    BAD(400, CHUNKED "0\r\n\rx"),
    BAD(400, CHUNKED "0\r\nA: b\n\r\n"),
    BAD(400, CHUNKED "0\r\nA: b\r\n c\r\n\r\n"),
    BAD(400, CHUNKED "0\r\nA b: c\r\n\r\n"),
    BAD(400, CHUNKED "0\r\nAb\r\n\r\n"),
    BAD(400, CHUNKED "0\r\n:\r\n\r\n"),
    BAD(400, CHUNKED "0\r\nA: \x01\r\n\r\n"),
    BAD(400, CHUNKED "10000000000000000\r\n"),
    BAD(400, CHUNKED "ffffffffffffffff\r\n"),
    BAD(400, CHUNKED "00000000000000001\r\n"),
};

/* What the trace says last must be "BAD <status> ". */
static void check_refused(struct slice input, int status)
{
    static const uint8_t one = 1;
    struct buf whole, bytes;
    char expected[16];
    buf_init(&whole, SIZE_MAX);
    buf_init(&bytes, SIZE_MAX);
    http1_trace(input, (struct cuts){0}, &whole);
    http1_trace(input, (struct cuts){.sizes = &one, .n = 1}, &bytes);
    check_slice(buf_slice(&bytes), buf_slice(&whole));
    size_t n = (size_t)snprintf(expected, sizeof(expected), "BAD %d ", status);
    if (slice_find(buf_slice(&whole), slice_make(expected, n)) < 0)
        fail_msg("%.*s\nexpected %d, got %.*s", SLICE_ARG(input), status,
                 SLICE_ARG(buf_slice(&whole)));
    check_trace(input, buf_slice(&whole));
    buf_fini(&whole);
    buf_fini(&bytes);
}

static void test_refusals(void **state)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
        check_refused(refusals[i].input, refusals[i].status);
}

static void add_fill(struct buf *b, char c, size_t n)
{
    memset(buf_reserve(b, n), c, n);
    b->n += n;
}

/* "GET /xxx… HTTP/1.1" with a target of that size, and an end. */
static void check_target_size(size_t size, int status)
{
    struct buf in, out;
    buf_init(&in, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    BUF_LITERAL(&in, "GET /");
    add_fill(&in, 'x', size - 1);
    BUF_LITERAL(&in, " HTTP/1.1\r\n" HOST "\r\n");
    http1_trace(buf_slice(&in), (struct cuts){0}, &out);
    assert_int_equal(slice_starts(buf_slice(&out), SLICE("BAD 414 ")), status == 414);
    check_trace(buf_slice(&in), buf_slice(&out));
    buf_fini(&in);
    buf_fini(&out);
}

static void test_target_cap(void **state)
{
    check_target_size(HTTP1_TARGET_MAX, 200);
    check_target_size(HTTP1_TARGET_MAX + 1, 414);
    check_target_size(HTTP1_TARGET_MAX + 5, 414); /* the line cap cuts in the version */
    check_target_size((size_t)HTTP1_HEAD_MAX * 2, 414);
}

/* A head of exactly `size` bytes. */
static void check_head_size(size_t size, bool refused)
{
    struct buf in, out;
    buf_init(&in, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    BUF_LITERAL(&in, GET "A: ");
    add_fill(&in, 'x', size - in.n - 4);
    BUF_LITERAL(&in, "\r\n\r\n");
    assert_int_equal(in.n, size);
    http1_trace(buf_slice(&in), (struct cuts){0}, &out);
    assert_int_equal(slice_starts(buf_slice(&out), SLICE("BAD 431 ")), refused);
    check_trace(buf_slice(&in), buf_slice(&out));
    buf_fini(&in);
    buf_fini(&out);
}

static void test_head_cap(void **state)
{
    check_head_size(HTTP1_HEAD_MAX, false);
    check_head_size(HTTP1_HEAD_MAX + 1, true);
    check_head_size(HTTP1_HEAD_MAX + 2, true);
    check_head_size(HTTP1_HEAD_MAX * 3, true);
}

static void check_header_count(size_t count, bool refused)
{
    struct buf in, out;
    buf_init(&in, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    BUF_LITERAL(&in, GET);
    for (size_t i = 1; i < count; i++)
        buf_addf(&in, "H%zu: %zu\r\n", i, i);
    BUF_LITERAL(&in, "\r\n");
    http1_trace(buf_slice(&in), (struct cuts){0}, &out);
    assert_int_equal(slice_starts(buf_slice(&out), SLICE("BAD 431 ")), refused);
    assert_int_equal(slice_find(buf_slice(&out), SLICE(";H127=127;")) > 0, !refused);
    check_trace(buf_slice(&in), buf_slice(&out));
    buf_fini(&in);
    buf_fini(&out);
}

static void test_header_count(void **state)
{
    check_header_count(HTTP1_HEADERS_MAX, false);
    check_header_count(HTTP1_HEADERS_MAX + 1, true);
    check_header_count(1000, true);
}

/* Extensions and trailers have one budget of 16 KiB, however many chunks share it. */
static void test_body_extra_cap(void **state)
{
    struct buf in;
    buf_init(&in, SIZE_MAX);
    BUF_LITERAL(&in, CHUNKED);
    for (int i = 0; i < 160; i++) {
        BUF_LITERAL(&in, "1;");
        add_fill(&in, 'e', 98);
        BUF_LITERAL(&in, "\r\nx\r\n");
    }
    struct buf out;
    buf_init(&out, SIZE_MAX);
    http1_trace(buf_slice(&in), (struct cuts){0}, &out);
    assert_true(slice_ends(buf_slice(&out), SLICE("xxMORE in request\n")));
    buf_fini(&out);
    BUF_LITERAL(&in, "0\r\nT: ");
    add_fill(&in, 't', 1000);
    check_refused(buf_slice(&in), 400);
    buf_fini(&in);
}

/* A size line of many small chunks costs nothing of that budget, leading zeros or not. */
static void test_many_chunks(void **state)
{
    struct buf in, out;
    buf_init(&in, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    BUF_LITERAL(&in, CHUNKED);
    for (int i = 0; i < 20000; i++)
        BUF_LITERAL(&in, "00000001\r\nx\r\n");
    BUF_LITERAL(&in, "0\r\n\r\n");
    http1_trace(buf_slice(&in), (struct cuts){0}, &out);
    assert_int_equal(out.n, sizeof(CHUNKED_HEAD) - 1 + 20000 + sizeof("\nEND\nMORE\n") - 1);
    buf_fini(&in);
    buf_fini(&out);
}

static void test_header_get(void **state)
{
    const struct http_header v[] = {{SLICE("Host"), SLICE("a")},
                                    {SLICE("X-Empty"), SLICE("")},
                                    {SLICE("x-twice"), SLICE("1")},
                                    {SLICE("X-Twice"), SLICE("2")}};
    struct http_headers h = {v, 4};
    check_slice(http_header_get(h, "host"), SLICE("a"));
    check_slice(http_header_get(h, "X-TWICE"), SLICE("1"));
    assert_non_null(http_header_get(h, "x-empty").p);
    assert_null(http_header_get(h, "x-none").p);
}

/* An empty value is not an absent header, also when it comes from the wire. */
static void test_empty_value(void **state)
{
    struct http1_parser *p = http1_new();
    struct http1_error error;
    struct slice in = SLICE(GET "X-Empty:\r\n\r\n"), body;
    assert_int_equal(http1_feed(p, &in, &body, &error), HTTP1_HEAD);
    assert_non_null(http_header_get(http1_head(p)->headers, "x-empty").p);
    assert_null(http_header_get(http1_head(p)->headers, "x-none").p);
    http1_free(p);
}

/* BAD stays BAD and repeats its reason. */
static void test_bad_stays(void **state)
{
    struct http1_parser *p = http1_new();
    struct http1_error error = {0}, again = {0};
    struct slice in = SLICE("\n"), next = SLICE(GET "\r\n"), body;
    assert_int_equal(http1_feed(p, &in, &body, &error), HTTP1_BAD);
    assert_int_equal(http1_feed(p, &next, &body, &again), HTTP1_BAD);
    assert_int_equal(again.status, 400);
    assert_ptr_equal(again.reason, error.reason);
    http1_free(p);
    http1_free(NULL);
}

/* Body bytes lie in the caller's input, not in a copy. */
static void test_body_in_place(void **state)
{
    struct http1_parser *p = http1_new();
    struct http1_error error;
    struct slice all = SLICE(POST "Content-Length: 5\r\n\r\nhello"), in = all, body;
    assert_int_equal(http1_feed(p, &in, &body, &error), HTTP1_HEAD);
    assert_int_equal(http1_feed(p, &in, &body, &error), HTTP1_BODY);
    assert_ptr_equal(body.p, all.p + all.n - 5);
    assert_int_equal(http1_feed(p, &in, &body, &error), HTTP1_END);
    http1_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readings),      cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_target_cap),    cmocka_unit_test(test_head_cap),
        cmocka_unit_test(test_header_count),  cmocka_unit_test(test_body_extra_cap),
        cmocka_unit_test(test_many_chunks),   cmocka_unit_test(test_header_get),
        cmocka_unit_test(test_empty_value),   cmocka_unit_test(test_bad_stays),
        cmocka_unit_test(test_body_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
