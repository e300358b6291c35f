/* The reply writers: framing per version, method and status; chunks patched in place. */

#include "check.h"
#include "wire/http1.h"

struct reply_case {
    const char *name;
    const char *method; /* NULL: the request could not be read */
    int minor;
    bool client_keeps;
    bool we_close; /* keep_alive is cleared before the head is written */
    int status;
    int64_t content_length;
    const char *expected; /* head, then the chunk "hello", an empty chunk, and the end */
};

static const struct reply_case cases[] = {
    {"length", "POST", 1, true, false, 200, 5,
     "HTTP/1.1 200 OK\r\nx-a: b c\r\ncontent-length: 5\r\n\r\nhello"},
    {"chunked", "POST", 1, true, false, 200, -1,
     "HTTP/1.1 200 OK\r\nx-a: b c\r\ntransfer-encoding: chunked\r\n\r\n"
     "00000005\r\nhello\r\n0\r\n\r\n"},
    {"client closes", "GET", 1, false, false, 404, 5,
     "HTTP/1.1 404 Not Found\r\nx-a: b c\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"},
    {"we close", "GET", 1, true, true, 503, 5,
     "HTTP/1.1 503 Service Unavailable\r\nx-a: b c\r\ncontent-length: 5\r\n"
     "connection: close\r\n\r\nhello"},
    {"1.0 until close", "GET", 0, true, false, 200, -1,
     "HTTP/1.1 200 OK\r\nx-a: b c\r\nconnection: close\r\n\r\nhello"},
    {"1.0 kept", "GET", 0, true, false, 200, 5,
     "HTTP/1.1 200 OK\r\nx-a: b c\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\nhello"},
    {"HEAD with length", "HEAD", 1, true, false, 200, 5,
     "HTTP/1.1 200 OK\r\nx-a: b c\r\ncontent-length: 5\r\n\r\n"},
    {"HEAD chunked", "HEAD", 1, true, false, 200, -1,
     "HTTP/1.1 200 OK\r\nx-a: b c\r\ntransfer-encoding: chunked\r\n\r\n"},
    {"204", "OPTIONS", 1, true, false, 204, -1, "HTTP/1.1 204 No Content\r\nx-a: b c\r\n\r\n"},
    {"304", "GET", 1, true, false, 304, 5, "HTTP/1.1 304 Not Modified\r\nx-a: b c\r\n\r\n"},
    {"unreadable request", NULL, 0, false, false, 400, 5,
     "HTTP/1.1 400 Bad Request\r\nx-a: b c\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"},
};

static void add_chunk(const struct http1_reply *r, struct buf *out, struct slice payload)
{
    size_t mark = http1_chunk_begin(r, out);
    buf_add(out, payload);
    http1_chunk_commit(r, out, mark);
}

static void test_replies(void **state)
{
    const struct http_header header = {SLICE("x-a"), SLICE("b c")};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct reply_case *c = &cases[i];
        struct http_head head = {
            .method = slice_of(c->method), .minor = c->minor, .keep_alive = c->client_keeps};
        struct http1_reply r;
        struct buf out;
        buf_init(&out, SIZE_MAX);
        http1_reply_init(&r, c->method ? &head : NULL);
        if (c->we_close)
            r.keep_alive = false;
        http1_write_head(&r, &out, c->status, (struct http_headers){&header, 1}, c->content_length);
        add_chunk(&r, &out, SLICE("hello"));
        add_chunk(&r, &out, SLICE(""));
        http1_write_end(&r, &out);
        if (!slice_eq(buf_slice(&out), slice_of(c->expected)))
            print_error("%s\n", c->name);
        check_slice(buf_slice(&out), slice_of(c->expected));
        assert_int_equal(r.keep_alive,
                         slice_find(slice_of(c->expected), SLICE("connection: close")) < 0);
        buf_fini(&out);
    }
}

/* All eight digits of the size line are written, in their order. */
static void test_chunk_size(void **state)
{
    const size_t size = 0x123abcd;
    struct http1_reply r = {.chunked = true};
    struct buf out;
    buf_init(&out, SIZE_MAX);
    buf_add_char(&out, '!');
    size_t mark = http1_chunk_begin(&r, &out);
    memset(buf_reserve(&out, size), 'x', size);
    out.n += size;
    http1_chunk_commit(&r, &out, mark);
    check_slice(slice_make(out.p, 13), SLICE("!0123abcd\r\nxx"));
    check_slice(slice_make(out.p + out.n - 3, 3), SLICE("x\r\n"));
    assert_int_equal(out.n, 1 + 10 + size + 2);
    buf_fini(&out);
}

/* A chunk that does not fit is taken back whole; the buffer says so. */
static void test_chunk_overflow(void **state)
{
    struct http1_reply r = {.chunked = true};
    for (size_t cap = 8; cap < 8 + 17; cap++) {
        struct buf out;
        buf_init(&out, cap);
        BUF_LITERAL(&out, "in front");
        add_chunk(&r, &out, SLICE("hello"));
        check_slice(buf_slice(&out), SLICE("in front"));
        assert_true(out.overflow);
        buf_fini(&out);
    }
    struct buf fits;
    buf_init(&fits, 8 + 17);
    BUF_LITERAL(&fits, "in front");
    add_chunk(&r, &fits, SLICE("hello"));
    assert_false(fits.overflow);
    check_slice(buf_slice(&fits), SLICE("in front00000005\r\nhello\r\n"));
    buf_fini(&fits);
}

static void test_status_text(void **state)
{
    assert_string_equal(http1_status_text(200), "OK");
    assert_string_equal(http1_status_text(431), "Request Header Fields Too Large");
    assert_string_equal(http1_status_text(599), "Unknown");
    assert_string_equal(http1_status_text(299), "Unknown");
    assert_string_equal(http1_status_text(-1), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_chunk_size),
        cmocka_unit_test(test_chunk_overflow),
        cmocka_unit_test(test_status_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
