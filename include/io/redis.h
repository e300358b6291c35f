#ifndef IO_REDIS_H
#define IO_REDIS_H

/* A Redis (or Valkey), spoken to over one pipelined connection, and a second one that listens to a
 * channel. RESP2; hiredis reads the replies. The connections are the loop's own streams, so that
 * names are looked up without blocking, every step has a deadline, and TLS and Unix sockets go the
 * same way.
 *
 * It connects by itself, and again after a loss: at once, then after a wait that doubles up to
 * REDIS_WAIT_MAX_MS, with jitter. Where the nodes are sentinels they are asked for the master
 * before each connection. A server that says READONLY is left and looked for anew; one that says
 * MOVED is followed. Commands that were sent but not answered when a connection ended get a NULL
 * reply: they may have been carried out. Nothing is ever sent twice.
 *
 * Callbacks come from inside the loop's own, never from inside a call below, and only deposit. */

#include "base/slice.h"
#include "io/turn.h"

#define REDIS_COMMANDS_MAX 16384              /* unanswered at once */
#define REDIS_BYTES_MAX    (64 * 1024 * 1024) /* queued to be sent; of one reply too */
#define REDIS_WAIT_MIN_MS  50
#define REDIS_WAIT_MAX_MS  5000

struct redis;

struct redis_node {
    const char *host;
    int port;
};

/* Copied. Strings may be NULL: not used. */
struct redis_options {
    const char *path; /* a Unix socket; else … */
    const struct redis_node *nodes;
    size_t node_count;   /* tried one after another */
    const char *service; /* the nodes are sentinels and this is their master's name */
    const char *username, *password;
    const char *sentinel_username, *sentinel_password;
    int db;
    bool tls;        /* to sentinels too */
    bool tls_verify; /* the certificate: its issuers and its name */
    const char *tls_ca_file, *tls_certificate, *tls_key;
    const char *channel;
    unsigned connect_ms; /* to be ready: TLS and AUTH included */
    unsigned command_ms; /* unanswered for longer: the connection is given up */
};

struct redis_events {
    /* `why` when it is not ready (any more), each time an attempt fails; one line, no secrets. */
    void (*changed)(void *ctx, bool ready, const char *why);
    void (*heard)(void *ctx, struct slice message);
};

/* False: `error` (of `size` bytes) says what is wrong with the options: a file of TLS, and why. */
bool redis_check(const struct redis_options *options, char *error, size_t size);

/* NULL: as redis_check says. */
struct redis *redis_open(struct turn *turn, const struct redis_options *options,
                         const struct redis_events *events, void *ctx, char *error, size_t size);
/* Unanswered commands get their NULL reply from inside this call. Run the loop once more after. */
void redis_close(struct redis *r);

bool redis_ready(const struct redis *r);
bool redis_listens(const struct redis *r);     /* the channel is subscribed to */
const char *redis_name(const struct redis *r); /* for people: where it is, or is looked for */

/* ---- commands -------------------------------------------------------------------------------- */

struct redisReply; /* hiredis' */
typedef void redis_done(void *user, const struct redisReply *reply);

/* Copies. False: not ready, or too much is queued; then `done` (may be NULL) is not called. */
bool redis_send(struct redis *r, const struct slice *words, size_t n, redis_done *done, void *user);

enum redis_kind { REDIS_NIL, REDIS_STRING, REDIS_INTEGER, REDIS_ARRAY, REDIS_ERROR };

enum redis_kind redis_kind(const struct redisReply *reply);
struct slice redis_text(const struct redisReply *reply); /* of a string or an error; else empty */
int64_t redis_integer(const struct redisReply *reply);   /* else 0 */
size_t redis_count(const struct redisReply *reply);      /* elements of an array; else 0 */
const struct redisReply *redis_element(const struct redisReply *reply, size_t i);

#endif
