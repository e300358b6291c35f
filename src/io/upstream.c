/* Outgoing HTTP calls, one easy handle each.
 *
 * Happy path: upstream_start takes an op from the pool, sets what this call needs and adds it to
 * the multi handle; libcurl connects or reuses (on_connected), hands over header lines (on_header)
 * and the body (on_data); its message ends the op (upstream_end_finished), which goes back to the
 * pool.
 * Failure modes: libcurl's error codes become UNREACHABLE before the request is sent and BROKEN
 * after it; our clocks (one timer per op, started only for a deadline before the one it is set to)
 * end the op by themselves; an error returned by curl_easy_pause is the end too, as libcurl 7.88
 * reports it in no other way. An op that did not end well is freed, not reused: cheap insurance
 * against half-reset handles.
 *
 * A kept connection that dies before the first byte of an answer is retried by libcurl itself. */

#include "address.h"
#include "io/mail.h"
#include "upstream_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define POOL_MAX            256u                /* idle easy handles kept */
#define ANSWER_HEAD_MAX     ((size_t)64 * 1024) /* status line and headers, bytes */
#define ANSWER_HEADERS_MAX  256                 /* lines */
#define PIECE_MAX           16384L              /* one read, and one piece of an answer */
#define MAIL_TAKEN          250                 /* SMTP */
#define NO_CONNECT_LIMIT_MS 86400000L           /* 0 would mean libcurl's default of 300 s */

/* ---- libcurl's callbacks: they only hand on -------------------------------------------------- */

bool upstream_refuses(struct upstream_op *op, bool public)
{
    bool refused = op->fenced && !op->fence.private_addresses && !public;
    op->refused |= refused;
    return refused;
}

/* Each hop of a call comes by here. A fenced one is looked at when its socket is made, too, but a
 * redirect may lead to a connection that another call left. */
static int on_connected(void *user, char *remote, char *local, int remote_port, int local_port)
{
    (void)local;
    (void)remote_port;
    (void)local_port;
    struct upstream_op *op = user;
    if (upstream_refuses(op, !op->fenced || address_text_is_public(remote)))
        return CURL_PREREQFUNC_ABORT;
    op->phase = OP_FIRST;
    op->since = turn_now(op->upstream->turn);
    return CURL_PREREQFUNC_OK;
}

static bool split_header(struct slice line, struct http_header *h)
{
    h->value = line;
    h->name = slice_split(&h->value, ':');
    h->value = slice_trim(h->value);
    return h->value.p && h->name.n;
}

static void tell_head(struct upstream_op *op, int status)
{
    struct http_header v[ANSWER_HEADERS_MAX];
    struct http_headers headers = {v, 0};
    struct slice rest = buf_slice(&op->head);
    slice_split(&rest, '\n');
    while (rest.n && headers.n < ANSWER_HEADERS_MAX)
        headers.n += split_header(slice_split(&rest, '\n'), &v[headers.n]);
    op->phase = OP_BODY;
    op->since = turn_now(op->upstream->turn);
    op->events->head(op->user, status, headers);
    buf_fini(&op->head); /* it may be a long stream */
}

/* Whether libcurl will go on to another URL after this head. */
static bool is_followed(const struct upstream_op *op, long status)
{
    struct slice rest = buf_slice(&op->head);
    struct http_header h;
    if (!op->fenced || !op->fence.redirects_max || status < 300 || status > 399)
        return false;
    while (rest.n)
        if (split_header(slice_split(&rest, '\n'), &h) && h.value.n &&
            slice_eq_nocase(h.name, SLICE("location")))
            return true;
    return false;
}

/* One line at a time. Interim answers (1xx) start anew with their successor's status line, and so
 * do redirects; what comes after the head are trailers. */
static size_t on_header(char *p, size_t size, size_t n, void *user)
{
    (void)size;
    struct upstream_op *op = user;
    struct slice line = slice_make(p, n);
    if (op->phase == OP_BODY)
        return n;
    if (slice_starts(line, SLICE("HTTP/")))
        buf_reset(&op->head);
    if (!slice_is_blank(line)) {
        buf_add(&op->head, line);
        return op->head.overflow ? 0 : n;
    }
    long status = 0;
    curl_easy_getinfo(op->easy, CURLINFO_RESPONSE_CODE, &status);
    if (is_followed(op, status))
        op->phase = OP_CONNECT;
    else if (status >= 200)
        tell_head(op, (int)status);
    return n;
}

