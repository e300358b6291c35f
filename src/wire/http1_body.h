#ifndef SRC_WIRE_HTTP1_BODY_H
#define SRC_WIRE_HTTP1_BODY_H

/* Framing of a request body: a counted length, or chunks (RFC 9112, section 7.1). Strict in what
 * ends a line and what a size is; extensions and trailers are read and dropped. */

#include "wire/http1.h"

/* Bytes of chunk extensions and trailers together that one body may carry. */
#define HTTP1_BODY_EXTRA_MAX ((size_t)16 * 1024)

enum http1_body_state {
    BODY_LENGTH,     /* `remaining` counts the body down */
    BODY_SIZE_FIRST, /* a hex digit must come */
    BODY_SIZE,
    BODY_EXTENSION,
    BODY_SIZE_LF,
    BODY_DATA, /* `remaining` counts the chunk down */
    BODY_DATA_CR,
    BODY_DATA_LF,
    BODY_TRAILER_START, /* a header line, or the CR of the last line */
    BODY_TRAILER_NAME,
    BODY_TRAILER_VALUE,
    BODY_TRAILER_LF,
    BODY_LAST_LF,
    BODY_DONE,
};

struct http1_body {
    enum http1_body_state state;
    uint64_t remaining;
    unsigned digits; /* of the size line being read, leading zeros too */
    size_t extra;    /* extension and trailer bytes so far */
};

void http1_body_init(struct http1_body *b, int64_t content_length); /* -1: chunked */

/* As http1_feed: HTTP1_MORE, HTTP1_BODY, HTTP1_END or HTTP1_BAD. */
enum http1_event http1_body_feed(struct http1_body *b, struct slice *input, struct slice *bytes,
                                 struct http1_error *error);

/* RFC 9110, section 5.6.2. In line: asked for every byte of every header name. */
static inline bool http1_is_token_char(char c)
{
    static const bool token[256] = {
        ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
        ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
        ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
    };
    return token[(uint8_t)c];
}

/* May stand in a header value, an extension or a trailer: HTAB, space, visible, obs-text. */
static inline bool http1_is_text_char(char c)
{
    return c == '\t' || ((uint8_t)c >= 0x20 && c != 0x7f);
}

#endif
