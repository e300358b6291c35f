#include "exchange_raw.h"

#include "base/log.h"
#include "batch.h"
#include "worker_private.h"

#define KEY_MIN 12 /* characters behind a key's prefix, for it to be one */

/* ---- masking -------------------------------------------------------------------------------- */

/* RFC 6750, 2.1: those of base64 in both alphabets, and the points of a JWT. */
static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~+/=", c));
}

/* Bytes of what begins a key there, or 0. */
static size_t key_prefix(struct slice s)
{
    static const char *const prefixes[] = {"sk-", "pk-lf-", "AKIA", "ASIA", "ABSK", "Bearer "};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
        if (slice_starts(s, slice_of(prefixes[i])))
            return strlen(prefixes[i]);
    return 0;
}

static void mask(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t prefix = key_prefix(slice_make(p + i, n - i)), end = i + prefix;
        while (prefix && end < n && is_key_char(p[end]))
            end++;
        if (!prefix || end - i < prefix + KEY_MIN)
            continue;
        memset(p + i + prefix, '*', end - i - prefix);
        i = end - 1;
    }
}

/* Any other one may be a secret: extra_headers, what a client sends along. */
static bool is_harmless(struct slice header)
{
    static const char *const starts[] = {"accept",      "anthropic-", "connection", "content-",
                                         "date",        "host",       "retry-",     "server",
                                         "traceparent", "transfer-",  "user-agent", "x-amz"};
    if (slice_eq_nocase(header, SLICE("x-amz-security-token")))
        return false;
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (slice_starts_nocase(header, slice_of(starts[i])))
            return true;
    return false;
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* `text` is changed. */
static void tell(const struct exchange *ex, const char *what, char *text, size_t n)
{
    mask(text, n);
    for (size_t at = 0; at < n; at += EXCHANGE_RAW_LINE) {
        size_t piece = n - at < EXCHANGE_RAW_LINE ? n - at : EXCHANGE_RAW_LINE;
        log_info("%s raw %s, from byte %zu: %.*s", ex->id, what, at, (int)piece, text + at);
    }
}

/* What was made of it is less than `all`: the rest is not told. */
static void tell_cut(const struct exchange *ex, const char *what, size_t all)
{
    if (all > EXCHANGE_RAW_MAX)
        log_info("%s raw %s: %zu bytes in all, cut", ex->id, what, all);
}

static void add_headers(struct buf *b, struct http_headers headers)
{
    for (size_t i = 0; i < headers.n; i++) {
        const struct http_header *h = &headers.v[i];
        buf_addf(b, " %.*s: %.*s;", SLICE_ARG(h->name),
                 SLICE_ARG(is_harmless(h->name) ? h->value : SLICE("****")));
    }
}

static void tell_buf(const struct exchange *ex, const char *what, struct buf *b)
{
    tell(ex, what, b->p, b->n);
    buf_fini(b);
}

static void tell_body(const struct exchange *ex, const char *what, struct slice body)
{
    struct buf b;
    buf_init(&b, EXCHANGE_RAW_MAX);
    buf_add(&b, slice_make(body.p, body.n < EXCHANGE_RAW_MAX ? body.n : EXCHANGE_RAW_MAX));
    for (size_t i = 0; i < b.n; i++)
        b.p[i] = b.p[i] ? b.p[i] : ' '; /* the framing of AWS is full of them */
    tell_buf(ex, what, &b);
    tell_cut(ex, what, body.n);
}

/* ---- a call --------------------------------------------------------------------------------- */

void exchange_raw_call(struct exchange *ex, const struct http_call *call)
{
    struct buf b;
    if (!ex->config->settings.log_raw || ex->config->settings.redact)
        return;
    if (!ex->raw) {
        ex->raw = ARENA_NEW(&ex->arena, struct buf);
        buf_init(ex->raw, EXCHANGE_RAW_MAX);
    }
    buf_init(&b, EXCHANGE_RAW_MAX);
    buf_addf(&b, "%s %s;", call->method, call->url);
    add_headers(&b, call->headers);
    tell_buf(ex, "request", &b);
    tell_body(ex, "request body", call->body);
}

void exchange_raw_head(struct exchange *ex, int status, struct http_headers headers)
{
    struct buf b;
    if (!ex->raw)
        return;
    buf_init(&b, EXCHANGE_RAW_MAX);
    buf_addf(&b, "%d;", status);
    add_headers(&b, headers);
    tell_buf(ex, "answer", &b);
}

void exchange_raw_data(struct exchange *ex, struct slice bytes)
{
    size_t room = EXCHANGE_RAW_MAX - ex->raw->n;
    buf_add(ex->raw, slice_make(bytes.p, bytes.n < room ? bytes.n : room));
}

void exchange_raw_end(struct exchange *ex)
{
    if (!ex->raw)
        return;
    tell_body(ex, "answer body", buf_slice(ex->raw));
    buf_fini(ex->raw);
}

void exchange_raw_answer(struct exchange *ex, const struct batch_answer *answer)
{
    exchange_raw_head(ex, answer->status, answer->headers);
    if (ex->raw)
        tell_body(ex, "answer body", answer->body);
}
