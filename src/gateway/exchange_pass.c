/* A request that is handed to another HTTP server; see exchange_pass.h.
 *
 * Happy path: the call begins before the body is there; what the client sends is held in ex->body
 * until libcurl fetches it (from BODY_HIGH on the connection is not read; what one turn has read
 * comes on top), what the server answers goes into ex->out (at most EXCHANGE_HIGH, then
 * the call pauses).
 *
 * Failure modes: the server cannot be reached or is silent: 502, 504; the answer breaks off: so
 * does ours, since its end must not look like an end. A body over max_request_size_mb is a 413, or
 * the end of the call. */

#include "exchange_pass.h"

#include "base/log.h"
#include "exchange_auth.h"
#include "exchange_observe.h"
#include "exchange_output.h"
#include "exchange_spend.h"
#include "pass_target.h"
#include "reply.h"
#include "worker_private.h"

#define BODY_HIGH ((size_t)256 * 1024) /* bytes of a body that wait for the server … */
#define BODY_LOW  ((size_t)64 * 1024)  /* … and on which the client is read again */
#define MEBIBYTE  (1024 * 1024)

/* ---- AUTH ------------------------------------------------------------------------------------ */

bool exchange_pass_find(struct exchange *ex, struct route_result *r)
{
    bool other;
    struct slice path = ex->head->path;
    const struct pass_endpoint *e = pass_find(&ex->config->passes, ex->head->method, path, &other);
    if (!e) {
        *r = (struct route_result){.match = other ? ROUTE_NO_METHOD : r->match, .allow = r->allow};
        return other;
    }
    if (!ex->pass) {
        ex->pass = ARENA_NEW(&ex->arena, struct pass);
        ex->pass->to = e;
        ex->pass->route = (struct route){
            .method = arena_strdup(&ex->arena, ex->head->method),
            .path = arena_strdup(&ex->arena, e->path),
            .open = !e->auth,
            .passes = true,
            .dialect = &dialect_openai_chat,
        };
    }
    *r = (struct route_result){.match = ROUTE_FOUND, .route = &ex->pass->route};
    return true;
}

void exchange_pass_begin(struct exchange *ex)
{
    if (ex->route->open)
        caller_init(&ex->caller, &ex->arena);
    exchange_auth_request(ex);
    exchange_spend_begin(ex);
    exchange_observe_begin(ex);
    ex->request.model = SLICE("unknown"); /* as LiteLLM's rows have it */
}

/* ---- up -------------------------------------------------------------------------------------- */

void exchange_pass_body(struct exchange *ex, struct slice bytes)
{
    ex->pass->received += (int64_t)bytes.n;
    exchange_deposit(ex, 0);
}

static size_t on_want(void *user, char *p, size_t room)
{
    struct exchange *ex = user;
    struct slice rest = slice_skip(buf_slice(&ex->body), ex->pass->taken);
    size_t n = rest.n < room ? rest.n : room;
    if (!n) {
        ex->pass->starved = !(ex->facts & FACT_BODY_END);
        return ex->pass->starved ? UPSTREAM_LATER : 0;
    }
    memcpy(p, rest.p, n);
    ex->pass->taken += n;
    if (ex->pass->taken >= BODY_LOW || n == rest.n)
        exchange_deposit(ex, 0);
    return n;
}

/* What was taken goes, and more is read or not. */
static void feed(struct exchange *ex)
{
    struct pass *p = ex->pass;
    if (p->taken)
        buf_consume(&ex->body, p->taken);
    p->taken = 0;
    if (!(ex->facts & FACT_BODY_END) && !p->held && ex->body.n >= BODY_HIGH)
        conn_pause_body(ex->conn), p->held = true;
    else if (p->held && ex->body.n <= BODY_LOW)
        conn_read_body(ex->conn), p->held = false;
    if (p->starved && (ex->body.n || ex->facts & FACT_BODY_END)) {
        p->starved = false;
        upstream_more(ex->op);
    }
}

static bool is_too_large(struct exchange *ex)
{
    if (ex->pass->received <= ex->config->settings.max_request_size_mb * MEBIBYTE)
        return false;
    failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 413,
                "the request body is larger than max_request_size_mb (%lld MB)",
                (long long)ex->config->settings.max_request_size_mb);
    return true;
}

/* ---- down ------------------------------------------------------------------------------------ */

