/* Writes replies: status line, headers, framing and chunks (declared in wire/http1.h).
 *
 * Happy path: write_head decides the framing once; chunk_begin leaves room for a size line of fixed
 * width, chunk_commit patches it, so no payload byte is moved.
 * Failure modes: a full buffer shows as its overflow flag; a chunk that hit it is taken back. */

#include "wire/http1.h"

#include <assert.h>

#define SIZE_LINE ((size_t)10) /* 8 hex digits and CRLF */

static const char *const status_texts[] = {
    [100] = "Continue",
    [200] = "OK",
    [201] = "Created",
    [202] = "Accepted",
    [204] = "No Content",
    [206] = "Partial Content",
    [301] = "Moved Permanently",
    [302] = "Found",
    [303] = "See Other",
    [304] = "Not Modified",
    [307] = "Temporary Redirect",
    [308] = "Permanent Redirect",
    [400] = "Bad Request",
    [401] = "Unauthorized",
    [402] = "Payment Required",
    [403] = "Forbidden",
    [404] = "Not Found",
    [405] = "Method Not Allowed",
    [406] = "Not Acceptable",
    [408] = "Request Timeout",
    [409] = "Conflict",
    [410] = "Gone",
    [411] = "Length Required",
    [412] = "Precondition Failed",
    [413] = "Content Too Large",
    [414] = "URI Too Long",
    [415] = "Unsupported Media Type",
    [416] = "Range Not Satisfiable",
    [417] = "Expectation Failed",
    [421] = "Misdirected Request",
    [422] = "Unprocessable Content",
    [424] = "Failed Dependency",
    [426] = "Upgrade Required",
    [429] = "Too Many Requests",
    [431] = "Request Header Fields Too Large",
    [499] = "Client Closed Request",
    [500] = "Internal Server Error",
    [501] = "Not Implemented",
    [502] = "Bad Gateway",
    [503] = "Service Unavailable",
    [504] = "Gateway Timeout",
    [505] = "HTTP Version Not Supported",
    [529] = "Site Overloaded",
};

const char *http1_status_text(int status)
{
    size_t n = sizeof(status_texts) / sizeof(*status_texts);
    if (status < 0 || (size_t)status >= n || !status_texts[status])
        return "Unknown";
    return status_texts[status];
}

void http1_reply_init(struct http1_reply *r, const struct http_head *head)
{
    *r = (struct http1_reply){0};
    if (!head)
        return;
    r->http10 = head->minor == 0;
    r->no_body = slice_eq(head->method, SLICE("HEAD"));
    r->keep_alive = head->keep_alive;
}

static void add_header(struct buf *out, const struct http_header *h)
{
    size_t begin = out->n;
    buf_add(out, h->name);
    BUF_LITERAL(out, ": ");
    buf_add(out, h->value);
    struct slice line = slice_skip(buf_slice(out), begin);
    assert(slice_find_char(line, '\r') < 0 && slice_find_char(line, '\n') < 0);
    BUF_LITERAL(out, "\r\n");
}

/* RFC 9112, section 6: these carry neither length nor body, whatever the method. */
static bool never_has_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

static void add_framing(struct http1_reply *r, struct buf *out, int64_t content_length)
{
    if (content_length >= 0) {
        char digits[SLICE_DIGITS];
        BUF_LITERAL(out, "content-length: ");
        buf_add(out, slice_digits(content_length, digits));
        BUF_LITERAL(out, "\r\n");
    } else if (r->http10) {
        r->keep_alive = false;
    } else {
        r->chunked = true;
        BUF_LITERAL(out, "transfer-encoding: chunked\r\n");
    }
}

void http1_write_head(struct http1_reply *r, struct buf *out, int status,
                      struct http_headers headers, int64_t content_length)
{
    char digits[SLICE_DIGITS];
    BUF_LITERAL(out, "HTTP/1.1 ");
    buf_add(out, slice_digits(status, digits));
    BUF_LITERAL(out, " ");
    buf_add(out, slice_of(http1_status_text(status)));
    BUF_LITERAL(out, "\r\n");
    for (size_t i = 0; i < headers.n; i++)
        add_header(out, &headers.v[i]);
    r->chunked = false;
    if (never_has_body(status))
        r->no_body = true;
    else
        add_framing(r, out, content_length);
    if (!r->keep_alive)
        BUF_LITERAL(out, "connection: close\r\n");
    else if (r->http10)
        BUF_LITERAL(out, "connection: keep-alive\r\n");
    BUF_LITERAL(out, "\r\n");
}

static bool framed(const struct http1_reply *r)
{
    return r->chunked && !r->no_body;
}

size_t http1_chunk_begin(const struct http1_reply *r, struct buf *out)
{
    size_t mark = out->n;
    if (framed(r))
        BUF_LITERAL(out, "00000000\r\n");
    return mark;
}

void http1_chunk_commit(const struct http1_reply *r, struct buf *out, size_t mark)
{
    assert(mark <= out->n);
    if (r->no_body || (framed(r) && out->overflow)) {
        out->n = mark;
        return;
    }
    if (!framed(r))
        return;
    size_t size = out->n - mark - SIZE_LINE;
    if (size == 0) {
        out->n = mark;
        return;
    }
    assert(size <= UINT32_MAX);
    for (size_t i = 0; i < 8; i++)
        out->p[mark + i] = "0123456789abcdef"[size >> (28 - 4 * i) & 15];
    BUF_LITERAL(out, "\r\n");
    if (out->overflow)
        out->n = mark;
}

void http1_write_end(const struct http1_reply *r, struct buf *out)
{
    if (framed(r))
        BUF_LITERAL(out, "0\r\n\r\n");
}
