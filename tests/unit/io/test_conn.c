/* Connections against raw clients: parsing through the socket, keep-alive, pipelining, the ends. */

#include "owner.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define GET(target) "GET " target " HTTP/1.1\r\nHost: h\r\n\r\n"

static struct owner owner_now;

static struct owner *new_owner(void)
{
    owner_now = (struct owner){0};
    return &owner_now;
}

static void keeps_the_connection_for_the_next_request(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_echo);
    struct peer *p = peer_connect(w, owner_port(o));
    for (unsigned i = 1; i <= 3; i++) {
        peer_say(p, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
        WORLD_UNTIL(w, peer_count(p, "/x hello") == i);
    }
    assert_int_equal(listener_connections(o->listener), 1);
    assert_int_equal(o->heads, 3);
    peer_say(p, "GET /y HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    WORLD_UNTIL(w, p->eof);
    assert_true(peer_has(p, "connection: close"));
    assert_true(peer_has(p, "/y "));
    WORLD_UNTIL(w, listener_connections(o->listener) == 0);
    peer_free(p);
    owner_close(o);
}

static const char pipelined[] =
    GET("/1") "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
              "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
              "chunked\r\n\r\n3\r\nxyz\r\n2\r\nuv\r\n0\r\n\r\n" GET("/4");

static void check_pipelined(const struct peer *p)
{
    const char *const bodies[] = {"/1 ", "/2 abc", "/3 xyzuv", "/4 "};
    struct slice rest = buf_slice(&p->got);
    for (size_t i = 0; i < 4; i++) {
        ptrdiff_t at = slice_find(rest, slice_of(bodies[i]));
        assert_true(at >= 0);
        rest = slice_skip(rest, (size_t)at);
    }
    assert_int_equal(peer_count(p, "HTTP/1.1 200 OK"), 4);
}

static void answers_pipelined_requests_in_order(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_echo);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p, pipelined);
    WORLD_UNTIL(w, peer_has(p, "/4 "));
    check_pipelined(p);
    assert_int_equal(o->heads, 4);
    peer_free(p);
    owner_close(o);
}

static void takes_requests_byte_by_byte(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_echo);
    struct peer *p = peer_connect(w, owner_port(o));
    for (size_t i = 0; pipelined[i]; i++) {
        peer_send(p, pipelined + i, 1);
        uv_run(&w->loop, UV_RUN_NOWAIT);
        uv_run(&w->loop, UV_RUN_NOWAIT);
    }
    WORLD_UNTIL(w, peer_has(p, "/4 "));
    check_pipelined(p);
    peer_free(p);
    owner_close(o);
}

static void answers_http_1_0(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_echo);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p, "GET /old HTTP/1.0\r\n\r\n");
    WORLD_UNTIL(w, p->eof);
    assert_true(peer_has(p, "/old "));
    peer_free(p);
    owner_close(o);
}

static int open_world(void **state)
{
    static struct world world;
    world_open(&world);
    *state = &world;
    return 0;
}

static int close_world(void **state)
{
    world_close(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_the_connection_for_the_next_request),
        TEST(answers_pipelined_requests_in_order),
        TEST(takes_requests_byte_by_byte),
        TEST(answers_http_1_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
