/* What a call asks for, as libcurl's options: URL, method, headers, body; a letter and whom it goes
 * to; the fence around a URL that somebody else named.
 *
 * An easy handle keeps what it was told: each of these undoes what the call before it said, or its
 * op is not used again. */

#include "io/mail.h"
#include "upstream_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- headers --------------------------------------------------------------------------------- */

static bool is_ours(struct slice name)
{
    return slice_eq_nocase(name, SLICE("content-length"));
}

static struct curl_slist *add_line(struct curl_slist *node, char **text, struct slice name,
                                   struct slice value)
{
    node->data = *text;
    node->next = node + 1;
    memcpy(*text, name.p, name.n);
    *text += name.n;
    memcpy(*text, value.n ? ": " : ";", value.n ? 2 : 1);
    *text += value.n ? 2 : 1;
    if (value.n)
        memcpy(*text, value.p, value.n);
    *text += value.n;
    *(*text)++ = '\0';
    return node + 1;
}

/* The list in one piece of memory that the op keeps, nodes first: curl_slist_append would copy and
 * allocate each line. libcurl only reads it. The first lines take back what libcurl would add by
 * itself and the call does not name (libcurl looks through all lines again and again: few are
 * fast). "Name;" is an empty value. */
static void set_headers(struct upstream_op *op, struct http_headers headers)
{
    static char *const taken_back[] = {"Expect:", "Accept:", "Content-Type:"};
    static const char *const names[] = {"expect", "accept", "content-type"};
    const size_t fixed = sizeof(taken_back) / sizeof(*taken_back);
    size_t size = (fixed + headers.n) * sizeof(struct curl_slist);
    for (size_t i = 0; i < headers.n; i++)
        size += headers.v[i].name.n + headers.v[i].value.n + sizeof(": ");
    if (size > op->lines_size) {
        free(op->lines);
        op->lines = malloc(size);
        if (!op->lines)
            abort();
        op->lines_size = size;
    }
    struct curl_slist *nodes = (struct curl_slist *)(void *)op->lines;
    struct curl_slist *node = nodes;
    char *text = (char *)(nodes + fixed + headers.n);
    for (size_t i = 0; i < fixed; i++)
        if (!http_header_get(headers, names[i]).p) {
            *node = (struct curl_slist){taken_back[i], node + 1};
            node++;
        }
    for (size_t i = 0; i < headers.n; i++)
        if (!is_ours(headers.v[i].name))
            node = add_line(node, &text, headers.v[i].name, headers.v[i].value);
    node[-1].next = NULL;
    curl_easy_setopt(op->easy, CURLOPT_HTTPHEADER, nodes);
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* CURLOPT_CUSTOMREQUEST for what is neither a plain GET nor a plain POST. */
static void set_custom(struct upstream_op *op, const char *method)
{
    if (strcmp(op->custom, method) == 0)
        return;
    size_t n = strlen(method) + 1;
    assert(n <= sizeof(op->custom));
    memcpy(op->custom, method, n);
    curl_easy_setopt(op->easy, CURLOPT_CUSTOMREQUEST, *method ? method : NULL);
}

/* Setting it frees what the last call had. */
static void set_piece(struct upstream_op *op, size_t piece)
{
    if (piece < REQUEST_PIECE)
        piece = REQUEST_PIECE;
    if (piece != op->piece)
        curl_easy_setopt(op->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)piece);
    op->piece = piece;
}

void request_forget(struct upstream_op *op)
{
    set_piece(op, 0);
}

static void set_request(struct upstream_op *op, const struct http_call *call)
{
    CURL *easy = op->easy;
    bool post = strcmp(call->method, "POST") == 0;
    bool head = strcmp(call->method, "HEAD") == 0;
    bool plain = post || head || (strcmp(call->method, "GET") == 0 && !call->body.n);
    curl_easy_setopt(easy, CURLOPT_URL, call->url);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L); /* undoes the last call's */
    if (head)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (post || call->body.n) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.n ? call->body.p : "");
    }
    set_custom(op, plain ? "" : call->method);
}

/* Such an op goes after its call: nothing of this needs to be undone. */
static void set_fence(struct upstream_op *op, const struct http_fence *fence)
{
    CURL *easy = op->easy;
    op->fenced = fence != NULL;
    op->refused = false;
    if (!fence)
        return;
    op->fence = *fence;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, fence->plain_http ? "http,https" : "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, fence->redirects_max ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)fence->redirects_max);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

static void set_direct(struct upstream_op *op, bool direct)
{
    if (direct == op->direct)
        return;
    op->direct = direct;
    if (op->upstream->proxied) /* NULL: what the environment says */
        curl_easy_setopt(op->easy, CURLOPT_PROXY, direct ? "" : NULL);
}

void request_call(struct upstream_op *op, const struct http_call *call)
{
    op->body_size = (curl_off_t)call->body.n;
    assert(!call->fence || !call->fence->redirects_max ||
           (strcmp(call->method, "GET") == 0 && !call->body.n));
    set_direct(op, call->direct);
    set_fence(op, call->fence);
    set_piece(op, call->piece);
    set_request(op, call);
    set_headers(op, call->headers);
}

static size_t on_want(char *p, size_t size, size_t n, void *user)
{
    struct upstream_op *op = user;
    size_t got = op->events->want(op->user, p, size * n);
    op->starved = got == UPSTREAM_LATER;
    return op->starved ? CURL_READFUNC_PAUSE : got;
}

/* A connection of its own: libcurl could not rewind the body to send it anew. */
static void set_streamed(struct upstream_op *op, const struct http_call *call, int64_t length)
{
    CURL *easy = op->easy;
    op->streamed = true;
    op->starved = false;
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)length);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_want);
    curl_easy_setopt(easy, CURLOPT_READDATA, op);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    set_custom(op, call->method);
}

void request_stream(struct upstream_op *op, const struct http_call *call, int64_t length)
{
    set_direct(op, call->direct);
    curl_easy_setopt(op->easy, CURLOPT_URL, call->url);
    set_streamed(op, call, length);
    set_headers(op, call->headers);
}

/* ---- mail ------------------------------------------------------------------------------------ */

#if LIBCURL_VERSION_NUM >= 0x080200
#define MAIL_RCPT_ALLOWFAILS CURLOPT_MAIL_RCPT_ALLOWFAILS
#else
#define MAIL_RCPT_ALLOWFAILS CURLOPT_MAIL_RCPT_ALLLOWFAILS /* as it was spelled */
#endif

static size_t on_mail_read(char *p, size_t size, size_t n, void *user)
{
    struct upstream_op *op = user;
    size_t room = size * n, piece = op->unsent.n < room ? op->unsent.n : room;
    if (piece)
        memcpy(p, op->unsent.p, piece);
    op->unsent = slice_skip(op->unsent, piece);
    return piece;
}

static void set_mail(struct upstream_op *op, const struct mail_envelope *e)
{
    CURL *easy = op->easy;
    for (const char *const *to = e->to; *to; to++)
        op->recipients = curl_slist_append(op->recipients, *to);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)(e->starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, e->from);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, op->recipients);
    curl_easy_setopt(easy, MAIL_RCPT_ALLOWFAILS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERNAME, e->user);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, e->password);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_mail_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, op);
}

void request_mail(struct upstream_op *op, const char *url, const struct mail_envelope *envelope,
                  struct slice message)
{
    op->mail = true;
    op->unsent = message;
    curl_easy_setopt(op->easy, CURLOPT_URL, url);
    set_mail(op, envelope);
}
