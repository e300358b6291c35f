/* Connections against raw clients: parsing through the socket, keep-alive, pipelining, the ends. */

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

static void asks_for_the_body_only_when_the_owner_wants_it(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_echo);
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
    WORLD_UNTIL(w, p->eof);
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
    assert_int_equal(o->heads, 2);
    free(body);
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
    assert_int_equal(p->error, 0);
    assert_true(p->sent < size);
    /* It stays open for the linger time and not longer. */
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, listener_connections(o->listener) == 0);
    assert_in_range(turn_now(&w->turn) - since, 1000, 2500);
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

static struct request *only_request(struct owner *o)
{
    assert_false(list_empty(&o->requests));
    return LIST_ENTRY(o->requests.next, struct request, link);
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
    peer_say(p, "POST /big HTTP/1.1\r\nHost: h\r\nContent-Length: 16777216\r\n\r\n");
    peer_send(p, body, size);
    WORLD_UNTIL(w, o->heads == 1 && only_request(o)->stage == 2);
    world_run_ms(w, 50);
    size_t held = only_request(o)->body_bytes;
    assert_true(held < size && p->writes == 1);
    world_run_ms(w, 50);
    assert_int_equal(only_request(o)->body_bytes, held);
    gate_open = true;
    turn_mark(&w->turn, &only_request(o)->item);
    WORLD_UNTIL(w, peer_has(p, "read all"));
    assert_int_equal(p->writes, 0);
    assert_true(o->largest_body <= 64 * 1024);
    free(body);
    peer_free(p);
    owner_close(o);
}

/* Leaves the body alone and never answers. */
static void act_ignore(struct request *r)
{
    r->stage++;
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
    WORLD_UNTIL(w, o->heads == 1 && only_request(o)->body_bytes);
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

/* ---- refusals
 * ------------------------------------------------------------------------------------ */

struct refusal {
    const char *status;
    const char *head;
    size_t pad; /* so many 'a' behind the head */
};

static const struct refusal refusals[] = {
    {"400 Bad Request", "nonsense\r\n\r\n", 0},
    {"400 Bad Request", "GET / HTTP/1.1\r\n\r\n", 0},
    {"400 Bad Request", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 0},
    {"414 URI Too Long", "GET /", 20000},
    {"431 Request Header Fields Too Large", "GET / HTTP/1.1\r\nHost: h\r\nX: ", 70000},
    {"501 Not Implemented", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 0},
    {"505 HTTP Version Not Supported", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 0},
};

static void check_refusal(const struct peer *p, const char *status)
{
    char line[80], body[32];
    snprintf(line, sizeof(line), "HTTP/1.1 %s\r\n", status);
    snprintf(body, sizeof(body), "{\"status\":%.3s,", status);
    assert_true(slice_starts(buf_slice(&p->got), slice_of(line)));
    assert_true(peer_has(p, "connection: close\r\n"));
    assert_true(peer_has(p, "content-type: application/json\r\n"));
    assert_true(peer_has(p, body));
    assert_int_equal(peer_count(p, "{\"status\""), 1);
    assert_int_equal(p->error, 0);
}

static void refuses_what_it_cannot_read(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct owner *o = new_owner();
        owner_open(o, w, act_echo);
        struct peer *p = peer_connect(w, owner_port(o));
        char *pad = malloc(refusals[i].pad + 1);
        memset(pad, 'a', refusals[i].pad);
        peer_say(p, refusals[i].head);
        peer_send(p, pad, refusals[i].pad);
        peer_say(p, GET("/never-read"));
        WORLD_UNTIL(w, p->eof);
        check_refusal(p, refusals[i].status);
        assert_int_equal(o->heads, 0);
        peer_close(p);
        WORLD_UNTIL(w, listener_connections(o->listener) == 0);
        free(pad);
        peer_free(p);
        owner_close(o);
    }
}

static void a_bad_second_request_is_refused_after_the_first_reply(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_echo);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p, GET("/good") "bad\r\n\r\n");
    WORLD_UNTIL(w, p->eof);
    assert_true(peer_has(p, "/good HTTP/1.1 400 Bad Request"));
    peer_free(p);
    owner_close(o);
}

static void a_bad_body_is_told_to_the_owner(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_echo);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p,
             "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");
    WORLD_UNTIL(w, p->eof);
    assert_true(peer_has(p, "HTTP/1.1 400"));
    assert_true(peer_has(p, "bad body"));
    peer_free(p);
    owner_close(o);
}

