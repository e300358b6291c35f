/* How calls fail: the four clocks, refusals, cuts, an error out of resume. */

#include "caller.h"

#include "cmocka_all.h"

/* The file itself, to break its easy handle in a way no server can. */
#include "upstream.c" // NOLINT(bugprone-suspicious-include)

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct peer_server server;
static struct dialer caller;

static void open_server(struct world *w, void (*script)(struct peer *p), const char *text)
{
    memset(&server, 0, sizeof(server));
    memset(&caller, 0, sizeof(caller));
    server.on_data = script;
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

static void answer(struct peer *p)
{
    if (!peer_has_request(p))
        return;
    peer_drop_request(p);
    peer_say(p, p->server->user);
}

static void answer_and_close(struct peer *p)
{
    if (!peer_has_request(p))
        return;
    peer_drop_request(p);
    peer_say(p, p->server->user);
    peer_shutdown(p);
}

static void expect_end(struct call *call, enum upstream_end end)
{
    assert_int_equal(call->ends, 1);
    assert_int_equal(call->end, end);
    assert_true(strlen(call->detail) > 10);
    assert_null(strchr(call->detail, '\n'));
    assert_int_equal(upstream_active(call->caller->upstream), 0);
}

/* ---- clocks ---------------------------------------------------------------------------------- */

/* A listening socket whose queue is full: further connects get no answer. */
struct black_hole {
    int listener, port;
    int fillers[4];
};

static void black_hole_open(struct black_hole *h, const char *host, int port)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    uv_ip4_addr(host, port, &address);
    h->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(h->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(h->listener, 0), 0);
    assert_int_equal(getsockname(h->listener, (struct sockaddr *)&address, &size), 0);
    h->port = ntohs(address.sin_port);
    for (int i = 0; i < 4; i++) {
        h->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(h->fillers[i], (struct sockaddr *)&address, sizeof(address));
    }
}

static void black_hole_close(struct black_hole *h)
{
    close(h->listener);
    for (int i = 0; i < 4; i++)
        close(h->fillers[i]);
}

static void the_connect_clock(void **state)
{
    struct world *w = *state;
    struct black_hole hole;
    struct call call = {0};
    black_hole_open(&hole, "127.0.0.1", 0);
    open_server(w, NULL, NULL);
    caller.port = hole.port;
    caller.timeouts = (struct upstream_timeouts){120, 50, 50, 0};
    call_start(&call, &caller, "POST", "/", "{}");
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, call.ended);
    expect_end(&call, UPSTREAM_TIMEOUT_CONNECT);
    assert_in_range(turn_now(&w->turn) - since, 119, 4000);
    call_free(&call);
    close_server();
    black_hole_close(&hole);
}

static void the_total_clock_counts_connecting(void **state)
{
    struct world *w = *state;
    struct black_hole hole;
    struct call call = {0};
    black_hole_open(&hole, "127.0.0.1", 0);
    open_server(w, NULL, NULL);
    caller.port = hole.port;
    caller.timeouts = (struct upstream_timeouts){5000, 50, 50, 120};
    call_start(&call, &caller, "POST", "/", "{}");
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, call.ended);
    expect_end(&call, UPSTREAM_TIMEOUT_TOTAL);
    assert_in_range(turn_now(&w->turn) - since, 119, 4000);
    call_free(&call);
    close_server();
    black_hole_close(&hole);
}

static void the_first_clock(void **state)
{
    struct world *w = *state;
    struct call call = {0};
    open_server(w, answer, "HTTP/1.1 200 OK\r\nContent-Le");
    caller.timeouts = (struct upstream_timeouts){5000, 120, 60, 0};
    call_start(&call, &caller, "POST", "/", "{}");
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, call.ended);
    expect_end(&call, UPSTREAM_TIMEOUT_FIRST);
    assert_in_range(turn_now(&w->turn) - since, 119, 4000);
    WORLD_UNTIL(w, last_peer()->eof || last_peer()->error);
    call_free(&call);
    close_server();
}

static void the_idle_clock(void **state)
{
    struct world *w = *state;
    struct call call = {0};
    open_server(w, answer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    caller.timeouts = (struct upstream_timeouts){5000, 5000, 600, 0};
    call_start(&call, &caller, "POST", "/", "{}");
    WORLD_UNTIL(w, call.status);
    for (int i = 0; i < 4; i++) {
        world_run_ms(w, 200);
        peer_say(last_peer(), "piece");
    }
    WORLD_UNTIL(w, call.bytes == 20);
    assert_false(call.ended);
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, call.ended);
    expect_end(&call, UPSTREAM_TIMEOUT_IDLE);
    assert_in_range(turn_now(&w->turn) - since, 500, 4000);
    WORLD_UNTIL(w, last_peer()->eof || last_peer()->error);
    call_free(&call);
    close_server();
}

