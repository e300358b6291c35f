/* A relay as the gateway is one: an endless upstream, a slow client, the client leaves. */

#include "caller.h"
#include "owner.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define HIGH ((size_t)256 * 1024)
#define LOW  ((size_t)64 * 1024)

struct relay {
    struct upstream *upstream;
    struct request *request;
    struct upstream_op *op;
    char url[64];
    struct http_call http;
    struct buf out; /* framed, not yet sent */
    bool paused;
    bool cancelled;
    size_t peak; /* of out and what the connection has queued */
    unsigned pauses, pieces, sends;
};

static struct relay relay;
static struct peer_server server;
static struct dialer caller;

static size_t queued(void)
{
    return relay.out.n + (relay.request->conn ? conn_queued(relay.request->conn) : 0);
}

static void on_head(void *user, int status, struct http_headers headers)
{
    (void)user;
    (void)headers;
    assert_int_equal(status, 200);
    http1_write_head(&relay.request->reply, &relay.out, 200, (struct http_headers){0}, -1);
}

static bool on_data(void *user, struct slice bytes)
{
    (void)user;
    assert_false(relay.cancelled);
    if (queued() >= HIGH) {
        relay.paused = true;
        relay.pauses++;
        return false;
    }
    size_t mark = http1_chunk_begin(&relay.request->reply, &relay.out);
    buf_add(&relay.out, bytes);
    http1_chunk_commit(&relay.request->reply, &relay.out, mark);
    if (queued() > relay.peak)
        relay.peak = queued();
    relay.pieces++;
    turn_mark(&caller.world->turn, &relay.request->item);
    return true;
}

static void on_end(void *user, enum upstream_end end, const char *detail)
{
    (void)user;
    (void)end;
    fail_msg("the endless upstream ended: %s", detail);
}

static void act_relay(struct request *r)
{
    static const struct upstream_events events = {on_head, on_data, on_end};
    static const struct upstream_timeouts timeouts = {5000, 5000, 5000, 0};
    relay.request = r;
    if (r->stage++ == 0) {
        relay.op = upstream_start(caller.upstream, &relay.http, &timeouts, &events, NULL);
        return;
    }
    if (relay.out.n) {
        relay.sends++;
        conn_send(r->conn, &relay.out);
    }
    if (relay.paused && queued() <= LOW) {
        relay.paused = false;
        upstream_resume(relay.op);
    }
}

static void cancel_relay(struct request *r)
{
    assert_ptr_equal(r, relay.request);
    upstream_cancel(relay.op);
    relay.cancelled = true;
}

static char block[256 * 1024];

static void start_endless(struct peer *p)
{
    if (!peer_has_request(p))
        return;
    peer_drop_request(p);
    peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
}

static void send_block(struct peer *p)
{
    if (!p->eof && !p->error && p->writes == 0)
        peer_send(p, block, sizeof(block));
}

static struct peer *upstream_peer(void)
{
    assert_false(list_empty(&server.peers));
    return LIST_ENTRY(server.peers.prev, struct peer, link);
}

static void open_relay(struct world *w, struct owner *o)
{
    memset(&relay, 0, sizeof(relay));
    memset(&server, 0, sizeof(server));
    memset(&caller, 0, sizeof(caller));
    server.on_data = start_endless;
    server.on_written = send_block;
    peer_server_open(&server, w);
    caller_open(&caller, w, server.port);
    snprintf(relay.url, sizeof(relay.url), "http://127.0.0.1:%d/", server.port);
    relay.http = (struct http_call){.method = "POST", .url = relay.url, .body = SLICE("{}")};
    buf_init(&relay.out, 2 * HIGH);
    o->left = cancel_relay;
    owner_open(o, w, act_relay);
}

static void close_relay(struct owner *o)
{
    owner_close(o);
    caller_close(&caller);
    peer_server_close(&server);
    buf_fini(&relay.out);
}

static void wait_for_cancel(struct world *w)
{
    WORLD_UNTIL(w, relay.cancelled);
    int64_t since = turn_now(&w->turn);
    WORLD_UNTIL(w, upstream_peer()->eof || upstream_peer()->error);
    assert_true(turn_now(&w->turn) - since < 1000);
}

static void a_slow_client_bounds_what_is_queued(void **state)
{
    struct world *w = *state;
    struct owner o = {0};
    open_relay(w, &o);
    struct peer *p = peer_connect(w, owner_port(&o));
    p->discard = true;
    p->read_max = 64 * 1024;
    peer_read(p, false);
    peer_say(p, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    WORLD_UNTIL(w, relay.paused);
    world_settle(w, &upstream_peer()->sent); /* all the way back to the sender */
    for (int i = 0; i < 30; i++) {
        size_t before = p->total;
        peer_read(p, true);
        WORLD_UNTIL(w, p->total >= before + 2 * HIGH);
        peer_read(p, false);
        world_run_ms(w, 2);
    }
    assert_true(relay.pauses > 3);
    assert_true(relay.sends < relay.pieces); /* a turn's pieces leave together */
    assert_true(relay.peak >= HIGH);
    assert_true(relay.peak <= HIGH + 16 * 1024 + 12); /* one piece more, framed */
    peer_close(p);
    wait_for_cancel(w);
    peer_free(p);
    close_relay(&o);
}

static void a_fast_client_gets_all(void **state)
{
    struct world *w = *state;
    struct owner o = {0};
    open_relay(w, &o);
    struct peer *p = peer_connect(w, owner_port(&o));
    p->discard = true;
    peer_say(p, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    WORLD_UNTIL(w, p->total > 64 * 1024 * 1024);
    peer_reset(p);
    wait_for_cancel(w);
    assert_true(relay.peak <= HIGH + 16 * 1024 + 12);
    peer_free(p);
    close_relay(&o);
}

/* The upstream is paused, hence unpolled, when the client leaves. */
static void a_client_leaves_while_the_upstream_is_paused(void **state)
{
    struct world *w = *state;
    struct owner o = {0};
    open_relay(w, &o);
    struct peer *p = peer_connect(w, owner_port(&o));
    peer_read(p, false);
    peer_say(p, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    WORLD_UNTIL(w, relay.paused);
    world_run_ms(w, 50);
    peer_close(p);
    wait_for_cancel(w);
    peer_free(p);
    close_relay(&o);
}

static void a_client_that_never_reads_is_cut_and_so_is_its_upstream(void **state)
{
    struct world *w = *state;
    struct owner o = {.limits.stall_ms = 150};
    open_relay(w, &o);
    struct peer *p = peer_connect(w, owner_port(&o));
    peer_read(p, false);
    peer_say(p, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_cancel(w);
    assert_true(relay.peak <= HIGH + 16 * 1024 + 12);
    peer_free(p);
    close_relay(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_slow_client_bounds_what_is_queued),
        WORLD_TEST(a_fast_client_gets_all),
        WORLD_TEST(a_client_leaves_while_the_upstream_is_paused),
        WORLD_TEST(a_client_that_never_reads_is_cut_and_so_is_its_upstream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
