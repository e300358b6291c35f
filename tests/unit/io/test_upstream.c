/* Calls against scripted servers: answers, methods, pausing, cancelling, reuse. The ends that are
 * failures are in test_upstream_ends.c. */

#include "caller.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind:  greeting \r\n\r\nhello"

static struct peer_server server;
static struct dialer caller;

/* Answers each complete request with the text in server.user. */
static void answer(struct peer *p)
{
    while (peer_has_request(p)) {
        peer_drop_request(p);
        peer_say(p, p->server->user);
    }
}

static void open_server(struct world *w, void (*on_data)(struct peer *p), const char *text)
{
    memset(&server, 0, sizeof(server));
    memset(&caller, 0, sizeof(caller));
    server.on_data = on_data;
    server.user = (void *)(uintptr_t)text;
    peer_server_open(&server, w);
    caller_open(&caller, w, server.port);
}

static void close_server(void)
{
    caller_close(&caller);
    peer_server_close(&server);
}

static struct peer *last_peer(void)
{
    assert_false(list_empty(&server.peers));
    return LIST_ENTRY(server.peers.prev, struct peer, link);
}

static void gives_head_body_and_end(void **state)
{
    struct world *w = *state;
    struct call call = {0};
    open_server(w, answer, OK_HELLO);
    call_start(&call, &caller, "POST", "/v1?q=%20a", "{}");
    WORLD_UNTIL(w, call.ended);
    assert_int_equal(call.end, UPSTREAM_DONE);
    assert_int_equal(call.status, 200);
    assert_memory_equal(call.head.p, "Content-Length=5\nX-Kind=greeting\n", call.head.n);
    assert_true(slice_eq(buf_slice(&call.body), SLICE("hello")));
    call_free(&call);
    close_server();
}

static void sends_what_the_call_says_and_nothing_else(void **state)
{
    struct world *w = *state;
    const struct http_header headers[] = {
        {SLICE("Content-Type"), SLICE("application/json")},
        {SLICE("X-Empty"), SLICE("")},
        {SLICE("User-Agent"), SLICE("lintel")},
        {SLICE("content-length"), SLICE("999")},
    };
    struct call call = {.http.headers = {headers, 4}};
    char expected[256];
    open_server(w, NULL, NULL);
    call_start(&call, &caller, "POST", "/a/../b%2Fc?d=e", "body");
    WORLD_UNTIL(w, server.accepts && peer_has_request(last_peer()));
    snprintf(expected, sizeof(expected),
             "POST /a/../b%%2Fc?d=e HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
             "Content-Type: application/json\r\nX-Empty:\r\nUser-Agent: lintel\r\n"
             "Content-Length: 4\r\n\r\nbody",
             server.port);
    struct slice got = buf_slice(&last_peer()->got);
    assert_int_equal(got.n, strlen(expected));
    assert_memory_equal(got.p, expected, got.n);
    upstream_cancel(call.op);
    call_free(&call);
    close_server();
}

struct method {
    const char *method, *body, *first, *end;
};

