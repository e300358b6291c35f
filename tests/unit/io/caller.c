/* A caller that keeps what it is told, and the little HTTP its scripted servers understand. */

#include "caller.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX ((size_t)64 * 1024 * 1024)

void caller_open(struct dialer *c, struct world *w, int port)
{
    const struct upstream_tls tls = {.verify = true};
    /* Proxies of the surroundings do not lead to this loopback. */
    setenv("no_proxy", "*", 1);
    c->world = w;
    c->port = port;
    c->upstream = upstream_init(&w->turn, &tls);
    assert_non_null(c->upstream);
}

void caller_close(struct dialer *c)
{
    assert_int_equal(upstream_active(c->upstream), 0);
    upstream_fini(c->upstream);
}

static void on_head(void *user, int status, struct http_headers headers)
{
    struct call *call = user;
    call->events++;
    assert_int_equal(call->status, 0);
    call->status = status;
    for (size_t i = 0; i < headers.n; i++)
        buf_addf(&call->head, "%.*s=%.*s\n", SLICE_ARG(headers.v[i].name),
                 SLICE_ARG(headers.v[i].value));
}

static bool on_data(void *user, struct slice bytes)
{
    struct call *call = user;
    call->events++;
    assert_true(call->status != 0 && !call->ended);
    if (call->take_max && call->bytes >= call->take_max) {
        call->paused = true;
        return false;
    }
    call->bytes += bytes.n;
    if (bytes.n > call->largest)
        call->largest = bytes.n;
    if (!call->discard)
        buf_add(&call->body, bytes);
    return true;
}

static void on_end(void *user, enum upstream_end end, const char *detail)
{
    struct call *call = user;
    call->events++;
    call->ends++;
    call->ended = true;
    call->end = end;
    call->op = NULL;
    snprintf(call->detail, sizeof(call->detail), "%s", detail);
}

static const struct upstream_events events = {on_head, on_data, on_end};

void call_start(struct call *call, struct dialer *c, const char *method, const char *path,
                const char *body)
{
    call->caller = c;
    snprintf(call->url, sizeof(call->url), "http://127.0.0.1:%d%s", c->port, path);
    call->http.method = method;
    if (!call->http.url)
        call->http.url = call->url;
    call->http.body = slice_of(body);
    buf_init(&call->head, BODY_MAX);
    buf_init(&call->body, BODY_MAX);
    call->op = upstream_start(c->upstream, &call->http, &c->timeouts, &events, call);
    assert_non_null(call->op);
    assert_int_equal(call->events, 0);
}

void call_free(struct call *call)
{
    buf_fini(&call->head);
    buf_fini(&call->body);
}

static size_t request_size(const struct peer *p)
{
    struct slice got = buf_slice(&p->got);
    ptrdiff_t end = slice_find(got, SLICE("\r\n\r\n"));
    if (end < 0)
        return 0;
    size_t size = (size_t)end + 4;
    ptrdiff_t at = slice_find(slice_make(got.p, size), SLICE("Content-Length: "));
    if (at >= 0)
        size += strtoul(got.p + at + 16, NULL, 10);
    return size <= got.n ? size : 0;
}

bool peer_has_request(const struct peer *p)
{
    return request_size(p) > 0;
}

void peer_drop_request(struct peer *p)
{
    buf_consume(&p->got, request_size(p));
}
