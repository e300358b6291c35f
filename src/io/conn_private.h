#ifndef IO_CONN_PRIVATE_H
#define IO_CONN_PRIVATE_H

/* What the three files behind io/conn.h share: listener.c (accepting), conn.c (the life of a
 * connection and its input) and conn_output.c (its output and its clocks). */

#include "base/sm.h"
#include "io/conn.h"
#include "tls.h"

#include <netinet/in.h>

#define CONN_READ_MAX                                                                              \
    ((size_t)64 * 1024) /* one read; memory shared by a listener's connections                     \
                         */
#define CONN_PENDING_MAX                                                                           \
    ((size_t)64 * 1024)                        /* read ahead of what may be parsed, per connection \
                                                */
#define CONN_DROP_MAX     ((size_t)256 * 1024) /* unwanted bytes read and dropped */
#define CONN_LINGER_MS    2000                 /* wait for a refused client's EOF */
#define CONN_OVERFLOW_MAX 64u                  /* connections being told 503; beyond: closed mute */
#define CONN_NEVER        INT64_MAX

/*            ┌───────────── next request ─────────────┐
 *            ▼                                        │
 * accept ─► IDLE ─► HEAD ─► REQUEST ─(conn_finish)─► FLUSH ─► LINGER ─► CLOSED
 *                                                     ▲
 * A refusal goes from IDLE, HEAD to FLUSH; every state may go to CLOSED. */
enum conn_state {
    CONN_IDLE,    /* nothing of the next head has come */
    CONN_HEAD,    /* a part of a head has come */
    CONN_REQUEST, /* the owner has a request */
    CONN_FLUSH,   /* the reply is complete, not all of it is written or not all of the body read */
    CONN_LINGER,  /* our side is shut, what the client still sends is dropped */
    CONN_CLOSED,  /* handles are closing; freed after the last */
};
enum { CONN_STATES = CONN_CLOSED + 1 };

struct listener {
    struct turn *turn;
    const struct conn_events *events;
    void *server; /* for events->head */
    struct conn_limits limits;
    int fd;                 /* it listens */
    int reserve;            /* a descriptor for when there is no other; -1: that is in use, too */
    uv_poll_t poll;         /* of `fd` */
    uv_timer_t pause;       /* of accepting, when no descriptor is left */
    uint64_t shed;          /* clients refused since then */
    struct tls_server *tls; /* of connections to come; NULL: plain */
    struct list conns;      /* struct conn.link, all that are not CLOSED */
    unsigned open;          /* length of `conns` */
    unsigned refs;          /* its owner, its open handles, connections that are not freed yet */
    int port;
    bool shedding;                   /* no descriptor was left */
    bool stopping;                   /* no further request */
    char read_memory[CONN_READ_MAX]; /* parsing is synchronous, so one is enough */
};

struct conn {
    struct listener *listener;
    struct list link; /* in listener->conns */
    struct turn_item item;
    struct sm sm; /* enum conn_state */
    uv_tcp_t tcp;
    uv_timer_t timer;
    unsigned handles;            /* open ones of tcp and timer */
    struct tls *tls;             /* NULL: plain */
    struct http1_parser *parser; /* NULL until the first byte */
    void *user;                  /* the owner's request, in REQUEST */
    struct buf pending;          /* read and not yet parsed: from `parsed` on */
    size_t parsed;               /* bytes at the front of `pending` that are used up */
    size_t dropped;              /* unwanted bytes of this request so far */
    uint64_t given;              /* bytes of replies, ever */
    uint64_t taken;              /* of these seen taken by the kernel */
    int64_t taken_at;            /* when `taken` last grew or the queue was empty */
    int64_t since;               /* when the wait for the client's bytes began */
    int64_t armed;               /* when the timer will fire, or CONN_NEVER */
    bool heard;                  /* the first bytes came */
    bool reading;                /* uv_read_start is in force */
    bool served;                 /* has had a request */
    bool want_body;              /* the owner wants body bytes */
    bool body_done;              /* the request is read to its end */
    bool body_bad;               /* the rest of the input cannot be parsed */
    bool continued;              /* "100 Continue" is sent or needless */
    bool keep_alive;             /* in FLUSH: go on with the next request */
    bool eof;                    /* the client has shut its side */
    bool lost;                   /* cannot be written to; the next step ends it */
    char peer[INET6_ADDRSTRLEN];
};

static inline enum conn_state conn_state(const struct conn *c)
{
    return (enum conn_state)c->sm.state;
}

static inline int64_t conn_now(const struct conn *c)
{
    return turn_now(c->listener->turn);
}

/* conn.c */
void conn_accept(struct listener *l, int fd); /* takes `fd` */
void conn_refuse(struct conn *c, int status, const char *reason);
/* The whole reply of such a refusal, which closes the connection. */
void conn_write_refusal(const struct listener *l, int status, const char *reason, struct buf *out);
void conn_progress(struct conn *c); /* after any event: moves on, adjusts reading and timer */
void conn_lose(struct conn *c);     /* tells the owner and closes; not from an owner's step */
void conn_cut(struct conn *c);      /* the same in the next step */
void conn_close(struct conn *c);
void conn_stop_idling(struct conn *c); /* the listener stops */
void conn_timeout(struct conn *c);     /* the client's bytes are overdue */

/* conn_output.c */
void conn_write(struct conn *c, char *p, size_t n); /* takes `p` (malloc) */
void conn_flush_tls(struct conn *c);                /* what the session wants to send */
void conn_say_end(struct conn *c);                  /* of TLS; nothing may be written after it */
void conn_shut(struct conn *c);                     /* our side, after what is queued */
void conn_arm(struct conn *c);                      /* sets the timer for the next deadline */
void conn_on_timer(uv_timer_t *timer);

/* listener.c */
void listener_unref(struct listener *l);

#endif
