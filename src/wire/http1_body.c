/* Body framing, byte by byte where it is framing and in whole runs where it is data.
 *
 * It is our own and not llhttp's because what llhttp lets pass here changes between its releases
 * (a bare LF behind a chunk size, for one), and because a counted body needs no parser at all.
 * Happy path: LENGTH until the count is used up; or SIZE, LF, DATA, CR, LF again and again, until a
 * size of 0 leads to the trailers and an empty line.
 * Failure modes: HTTP1_BAD for any byte that is not the one the grammar wants, for a size over 15
 * hex digits, and for too many extension or trailer bytes. */

#include "http1_body.h"

#define SIZE_DIGITS_MAX 16
#define SIZE_LIMIT      (UINT64_C(1) << 60) /* chunk sizes stay below */

void http1_body_init(struct http1_body *b, int64_t content_length)
{
    *b = (struct http1_body){.state = content_length < 0 ? BODY_SIZE_FIRST : BODY_LENGTH};
    if (content_length > 0)
        b->remaining = (uint64_t)content_length;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL: the byte was right. */
static const char *size_byte(struct http1_body *b, char c)
{
    int digit = hex_value(c);
    if (digit >= 0) {
        if (b->digits++ == SIZE_DIGITS_MAX || b->remaining >= SIZE_LIMIT >> 4)
            return "chunk size is too large";
        b->remaining = b->remaining << 4 | (unsigned)digit;
        b->state = BODY_SIZE;
        return NULL;
    }
    if (b->state == BODY_SIZE_FIRST || (c != '\r' && c != ';'))
        return "chunk size is malformed";
    b->digits = 0;
    b->state = c == '\r' ? BODY_SIZE_LF : BODY_EXTENSION;
    return NULL;
}

static const char *trailer_byte(struct http1_body *b, char c)
{
    if (b->state == BODY_TRAILER_START && c == '\r')
        b->state = BODY_LAST_LF;
    else if (b->state == BODY_TRAILER_NAME && c == ':')
        b->state = BODY_TRAILER_VALUE;
    else if (b->state == BODY_TRAILER_VALUE && c == '\r')
        b->state = BODY_TRAILER_LF;
    else if (b->state == BODY_TRAILER_VALUE && http1_is_text_char(c))
        b->state = BODY_TRAILER_VALUE;
    else if (b->state != BODY_TRAILER_VALUE && http1_is_token_char(c))
        b->state = BODY_TRAILER_NAME;
    else
        return "trailer is malformed";
    return NULL;
}

static const char *extension_byte(struct http1_body *b, char c)
{
    if (c == '\r')
        b->state = BODY_SIZE_LF;
    else if (!http1_is_text_char(c))
        return "chunk extension is malformed";
    return NULL;
}

static const char *expect_byte(struct http1_body *b, char c, char want, enum http1_body_state next)
{
    if (c != want)
        return "chunk framing: CR LF is not where it must be";
    b->state = next;
    return NULL;
}

static const char *framing_byte(struct http1_body *b, char c)
{
    switch (b->state) {
    case BODY_SIZE_FIRST:
    case BODY_SIZE: return size_byte(b, c);
    case BODY_EXTENSION: b->extra++; return extension_byte(b, c);
    case BODY_SIZE_LF:
        return expect_byte(b, c, '\n', b->remaining ? BODY_DATA : BODY_TRAILER_START);
    case BODY_DATA_CR: return expect_byte(b, c, '\r', BODY_DATA_LF);
    case BODY_DATA_LF: return expect_byte(b, c, '\n', BODY_SIZE_FIRST);
    case BODY_TRAILER_START:
    case BODY_TRAILER_NAME:
    case BODY_TRAILER_VALUE: b->extra++; return trailer_byte(b, c);
    case BODY_TRAILER_LF: return expect_byte(b, c, '\n', BODY_TRAILER_START);
    case BODY_LAST_LF: return expect_byte(b, c, '\n', BODY_DONE);
    case BODY_LENGTH:
    case BODY_DATA:
    case BODY_DONE: break;
    }
    return "no framing here";
}

/* A run of body bytes out of the input; `remaining` is not 0. */
static enum http1_event take_data(struct http1_body *b, struct slice *input, struct slice *bytes)
{
    size_t n = input->n < b->remaining ? input->n : (size_t)b->remaining;
    if (!n)
        return HTTP1_MORE;
    *bytes = slice_make(input->p, n);
    *input = slice_skip(*input, n);
    b->remaining -= n;
    if (b->remaining == 0)
        b->state = b->state == BODY_LENGTH ? BODY_DONE : BODY_DATA_CR;
    return HTTP1_BODY;
}

enum http1_event http1_body_feed(struct http1_body *b, struct slice *input, struct slice *bytes,
                                 struct http1_error *error)
{
    const char *wrong = NULL;
    if (b->state == BODY_LENGTH && b->remaining == 0)
        b->state = BODY_DONE;
    while (b->state != BODY_DONE) {
        if (b->state == BODY_LENGTH || b->state == BODY_DATA)
            return take_data(b, input, bytes);
        if (!input->n)
            return HTTP1_MORE;
        wrong = framing_byte(b, *input->p);
        if (!wrong && b->extra > HTTP1_BODY_EXTRA_MAX)
            wrong = "too many chunk extensions or trailers";
        if (wrong) {
            *error = (struct http1_error){.status = 400, .reason = wrong};
            return HTTP1_BAD;
        }
        *input = slice_skip(*input, 1);
    }
    return HTTP1_END;
}
