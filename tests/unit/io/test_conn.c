/* Connections against raw clients: requests, bodies, pipelining, clients that leave. How else they
 * end is in test_conn_ends.c. */

#include "owner.h"

#include "cmocka_all.h"

#include <stdio.h>
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

static unsigned released;

static void act_on_release(struct request *r)
{
    if (!released)
        return;
    released--;
    request_reply(r, 200, buf_slice(&r->target));
}

static void release_one(struct world *w, struct owner *o)
{
    released = 1;
    turn_mark(&w->turn, &owner_request(o)->item);
}

/* What comes while an earlier request of the same packet is served goes behind the rest of it. */
static void input_between_pipelined_requests_keeps_its_place(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_on_release);
    released = 0;
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p, GET("/1") GET("/2") "GET /3 HTTP/1.1\r\nHo");
    WORLD_UNTIL(w, o->heads == 1);
    release_one(w, o);
    WORLD_UNTIL(w, o->heads == 2);
    peer_say(p, "st: h\r\n\r\n" GET("/4"));
    world_run_ms(w, 30);
    for (unsigned i = 3; i <= 4; i++) {
        release_one(w, o);
        WORLD_UNTIL(w, o->heads == i);
    }
    release_one(w, o);
    WORLD_UNTIL(w, peer_count(p, "HTTP/1.1 200 OK") == 4);
    assert_true(slice_ends(buf_slice(&p->got), SLICE("/4")));
    assert_true(peer_has(p, "/3HTTP/1.1"));
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

/* Wants the body, then not, then again, before any of it came. */
static void act_hesitate(struct request *r)
{
    if (r->stage++ == 0) {
        conn_read_body(r->conn);
        conn_pause_body(r->conn);
        conn_read_body(r->conn);
    }
    act_echo(r);
}

static void asks_for_the_body_only_when_the_owner_wants_it(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_hesitate);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p, "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    WORLD_UNTIL(w, peer_has(p, "HTTP/1.1 100 Continue\r\n\r\n"));
    peer_say(p, "late");
    WORLD_UNTIL(w, peer_has(p, "/c late"));
    assert_int_equal(peer_count(p, "100 Continue"), 1);
    /* The same with the body at hand: no interim reply is due. */
    peer_say(p,
             "POST /d HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nnow");
    WORLD_UNTIL(w, peer_has(p, "/d now"));
    assert_int_equal(peer_count(p, "100 Continue"), 1);
    peer_free(p);
    owner_close(o);
}

/* Whether the body follows a refusal is the client's choice, so the connection cannot go on. */
static void a_refused_expectation_closes(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_refuse);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p, "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, p->eof);
    assert_true(turn_now(&w->turn) - since < 1000); /* at once: nothing is waited for */
    assert_true(peer_has(p, "HTTP/1.1 401"));
    assert_false(peer_has(p, "100 Continue"));
    peer_free(p);
    owner_close(o);
}

static void a_refused_body_is_skipped(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_refuse);
    struct peer *p = peer_connect(w, owner_port(o));
    char *body = calloc(1, 200000);
    for (unsigned i = 1; i <= 2; i++) {
        peer_say(p, "POST /big HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n");
        peer_send(p, body, 200000);
        WORLD_UNTIL(w, peer_count(p, "HTTP/1.1 401") == i && p->writes == 0);
    }
    assert_false(p->eof);
    assert_false(peer_has(p, "connection: close"));
    assert_int_equal(o->heads, 2);
    free(body);
    peer_free(p);
    owner_close(o);
}

/* Its length is unknown at first, so it is dropped up to the cap. */
static void a_refused_endless_body_closes(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_refuse);
    struct peer *p = peer_connect(w, owner_port(o));
    char chunk[10000 + 8] = "2710\r\n";
    memset(chunk + 6, 'x', 10000);
    chunk[10006] = '\r';
    chunk[10007] = '\n';
    peer_say(p, "POST /big HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 30; i++)
        peer_send(p, chunk, sizeof(chunk));
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, p->eof);
    assert_true(turn_now(&w->turn) - since < 1000);
    assert_true(peer_has(p, "HTTP/1.1 401"));
    peer_free(p);
    owner_close(o);
}

/* The reply reaches a client that is still sending far more than anybody reads. */
static void a_refused_upload_sees_its_reply(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    const size_t size = 32 * 1024 * 1024;
    owner_open(o, w, act_refuse);
    struct peer *p = peer_connect(w, owner_port(o));
    char *body = calloc(1, size);
    peer_say(p, "POST /big HTTP/1.1\r\nHost: h\r\nContent-Length: 33554432\r\n\r\n");
    peer_send(p, body, size);
    WORLD_UNTIL(w, peer_has(p, "HTTP/1.1 401") && p->eof);
    assert_true(peer_has(p, "connection: close"));
    assert_int_equal(p->error, 0);
    assert_true(p->sent < size);
    /* It stays open for the linger time and not longer. */
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, listener_connections(o->listener) == 0);
    assert_in_range(turn_now(&w->turn) - since, 1000, 5000);
    free(body);
    peer_free(p);
    owner_close(o);
}

static bool gate_open;

