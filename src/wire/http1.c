/* The request parser: gathers a head, has it read, judges it, then leaves the rest to http1_body.
 *
 * A head is accepted only when two readers agree on it: the line rules here, applied to the raw
 * bytes as they come, and llhttp, which reads the gathered head in one piece. What one of them lets
 * pass (it differs between llhttp's releases) the other refuses, so both releases behave alike.
 * llhttp stops at the end of the head; it never sees a body, an upgrade or a second request.
 *
 * Happy path: START → IN_HEAD (bytes are copied, each line checked as it ends) → empty line: llhttp
 * gives the spans, judge_head() the meaning → IN_BODY → DONE → http1_next().
 * Failure modes: refuse() remembers status and reason; the parser stays BAD. The verdict depends on
 * the bytes only, never on how they were cut. */

#include "wire/http1.h"

#include "http1_body.h"

#include <assert.h>
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest request line with a method we know: "OPTIONS", spaces, version, CR LF. */
#define REQUEST_LINE_MAX ((size_t)HTTP1_TARGET_MAX + 7 + 1 + 1 + 8 + 2)
#define BLANK_LINES_MAX  4                  /* CR LF before a request line, from sloppy clients */
#define KEPT_SIZE_MAX    ((size_t)8 * 1024) /* a bigger head buffer is freed after its request */

enum parser_state { START, START_LF, IN_HEAD, IN_HEAD_LF, IN_BODY, DONE, BAD };

struct http1_parser {
    enum parser_state state;
    struct http1_error error; /* with BAD */
    struct buf raw;           /* the head as it came, without blank lines before it */
    size_t line;              /* where the line being gathered starts in `raw` */
    size_t lines;             /* complete lines in `raw`, request line included */
    size_t method_size, target_size;
    unsigned blank_lines;
    llhttp_t llhttp;
    struct slice url;            /* as llhttp read it */
    struct http_header *headers; /* as llhttp read them; `room` of them allocated */
    size_t n, room;
    bool in_value, complete;
    struct http_head head;
    struct http1_body body;
};

struct slice http_header_get(struct http_headers h, const char *name)
{
    struct slice wanted = slice_of(name);
    for (size_t i = 0; i < h.n; i++)
        if (h.v[i].name.n == wanted.n && slice_eq_nocase(h.v[i].name, wanted))
            return h.v[i].value;
    return slice_make(NULL, 0);
}

static enum http1_event refuse(struct http1_parser *p, int status, const char *reason)
{
    p->state = BAD;
    p->error = (struct http1_error){.status = status, .reason = reason};
    return HTTP1_BAD;
}

/* ---- lines --------------------------------------------------------------------------------- */

/* Bytes before the first control character (below 0x20, or 0x7f), eight at a time. */
static size_t plain_run(const char *p, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t v;
        memcpy(&v, p + i, 8);
        uint64_t del = v ^ ones * 0x7f;
        if (((v - ones * 0x20) & ~v & tops) | ((del - ones) & ~del & tops))
            break;
    }
    while (i < n && (uint8_t)p[i] >= 0x20 && p[i] != 0x7f)
        i++;
    return i;
}

static bool all_chars(struct slice s, bool (*is)(char c))
{
    for (size_t i = 0; i < s.n; i++)
        if (!is(s.p[i]))
            return false;
    return s.n > 0;
}

static bool is_target_char(char c)
{
    return c > 0x20 && c < 0x7f && c != '#';
}

static bool is_version(struct slice s)
{
    return s.n == 8 && slice_starts(s, SLICE("HTTP/")) && s.p[5] >= '0' && s.p[5] <= '9' &&
           s.p[6] == '.' && s.p[7] >= '0' && s.p[7] <= '9';
}

/* CONNECT and what only other protocols know is not implemented here. */
static bool is_known_method(struct slice s)
{
    static const char *const known[] = {"GET",    "HEAD",    "POST",  "PUT",
                                        "DELETE", "OPTIONS", "PATCH", "TRACE"};
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (slice_eq(s, slice_of(known[i])))
            return true;
    return false;
}

