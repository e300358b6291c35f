#ifndef WIRE_HTTP1_H
#define WIRE_HTTP1_H

/* HTTP/1.0 and 1.1, server side (RFC 9110, RFC 9112): an incremental request parser (heads by
 * llhttp and stricter line rules of our own, bodies framed here) and a writer for replies. Pure:
 * bytes in, events and bytes out; no socket, no clock. Events depend on the bytes only, never on
 * how they were cut.
 *
 * Strictness: what could be read in two ways by two servers is refused (both Content-Length and
 * Transfer-Encoding, repeated or non-decimal lengths, bad chunk sizes, bare LF or CR, obsolete
 * folding, white space before the colon, control characters, a missing or repeated Host on 1.1).
 * Upgrade is a header like any other; CONNECT and methods unknown to RFC 9110 and 5789 are 501. */

#include "base/arena.h"
#include "base/buf.h"

struct http_header {
    struct slice name; /* as sent; compare with slice_eq_nocase */
    struct slice value;
};

struct http_headers {
    const struct http_header *v;
    size_t n;
};

/* First header of that name, or an empty slice with p == NULL. */
struct slice http_header_get(struct http_headers h, const char *name);

/* RFC 9110, section 5.6.2: what may be the name of a header. Not empty. */
bool http_is_token(struct slice s);

/* Nothing but visible ASCII, as what signs or names somebody in a header has to be. May be empty.
 */
bool http_is_visible(struct slice s);

/* What may be the value of a header that is sent: nothing of it would end its line. May be empty.
 */
bool http_is_line(struct slice s);

/* What has to be known of a header before it goes on to somebody else; of any other name 0. */
enum http_trait {
    HTTP_HAS_KEY = 1 << 0, /* a key, a token or a session, whoever's service takes it so */
    HTTP_OF_HOP = 1 << 1   /* of the connection (RFC 9110, 7.6.1), the message's framing, or whom it
                              is for: each hop writes its own */
};
unsigned http_header_traits(struct slice name); /* in any case of letters */

/* Where a call may go whose URL somebody else named. */
struct http_fence {
    bool plain_http;        /* http: too, not only https: */
    bool private_addresses; /* not only the public Internet */
    unsigned redirects_max; /* followed, each held to the same; 0: a redirect is the answer */
};

/* An outgoing call, as providers build it and io/upstream sends it. All memory is the builder's. */
struct http_call {
    const char *method;
    const char *url; /* absolute; path and query already percent-encoded */
    struct http_headers headers;
    struct slice body;
    const struct http_fence *fence; /* with redirects GET only; NULL: the URL is ours, no limits */
    bool direct;                    /* past any proxy: it is this machine's or its network's */
    size_t piece; /* bytes of a body that are handed to the connection at once, which costs as much
                     memory while the call lasts; at least 64 KiB are */
};

/* ---- requests ---------------------------------------------------------------------------- */

#define HTTP1_HEAD_MAX    (64 * 1024) /* request line and headers together, bytes */
#define HTTP1_HEADERS_MAX 128         /* header lines */
#define HTTP1_TARGET_MAX  (16 * 1024) /* request target, bytes: 414 beyond */

struct http_head {
    struct slice method; /* "GET", … upper case as sent */
    struct slice target; /* as sent */
    struct slice path;   /* target up to '?' (without "http://host"), percent-encoding kept */
    struct slice query;  /* behind '?', or empty */
    struct http_headers headers;
    int minor;              /* 1 for HTTP/1.1, 0 for HTTP/1.0 */
    bool keep_alive;        /* the client wants the connection kept */
    bool chunked;           /* body comes in chunks, length unknown */
    int64_t content_length; /* body bytes; 0 without a body; -1 when chunked */
    bool expect_continue;   /* wants "100 Continue" before it sends the body */
};

enum http1_event {
    HTTP1_MORE, /* all input used; feed more */
    HTTP1_HEAD, /* head() is complete; feed again to go on with the body */
    HTTP1_BODY, /* `*body` holds some body bytes (inside the input given) */
    HTTP1_END,  /* the request is complete; call http1_next() before feeding again */
    HTTP1_BAD,  /* refuse with error->status and close */
};

struct http1_error {
    int status;         /* 400, 414, 417, 431, 501, 505 */
    const char *reason; /* static text for the error body */
};

struct http1_parser; /* owns a copy of the head's bytes */

struct http1_parser *http1_new(void);
void http1_free(struct http1_parser *p); /* NULL is fine */

/* Consumes some of `*input` (moving it forward) and says what came. Call until HTTP1_MORE.
 * The body length is NOT capped here: the caller counts, it knows the route's limit. */
enum http1_event http1_feed(struct http1_parser *p, struct slice *input, struct slice *body,
                            struct http1_error *error);

/* Valid from HTTP1_HEAD until http1_next() or http1_free(). */
const struct http_head *http1_head(const struct http1_parser *p);

/* Ready for the next request of the connection. */
void http1_next(struct http1_parser *p);

/* True while a request has begun (at least one byte of its head came) and has not ended. Empty
 * lines before a request line are not its beginning. */
bool http1_in_request(const struct http1_parser *p);

/* ---- replies ------------------------------------------------------------------------------ */

/* How the reply to one request is framed; set by http1_reply_init, used by the writers. */
struct http1_reply {
    bool http10;  /* the request was HTTP/1.0: no chunks */
    bool no_body; /* HEAD (headers as for GET), or a status without body: no body bytes */
    bool
        keep_alive; /* the connection stays open after this reply; may be cleared before the head */
    bool chunked;   /* set by http1_write_head */
};

void http1_reply_init(struct http1_reply *r, const struct http_head *head); /* head NULL: unreadable
    request: HTTP/1.1, close */

/* Status line, Date-less headers, framing, and Connection where it must say something.
 * `content_length` -1: unknown; then chunked on 1.1, until close on 1.0 (clears keep_alive). 1xx,
 * 204 and 304 get no length. Header names and values must not contain CR or LF (asserted). */
void http1_write_head(struct http1_reply *r, struct buf *out, int status,
                      struct http_headers headers, int64_t content_length);

/* Chunk framing without copying the payload: begin reserves room for the size line, the caller then
 * adds payload to `out`, commit patches the size in. An empty chunk is taken back. On un-chunked
 * replies both only pass the payload through (no_body: drop it). */
size_t http1_chunk_begin(const struct http1_reply *r, struct buf *out); /* returns a mark */
void http1_chunk_commit(const struct http1_reply *r, struct buf *out, size_t mark);
void http1_write_end(const struct http1_reply *r, struct buf *out); /* last chunk */

const char *http1_status_text(int status);

#endif