static size_t on_data(char *p, size_t size, size_t n, void *user)
{
    (void)size;
    struct upstream_op *op = user;
    op->since = turn_now(op->upstream->turn);
    if (op->events->data(op->user, slice_make(p, n)))
        return n;
    op->paused = true;
    return CURL_WRITEFUNC_PAUSE;
}

/* ---- ops and their pool ---------------------------------------------------------------------- */

static void set_fixed_options(struct upstream_op *op)
{
    struct upstream *u = op->upstream;
    CURL *easy = op->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, op);
    curl_easy_setopt(easy, CURLOPT_SHARE, u->share);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* as it was signed */
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, PIECE_MAX);
    /* Cancelling while a name is looked up must not wait for the resolver's thread. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, op->error);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, op);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, op);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, op);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, u->verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, u->verify ? 2L : 0L);
    if (u->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, u->ca_file);
    lane_options(op);
    if (!u->proxied) /* spares libcurl looking for the variables with each call */
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

static struct upstream_op *op_new(struct upstream *u)
{
    struct upstream_op *op = calloc(1, sizeof(*op));
    if (!op)
        abort();
    op->upstream = u;
    op->piece = REQUEST_PIECE;
    op->easy = curl_easy_init();
    if (!op->easy)
        abort();
    list_init(&op->link);
    buf_init(&op->head, ANSWER_HEAD_MAX);
    uv_timer_init(u->turn->loop, &op->clock);
    op->clock.data = op;
    op->armed = UPSTREAM_NEVER;
    u->handles++;
    set_fixed_options(op);
    return op;
}

static void on_clock_closed(uv_handle_t *handle)
{
    struct upstream_op *op = handle->data;
    upstream_unref(op->upstream);
    free(op);
}

static void op_free(struct upstream_op *op)
{
    list_del(&op->link);
    curl_easy_cleanup(op->easy);
    buf_fini(&op->head);
    free(op->lines);
    curl_slist_free_all(op->recipients);
    uv_close((uv_handle_t *)&op->clock, on_clock_closed);
}

static struct upstream_op *op_take(struct upstream *u)
{
    struct list *link = list_pop(&u->idle);
    if (!link)
        return op_new(u);
    u->idle_count--;
    return LIST_ENTRY(link, struct upstream_op, link);
}

static void op_detach(struct upstream_op *op)
{
    op->phase = OP_ENDED;
    op->upstream->active--;
    list_del(&op->link);
    lane_remove(op);
}

static void op_end(struct upstream_op *op, enum upstream_end end, const char *detail)
{
    struct upstream *u = op->upstream;
    op_detach(op);
    op->events->end(op->user, end, detail);
    if (end != UPSTREAM_DONE || op->fenced || op->mail || op->streamed ||
        u->idle_count >= POOL_MAX) {
        op_free(op);
        return;
    }
    request_forget(op);
    list_add(&u->idle, &op->link);
    u->idle_count++;
}

/* What the fence has against the URL, or NULL. */
static const char *fence_detail(const struct upstream_op *op, CURLcode code)
{
    if (!op->fenced || code == CURLE_OK)
        return NULL;
    if (op->refused)
        return "its address is not a public one";
    if (code == CURLE_UNSUPPORTED_PROTOCOL)
        return op->fence.plain_http ? "only http: and https: are allowed"
                                    : "only https: is allowed";
    if (code == CURLE_TOO_MANY_REDIRECTS)
        return "too many redirects";
    return code == CURLE_LOGIN_DENIED ? "a user name is not allowed in it" : NULL;
}

static enum upstream_end classify(const struct upstream_op *op, CURLcode code)
{
    if (fence_detail(op, code))
        return UPSTREAM_FENCED;
    /* libcurl is content with an interim answer and a close. */
    if (code == CURLE_OK)
        return op->phase == OP_BODY ? UPSTREAM_DONE : UPSTREAM_BROKEN;
    if (op->phase != OP_CONNECT)
        return UPSTREAM_BROKEN;
    return code == CURLE_OPERATION_TIMEDOUT ? UPSTREAM_TIMEOUT_CONNECT : UPSTREAM_UNREACHABLE;
}