static void the_total_clock(void **state)
{
    struct world *w = *state;
    struct call call = {0};
    open_server(w, answer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    caller.timeouts = (struct upstream_timeouts){0, 0, 1000, 400};
    call_start(&call, &caller, "POST", "/", "{}");
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, call.status);
    for (int i = 0; i < 40 && !call.ended; i++) {
        world_run_ms(w, 30);
        if (!call.ended)
            peer_say(last_peer(), "piece");
    }
    expect_end(&call, UPSTREAM_TIMEOUT_TOTAL);
    assert_in_range(turn_now(&w->turn) - since, 399, 4000);
    call_free(&call);
    close_server();
}

/* A handle's clock may still be set for an earlier call. */
static void a_reused_handle_starts_its_clocks_anew(void **state)
{
    struct world *w = *state;
    open_server(w, NULL, NULL);
    caller.timeouts = (struct upstream_timeouts){0, 1000, 1000, 1100};
    for (int i = 0; i < 4; i++) {
        struct call call = {0};
        call_start(&call, &caller, "POST", "/", "{}");
        WORLD_UNTIL(w, server.accepts && peer_has_request(last_peer()));
        world_run_ms(w, 300);
        assert_false(call.ended);
        peer_drop_request(last_peer());
        peer_say(last_peer(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        WORLD_UNTIL(w, call.ended);
        assert_int_equal(call.end, UPSTREAM_DONE);
        call_free(&call);
    }
    assert_int_equal(server.accepts, 1);
    close_server();
}

/* ---- refusals and cuts ----------------------------------------------------------------------- */

static void a_closed_port_is_unreachable(void **state)
{
    struct world *w = *state;
    struct call call = {0};
    struct black_hole hole;
    black_hole_open(&hole, "127.0.0.1", 0);
    black_hole_close(&hole);
    open_server(w, NULL, NULL);
    caller.port = hole.port;
    call_start(&call, &caller, "POST", "/", "{}");
    WORLD_UNTIL(w, call.ended);
    expect_end(&call, UPSTREAM_UNREACHABLE);
    assert_int_equal(call.events, 1);
    call_free(&call);
    close_server();
}

static void urls_that_cannot_be_called_are_unreachable(void **state)
{
    struct world *w = *state;
    const char *const urls[] = {"http://no.such.host.invalid/", "ftp://127.0.0.1/", "not a url",
                                ""};
    open_server(w, NULL, NULL);
    for (size_t i = 0; i < 4; i++) {
        struct call call = {.http.url = urls[i]};
        call_start(&call, &caller, "GET", "/", "");
        WORLD_UNTIL(w, call.ended);
        expect_end(&call, UPSTREAM_UNREACHABLE);
        call_free(&call);
    }
    close_server();
}

/* The first of two addresses refuses, or does not answer; its descriptor's number comes back with
 * the second, in the latter case before libcurl has told that it is gone. */
static void the_next_address_of_a_name_is_tried(void **state)
{
    struct world *w = *state;
    for (int silent = 0; silent < 2; silent++) {
        struct call call = {0};
        struct black_hole hole;
        char url[64], addresses[64];
        open_server(w, answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        if (silent)
            black_hole_open(&hole, "127.0.0.2", server.port);
        snprintf(url, sizeof(url), "http://two.invalid:%d/", server.port);
        snprintf(addresses, sizeof(addresses), "two.invalid:%d:127.0.0.2,127.0.0.1", server.port);
        struct curl_slist resolve = {addresses, NULL};
        call.http.url = url;
        caller.timeouts.connect_ms = 2000;
        call_start(&call, &caller, "GET", "/", "");
        curl_easy_setopt(call.op->easy, CURLOPT_RESOLVE, &resolve);
        WORLD_UNTIL(w, call.ended);
        assert_int_equal(call.end, UPSTREAM_DONE);
        assert_int_equal(server.accepts, 1);
        call_free(&call);
        close_server();
        if (silent)
            black_hole_close(&hole);
    }
}

/* TLS to a server that does not speak it. */
static void a_failed_handshake_is_unreachable(void **state)
{
    struct world *w = *state;
    struct call call = {0};
    char url[64];
    open_server(w, NULL, NULL);
    snprintf(url, sizeof(url), "https://127.0.0.1:%d/", server.port);
    call.http.url = url;
    call_start(&call, &caller, "GET", "/", "");
    WORLD_UNTIL(w, server.accepts && last_peer()->total);
    peer_say(last_peer(), "HTTP/1.1 400 Bad Request\r\n\r\n");
    WORLD_UNTIL(w, call.ended);
    expect_end(&call, UPSTREAM_UNREACHABLE);
    call_free(&call);
    close_server();
}

struct cut {
    const char *text; /* then the server closes */
    int status;       /* of a head that was told, or 0 */
    size_t bytes;     /* of the body */
};

static const struct cut cuts[] = {
    {"", 0, 0},
    {"HTTP/1.1 200 OK\r\nConte", 0, 0},
    {"SSH-2.0-x\r\n\r\n", 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", 200, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive5", 200, 5},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfive5\r\n", 200, 5},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfive5\r\nxyz\r\n", 200, 5},
    {"HTTP/1.1 100 Continue\r\n\r\n", 0, 0},
};

static void a_cut_answer_is_broken(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
        struct call call = {0};
        open_server(w, answer_and_close, cuts[i].text);
        call_start(&call, &caller, "POST", "/", "{}");
        WORLD_UNTIL(w, call.ended);
        expect_end(&call, UPSTREAM_BROKEN);
        assert_int_equal(call.status, cuts[i].status);
        assert_int_equal(call.bytes, cuts[i].bytes);
        call_free(&call);
        close_server();
    }
}

/* No length and no chunks: the end of the connection is the end of the answer. */
static void an_answer_may_end_with_its_connection(void **state)
{
    struct world *w = *state;
    struct call call = {0};
    open_server(w, answer_and_close, "HTTP/1.1 200 OK\r\n\r\nall of it");
    call_start(&call, &caller, "POST", "/", "{}");
    WORLD_UNTIL(w, call.ended);
    assert_int_equal(call.end, UPSTREAM_DONE);
    assert_int_equal(call.bytes, 9);
    call_free(&call);
    close_server();
}

static void a_reset_in_the_answer_is_broken(void **state)
{
    struct world *w = *state;
    struct call call = {0};
    open_server(w, answer, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive5");
    call_start(&call, &caller, "POST", "/", "{}");
    WORLD_UNTIL(w, call.bytes == 5);
    peer_reset(last_peer());
    WORLD_UNTIL(w, call.ended);
    expect_end(&call, UPSTREAM_BROKEN);
    call_free(&call);
    close_server();
}

static void a_head_too_large_is_broken(void **state)
{
    struct world *w = *state;
    struct call call = {0};
    char *text = malloc(80000);
    size_t n = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\n");
    while (n < 79000)
        n += (size_t)sprintf(text + n, "X-%zu: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
                             n);
    sprintf(text + n, "Content-Length: 2\r\n\r\nok");
    open_server(w, answer, text);
    call_start(&call, &caller, "POST", "/", "{}");
    WORLD_UNTIL(w, call.ended);
    expect_end(&call, UPSTREAM_BROKEN);
    assert_int_equal(call.status, 0);
    call_free(&call);
    close_server();
    free(text);
}

static void a_very_large_number_of_headers_is_cut_short(void **state)
{
    struct world *w = *state;
    struct call call = {0};
    char text[8192];
    size_t n = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
    for (int i = 0; i < 400; i++)
        n += (size_t)sprintf(text + n, "X%d: %d\r\n", i, i);
    sprintf(text + n, "\r\nok");
    open_server(w, answer, text);
    call_start(&call, &caller, "POST", "/", "{}");
    WORLD_UNTIL(w, call.ended);
    assert_int_equal(call.end, UPSTREAM_DONE);
    assert_true(slice_find(buf_slice(&call.head), SLICE("X100=100\n")) > 0);
    assert_true(slice_find(buf_slice(&call.head), SLICE("X300=")) < 0);
    call_free(&call);
    close_server();
}

/* ---- lanes ----------------------------------------------------------------------------------- */

static unsigned count_lanes(void)
{
    unsigned n = 0;
    for (struct list *link = caller.upstream->lanes.next; link != &caller.upstream->lanes;
         link = link->next)
        n++;
    return n;
}

static unsigned count_sockets(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < caller.upstream->sockets_size; i++)
        n += caller.upstream->sockets[i] != NULL;
    return n;
}

#define CROWD 600

/* More calls than fit into two multi handles; the lanes behind the first go when they are idle, and
 * their connections with them. */
static void many_calls_take_lanes_for_a_while(void **state)
{
    struct world *w = *state;
    struct call *calls = calloc(CROWD, sizeof(*calls));
    open_server(w, answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    for (int round = 0; round < 2; round++) {
        memset(calls, 0, CROWD * sizeof(*calls));
        caller.upstream->lane_idle_ms = round ? 50 : LANE_IDLE_MS;
        for (int i = 0; i < CROWD; i++)
            call_start(&calls[i], &caller, "POST", "/", "{}");
        assert_int_equal(count_lanes(), 3);
        WORLD_UNTIL(w, upstream_active(caller.upstream) == 0);
        for (int i = 0; i < CROWD; i++) {
            assert_true(calls[i].ends == 1 && calls[i].end == UPSTREAM_DONE);
            call_free(&calls[i]);
        }
        assert_int_equal(server.accepts, CROWD); /* kept in the second round */
        /* In the second the lanes may be gone by now. */
        assert_true(round || count_sockets() == CROWD);
    }
    WORLD_UNTIL(w, count_lanes() == 1);
    WORLD_UNTIL(w, server.open == LANE_CALLS_MAX);
    memset(calls, 0, sizeof(*calls));
    call_start(&calls[0], &caller, "POST", "/", "{}");
    WORLD_UNTIL(w, calls[0].ended);
    assert_int_equal(server.accepts, CROWD);
    call_free(&calls[0]);
    free(calls);
    close_server();
}

/* A lane that was idle for a moment and is used again stays. */
static void a_lane_in_use_does_not_go(void **state)
{
    struct world *w = *state;
    struct call *calls = calloc(CROWD, sizeof(*calls));
    open_server(w, answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    caller.upstream->lane_idle_ms = 300;
    for (int round = 0; round < 2; round++) {
        memset(calls, 0, CROWD * sizeof(*calls));
        server.on_data = round ? NULL : answer;
        for (int i = 0; i < CROWD; i++)
            call_start(&calls[i], &caller, "POST", "/", "{}");
        if (round) {
            world_run_ms(w, 600);
            assert_int_equal(upstream_active(caller.upstream), CROWD);
            assert_int_equal(count_lanes(), 3);
            for (struct list *link = server.peers.next; link != &server.peers; link = link->next)
                answer(LIST_ENTRY(link, struct peer, link));
        }
        WORLD_UNTIL(w, upstream_active(caller.upstream) == 0);
        for (int i = 0; i < CROWD; i++) {
            assert_int_equal(calls[i].end, UPSTREAM_DONE);
            call_free(&calls[i]);
        }
    }
    free(calls);
    close_server();
}

/* ---- resume ---------------------------------------------------------------------------------- */

static size_t refuse_data(char *p, size_t size, size_t n, void *user)
{
    (void)p;
    (void)size;
    (void)n;
    (void)user;
    return 0;
}

/* libcurl 7.88 tells an error in here only by curl_easy_pause's return value. */
static void an_error_in_resume_ends_the_call_later(void **state)
{
    struct world *w = *state;
    for (int cancel = 0; cancel < 2; cancel++) {
        struct call call = {.take_max = 1};
        open_server(w, answer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na");
        call_start(&call, &caller, "POST", "/", "{}");
        WORLD_UNTIL(w, call.bytes == 1);
        peer_say(last_peer(), "bc");
        WORLD_UNTIL(w, call.paused);
        curl_easy_setopt(call.op->easy, CURLOPT_WRITEFUNCTION, refuse_data);
        upstream_resume(call.op);
        assert_false(call.ended); /* not from inside */
        if (cancel) {
            upstream_cancel(call.op);
            world_run_ms(w, 20);
            assert_int_equal(call.ends, 0);
        } else {
            WORLD_UNTIL(w, call.ended);
            expect_end(&call, UPSTREAM_BROKEN);
            world_run_ms(w, 20);
            assert_int_equal(call.ends, 1);
        }
        assert_int_equal(upstream_active(caller.upstream), 0);
        call_free(&call);
        close_server();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(the_connect_clock),
        WORLD_TEST(the_total_clock_counts_connecting),
        WORLD_TEST(the_first_clock),
        WORLD_TEST(the_idle_clock),
        WORLD_TEST(the_total_clock),
        WORLD_TEST(a_reused_handle_starts_its_clocks_anew),
        WORLD_TEST(a_closed_port_is_unreachable),
        WORLD_TEST(urls_that_cannot_be_called_are_unreachable),
        WORLD_TEST(the_next_address_of_a_name_is_tried),
        WORLD_TEST(a_failed_handshake_is_unreachable),
        WORLD_TEST(a_cut_answer_is_broken),
        WORLD_TEST(an_answer_may_end_with_its_connection),
        WORLD_TEST(a_reset_in_the_answer_is_broken),
        WORLD_TEST(a_head_too_large_is_broken),
        WORLD_TEST(a_very_large_number_of_headers_is_cut_short),
        WORLD_TEST(many_calls_take_lanes_for_a_while),
        WORLD_TEST(a_lane_in_use_does_not_go),
        WORLD_TEST(an_error_in_resume_ends_the_call_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
