/* How connections end: refusals, clocks, slow clients, listeners that stop. */

#include "owner.h"

#include "cmocka_all.h"

#include <malloc.h>
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

/* ---- refusals -------------------------------------------------------------------------------- */

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

/* ---- clocks ---------------------------------------------------------------------------------- */

static void a_head_that_takes_too_long_is_408(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits.head_ms = 300;
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

/* Waiting before the first byte does not buy time. */
static void the_first_heads_clock_runs_from_the_connection(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits.head_ms = 2000;
    owner_open(o, w, act_echo);
    struct peer *p = peer_connect(w, owner_port(o));
    int64_t since = turn_now(&w->turn);
    world_run_ms(w, 1000);
    peer_say(p, "GET / HT");
    WORLD_UNTIL(w, p->eof);
    check_refusal(p, "408 Request Timeout");
    assert_in_range(turn_now(&w->turn) - since, 1990, 2900);
    peer_free(p);
    owner_close(o);
}

static void silent_connections_are_closed_silently(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits.head_ms = 900;
    o->limits.idle_ms = 60;
    owner_open(o, w, act_echo);
    int64_t since = turn_now(&w->turn);
    struct peer *never = peer_connect(w, owner_port(o));
    struct peer *idle = peer_connect(w, owner_port(o));
    peer_say(idle, GET("/x"));
    WORLD_UNTIL(w, idle->eof);
    assert_in_range(turn_now(&w->turn) - since, 60, 899);
    assert_int_equal(peer_count(idle, "HTTP/1.1"), 1);
    WORLD_UNTIL(w, never->eof);
    assert_true(turn_now(&w->turn) - since >= 900);
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
    o->limits = (struct conn_limits){10, 1000, 20, 20, 20};
    owner_open(o, w, act_hold);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p, GET("/slow"));
    world_run_ms(w, 150);
    assert_int_equal(o->gones, 0);
    request_reply(owner_request(o), 200, SLICE("at last"));
    turn_mark(&w->turn, &owner_request(o)->item);
    WORLD_UNTIL(w, peer_has(p, "at last"));
    peer_free(p);
    owner_close(o);
}

/* ---- output ---------------------------------------------------------------------------------- */

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
    assert_in_range(o->gone_at - since, 100, 3000);
    assert_true(peak <= HIGH + PIECE);
    peer_free(p);
    owner_close(o);
}

/* The whole queue needs several stall times, but something is always taken. */
static void a_client_that_reads_slowly_is_served(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits.stall_ms = 1000;
    owner_open(o, w, act_flood);
    peak = 0;
    struct peer *p = peer_connect(w, owner_port(o));
    p->discard = true;
    peer_read(p, false);
    peer_say(p, GET("/flood"));
    WORLD_UNTIL(w, peak >= HIGH);
    for (int i = 0; i < 5; i++) {
        size_t before = p->total;
        peer_read(p, true);
        WORLD_UNTIL(w, p->total > before + 2 * HIGH);
        peer_read(p, false);
        world_run_ms(w, 300);
    }
    assert_int_equal(o->gones, 0);
    assert_true(owner_request(o)->rooms > 0);
    peer_free(p);
    owner_close(o);
    assert_true(peak <= HIGH + PIECE);
}

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void); /* of a header that gcc has not */
#endif

static size_t allocated(void)
{
#ifdef __SANITIZE_ADDRESS__
    return __sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#endif
}

#define SPACIOUS ((size_t)64 * 1024)

/* Small pieces in large memory, until HIGH of them wait. */
static void act_spacious(struct request *r)
{
    if (r->stage++ == 0)
        conn_read_body(r->conn);
    while (conn_queued(r->conn) < HIGH) {
        struct buf out;
        buf_init(&out, SPACIOUS);
        buf_reserve(&out, SPACIOUS);
        while (out.n < 1024)
            BUF_LITERAL(&out, "0123456789abcdef");
        conn_send(r->conn, &out);
    }
    peak = conn_queued(r->conn);
}

static void what_waits_keeps_no_room(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_spacious);
    peak = 0;
    struct peer *p = peer_connect(w, owner_port(o));
    size_t before = allocated();
    peer_read(p, false);
    peer_say(p, GET("/spacious"));
    WORLD_UNTIL(w, peak >= HIGH);
    assert_in_range(allocated() - before, HIGH, 4 * HIGH);
    peer_read(p, true);
    WORLD_UNTIL(w, owner_request(o)->rooms > 0);
    assert_true(peer_has(p, "abcdef0123456789"));
    assert_false(peer_has(p, "abcdefabcdef"));
    peer_free(p);
    owner_close(o);
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

