#ifndef SIM_SERVER_PRIVATE_H
#define SIM_SERVER_PRIVATE_H

/* Shared by server.c (listener, life of the process) and call.c (life of one call). */

#include "journal.h"
#include "options.h"

#include "base/sm.h"
#include "io/conn.h"

#define BODY_BYTES_MAX 25000000 /* Bedrock's own limit */
#define QUEUED_HIGH    (256 * 1024)

struct server {
    struct turn turn;
    struct listener *listener;
    const struct sim_options *options;
    struct service service;
    struct journal journal;
    struct plan canned;        /* bench mode: the one streamed answer … */
    struct buf canned_chunked; /* … the same, framed as HTTP chunks with their end */
    struct buf canned_whole;   /* … and the whole answer */
    struct list calls;         /* struct sim_call.link */
    uint64_t live;
};

extern const struct conn_events call_events;

#endif