/* Reads until the first piece, then only through the gate. */
static void act_gated(struct request *r)
{
    if (r->stage == 0)
        conn_read_body(r->conn);
    if (r->stage == 0 || (r->stage == 1 && r->body_bytes)) {
        r->stage++;
        if (r->stage == 2)
            conn_pause_body(r->conn);
    }
    if (r->stage == 2 && gate_open) {
        r->stage = 3;
        conn_read_body(r->conn);
    }
    if (r->body_end)
        request_reply(r, 200, SLICE("read all"));
}

static void a_paused_body_stops_the_sender(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    const size_t size = 16 * 1024 * 1024;
    owner_open(o, w, act_gated);
    struct peer *p = peer_connect(w, owner_port(o));
    char *body = calloc(1, size);
    gate_open = false;
    peer_say(p, "POST /big HTTP/1.1\r\nHost: h\r\nContent-Length: 16777216\r\n"
                "Expect: 100-continue\r\n\r\n");
    WORLD_UNTIL(w, peer_has(p, "100 Continue"));
    peer_send(p, body, size);
    WORLD_UNTIL(w, o->heads == 1 && owner_request(o)->stage == 2);
    world_settle(w, &owner_request(o)->body_bytes);
    assert_true(owner_request(o)->body_bytes < size && p->writes == 1);
    gate_open = true;
    turn_mark(&w->turn, &owner_request(o)->item);
    WORLD_UNTIL(w, peer_has(p, "read all"));
    assert_int_equal(p->writes, 0);
    assert_true(o->largest_body <= 64 * 1024);
    assert_int_equal(peer_count(p, "100 Continue"), 1);
    free(body);
    peer_free(p);
    owner_close(o);
}

static void reading_ahead_is_bounded(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    const size_t size = 16 * 1024 * 1024;
    owner_open(o, w, act_ignore);
    struct peer *p = peer_connect(w, owner_port(o));
    char *more = calloc(1, size);
    peer_say(p, GET("/first"));
    peer_send(p, more, size);
    WORLD_UNTIL(w, o->heads == 1);
    world_run_ms(w, 100);
    assert_int_equal(p->writes, 1); /* what is sent fills kernel buffers, not ours */
    assert_int_equal(o->heads, 1);
    assert_int_equal(o->gones, 0);
    free(more);
    peer_free(p);
    owner_close(o);
    assert_int_equal(o->gones, 1);
}

static void a_leaving_client_is_noticed_while_its_request_waits(void **state)
{
    struct world *w = *state;
    void (*const acts[])(struct request *) = {act_hold, act_ignore};
    for (int i = 0; i < 4; i++) {
        struct owner *o = new_owner();
        owner_open(o, w, acts[i % 2]);
        struct peer *p = peer_connect(w, owner_port(o));
        peer_say(p, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nstayed" GET("/next"));
        WORLD_UNTIL(w, o->heads == 1 && o->steps >= 1);
        if (i < 2)
            peer_close(p);
        else
            peer_reset(p);
        WORLD_UNTIL(w, o->gones == 1);
        assert_int_equal(listener_connections(o->listener), 0);
        assert_int_equal(o->heads, 1);
        peer_free(p);
        owner_close(o);
    }
}

static void a_leaving_client_is_noticed_in_its_body(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_echo);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 60\r\n\r\nonly so much");
    WORLD_UNTIL(w, o->heads == 1 && owner_request(o)->body_bytes);
    peer_shutdown(p);
    WORLD_UNTIL(w, o->gones == 1);
    peer_free(p);
    owner_close(o);
}

static void half_a_head_and_an_eof_is_nobody(void **state)
{
    struct world *w = *state;
    const char *const beginnings[] = {"", "\r\n", "G", "GET / HTTP/1.1\r\nHost: h\r\nX-Ha"};
    for (size_t i = 0; i < 4; i++) {
        struct owner *o = new_owner();
        owner_open(o, w, act_echo);
        struct peer *p = peer_connect(w, owner_port(o));
        peer_say(p, beginnings[i]);
        WORLD_UNTIL(w, listener_connections(o->listener) == 1);
        peer_shutdown(p);
        WORLD_UNTIL(w, p->eof);
        assert_int_equal(p->total, 0);
        assert_int_equal(o->heads + o->gones, 0);
        assert_int_equal(listener_connections(o->listener), 0);
        peer_free(p);
        owner_close(o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(keeps_the_connection_for_the_next_request),
        WORLD_TEST(answers_pipelined_requests_in_order),
        WORLD_TEST(takes_requests_byte_by_byte),
        WORLD_TEST(input_between_pipelined_requests_keeps_its_place),
        WORLD_TEST(answers_http_1_0),
        WORLD_TEST(asks_for_the_body_only_when_the_owner_wants_it),
        WORLD_TEST(a_refused_expectation_closes),
        WORLD_TEST(a_refused_body_is_skipped),
        WORLD_TEST(a_refused_endless_body_closes),
        WORLD_TEST(a_refused_upload_sees_its_reply),
        WORLD_TEST(a_paused_body_stops_the_sender),
        WORLD_TEST(reading_ahead_is_bounded),
        WORLD_TEST(a_leaving_client_is_noticed_while_its_request_waits),
        WORLD_TEST(a_leaving_client_is_noticed_in_its_body),
        WORLD_TEST(half_a_head_and_an_eof_is_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