static void a_client_too_many_is_told_so(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits.connections_max = 2;
    owner_open(o, w, act_echo);
    struct peer *a = peer_connect(w, owner_port(o));
    struct peer *b = peer_connect(w, owner_port(o));
    struct peer *c = peer_connect(w, owner_port(o));
    WORLD_UNTIL(w, c->eof);
    check_refusal(c, "503 Service Unavailable");
    peer_close(c);
    peer_close(b);
    WORLD_UNTIL(w, listener_connections(o->listener) == 1);
    struct peer *d = peer_connect(w, owner_port(o));
    peer_say(d, GET("/room-again"));
    peer_say(a, GET("/still-there"));
    WORLD_UNTIL(w, peer_has(d, "/room-again ") && peer_has(a, "/still-there "));
    peer_free(a);
    peer_free(b);
    peer_free(c);
    peer_free(d);
    owner_close(o);
}

/* ---- clocks
 * -------------------------------------------------------------------------------------- */

static void a_head_that_takes_too_long_is_408(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits.head_ms = 60;
    owner_open(o, w, act_echo);
    struct peer *first = peer_connect(w, owner_port(o));
    struct peer *second = peer_connect(w, owner_port(o));
    peer_say(first, "GET / HT");
    peer_say(second, GET("/one") "GET /tw");
    WORLD_UNTIL(w, first->eof && second->eof);
    check_refusal(first, "408 Request Timeout");
    assert_true(peer_has(second, "/one HTTP/1.1 408 Request Timeout"));
    peer_free(first);
    peer_free(second);
    owner_close(o);
}

static void silent_connections_are_closed_silently(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits.head_ms = 120;
    o->limits.idle_ms = 60;
    owner_open(o, w, act_echo);
    int64_t since = turn_now(&w->turn);
    struct peer *never = peer_connect(w, owner_port(o));
    struct peer *idle = peer_connect(w, owner_port(o));
    peer_say(idle, GET("/x"));
    WORLD_UNTIL(w, idle->eof);
    assert_in_range(turn_now(&w->turn) - since, 60, 119);
    assert_int_equal(peer_count(idle, "HTTP/1.1"), 1);
    WORLD_UNTIL(w, never->eof);
    assert_true(turn_now(&w->turn) - since >= 120);
    assert_int_equal(never->total, 0);
    peer_free(never);
    peer_free(idle);
    owner_close(o);
}

static void a_body_that_stops_is_told_to_the_owner(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits.body_idle_ms = 60;
    owner_open(o, w, act_echo);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    WORLD_UNTIL(w, p->eof);
    assert_true(peer_has(p, "HTTP/1.1 408"));
    peer_free(p);
    owner_close(o);
}

static void no_clock_runs_while_the_owner_takes_its_time(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits = (struct conn_limits){10, 20, 20, 20, 20};
    owner_open(o, w, act_hold);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p, GET("/slow"));
    world_run_ms(w, 150);
    assert_int_equal(o->gones, 0);
    request_reply(only_request(o), 200, SLICE("at last"));
    turn_mark(&w->turn, &only_request(o)->item);
    WORLD_UNTIL(w, peer_has(p, "at last"));
    peer_free(p);
    owner_close(o);
}

/* ---- output
 * -------------------------------------------------------------------------------------- */

#define HIGH  ((size_t)256 * 1024)
#define PIECE ((size_t)16 * 1024)

static size_t peak;

/* An endless reply that stops at HIGH. */
static void act_flood(struct request *r)
{
    if (r->stage++ == 0)
        conn_read_body(r->conn);
    for (int i = 0; i < 64 && conn_queued(r->conn) < HIGH; i++) {
        struct buf out;
        buf_init(&out, PIECE);
        out.n += buf_reserve(&out, PIECE) ? PIECE : 0;
        memset(out.p, 'x', PIECE);
        conn_send(r->conn, &out);
        assert_null(out.p);
    }
    if (conn_queued(r->conn) > peak)
        peak = conn_queued(r->conn);
    if (conn_queued(r->conn) < HIGH)
        turn_mark(&r->owner->world->turn, &r->item);
}

static void a_client_that_never_reads_is_cut(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits.stall_ms = 200;
    owner_open(o, w, act_flood);
    peak = 0;
    struct peer *p = peer_connect(w, owner_port(o));
    peer_read(p, false);
    peer_say(p, GET("/flood"));
    WORLD_UNTIL(w, peak >= HIGH);
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, o->gones == 1);
    assert_in_range(o->gone_at - since, 150, 400);
    assert_true(peak <= HIGH + PIECE);
    peer_free(p);
    owner_close(o);
}