/* Those beyond the ones that are told 503 are closed without a word. */
static void far_too_many_clients_are_told_nothing(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    struct peer *clients[80];
    unsigned told = 0, mute = 0;
    o->limits.connections_max = 1;
    owner_open(o, w, act_echo);
    for (int i = 0; i < 80; i++)
        clients[i] = peer_connect(w, owner_port(o));
    for (int i = 1; i < 80; i++)
        WORLD_UNTIL(w, clients[i]->eof || clients[i]->error);
    for (int i = 1; i < 80; i++) {
        told += peer_has(clients[i], "503 Service Unavailable");
        mute += clients[i]->total == 0;
    }
    assert_int_equal(told, 64);
    assert_int_equal(mute, 80 - 1 - 64);
    for (int i = 0; i < 80; i++)
        peer_free(clients[i]);
    owner_close(o);
}

/* The reply ends in a write callback: from there on the clocks and reading have to go on too. */
static void a_slowly_taken_reply_is_followed_by_the_idle_clock(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    o->limits.idle_ms = 100;
    owner_open(o, w, act_large);
    large = calloc(1, LARGE);
    struct peer *p = peer_connect(w, owner_port(o));
    p->discard = true;
    peer_read(p, false);
    peer_say(p, GET("/large"));
    WORLD_UNTIL(w, o->heads == 1);
    world_run_ms(w, 30);
    peer_read(p, true);
    WORLD_UNTIL(w, p->total > LARGE);
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, p->eof);
    assert_true(turn_now(&w->turn) - since < 1000);
    free(large);
    peer_free(p);
    owner_close(o);
}

/* The same with the client's body outstanding: it lingers, but not for ever. */
static void a_slowly_taken_refusal_lingers_and_closes(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_large);
    large = calloc(1, LARGE);
    struct peer *p = peer_connect(w, owner_port(o));
    p->discard = true;
    peer_read(p, false);
    peer_say(p, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    WORLD_UNTIL(w, o->heads == 1);
    world_run_ms(w, 30);
    peer_read(p, true);
    WORLD_UNTIL(w, p->eof);
    assert_true(p->total > LARGE);
    assert_int_equal(listener_connections(o->listener), 1);
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, listener_connections(o->listener) == 0);
    assert_in_range(turn_now(&w->turn) - since, 1500, 5000);
    free(large);
    peer_free(p);
    owner_close(o);
}

/* A body that may be skipped, but does not come. */
static void a_body_to_skip_is_not_waited_for_long(void **state)
{
    struct world *w = *state;
    struct owner *o = new_owner();
    owner_open(o, w, act_refuse);
    struct peer *p = peer_connect(w, owner_port(o));
    peer_say(p, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    WORLD_UNTIL(w, peer_has(p, "HTTP/1.1 401"));
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, p->eof);
    assert_in_range(turn_now(&w->turn) - since, 1500, 5000);
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
    WORLD_UNTIL(w, o->heads == 1 && owner_request(o)->stage);
    struct request *r = owner_request(o);
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

/* ---- listeners ------------------------------------------------------------------------------- */

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
    request_reply(owner_request(o), 200, SLICE("done"));
    turn_mark(&w->turn, &owner_request(o)->item);
    WORLD_UNTIL(w, busy->eof);
    assert_true(peer_has(busy, "connection: close"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(refuses_what_it_cannot_read),
        WORLD_TEST(a_bad_second_request_is_refused_after_the_first_reply),
        WORLD_TEST(a_bad_body_is_told_to_the_owner),
        WORLD_TEST(a_client_too_many_is_told_so),
        WORLD_TEST(a_head_that_takes_too_long_is_408),
        WORLD_TEST(the_first_heads_clock_runs_from_the_connection),
        WORLD_TEST(silent_connections_are_closed_silently),
        WORLD_TEST(a_body_that_stops_is_told_to_the_owner),
        WORLD_TEST(no_clock_runs_while_the_owner_takes_its_time),
        WORLD_TEST(a_client_that_never_reads_is_cut),
        WORLD_TEST(a_client_that_reads_slowly_is_served),
        WORLD_TEST(what_waits_keeps_no_room),
        WORLD_TEST(a_finished_reply_outlives_the_clients_eof),
        WORLD_TEST(a_large_reply_and_a_pipelined_request),
        WORLD_TEST(far_too_many_clients_are_told_nothing),
        WORLD_TEST(a_slowly_taken_reply_is_followed_by_the_idle_clock),
        WORLD_TEST(a_slowly_taken_refusal_lingers_and_closes),
        WORLD_TEST(a_body_to_skip_is_not_waited_for_long),
        WORLD_TEST(a_stalled_finished_reply_is_dropped),
        WORLD_TEST(a_write_error_is_told_in_the_next_step),
        WORLD_TEST(stopping_closes_the_idle_and_spares_the_busy),
        WORLD_TEST(closing_cuts_everybody),
        WORLD_TEST(says_why_it_cannot_listen),
        WORLD_TEST(two_listeners_may_share_a_port),
        WORLD_TEST(names_its_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
