/* Calls to URLs that somebody else named: where they may lead. All peers are on loopback, so what
 * must work is tried with private addresses allowed. */

#include "caller.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static struct peer_server server;
static struct dialer caller;

static const struct http_fence strict = {.plain_http = true, .redirects_max = 3};
static const struct http_fence strictest = {.redirects_max = 3};
static const struct http_fence loose = {
    .plain_http = true, .private_addresses = true, .redirects_max = 3};
static const struct http_fence no_redirects = {.plain_http = true, .private_addresses = true};

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

static void answer(struct peer *p)
{
    while (peer_has_request(p)) {
        peer_drop_request(p);
        peer_say(p, p->server->user);
    }
}

/* "/n" leads to "/n-1" and so on; "/0" is there. */
static void count_down(struct peer *p)
{
    char text[256];
    if (!peer_has_request(p))
        return;
    buf_add_char(&p->got, '\0'); /* strtol wants an end */
    p->got.n--;
    long n = strtol(p->got.p + 5, NULL, 10);
    peer_drop_request(p);
    snprintf(
        text, sizeof(text),
        "HTTP/1.1 302 Found\r\nSet-Cookie: a=b\r\nLocation: /%ld\r\nContent-Length: 4\r\n\r\ngone",
        n - 1);
    peer_say(p, n ? text : OK_HELLO);
}

/* `place` is what comes between "http://" and the port, or a whole URL. */
static struct call *get(struct world *w, const char *place, const struct http_fence *fence)
{
    static struct call call;
    static char url[256];
    memset(&call, 0, sizeof(call));
    snprintf(url, sizeof(url), strstr(place, "://") ? "%s" : "http://%s:%d/", place, caller.port);
    call.http.url = url;
    call.http.fence = fence;
    call_start(&call, &caller, "GET", "", "");
    WORLD_UNTIL(w, call.ended);
    call_free(&call);
    return &call;
}

static struct call *get_path(struct world *w, const char *path, const struct http_fence *fence)
{
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", caller.port, path);
    return get(w, url, fence);
}

static const char *const spellings[] = {
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0177.0.0.01",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "0.0.0.0",
    "0",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
};

static void this_machine_has_no_name_that_is_let_through(void **state)
{
    struct world *w = *state;
    open_server(w, answer, OK_HELLO);
    for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
        const struct call *call = get(w, spellings[i], &strict);
        if (call->end != UPSTREAM_FENCED && call->end != UPSTREAM_UNREACHABLE)
            fail_msg("%s: %d %s", spellings[i], call->end, call->detail);
        assert_int_equal(call->status, 0);
    }
    assert_int_equal(server.accepts, 0);
    assert_int_equal(get(w, "127.0.0.1", &strict)->end, UPSTREAM_FENCED);
    assert_int_equal(get(w, "localhost", &strict)->end, UPSTREAM_FENCED);
    assert_int_equal(get(w, "2130706433", &strict)->end, UPSTREAM_FENCED);
    assert_int_equal(get(w, "[::1]", &strict)->end, UPSTREAM_FENCED);
    assert_int_equal(server.accepts, 0);
    close_server();
}

static void private_networks_and_metadata_are_not_tried(void **state)
{
    struct world *w = *state;
    static const char *const places[] = {
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "https://172.16.0.1/",
        "http://100.64.0.1/",
        "http://[fd00:ec2::254]/",
        "http://[::ffff:169.254.169.254]/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
    };
    open_server(w, NULL, NULL);
    caller.timeouts.connect_ms = 5000;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        assert_int_equal(get(w, places[i], &strict)->end, UPSTREAM_FENCED);
    close_server();
}

static void only_the_schemes_of_the_fence(void **state)
{
    struct world *w = *state;
    static const char *const places[] = {"ftp://127.0.0.1/x", "file:///etc/passwd",
                                         "gopher://127.0.0.1/", "dict://127.0.0.1/"};
    open_server(w, answer, OK_HELLO);
    assert_int_equal(get(w, "127.0.0.1", &strictest)->end, UPSTREAM_FENCED);
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        assert_int_equal(get(w, places[i], &loose)->end, UPSTREAM_FENCED);
    assert_int_equal(server.accepts, 0);
    close_server();
}

static void no_user_names(void **state)
{
    struct world *w = *state;
    open_server(w, answer, OK_HELLO);
    assert_int_equal(get(w, "user:secret@127.0.0.1", &loose)->end, UPSTREAM_FENCED);
    assert_int_equal(get(w, "user@127.0.0.1", &loose)->end, UPSTREAM_FENCED);
    assert_int_equal(server.accepts, 0);
    close_server();
}

static void a_loose_fence_lets_through(void **state)
{
    struct world *w = *state;
    open_server(w, answer, OK_HELLO);
    const struct call *call = get(w, "127.0.0.1", &loose);
    assert_int_equal(call->end, UPSTREAM_DONE);
    assert_int_equal(call->status, 200);
    assert_int_equal(call->bytes, 5);
    WORLD_UNTIL(w, server.open == 0); /* not kept */
    close_server();
}