/* The whole queue needs several stall times, but something is always taken. */
static void a_client_that_reads_slowly_is_served(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits.stall_ms = 200;
    owner_open(o, w, act_flood);
    peak = 0;
    struct peer *p = peer_connect(w, owner_port(o));
    p->discard = true;
    peer_read(p, false);
    peer_say(p, GET("/flood"));
    WORLD_UNTIL(w, peak >= HIGH);
    for (int i = 0; i < 8; i++) {
        size_t before = p->total;
        peer_read(p, true);
        WORLD_UNTIL(w, p->total > before + 2 * HIGH);
        peer_read(p, false);
        world_run_ms(w, 100);
    }
    assert_int_equal(o->gones, 0);
    assert_true(only_request(o)->rooms > 0);
    peer_free(p);
    owner_close(o);
    assert_true(peak <= HIGH + PIECE);
}

static char *large;
#define LARGE ((size_t)12 * 1024 * 1024)

static void act_large(struct request *r)
{
    request_reply(r, 200, slice_make(large, LARGE));
}

/* The owner has finished; an EOF no longer stops what is queued. */
static void a_finished_reply_outlives_the_clients_eof(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_large);
    large = calloc(1, LARGE);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_read(p, false);
    p->discard = true;
    peer_say(p, GET("/large"));
    WORLD_UNTIL(w, o->heads == 1);
    world_run_ms(w, 20);
    peer_shutdown(p);
    world_run_ms(w, 20);
    peer_read(p, true);
    WORLD_UNTIL(w, p->eof);
    assert_true(p->total > LARGE);
    assert_int_equal(o->gones, 0);
    free(large);
    peer_free(p);
    owner_close(o);
}

/* The next request waits until the reply before it is written. */
static void a_large_reply_and_a_pipelined_request(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_large);
    large = calloc(1, LARGE);
    struct peer *p = peer_connect(w, owner_port(o));
    p->discard = true;
    peer_read(p, false);
    peer_say(p, GET("/1") GET("/2"));
    WORLD_UNTIL(w, o->heads == 1);
    world_run_ms(w, 30);
    assert_int_equal(o->heads, 1);
    peer_read(p, true);
    WORLD_UNTIL(w, p->total > 2 * LARGE);
    assert_int_equal(o->heads, 2);
    free(large);
    peer_free(p);
    owner_close(o);
}

static void a_stalled_finished_reply_is_dropped(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits.stall_ms = 80;
    owner_open(o, w, act_large);
    large = calloc(1, LARGE);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_read(p, false);
    peer_say(p, GET("/large"));
    WORLD_UNTIL(w, o->heads == 1 && listener_connections(o->listener) == 0);
    assert_int_equal(o->gones, 0);
    free(large);
    peer_free(p);
    owner_close(o);
}

/* Sending to a socket the client has reset: told by `gone`, after the step. */
static void a_write_error_is_told_in_the_next_step(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_ignore);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p, GET("/x"));
    WORLD_UNTIL(w, o->heads == 1 && only_request(o)->stage);
    struct request *r = only_request(o);
    int fd = -1;
    assert_int_equal(uv_fileno((uv_handle_t *)&p->tcp, &fd), 0);
    struct linger hard = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    peer_close(p); /* resets; our loop has not yet read it */
    struct buf out;
    buf_init(&out, 64);
    BUF_LITERAL(&out, "x");
    conn_send(r->conn, &out);
    assert_int_equal(o->gones, 0);
    BUF_LITERAL(&out, "x");
    conn_send(r->conn, &out);
    WORLD_UNTIL(w, o->gones == 1);
    peer_free(p);
    owner_close(o);
}

/* ---- listeners
 * ------------------------------------------------------------------------------------ */

