#ifndef IO_UPSTREAM_PRIVATE_H
#define IO_UPSTREAM_PRIVATE_H

/* What the files behind io/upstream.h share: upstream.c (calls), upstream_request.c (what they ask
 * for) and upstream_lane.c (libcurl's multi handles on the loop). */

#include "io/upstream.h"

#include <curl/curl.h>

#define UPSTREAM_NEVER INT64_MAX
#define REQUEST_PIECE  ((size_t)65536) /* of a body: libcurl's own choice */

/* A multi handle of its own. libcurl looks through all connections of a multi handle when a call
 * starts and when it ends: with 10,000 open streams on one handle a short call took 540 us of CPU,
 * with 500 streams 25 us. So the calls are spread over lanes of bounded size. */
#define LANE_CALLS_MAX       256u  /* running in one lane */
#define LANE_CONNECTIONS_MAX 512L  /* running and kept in one lane; beyond, idle ones are closed */
#define LANE_IDLE_MS         30000 /* a lane without calls goes, the first one excepted */

struct mail_envelope;
struct upstream_socket;

struct upstream_lane {
    struct upstream *upstream;
    struct list link; /* in upstream->lanes */
    CURLM *multi;
    struct turn_item item;
    struct list failed; /* struct upstream_op.link, whose end is to be told in the next step */
    unsigned active;    /* calls */
    uv_timer_t timer;
    int64_t wake_at;  /* when libcurl wants to be called, or UPSTREAM_NEVER */
    int64_t leave_at; /* when the lane goes, or UPSTREAM_NEVER */
    int64_t armed;    /* when the timer will fire, or UPSTREAM_NEVER */
    bool starting;    /* inside lane_add */
    bool nudge;       /* see nudge() */
};

struct upstream {
    struct turn *turn;
    CURLSH *share; /* names and TLS sessions, for all lanes */
    bool verify;   /* TLS peer and host */
    bool proxied;  /* the environment names a proxy */
    char *ca_file; /* NULL: the system's */
    struct list lanes;
    struct upstream_socket **sockets; /* by descriptor; NULL: not known */
    size_t sockets_size;              /* slots */
    struct list idle;                 /* struct upstream_op.link, ready for the next call */
    unsigned idle_count;
    unsigned lane_idle_ms; /* LANE_IDLE_MS */
    unsigned active;       /* calls */
    unsigned handles;      /* open ones of all kinds; the last one frees this */
};

struct upstream_op {
    struct upstream *upstream;
    struct upstream_lane *lane; /* while running */
    struct list link;           /* in upstream->idle or lane->failed */
    CURL *easy;
    uv_timer_t clock;
    const struct upstream_events *events;
    void *user;
    struct upstream_timeouts timeouts;
    enum op_phase {
        OP_CONNECT, /* until the request is about to be sent */
        OP_FIRST,   /* until the head of the answer */
        OP_BODY,
        OP_ENDED, /* in the pool */
    } phase;
    curl_off_t body_size; /* of the call */
    size_t piece;         /* of it */
    bool paused;
    bool streamed; /* its body is; such an op is not used again … */
    bool starved;  /* … waits for more of it */
    bool direct;   /* past any proxy */
    bool fenced;   /* with these limits; such an op is not used again */
    bool refused;  /* an address was, by the fence */
    struct http_fence fence;
    bool mail;                     /* an e-mail (io/mail.h); such an op is not used again */
    struct slice unsent;           /* … of its message */
    struct curl_slist *recipients; /* … */
    CURLcode failure;              /* for lane->failed */
    int64_t started;               /* the total clock */
    int64_t since;                 /* the phase's clock */
    int64_t armed;                 /* when `clock` will fire, or UPSTREAM_NEVER */
    struct buf head;               /* header lines as they came */
    char *lines;                   /* the call's headers as a curl_slist, see set_headers */
    size_t lines_size;             /* bytes allocated */
    char custom[16];               /* method set by CURLOPT_CUSTOMREQUEST, "" when none */
    char error[CURL_ERROR_SIZE];
};

/* upstream.c */
void upstream_end_finished(struct upstream_lane *lane); /* after each call into its multi handle */
void upstream_unref(struct upstream *u);
bool upstream_refuses(struct upstream_op *op, bool public); /* an address, and notes it */

/* upstream_request.c */
void request_call(struct upstream_op *op, const struct http_call *call);
/* `length`: of the body, which the op's events are asked for; -1: not known. */
void request_stream(struct upstream_op *op, const struct http_call *call, int64_t length);
void request_mail(struct upstream_op *op, const char *url, const struct mail_envelope *envelope,
                  struct slice message);
void request_forget(struct upstream_op *op); /* memory that an op in the pool does not need */

/* upstream_lane.c */
void lane_options(struct upstream_op *op);  /* how the sockets of its easy handle are made */
CURLMcode lane_add(struct upstream_op *op); /* to the first lane with room, or a new one */
void lane_remove(struct upstream_op *op);
void lane_close(struct upstream_lane *lane); /* without calls; closes its connections */

#endif