static enum http1_event end_request_line(struct http1_parser *p, struct slice line)
{
    struct slice version = line;
    struct slice method = slice_split(&version, ' ');
    struct slice target = slice_split(&version, ' ');
    if (!http_is_token(method) || !all_chars(target, is_target_char) || !is_version(version))
        return refuse(p, 400, "request line is malformed");
    if (version.p[5] != '1' || version.p[7] > '1')
        return refuse(p, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    if (!is_known_method(method))
        return refuse(p, 501, "method is not implemented");
    if (target.n > HTTP1_TARGET_MAX)
        return refuse(p, 414, "request target is too long");
    p->method_size = method.n;
    p->target_size = target.n;
    p->head.minor = version.p[7] - '0';
    return HTTP1_MORE;
}

static enum http1_event end_header_line(struct http1_parser *p, struct slice line)
{
    ptrdiff_t colon = slice_find_char(line, ':');
    if (p->lines > HTTP1_HEADERS_MAX)
        return refuse(p, 431, "too many header fields");
    if (*line.p == ' ' || *line.p == '\t')
        return refuse(p, 400, "folded header lines are not accepted");
    if (colon < 0 || !http_is_token(slice_make(line.p, (size_t)colon)))
        return refuse(p, 400, "header name is malformed");
    return HTTP1_MORE;
}

static enum http1_event end_head(struct http1_parser *p);

/* The line that ends with the LF just added. */
static enum http1_event end_line(struct http1_parser *p)
{
    struct slice line = slice_make(p->raw.p + p->line, p->raw.n - p->line - 2);
    enum http1_event e;
    if (!line.n)
        return end_head(p);
    e = p->lines ? end_header_line(p, line) : end_request_line(p, line);
    p->line = p->raw.n;
    p->lines++;
    return e;
}

/* Adds the plain bytes at the front of the input, at most `room`, and the one after them. */
static enum http1_event add_run(struct http1_parser *p, struct slice *input, size_t room)
{
    size_t most = input->n < room ? input->n : room, n = plain_run(input->p, most);
    char stop = n < most ? input->p[n] : ' ';
    n += n < most;
    if (stop == '\n')
        return refuse(p, 400, "line feed without carriage return");
    if (!http1_is_text_char(stop) && stop != '\r')
        return refuse(p, 400, "control character in the head");
    buf_add(&p->raw, slice_make(input->p, n));
    *input = slice_skip(*input, n);
    if (stop == '\r')
        p->state = IN_HEAD_LF;
    return HTTP1_MORE;
}

/* Takes bytes up to the end of a line; the caps count every byte, so a cut changes nothing. */
static enum http1_event feed_line(struct http1_parser *p, struct slice *input)
{
    size_t room = p->lines ? HTTP1_HEAD_MAX - p->raw.n : REQUEST_LINE_MAX - p->raw.n;
    if (!room && !p->lines)
        return refuse(p, 414, "request target is too long");
    if (!room)
        return refuse(p, 431, "request head is too large");
    if (p->state == IN_HEAD)
        return add_run(p, input, room);
    if (*input->p != '\n')
        return refuse(p, 400, "carriage return without line feed");
    buf_add_char(&p->raw, '\n');
    *input = slice_skip(*input, 1);
    p->state = IN_HEAD;
    return end_line(p);
}

/* Skips a few empty lines before the request line (RFC 9112, section 2.2). */
static enum http1_event feed_start(struct http1_parser *p, struct slice *input)
{
    char c = *input->p;
    if (p->state == START && c != '\r') {
        p->state = IN_HEAD;
        return HTTP1_MORE;
    }
    if (p->state == START_LF && (c != '\n' || ++p->blank_lines > BLANK_LINES_MAX))
        return refuse(p, 400, "request line is malformed");
    p->state = p->state == START ? START_LF : START;
    *input = slice_skip(*input, 1);
    return HTTP1_MORE;
}

/* ---- llhttp -------------------------------------------------------------------------------- */

/* Spans come whole, for the head is given whole; yet one may come as several neighbours. */
static int on_url(llhttp_t *llhttp, const char *at, size_t n)
{
    struct http1_parser *p = llhttp->data;
    if (!p->url.p)
        p->url.p = at;
    p->url.n += n;
    return 0;
}

static int on_name(llhttp_t *llhttp, const char *at, size_t n)
{
    struct http1_parser *p = llhttp->data;
    if (p->in_value || !p->n) {
        if (p->n == p->room)
            return -1;
        p->headers[p->n++] = (struct http_header){.name = {at, 0}};
        p->in_value = false;
    }
    p->headers[p->n - 1].name.n += n;
    return 0;
}

static int on_value(llhttp_t *llhttp, const char *at, size_t n)
{
    struct http1_parser *p = llhttp->data;
    struct slice *value = &p->headers[p->n - 1].value;
    if (!p->in_value)
        value->p = at;
    p->in_value = true;
    value->n += n;
    return 0;
}

static int on_head_end(llhttp_t *llhttp)
{
    struct http1_parser *p = llhttp->data;
    p->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_head_end,
};

static void make_room(struct http1_parser *p, size_t n)
{
    if (n <= p->room)
        return;
    p->headers = realloc(p->headers, n * sizeof(*p->headers));
    if (!p->headers) {
        fprintf(stderr, "out of memory (%zu headers)\n", n);
        abort();
    }
    p->room = n;
}

/* NULL: llhttp reads in `raw` what the line rules saw. Else static text that says why not. */
static const char *run_llhttp(struct http1_parser *p)
{
    struct slice target = slice_make(p->raw.p + p->method_size + 1, p->target_size);
    make_room(p, p->lines - 1);
    p->url = slice_make(NULL, 0);
    p->n = 0;
    p->in_value = p->complete = false;
    llhttp_init(&p->llhttp, HTTP_REQUEST, &settings);
    p->llhttp.data = p;
    llhttp_errno_t e = llhttp_execute(&p->llhttp, p->raw.p, p->raw.n);
    if (e == HPE_PAUSED && p->complete && p->n == p->lines - 1 && slice_eq(p->url, target))
        return NULL;
    const char *why = e == HPE_PAUSED ? NULL : llhttp_get_error_reason(&p->llhttp);
    return why ? why : "request head is malformed";
}

/* ---- meaning ------------------------------------------------------------------------------- */

/* The fields that decide framing and connection, as found. */
struct fields {
    unsigned hosts, lengths, codings;
    struct slice host, length, coding;
    bool close, keep_alive, expect_continue, expect_other;
};

static void read_connection(struct fields *f, struct slice value)
{
    while (value.p) {
        struct slice option = slice_trim(slice_split(&value, ','));
        f->close |= slice_eq_nocase(option, SLICE("close"));
        f->keep_alive |= slice_eq_nocase(option, SLICE("keep-alive"));
    }
}

static void read_field(struct fields *f, const struct http_header *h)
{
    if (slice_eq_nocase(h->name, SLICE("host"))) {
        f->hosts++;
        f->host = h->value;
    } else if (slice_eq_nocase(h->name, SLICE("content-length"))) {
        f->lengths++;
        f->length = h->value;
    } else if (slice_eq_nocase(h->name, SLICE("transfer-encoding"))) {
        f->codings++;
        f->coding = h->value;
    } else if (slice_eq_nocase(h->name, SLICE("connection"))) {
        read_connection(f, h->value);
    } else if (slice_eq_nocase(h->name, SLICE("expect"))) {
        bool known = slice_eq_nocase(h->value, SLICE("100-continue"));
        f->expect_continue |= known;
        f->expect_other |= !known;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_length(struct slice s, int64_t *length)
{
    return all_chars(s, is_digit) && slice_to_i64(s, length);
}

static bool is_host_char(char c)
{
    return is_target_char(c) && !strchr("/?@,\\\"<>", c);
}

/* NULL: fine. All of these are 400. */
static const char *fault_of(struct http_head *head, const struct fields *f)
{
    if (f->hosts > 1 || (f->hosts == 0 && head->minor == 1))
        return "exactly one Host header is needed";
    if (f->host.n && !all_chars(f->host, is_host_char))
        return "Host is malformed";
    if (f->lengths && f->codings)
        return "Content-Length together with Transfer-Encoding";
    if (f->lengths > 1 || (f->lengths && !read_length(f->length, &head->content_length)))
        return "Content-Length is repeated, or no decimal number of 63 bits";
    if (f->codings > 1 || (f->codings && head->minor == 0))
        return "Transfer-Encoding is repeated, or used with HTTP/1.0";
    return NULL;
}

static enum http1_event judge_fields(struct http1_parser *p, const struct fields *f)
{
    struct http_head *head = &p->head;
    const char *fault = fault_of(head, f);
    if (fault)
        return refuse(p, 400, fault);
    if (f->codings && !slice_eq_nocase(f->coding, SLICE("chunked")))
        return refuse(p, 501, "the only transfer coding known here is chunked");
    head->chunked = f->codings > 0;
    if (head->chunked)
        head->content_length = -1;
    if (f->expect_other)
        return refuse(p, 417, "the only expectation known here is 100-continue");
    /* RFC 9110, section 10.1.1: not for 1.0, and pointless without a body. */
    head->expect_continue = f->expect_continue && head->minor == 1 && head->content_length != 0;
    head->keep_alive = !f->close && (head->minor == 1 || f->keep_alive);
    return HTTP1_HEAD;
}

/* Cuts "http://authority" off an absolute-form target (RFC 9112, section 3.2.2): proxies' clients
 * send it. False: the form is none that this method may have. */
static bool to_origin_form(struct slice method, struct slice *target)
{
    struct slice rest;
    if (target->p[0] == '/')
        return true;
    if (slice_eq(*target, SLICE("*")))
        return slice_eq(method, SLICE("OPTIONS"));
    if (slice_starts_nocase(*target, SLICE("http://")))
        rest = slice_skip(*target, 7);
    else if (slice_starts_nocase(*target, SLICE("https://")))
        rest = slice_skip(*target, 8);
    else
        return false;
    size_t authority = 0;
    while (authority < rest.n && rest.p[authority] != '/' && rest.p[authority] != '?')
        authority++;
    *target = slice_skip(rest, authority);
    return authority > 0;
}

static enum http1_event judge_head(struct http1_parser *p)
{
    struct http_head *head = &p->head;
    struct fields f = {0};
    head->method = slice_make(p->raw.p, p->method_size);
    head->target = slice_make(p->raw.p + p->method_size + 1, p->target_size);
    head->query = head->target;
    if (!to_origin_form(head->method, &head->query))
        return refuse(p, 400, "request target is malformed");
    head->path = slice_split(&head->query, '?');
    if (!head->path.n)
        head->path = SLICE("/");
    for (size_t i = 0; i < p->n; i++) {
        p->headers[i].value = slice_trim(p->headers[i].value);
        read_field(&f, &p->headers[i]);
    }
    head->headers = (struct http_headers){.v = p->headers, .n = p->n};
    return judge_fields(p, &f);
}

static enum http1_event end_head(struct http1_parser *p)
{
    enum http1_event e;
    const char *fault = run_llhttp(p);
    if (fault)
        return refuse(p, 400, fault);
    e = judge_head(p);
    if (e != HTTP1_HEAD)
        return e;
    http1_body_init(&p->body, p->head.content_length);
    p->state = IN_BODY;
    return HTTP1_HEAD;
}

/* ---- the parser ---------------------------------------------------------------------------- */

struct http1_parser *http1_new(void)
{
    struct http1_parser *p = calloc(1, sizeof(*p));
    if (!p) {
        fprintf(stderr, "out of memory (%zu bytes)\n", sizeof(*p));
        abort();
    }
    buf_init(&p->raw, HTTP1_HEAD_MAX);
    return p;
}

void http1_free(struct http1_parser *p)
{
    if (!p)
        return;
    buf_fini(&p->raw);
    free(p->headers);
    free(p);
}

static enum http1_event feed_head(struct http1_parser *p, struct slice *input)
{
    enum http1_event e = HTTP1_MORE;
    while (e == HTTP1_MORE && input->n)
        e = p->state < IN_HEAD ? feed_start(p, input) : feed_line(p, input);
    return e;
}

static enum http1_event feed_body(struct http1_parser *p, struct slice *input, struct slice *body)
{
    struct http1_error error;
    enum http1_event e = http1_body_feed(&p->body, input, body, &error);
    if (e == HTTP1_BAD)
        return refuse(p, error.status, error.reason);
    if (e == HTTP1_END)
        p->state = DONE;
    return e;
}

enum http1_event http1_feed(struct http1_parser *p, struct slice *input, struct slice *body,
                            struct http1_error *error)
{
    enum http1_event e = HTTP1_BAD;
    assert(p->state != DONE); /* http1_next() comes first */
    *body = slice_make(NULL, 0);
    if (p->state < IN_BODY)
        e = feed_head(p, input);
    else if (p->state == IN_BODY)
        e = feed_body(p, input, body);
    if (e == HTTP1_BAD)
        *error = p->error;
    return e;
}

const struct http_head *http1_head(const struct http1_parser *p)
{
    return &p->head;
}

void http1_next(struct http1_parser *p)
{
    assert(p->state == DONE);
    if (p->raw.size > KEPT_SIZE_MAX)
        buf_fini(&p->raw);
    else
        buf_reset(&p->raw);
    p->state = START;
    p->line = p->lines = 0;
    p->blank_lines = 0;
    p->head = (struct http_head){0};
}

bool http1_in_request(const struct http1_parser *p)
{
    return p->state >= IN_HEAD && p->state != DONE;
}