static void stopping_closes_the_idle_and_spares_the_busy(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_hold);
    struct peer *idle = peer_connect(w, owner_port(o));
    struct peer *busy = peer_connect(w, owner_port(o));
    peer_say(busy, GET("/busy") GET("/not-any-more"));
    WORLD_UNTIL(w, o->heads == 1 && listener_connections(o->listener) == 2);
    listener_stop(o->listener);
    WORLD_UNTIL(w, idle->eof);
    assert_int_equal(listener_connections(o->listener), 1);
    request_reply(only_request(o), 200, SLICE("done"));
    turn_mark(&w->turn, &only_request(o)->item);
    WORLD_UNTIL(w, busy->eof);
    assert_true(peer_has(busy, "done"));
    assert_int_equal(o->heads, 1);
    struct peer *late = peer_connect(w, owner_port(o));
    assert_int_equal(late->error, UV_ECONNREFUSED);
    peer_free(idle);
    peer_free(busy);
    peer_free(late);
    owner_close(o);
}

static void closing_cuts_everybody(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_hold);
    struct peer *idle = peer_connect(w, owner_port(o));
    struct peer *busy = peer_connect(w, owner_port(o));
    peer_say(busy, GET("/busy"));
    WORLD_UNTIL(w, o->heads == 1 && listener_connections(o->listener) == 2);
    listener_close(o->listener);
    assert_int_equal(o->gones, 0); /* not from inside the call */
    WORLD_UNTIL(w, idle->eof && busy->eof && o->live == 0);
    assert_int_equal(o->gones, 1);
    peer_free(idle);
    peer_free(busy);
}

static void says_why_it_cannot_listen(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_echo);
    const char *error = NULL;
    const struct conn_events none = {0};
    assert_null(
        listener_open(&w->turn, "127.0.0.1", owner_port(o), false, &none, o, &o->limits, &error));
    assert_string_equal(error, "address already in use");
    error = NULL;
    assert_null(
        listener_open(&w->turn, "no.such.host.invalid", 0, false, &none, o, &o->limits, &error));
    assert_non_null(error);
    owner_close(o);
}

static void two_listeners_may_share_a_port(void **state)
{
    struct world *w = *state;
    const struct conn_events none = {0};
    const struct conn_limits limits = {.connections_max = 1};
    const char *error = NULL;
    struct listener *a =
        listener_open(&w->turn, "localhost", 0, true, &none, NULL, &limits, &error);
    assert_non_null(a);
    struct listener *b =
        listener_open(&w->turn, "localhost", listener_port(a), true, &none, NULL, &limits, &error);
    assert_non_null(b);
    listener_close(a);
    listener_close(b);
}

static void act_tell_peer(struct request *r)
{
    request_reply(r, 200, slice_of(conn_peer(r->conn)));
}

static void names_its_peer(void **state)
{
    struct world *w = *state;
    const char *const hosts[] = {"127.0.0.1", "::"};
    for (size_t i = 0; i < 2; i++) {
        struct owner *o = new_owner();
        owner_open_at(o, w, hosts[i], act_tell_peer);
        struct peer *p = peer_connect(w, owner_port(o));
        peer_say(p, GET("/"));
        WORLD_UNTIL(w, peer_has(p, "\r\n\r\n127.0.0.1"));
        peer_free(p);
        owner_close(o);
    }
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
        TEST(asks_for_the_body_only_when_the_owner_wants_it),
        TEST(a_refused_expectation_closes),
        TEST(a_refused_body_is_skipped),
        TEST(a_refused_upload_sees_its_reply),
        TEST(a_paused_body_stops_the_sender),
        TEST(reading_ahead_is_bounded),
        TEST(a_leaving_client_is_noticed_while_its_request_waits),
        TEST(a_leaving_client_is_noticed_in_its_body),
        TEST(half_a_head_and_an_eof_is_nobody),
        TEST(refuses_what_it_cannot_read),
        TEST(a_bad_second_request_is_refused_after_the_first_reply),
        TEST(a_bad_body_is_told_to_the_owner),
        TEST(a_client_too_many_is_told_so),
        TEST(a_head_that_takes_too_long_is_408),
        TEST(silent_connections_are_closed_silently),
        TEST(a_body_that_stops_is_told_to_the_owner),
        TEST(no_clock_runs_while_the_owner_takes_its_time),
        TEST(a_client_that_never_reads_is_cut),
        TEST(a_client_that_reads_slowly_is_served),
        TEST(a_finished_reply_outlives_the_clients_eof),
        TEST(a_large_reply_and_a_pipelined_request),
        TEST(a_stalled_finished_reply_is_dropped),
        TEST(a_write_error_is_told_in_the_next_step),
        TEST(stopping_closes_the_idle_and_spares_the_busy),
        TEST(closing_cuts_everybody),
        TEST(says_why_it_cannot_listen),
        TEST(two_listeners_may_share_a_port),
        TEST(names_its_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
