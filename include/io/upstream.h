#ifndef IO_UPSTREAM_H
#define IO_UPSTREAM_H

/* Outgoing HTTP calls: libcurl's multi interface driven by the loop. HTTP/1.1 only (on HTTP/2 a
 * paused stream makes libcurl buffer megabytes), connections kept and reused, TLS verified, no
 * redirects, no transparent decoding. Sent are the call's headers, Host and Content-Length, nothing
 * else. Proxies come from the environment. SIGPIPE must be ignored by the process.
 *
 * A call with a fence (a URL that a client named) goes to public addresses only: the address that
 * is really connected to is checked, at every redirect and whatever a name resolved to before. It
 * uses no proxy, since a proxy would choose the address; a URL with a user name is refused; its
 * connection is not kept. It should have a total timeout: the body of a redirect is read and
 * dropped under no other clock.
 *
 * A kept connection that the server closes before the first byte of an answer is the usual race
 * with its idle timeout: the call is sent again on a fresh one, by libcurl, up to five times.
 *
 * Who owns what: the caller owns the call's bytes (URL, headers, body) and must keep them (but see
 * upstream_uploaded) until the
 * end event or until upstream_cancel() returns. The upstream_op belongs to this module and is valid
 * until its end event or cancel.
 *
 * Events only deposit; they are called from curl's callbacks, from inside upstream_resume() too.
 * upstream_start, _resume and _cancel are called from steps, never from inside an event.
 * Pause: `data` returns false = "take it back": curl keeps the piece and gives it again after
 * upstream_resume(). While paused the idle clock stands still (the caller's stall timer rules).
 * Cancel takes effect at once: no event comes after it.
 *
 * Exactly one end event per op that was not cancelled, never during upstream_start. */

#include "io/turn.h"
#include "wire/http1.h"

struct upstream;    /* one per loop */
struct upstream_op; /* one call */

enum upstream_end {
    UPSTREAM_DONE,            /* the answer is complete */
    UPSTREAM_UNREACHABLE,     /* name, connect or TLS failure: nothing was sent */
    UPSTREAM_TIMEOUT_CONNECT, /* the four clocks */
    UPSTREAM_TIMEOUT_FIRST,   /* no status line in time */
    UPSTREAM_TIMEOUT_IDLE,    /* silence between two pieces of the answer */
    UPSTREAM_TIMEOUT_TOTAL,
    UPSTREAM_BROKEN, /* cut or malformed after the request was sent */
    UPSTREAM_FENCED, /* the URL leads where the call's fence does not let it; nothing was sent there
                      */
};

struct upstream_events {
    /* Status and headers (at most 256 lines and 64 KiB; the last of several heads when interim
     * answers precede); called once, before any data. Headers are valid during the call. */
    void (*head)(void *user, int status, struct http_headers headers);
    /* A piece of the body (at most 16 KiB). False: not now (see Pause). */
    bool (*data)(void *user, struct slice bytes);
    /* `detail` is a one-line text fit for a log and an error message; static or valid during the
     * call; it holds no secret. */
    void (*end)(void *user, enum upstream_end end, const char *detail);
    /* Of calls whose body is streamed: writes at most `room` bytes of it to `p`, and returns how
     * many; 0: that was all of it; UPSTREAM_LATER: none now, see upstream_more. Such a call has a
     * connection of its own, since what was sent cannot be sent again. */
    size_t (*want)(void *user, char *p, size_t room);
};
#define UPSTREAM_LATER ((size_t)-1)

/* Milliseconds; 0 = no limit. */
struct upstream_timeouts {
    unsigned connect_ms; /* name, connect and TLS together; a kept connection needs none */
    unsigned first_ms;   /* from there to the end of the answer's head, sending included */
    unsigned idle_ms;    /* between two pieces of the answer; stands still while paused */
    unsigned total_ms;   /* from upstream_start to the end, pauses included */
};

struct upstream_tls {
    bool verify;         /* peer and host; true unless the operator says otherwise */
    const char *ca_file; /* NULL: the system's */
};

struct upstream *upstream_init(struct turn *t, const struct upstream_tls *tls);
void upstream_fini(struct upstream *u); /* every op must have ended; handles close in the loop */

struct upstream_op *upstream_start(struct upstream *u, const struct http_call *call,
                                   const struct upstream_timeouts *timeouts,
                                   const struct upstream_events *events, void *user);
/* The same with a body that comes while it is sent, by events->want: `length` bytes, -1: not known
 * (call->body is not looked at). No fence. */
struct upstream_op *upstream_stream(struct upstream *u, const struct http_call *call,
                                    int64_t length, const struct upstream_timeouts *timeouts,
                                    const struct upstream_events *events, void *user);
/* Gives kept data again. An error inside ends the op: the end event comes (later, not inside). */
void upstream_resume(struct upstream_op *op);
/* There is more of a streamed body, or it has ended. An error inside ends the op, as above. */
void upstream_more(struct upstream_op *op);
void upstream_cancel(struct upstream_op *op);

/* Whether every byte of the call's body is sent: it may be freed now, though the op goes on. Only
 * once the answer's head has come (before that libcurl may send it anew). */
bool upstream_uploaded(const struct upstream_op *op);

unsigned upstream_active(const struct upstream *u);      /* ops now */
unsigned upstream_connections(const struct upstream *u); /* made, idle ones too; looks at all */

#endif