/* The server's last word is the answer; what broke off before one has none. */
static void mail_end(struct upstream_op *op, CURLcode code)
{
    long status = 0;
    const char *detail = *op->error ? op->error : curl_easy_strerror(code);
    curl_easy_getinfo(op->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK && status < 400) {
        op_end(op, UPSTREAM_UNREACHABLE, detail);
        return;
    }
    op->events->head(op->user, code == CURLE_OK ? MAIL_TAKEN : (int)status,
                     (struct http_headers){0});
    if (code != CURLE_OK)
        op->events->data(op->user, slice_of(detail));
    op_end(op, UPSTREAM_DONE, "");
}

static void op_end_by_code(struct upstream_op *op, CURLcode code)
{
    if (op->mail) {
        mail_end(op, code);
        return;
    }
    enum upstream_end end = classify(op, code);
    const char *detail = *op->error ? op->error : curl_easy_strerror(code);
    if (end == UPSTREAM_FENCED)
        detail = fence_detail(op, code);
    if (code == CURLE_OK)
        detail = end == UPSTREAM_DONE ? "" : "the connection ended before the answer";
    op_end(op, end, detail);
}

void upstream_end_finished(struct upstream_lane *lane)
{
    struct list *link;
    while ((link = list_pop(&lane->failed))) {
        struct upstream_op *op = LIST_ENTRY(link, struct upstream_op, link);
        op_end_by_code(op, op->failure);
    }
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(lane->multi, &left))) {
        struct upstream_op *op;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &op);
        op_end_by_code(op, code);
    }
}

static void fail_later(struct upstream_op *op, CURLcode code)
{
    op->failure = code;
    if (list_empty(&op->link))
        list_add(&op->lane->failed, &op->link);
    turn_mark(op->upstream->turn, &op->lane->item);
}

/* ---- clocks ---------------------------------------------------------------------------------- */

/* libcurl keeps the connect clock: it divides it among the addresses of a name. */
static int64_t phase_deadline(const struct upstream_op *op)
{
    unsigned ms = 0;
    if (op->phase == OP_FIRST)
        ms = op->timeouts.first_ms;
    if (op->phase == OP_BODY && !op->paused)
        ms = op->timeouts.idle_ms;
    return ms ? op->since + ms : UPSTREAM_NEVER;
}

static int64_t total_deadline(const struct upstream_op *op)
{
    if (op->phase == OP_ENDED || !op->timeouts.total_ms)
        return UPSTREAM_NEVER;
    return op->started + op->timeouts.total_ms;
}

/* The first look at a phase's clock is due before the phase begins: deadlines only move away. */
static int64_t next_look(const struct upstream_op *op, int64_t now)
{
    int64_t at = total_deadline(op);
    const unsigned ms[] = {op->timeouts.first_ms, op->timeouts.idle_ms};
    for (size_t i = 0; i < 2 && op->phase != OP_ENDED; i++)
        if (ms[i] && now + ms[i] < at)
            at = now + ms[i];
    int64_t phase = phase_deadline(op);
    return phase < at ? phase : at;
}

static void on_clock(uv_timer_t *clock);

static void op_arm(struct upstream_op *op)
{
    int64_t now = turn_now(op->upstream->turn);
    int64_t at = next_look(op, now);
    if (at >= op->armed)
        return;
    op->armed = at;
    uv_timer_start(&op->clock, on_clock, at > now ? (uint64_t)(at - now) : 0, 0);
}

