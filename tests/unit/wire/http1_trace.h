#ifndef TESTS_UNIT_WIRE_HTTP1_TRACE_H
#define TESTS_UNIT_WIRE_HTTP1_TRACE_H

/* Runs the request parser over bytes cut in some way and writes down what came. Body bytes of one
 * request are joined: where they were cut is not part of the meaning. */

#include "cuts.h"
#include "wire/http1.h"

#include <stdio.h>

static inline void trace_head(const struct http_head *h, struct buf *out)
{
    buf_addf(out, "%.*s %.*s", SLICE_ARG(h->method), SLICE_ARG(h->target));
    buf_addf(out, "|%.*s?%.*s|1.%d %s %lld%s%s|", SLICE_ARG(h->path), SLICE_ARG(h->query), h->minor,
             h->keep_alive ? "keep" : "close", (long long)h->content_length,
             h->chunked ? " chunked" : "", h->expect_continue ? " expect" : "");
    for (size_t i = 0; i < h->headers.n; i++)
        buf_addf(out, "%.*s=%.*s;", SLICE_ARG(h->headers.v[i].name),
                 SLICE_ARG(h->headers.v[i].value));
    buf_add_char(out, '\n');
}

/* The head must still read as it did, however much of the body came since. */
static inline void trace_check_head(const struct http1_parser *p, const struct buf *out, size_t at,
                                    size_t n)
{
    struct buf again;
    buf_init(&again, SIZE_MAX);
    trace_head(http1_head(p), &again);
    if (again.n != n || memcmp(again.p, out->p + at, n) != 0)
        abort();
    buf_fini(&again);
}

/* Ends in "BAD status reason", or after all input in "MORE" and whether a request is half read. */
static inline void http1_trace(struct slice bytes, struct cuts cuts, struct buf *out)
{
    struct http1_parser *p = http1_new();
    struct http1_error error;
    enum http1_event e = HTTP1_MORE;
    size_t head_at = 0, head_size = 0;
    bool more = true;
    while (more && e != HTTP1_BAD) {
        struct slice piece = cuts_next(&cuts, &bytes), input = piece, body;
        more = bytes.n > 0;
        do {
            e = http1_feed(p, &input, &body, &error);
            if (e == HTTP1_HEAD) {
                head_at = out->n;
                trace_head(http1_head(p), out);
                head_size = out->n - head_at;
            } else if (e == HTTP1_BODY) {
                buf_add(out, body);
            } else if (e == HTTP1_END) {
                trace_check_head(p, out, head_at, head_size);
                BUF_LITERAL(out, "\nEND\n");
                http1_next(p);
            } else if (e == HTTP1_BAD) {
                buf_addf(out, "BAD %d %s\n", error.status, error.reason);
            } else if (input.n) {
                abort(); /* HTTP1_MORE means all was used */
            }
        } while (e != HTTP1_MORE && e != HTTP1_BAD);
        free((char *)(uintptr_t)piece.p);
    }
    if (e == HTTP1_MORE)
        buf_addf(out, "MORE%s\n", http1_in_request(p) ? " in request" : "");
    http1_free(p);
}

#endif
