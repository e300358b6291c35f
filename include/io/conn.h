#ifndef IO_CONN_H
#define IO_CONN_H

/* The server side of HTTP/1: a listener and its connections. A connection parses one request at a
 * time, hands head and body to its owner, sends the bytes the owner gives it, and goes on with the
 * next (pipelined) request when the owner says the reply is complete.
 *
 * Who owns what: the connection owns socket, parser and queued bytes. The owner's per-request
 * object (`user`) is made in events->head and belongs to the owner; after events->gone, or after
 * conn_finish(), the connection never mentions it again.
 *
 * All events only deposit: the owner must not call back into the connection from inside them
 * (turn_mark an item and act from its step). All conn_ functions are called from steps.
 *
 * Bounds: head 64 KiB (wire/http1.h), pipelined bytes beyond the current request 64 KiB (then
 * reading stops), body bytes only while the owner wants them, connections per listener.
 * Violations are answered by the connection itself with the body that events->refusal formats:
 * 400, 408, 414, 431, 501, 505, 503 (too many connections). A violation in the body of a request
 * that the owner already has is told to the owner instead (events->body_failed).
 *
 * Timers (ms; 0 = off): a head must be complete within head_ms of its first byte (and the first
 * head within head_ms of the connection); body bytes must come at least every body_idle_ms while
 * they are wanted; between requests a connection idles idle_ms; a client that takes no byte of a
 * queued reply for stall_ms is cut (events->gone). */

#include "base/buf.h"
#include "io/turn.h"
#include "wire/http1.h"

struct conn;
struct listener;
struct tls_server;

struct conn_events {
    /* A head is complete. Returns `user`. The head stays valid until conn_finish() or gone. */
    void *(*head)(void *server, struct conn *c, const struct http_head *head);
    /* Body bytes, only after conn_read_body(); never more than 64 KiB in one call. */
    void (*body)(void *user, struct slice bytes);
    void (*body_end)(void *user); /* also for requests without a body */
    /* The body cannot be had: 400 bad framing, 408 too slow. The reply closes the connection. */
    void (*body_failed)(void *user, int status, const char *reason);
    /* Queued bytes went down (some of the reply was taken by the kernel). What the kernel takes at
     * once, inside conn_send, is not told: look at conn_queued() after sending. */
    void (*room)(void *user);
    /* The client is gone (EOF, reset, stalled): nothing can be sent. Last call for `user`. An EOF
     * while the request's reply is not finished counts as gone: half-closing HTTP clients do not
     * exist among ours, leaving ones do, and their upstream call costs money. */
    void (*gone)(void *user);
    /* Formats the error body for a request the connection refuses by itself. Pure. */
    void (*refusal)(int status, const char *reason, struct buf *body);
};

struct conn_limits {
    unsigned connections_max; /* beyond: 503 and close */
    unsigned head_ms, body_idle_ms, idle_ms, stall_ms;
    /* How long an idle connection is kept once the listener stops, so that a request which is on
     * its way already is answered (and told "connection: close"). 0: idle ones close at once. */
    unsigned stop_idle_ms;
};

/* Binds and listens, without a loop: the descriptor, or -1 and an explanation in `*error` (static
 * or strerror text). For processes that hand it on; see listener_open. */
int listener_bind(const char *host, int port, bool reuseport, const char **error);

/* The port that it is bound to; 0: none. */
int listener_bound_port(int fd);

/* Accepts from a descriptor of listener_bind, which it owns from here on, failure included. NULL:
 * see `*error`. */
struct listener *listener_adopt(struct turn *t, int fd, const struct conn_events *events,
                                void *server, const struct conn_limits *limits, const char **error);

/* Both. `host` is a numeric address, "localhost" or a name (resolved at start,
 * blocking; of several addresses an IPv4 one); "::" listens on IPv6 and IPv4. `port` 0 takes a free
 * one. SO_REUSEADDR; SO_REUSEPORT when `reuseport`. Returns NULL and an explanation in `*error`
 * (static or strerror text, e.g. "address already in use"). */
struct listener *listener_open(struct turn *t, const char *host, int port, bool reuseport,
                               const struct conn_events *events, void *server,
                               const struct conn_limits *limits, const char **error);
/* Connections that come from now on speak TLS by `s`, of which the listener takes a reference. */
void listener_use_tls(struct listener *l, struct tls_server *s);
int listener_port(const struct listener *l);
unsigned listener_connections(const struct listener *l); /* open now */

/* Stops accepting; idle connections close (see stop_idle_ms), busy ones after their reply. */
void listener_stop(struct listener *l);

/* Stops, cuts every connection (their owners hear `gone` in the next turn) and releases the
 * listener once all handles are closed; do not use it after this call. */
void listener_close(struct listener *l);

/* ---- one connection, by its owner ---------------------------------------------------------- */

/* Lets body bytes flow; sends "100 Continue" first when the client waits for it. Before this call
 * no body byte is read, so an unauthenticated upload costs nothing. */
void conn_read_body(struct conn *c);
void conn_pause_body(struct conn *c);

/* Queues the content of `out` (taken; `out` is empty afterwards) in one write. */
void conn_send(struct conn *c, struct buf *out);

/* Bytes given to conn_send and not yet taken by the kernel. */
size_t conn_queued(const struct conn *c);

/* Whether conn_finish(c, true) could keep the connection: false when the client does not want it,
 * the listener stops, or the unread body is too large to skip. Ask before writing the reply's head,
 * so that it says "connection: close" when it is so. */
bool conn_can_keep_alive(const struct conn *c);

/* The reply is complete: `user` is forgotten, and the owner forgets `c`. With keep_alive the next
 * request is parsed once all is sent (an unread body is read and dropped up to 256 KiB and for 2 s,
 * beyond that the connection closes); without, the connection closes after the last byte. A client
 * that may still be sending gets up to 2 s to read the reply before its input is cut off. */
void conn_finish(struct conn *c, bool keep_alive);

bool conn_is_tls(const struct conn *c);

/* Address of the client, "127.0.0.1" or "::1"; valid as long as the connection. */
const char *conn_peer(const struct conn *c);

#endif