static void on_clock(uv_timer_t *clock)
{
    struct upstream_op *op = clock->data;
    int64_t now = turn_now(op->upstream->turn);
    op->armed = UPSTREAM_NEVER;
    if (now >= total_deadline(op))
        op_end(op, UPSTREAM_TIMEOUT_TOTAL, "the answer took longer than the total timeout");
    else if (now < phase_deadline(op))
        op_arm(op);
    else if (op->phase == OP_FIRST)
        op_end(op, UPSTREAM_TIMEOUT_FIRST, "no answer within the first-byte timeout");
    else
        op_end(op, UPSTREAM_TIMEOUT_IDLE, "the answer stopped for longer than the idle timeout");
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void begin(struct upstream_op *op, const struct upstream_timeouts *timeouts,
                  const struct upstream_events *events, void *user)
{
    op->events = events;
    op->user = user;
    op->timeouts = *timeouts;
    op->phase = OP_CONNECT;
    op->paused = false;
    op->started = op->since = turn_now(op->upstream->turn);
    op->error[0] = '\0';
}

static struct upstream_op *go(struct upstream_op *op)
{
    unsigned ms = op->timeouts.connect_ms;
    curl_easy_setopt(op->easy, CURLOPT_CONNECTTIMEOUT_MS, ms ? (long)ms : NO_CONNECT_LIMIT_MS);
    op->upstream->active++;
    if (lane_add(op) != CURLM_OK)
        fail_later(op, CURLE_FAILED_INIT);
    op_arm(op);
    return op;
}

struct upstream_op *upstream_start(struct upstream *u, const struct http_call *call,
                                   const struct upstream_timeouts *timeouts,
                                   const struct upstream_events *events, void *user)
{
    struct upstream_op *op = op_take(u);
    begin(op, timeouts, events, user);
    request_call(op, call);
    return go(op);
}

struct upstream_op *upstream_stream(struct upstream *u, const struct http_call *call,
                                    int64_t length, const struct upstream_timeouts *timeouts,
                                    const struct upstream_events *events, void *user)
{
    struct upstream_op *op = op_take(u);
    begin(op, timeouts, events, user);
    request_stream(op, call, length);
    return go(op);
}

struct upstream_op *upstream_mail(struct upstream *u, const char *url,
                                  const struct mail_envelope *envelope, struct slice message,
                                  const struct upstream_timeouts *timeouts,
                                  const struct upstream_events *events, void *user)
{
    struct upstream_op *op = op_new(u);
    begin(op, timeouts, events, user);
    request_mail(op, url, envelope, message);
    return go(op);
}

static void go_on(struct upstream_op *op)
{
    int paused = (op->paused ? CURLPAUSE_RECV : 0) | (op->starved ? CURLPAUSE_SEND : 0);
    CURLcode code = curl_easy_pause(op->easy, paused);
    if (code != CURLE_OK)
        fail_later(op, code);
    op_arm(op);
}

void upstream_resume(struct upstream_op *op)
{
    if (!op->paused)
        return;
    op->paused = false;
    op->since = turn_now(op->upstream->turn);
    go_on(op);
}

void upstream_more(struct upstream_op *op)
{
    if (!op->starved)
        return;
    op->starved = false;
    go_on(op);
}

void upstream_cancel(struct upstream_op *op)
{
    op_detach(op);
    op_free(op);
}

bool upstream_uploaded(const struct upstream_op *op)
{
    curl_off_t sent = 0;
    curl_easy_getinfo(op->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    return op->phase == OP_BODY && sent >= op->body_size;
}

unsigned upstream_active(const struct upstream *u)
{
    return u->active;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* libcurl takes HTTP_PROXY in lower case only, since a CGI script gets the other from its client.
 */
static bool environment_names_a_proxy(void)
{
    const char *upper = getenv("HTTP_PROXY");
    if (upper && !getenv("http_proxy") && !getenv("REQUEST_METHOD"))
        setenv("http_proxy", upper, 0);
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (getenv(names[i]))
            return true;
    return false;
}

struct upstream *upstream_init(struct turn *t, const struct upstream_tls *tls)
{
    struct upstream *u = calloc(1, sizeof(*u));
    if (!u || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    u->turn = t;
    u->verify = tls->verify;
    u->proxied = environment_names_a_proxy();
    u->ca_file = tls->ca_file ? strdup(tls->ca_file) : NULL;
    u->lane_idle_ms = LANE_IDLE_MS;
    u->handles = 1; /* ours, until upstream_fini */
    list_init(&u->lanes);
    list_init(&u->idle);
    u->share = curl_share_init();
    if (!u->share)
        abort();
    curl_share_setopt(u->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_share_setopt(u->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    return u;
}

void upstream_unref(struct upstream *u)
{
    if (--u->handles)
        return;
    free(u->sockets);
    free(u->ca_file);
    free(u);
}

void upstream_fini(struct upstream *u)
{
    assert(u->active == 0);
    struct list *link;
    while ((link = list_pop(&u->idle)))
        op_free(LIST_ENTRY(link, struct upstream_op, link));
    while (!list_empty(&u->lanes))
        lane_close(LIST_ENTRY(u->lanes.next, struct upstream_lane, link));
    curl_share_cleanup(u->share);
    curl_global_cleanup();
    upstream_unref(u);
}