static void redirects_are_followed_to_the_cap(void **state)
{
    struct world *w = *state;
    open_server(w, count_down, NULL);
    const struct call *call = get_path(w, "/3", &loose);
    assert_int_equal(call->end, UPSTREAM_DONE);
    assert_int_equal(call->status, 200);
    assert_int_equal(call->bytes, 5); /* and nothing of the redirects' bodies */
    call = get_path(w, "/4", &loose);
    assert_int_equal(call->end, UPSTREAM_FENCED);
    assert_int_equal(call->status, 0);
    call = get_path(w, "/1", &no_redirects);
    assert_int_equal(call->end, UPSTREAM_DONE);
    assert_int_equal(call->status, 302);
    assert_int_equal(call->bytes, 4);
    close_server();
}

static void redirects_carry_no_cookies(void **state)
{
    struct world *w = *state;
    open_server(w, count_down, NULL);
    assert_int_equal(get_path(w, "/0", &loose)->status, 200);
    assert_int_equal(get_path(w, "/2", &loose)->status, 200);
    for (struct list *l = server.peers.next; l != &server.peers; l = l->next)
        assert_false(peer_has(LIST_ENTRY(l, struct peer, link), "ookie"));
    close_server();
}

static void redirects_do_not_leave_the_schemes(void **state)
{
    struct world *w = *state;
    open_server(w, answer,
                "HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\n"
                "Content-Length: 0\r\n\r\n");
    const struct call *call = get(w, "127.0.0.1", &loose);
    assert_int_equal(call->end, UPSTREAM_FENCED);
    assert_int_equal(call->status, 0);
    close_server();
}

/* A redirect without a place to go is an answer. */
static void a_redirect_to_nowhere_is_the_answer(void **state)
{
    struct world *w = *state;
    open_server(w, answer, "HTTP/1.1 304 Not Modified\r\nLocation:\r\n\r\n");
    const struct call *call = get(w, "127.0.0.1", &loose);
    assert_int_equal(call->end, UPSTREAM_DONE);
    assert_int_equal(call->status, 304);
    close_server();
}

/* Its socket was opened for another call, its address was not looked at then. */
static void connections_of_other_calls_are_looked_at_too(void **state)
{
    struct world *w = *state;
    open_server(w, answer, OK_HELLO);
    assert_int_equal(get(w, "127.0.0.1", NULL)->end, UPSTREAM_DONE);
    assert_int_equal(server.open, 1);
    assert_int_equal(get(w, "127.0.0.1", &strict)->end, UPSTREAM_FENCED);
    world_run_ms(w, 20);
    assert_int_equal(server.accepts, 1);
    struct peer *p = LIST_ENTRY(server.peers.prev, struct peer, link);
    assert_int_equal(p->got.n, 0);
    close_server();
}

static void proxies_of_the_environment_are_not_used(void **state)
{
    struct world *w = *state;
    char proxy[64];
    open_server(w, answer, OK_HELLO);
    caller_close(&caller);
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server.port);
    setenv("http_proxy", proxy, 1);
    caller_open(&caller, w, server.port);
    unsetenv("no_proxy");
    assert_int_equal(get(w, "http://192.168.1.1/", &strict)->end, UPSTREAM_FENCED);
    assert_int_equal(server.accepts, 0);
    assert_int_equal(get(w, "http://192.168.1.1/", NULL)->end, UPSTREAM_DONE);
    assert_int_equal(server.accepts, 1);
    unsetenv("http_proxy");
    close_server();
}

static void fences_do_not_stay_in_the_handle(void **state)
{
    struct world *w = *state;
    open_server(w, answer, OK_HELLO);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(w, "127.0.0.1", &strict)->end, UPSTREAM_FENCED);
        assert_int_equal(get(w, "127.0.0.1", &loose)->end, UPSTREAM_DONE);
        assert_int_equal(get(w, "127.0.0.1", NULL)->end, UPSTREAM_DONE);
    }
    close_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(this_machine_has_no_name_that_is_let_through),
        WORLD_TEST(private_networks_and_metadata_are_not_tried),
        WORLD_TEST(only_the_schemes_of_the_fence),
        WORLD_TEST(no_user_names),
        WORLD_TEST(a_loose_fence_lets_through),
        WORLD_TEST(redirects_are_followed_to_the_cap),
        WORLD_TEST(redirects_carry_no_cookies),
        WORLD_TEST(redirects_do_not_leave_the_schemes),
        WORLD_TEST(a_redirect_to_nowhere_is_the_answer),
        WORLD_TEST(connections_of_other_calls_are_looked_at_too),
        WORLD_TEST(proxies_of_the_environment_are_not_used),
        WORLD_TEST(fences_do_not_stay_in_the_handle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
