#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

/* A loop with a turn, a guard against hanging, and scripted TCP peers on the same loop: what the
 * io tests talk to. Loopback only; ports are taken free by the kernel. */

#include "base/buf.h"
#include "io/turn.h"

#include <uv.h>

#define WORLD_LIMIT_MS 10000 /* longest wait for one condition */

struct world {
    uv_loop_t loop;
    struct turn turn;
    uv_timer_t guard;
    bool expired;
    int descriptors; /* open ones before */
};

void world_open(struct world *w);
/* Runs the loop until every handle is closed; fails the test when one is not, or when there are
 * more descriptors than before. */
void world_close(struct world *w);
/* cmocka's setup and teardown with a world as state. */
int world_setup(void **state);
int world_teardown(void **state);
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

void world_guard(struct world *w); /* starts the wait anew */

/* Runs the loop until the condition holds; false after WORLD_LIMIT_MS. */
#define WORLD_UNTIL(w, condition)                                                                  \
    for (world_guard(w); !(condition);) {                                                          \
        assert_false((w)->expired);                                                                \
        uv_run(&(w)->loop, UV_RUN_ONCE);                                                           \
    }

/* Runs the loop for that long: only to show that something does NOT happen. Returns the number of
 * turns it took, which tells a loop that sleeps from one that spins. */
unsigned world_run_ms(struct world *w, unsigned ms);

/* Runs the loop until the value has not changed for 150 ms; fails when it never stops. */
void world_settle(struct world *w, const size_t *value);

/* ---- peers ----------------------------------------------------------------------------------- */

#define PEER_READ_MAX ((size_t)64 * 1024)

struct peer_server;

struct peer {
    struct peer_server *server; /* NULL: a client */
    struct world *world;
    uv_tcp_t tcp;
    struct list link; /* in server->peers */
    struct buf got;   /* bytes read (keep) */
    size_t total;     /* bytes read, kept or not */
    size_t read_max;  /* bytes per read; 0: PEER_READ_MAX */
    bool discard;     /* do not keep what is read */
    bool connected;
    bool eof;
    int error; /* of connect, read or write; 0: none */
    bool closed;
    size_t sent;     /* bytes accepted by the kernel */
    unsigned writes; /* in flight */
    void *user;
    char read[PEER_READ_MAX];
};

struct peer_server {
    struct world *world;
    uv_tcp_t tcp;
    bool closed;
    int port;
    unsigned accepts;
    unsigned open; /* peers not yet seen closed by the other side */
    struct list peers;
    void (*on_connect)(struct peer *p);
    void (*on_data)(struct peer *p); /* something was added to p->got */
    void (*on_written)(struct peer *p);
    void *user;
};

struct peer *peer_connect(struct world *w, int port);
void peer_send(struct peer *p, const void *bytes, size_t n); /* copies */
void peer_say(struct peer *p, const char *text);
void peer_read(struct peer *p, bool on);
void peer_shutdown(struct peer *p);
void peer_reset(struct peer *p); /* closes with RST */
void peer_close(struct peer *p);
bool peer_has(const struct peer *p, const char *text); /* `got` contains it */
unsigned peer_count(const struct peer *p, const char *text);
void peer_free(struct peer *p); /* client; closes if need be */

void peer_server_open(struct peer_server *s, struct world *w);
void peer_server_close(struct peer_server *s); /* and its peers */

#endif