/* One handle after the other: nothing of a call may stay in the handle for the next. */
static void methods_do_not_leak_into_each_other(void **state)
{
    struct world *w = *state;
    static const struct method methods[] = {
        {"POST", "abc", "POST / HTTP/1.1\r\n", "Content-Length: 3\r\n\r\nabc"},
        {"GET", "", "GET / HTTP/1.1\r\n", "\r\n\r\n"},
        {"DELETE", "", "DELETE / HTTP/1.1\r\n", "\r\n\r\n"},
        {"POST", NULL, "POST / HTTP/1.1\r\n", "Content-Length: 0\r\n\r\n"},
        {"PUT", "xy", "PUT / HTTP/1.1\r\n", "Content-Length: 2\r\n\r\nxy"},
        {"HEAD", "", "HEAD / HTTP/1.1\r\n", "\r\n\r\n"},
        {"GET", "", "GET / HTTP/1.1\r\n", "\r\n\r\n"},
    };
    open_server(w, NULL, NULL);
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        const struct method *m = &methods[i];
        struct call call = {0};
        call_start(&call, &caller, m->method, "/", m->body);
        WORLD_UNTIL(w, server.accepts && peer_has_request(last_peer()));
        struct slice got = buf_slice(&last_peer()->got);
        assert_true(slice_starts(got, slice_of(m->first)));
        assert_true(slice_ends(got, slice_of(m->end)));
        bool has_length = slice_find(got, SLICE("Content-Length")) >= 0;
        assert_int_equal(has_length, strstr(m->end, "Content-Length") != NULL);
        peer_drop_request(last_peer());
        assert_int_equal(last_peer()->got.n, 0);
        peer_say(last_peer(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        if (strcmp(m->method, "HEAD") != 0)
            peer_say(last_peer(), "ok");
        WORLD_UNTIL(w, call.ended);
        assert_int_equal(call.end, UPSTREAM_DONE);
        call_free(&call);
    }
    assert_int_equal(server.accepts, 1);
    close_server();
}

static void reads_chunks_and_trailers(void **state)
{
    struct world *w = *state;
    struct call call = {0};
    static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "5\r\nfirst\r\n7\r\n second\r\n0\r\nX-Trailer: t\r\n\r\n";
    open_server(w, NULL, NULL);
    call_start(&call, &caller, "POST", "/", "{}");
    WORLD_UNTIL(w, server.accepts && peer_has_request(last_peer()));
    for (size_t i = 0; text[i]; i++) {
        peer_send(last_peer(), text + i, 1);
        uv_run(&w->loop, UV_RUN_NOWAIT);
        uv_run(&w->loop, UV_RUN_NOWAIT);
    }
    WORLD_UNTIL(w, call.ended);
    assert_int_equal(call.end, UPSTREAM_DONE);
    assert_true(slice_eq(buf_slice(&call.body), SLICE("first second")));
    assert_true(slice_find(buf_slice(&call.head), SLICE("Trailer:")) < 0);
    call_free(&call);
    close_server();
}

static void interim_answers_are_not_the_answer(void **state)
{
    struct world *w = *state;
    struct call call = {0};
    open_server(w, answer, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK_HELLO);
    call_start(&call, &caller, "GET", "/", "");
    WORLD_UNTIL(w, call.ended);
    assert_int_equal(call.end, UPSTREAM_DONE);
    assert_int_equal(call.status, 200);
    assert_true(slice_find(buf_slice(&call.head), SLICE("Link")) < 0);
    call_free(&call);
    close_server();
}

static void send_large(struct world *w, struct slice body, size_t piece)
{
    struct call call = {.http = {.piece = piece}};
    call_start(&call, &caller, "POST", "/", body.p);
    WORLD_UNTIL(w, server.accepts && peer_has_request(last_peer()));
    assert_true(slice_ends(buf_slice(&last_peer()->got), body));
    assert_false(peer_has(last_peer(), "Expect"));
    peer_drop_request(last_peer());
    peer_say(last_peer(), OK_HELLO);
    WORLD_UNTIL(w, call.ended);
    assert_int_equal(call.end, UPSTREAM_DONE);
    call_free(&call);
}

/* In whatever pieces, one call after the other over one connection. */
static void sends_a_large_body_whole(void **state)
{
    static const size_t pieces[] = {0, 512 * 1024, 100, 0};
    const size_t size = 3 * 1024 * 1024;
    char *body = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        body[i] = (char)('a' + i % 23);
    body[size] = '\0';
    open_server(*state, NULL, NULL);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
        send_large(*state, slice_make(body, size), pieces[i]);
    assert_int_equal(server.accepts, 1);
    free(body);
    close_server();
}

/* ---- pausing and cancelling ------------------------------------------------------------------ */

static char block[256 * 1024];

static void send_block(struct peer *p)
{
    if (!p->eof && !p->error && p->writes == 0)
        peer_send(p, block, sizeof(block));
}

static void start_endless(struct peer *p)
{
    if (!peer_has_request(p))
        return;
    peer_drop_request(p);
    peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
}

static void open_endless(struct world *w)
{
    open_server(w, start_endless, NULL);
    server.on_written = send_block;
}

static void a_pause_stops_the_sender(void **state)
{
    struct world *w = *state;
    struct call call = {.take_max = 1024 * 1024, .discard = true};
    open_endless(w);
    caller.timeouts.idle_ms = 500;
    call_start(&call, &caller, "GET", "/", "");
    for (size_t round = 1; round <= 3; round++) {
        WORLD_UNTIL(w, call.paused);
        size_t taken = call.bytes;
        world_settle(w, &last_peer()->sent);
        /* Longer than the idle timeout, which stands still; and quiet, with input waiting. */
        assert_true(world_run_ms(w, 600) < 50);
        assert_int_equal(call.bytes, taken);
        assert_in_range(taken, round * 1024 * 1024, round * 1024 * 1024 + 16384);
        assert_false(call.ended);
        call.take_max += 1024 * 1024;
        call.paused = false;
        upstream_resume(call.op);
    }
    WORLD_UNTIL(w, call.bytes > 3 * 1024 * 1024);
    assert_true(call.largest <= 16384);
    upstream_cancel(call.op);
    WORLD_UNTIL(w, last_peer()->eof || last_peer()->error);
    call_free(&call);
    close_server();
}

static void resume_may_pause_again_at_once(void **state)
{
    struct world *w = *state;
    struct call call = {.take_max = 1, .discard = true};
    open_endless(w);
    call_start(&call, &caller, "GET", "/", "");
    WORLD_UNTIL(w, call.paused);
    for (int i = 0; i < 10; i++) {
        call.paused = false;
        upstream_resume(call.op);
        assert_true(call.paused); /* told from inside */
    }
    call.take_max = 0;
    call.discard = true;
    upstream_resume(call.op);
    WORLD_UNTIL(w, call.bytes > 1024 * 1024);
    upstream_resume(call.op); /* not paused: nothing */
    upstream_cancel(call.op);
    call_free(&call);
    close_server();
}

enum { CANCEL_AT_ONCE, CANCEL_WAITING, CANCEL_FLOWING, CANCEL_PAUSED, CANCEL_CASES };

static void cancel_closes_at_once_and_nothing_follows(void **state)
{
    struct world *w = *state;
    for (int when = 0; when < CANCEL_CASES; when++) {
        struct call call = {.discard = true};
        open_endless(w);
        if (when == CANCEL_WAITING)
            server.on_data = NULL;
        call.take_max = when == CANCEL_PAUSED ? 100000 : 0;
        call_start(&call, &caller, "GET", "/", "");
        if (when == CANCEL_WAITING)
            WORLD_UNTIL(w, server.accepts && peer_has_request(last_peer()));
        if (when == CANCEL_FLOWING)
            WORLD_UNTIL(w, call.bytes > 100000);
        if (when == CANCEL_PAUSED)
            WORLD_UNTIL(w, call.paused);
        unsigned events = call.events;
        upstream_cancel(call.op);
        assert_int_equal(upstream_active(caller.upstream), 0);
        int64_t since = turn_now(&w->turn);
        if (when != CANCEL_AT_ONCE)
            WORLD_UNTIL(w, last_peer()->eof || last_peer()->error);
        assert_true(turn_now(&w->turn) - since < 1000);
        world_run_ms(w, 20);
        assert_int_equal(call.events, events);
        call_free(&call);
        close_server();
    }
}

/* A name is being looked up by libcurl's thread: cancelling does not wait for it. */
static void cancel_does_not_wait_for_the_resolver(void **state)
{
    struct world *w = *state;
    struct call call = {.http.url = "http://no.such.host.invalid/"};
    open_server(w, NULL, NULL);
    call_start(&call, &caller, "GET", "/", "");
    uv_run(&w->loop, UV_RUN_NOWAIT);
    uint64_t before = uv_hrtime();
    if (call.op)
        upstream_cancel(call.op);
    assert_true(uv_hrtime() - before < 100 * 1000 * 1000);
    call_free(&call);
    close_server();
}

/* ---- connections ----------------------------------------------------------------------------- */

static void keeps_connections(void **state)
{
    struct world *w = *state;
    open_server(w, answer, OK_HELLO);
    for (int i = 0; i < 50; i++) {
        struct call call = {0};
        call_start(&call, &caller, i % 2 ? "POST" : "GET", "/", i % 2 ? "{}" : "");
        WORLD_UNTIL(w, call.ended);
        assert_int_equal(call.end, UPSTREAM_DONE);
        assert_int_equal(call.body.n, 5);
        call_free(&call);
    }
    assert_int_equal(server.accepts, 1);
    close_server();
}

/* libcurl knows two addresses of this name; nobody listens at ::1. */
static void a_name_with_a_dead_address_is_reached(void **state)
{
    struct world *w = *state;
    open_server(w, answer, OK_HELLO);
    for (int i = 0; i < 3; i++) {
        struct call call = {0};
        char url[64];
        snprintf(url, sizeof(url), "http://localhost:%d/", server.port);
        call.http.url = url;
        call_start(&call, &caller, "GET", "/", "");
        WORLD_UNTIL(w, call.ended);
        assert_int_equal(call.end, UPSTREAM_DONE);
        call_free(&call);
    }
    assert_int_equal(server.accepts, 1);
    close_server();
}

#define MANY 300

static void run_many(struct world *w, struct call *calls)
{
    unsigned ended = 0;
    memset(calls, 0, MANY * sizeof(*calls));
    for (int i = 0; i < MANY; i++)
        call_start(&calls[i], &caller, "POST", "/", "{}");
    assert_int_equal(upstream_active(caller.upstream), MANY);
    WORLD_UNTIL(w, upstream_active(caller.upstream) == 0);
    for (int i = 0; i < MANY; i++) {
        ended += calls[i].ends == 1 && calls[i].end == UPSTREAM_DONE && calls[i].body.n == 5;
        call_free(&calls[i]);
    }
    assert_int_equal(ended, MANY);
}

static void makes_many_calls_at_once_and_keeps_their_connections(void **state)
{
    struct world *w = *state;
    struct call *calls = malloc(MANY * sizeof(*calls));
    open_server(w, answer, OK_HELLO);
    run_many(w, calls);
    assert_int_equal(server.accepts, MANY);
    run_many(w, calls);
    assert_int_equal(server.accepts, MANY);
    assert_int_equal(server.open, MANY);
    close_server();
    free(calls);
}

/* The server takes the request on a kept connection and closes without a byte: the usual race with
 * its idle timeout. */
static bool reset_second;

static void answer_once_then_close(struct peer *p)
{
    if (!peer_has_request(p))
        return;
    peer_drop_request(p);
    if (p->user) {
        if (reset_second)
            peer_reset(p);
        else
            peer_close(p);
        return;
    }
    p->user = p;
    peer_say(p, OK_HELLO);
}

static void a_kept_connection_that_dies_is_tried_again(void **state)
{
    struct world *w = *state;
    for (int reset = 0; reset < 2; reset++) {
        reset_second = reset;
        open_server(w, answer_once_then_close, NULL);
        for (unsigned i = 0; i < 4; i++) {
            struct call call = {0};
            call_start(&call, &caller, "POST", "/", "{\"n\":1}");
            WORLD_UNTIL(w, call.ended);
            assert_int_equal(call.end, UPSTREAM_DONE);
            assert_true(slice_eq(buf_slice(&call.body), SLICE("hello")));
            assert_int_equal(server.accepts, i + 1);
            call_free(&call);
        }
        close_server();
    }
}

/* The server closes while the connection is idle: noticed before it is used again. */
static void a_kept_connection_closed_while_idle_is_not_used(void **state)
{
    struct world *w = *state;
    open_server(w, answer, OK_HELLO);
    for (unsigned i = 0; i < 3; i++) {
        struct call call = {0};
        call_start(&call, &caller, "POST", "/", "{}");
        WORLD_UNTIL(w, call.ended);
        assert_int_equal(call.end, UPSTREAM_DONE);
        assert_int_equal(server.accepts, i + 1);
        call_free(&call);
        peer_close(last_peer());
        assert_true(world_run_ms(w, 30) < 20);
    }
    close_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(gives_head_body_and_end),
        WORLD_TEST(sends_what_the_call_says_and_nothing_else),
        WORLD_TEST(methods_do_not_leak_into_each_other),
        WORLD_TEST(reads_chunks_and_trailers),
        WORLD_TEST(interim_answers_are_not_the_answer),
        WORLD_TEST(sends_a_large_body_whole),
        WORLD_TEST(a_pause_stops_the_sender),
        WORLD_TEST(resume_may_pause_again_at_once),
        WORLD_TEST(cancel_closes_at_once_and_nothing_follows),
        WORLD_TEST(cancel_does_not_wait_for_the_resolver),
        WORLD_TEST(keeps_connections),
        WORLD_TEST(a_name_with_a_dead_address_is_reached),
        WORLD_TEST(makes_many_calls_at_once_and_keeps_their_connections),
        WORLD_TEST(a_kept_connection_that_dies_is_tried_again),
        WORLD_TEST(a_kept_connection_closed_while_idle_is_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