static int64_t length_of(struct http_headers headers)
{
    int64_t n = -1;
    struct slice text = http_header_get(headers, "content-length");
    return text.n && slice_to_i64(text, &n) && n >= 0 ? n : -1;
}

static void on_head(void *user, int status, struct http_headers headers)
{
    struct exchange *ex = user;
    if (ex->pass->answered || !ex->conn)
        return;
    ex->pass->answered = true;
    ex->first_event = turn_now(&ex->worker->turn);
    reply_passed(ex, status, pass_answer_headers(headers, &ex->arena), length_of(headers));
    ex->committed = true;
    exchange_deposit(ex, FACT_EVENT);
}

static bool on_data(void *user, struct slice bytes)
{
    struct exchange *ex = user;
    if (!ex->conn || ex->reply.no_body)
        return true;
    if (exchange_queued(ex) >= EXCHANGE_HIGH) {
        ex->facts |= FACT_PAUSED;
        return false;
    }
    exchange_open_chunk(ex);
    buf_add(&ex->out, bytes);
    exchange_deposit(ex, FACT_EVENT);
    return true;
}

/* Where it is, and what it says of itself, is for the log. */
static void fail(struct exchange *ex, enum upstream_end end, const char *detail)
{
    bool late = end >= UPSTREAM_TIMEOUT_CONNECT && end <= UPSTREAM_TIMEOUT_TOTAL;
    const char *what = late                          ? "did not answer in time"
                       : end == UPSTREAM_UNREACHABLE ? "cannot be reached"
                                                     : "broke off";
    log_warn("%s: %s: %s", ex->id, ex->route->path, detail);
    failure_set(&ex->failure, &ex->arena, late ? FAILURE_TIMEOUT : FAILURE_BAD_GATEWAY,
                late ? 504 : 502, "the server behind %s %s", ex->route->path, what);
    ex->failure.upstream = true;
}

static void on_end(void *user, enum upstream_end end, const char *detail)
{
    struct exchange *ex = user;
    ex->op = NULL;
    if (end != UPSTREAM_DONE || !ex->pass->answered)
        fail(ex, end, detail);
    exchange_deposit(ex, FACT_CALL_OVER);
}

static const struct upstream_events events = {
    .head = on_head, .data = on_data, .end = on_end, .want = on_want};

/* ---- PASS ------------------------------------------------------------------------------------ */

static struct upstream_timeouts timeouts_of(const struct exchange *ex)
{
    unsigned ms = config_milliseconds(ex->pass->to->timeout);
    unsigned connect = config_milliseconds(ex->config->settings.connect_timeout);
    return (struct upstream_timeouts){
        .connect_ms = connect ? connect : ms, .first_ms = ms, .idle_ms = ms};
}

static bool start(struct exchange *ex)
{
    const struct http_head *head = ex->head;
    const struct pass_endpoint *to = ex->pass->to;
    struct upstream_timeouts timeouts = timeouts_of(ex);
    struct http_call call = {
        .method = ex->route->method,
        .url = pass_url(to, head->path, head->query, &ex->arena),
        .headers = pass_request_headers(to, head->headers,
                                        ex->config->settings.litellm_key_header_name, &ex->arena),
    };
    if (!call.url)
        return failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 414,
                           "the path and its parameters are too long");
    ex->attempts = 1;
    conn_read_body(ex->conn);
    if (head->content_length)
        ex->op = upstream_stream(ex->worker->upstream, &call, head->content_length, &timeouts,
                                 &events, ex);
    else
        ex->op = upstream_start(ex->worker->upstream, &call, &timeouts, &events, ex);
    return true;
}

static void stop(struct exchange *ex)
{
    if (ex->op)
        upstream_cancel(ex->op);
    ex->op = NULL;
    ex->reply.keep_alive = false;
}

bool exchange_pass(struct exchange *ex)
{
    if (!ex->entered && !start(ex))
        return true;
    if (ex->facts & FACT_BODY_BAD || is_too_large(ex)) {
        stop(ex);
        return true;
    }
    if (ex->op)
        feed(ex);
    if (ex->op || !(ex->facts & FACT_CALL_OVER))
        return false;
    if (ex->failure.kind == FAILURE_NONE && ex->status < 400)
        ex->cost.total = ex->pass->to->cost;
    return true;
}
