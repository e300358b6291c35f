#ifndef GATEWAY_WORKER_PRIVATE_H
#define GATEWAY_WORKER_PRIVATE_H

/* What exchanges and handlers see of their worker. */

#include "admission.h"
#include "affinity.h"
#include "cache.h"
#include "credentials.h"
#include "gossip.h"
#include "health.h"
#include "io/conn.h"
#include "io/upstream.h"
#include "memory.h"
#include "observing.h"
#include "periods.h"
#include "provider/plan.h"
#include "retention.h"
#include "rotation.h"
#include "rows.h"
#include "state/shared.h"
#include "state/spend.h"
#include "tracker.h"
#include "worker.h"

#include <time.h>

#define HTTP_DATE_SIZE 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and the NUL */

#define WORKER_SIGNALS 4

struct worker {
    uv_loop_t loop;
    struct turn turn;
    struct config *config; /* the current snapshot */
    const struct worker_options *options;
    struct upstream *upstream;
    struct credentials *credentials; /* of AWS */
    struct shared *shared;           /* limits, values and what else processes may share */
    bool has_others;                 /* processes that may share it */
    struct gossip *gossip;           /* what processes tell each other */
    struct tracker *tracker;         /* of deployments */
    struct list queue;         /* exchange.queue: those that wait for a place, the oldest first */
    unsigned queued;           /* how many */
    uint64_t queue_refused;    /* that found no place, or not in time */
    uv_timer_t queue_clock;    /* turns that come (exchange_queue.c) … */
    int64_t queue_wake;        /* … ms, turn time: the next one; 0: none */
    struct affinity *affinity; /* who was served by which */
    struct affinity *refused;  /* members that models do not take: exchange_learn.h */
    struct health *health;     /* which deployments answer */
    struct periods *periods;   /* begins those of budgets */
    struct rotation *rotation; /* tells of keys that are to be renewed */
    struct retention *retention[RETENTION_KINDS]; /* deletes old rows */
    struct watch *watch;                          /* of the configuration's files */
    struct reread *reread;                        /* reads them again */
    struct memory *memory;                        /* of thinking; NULL: switched off */
    struct store *store;                          /* the database; NULL: none is configured */
    struct stored *stored;               /* what it adds to the configuration; NULL: nothing */
    struct cache *cache;                 /* of answers; NULL: switched off */
    struct rows *rows;                   /* of callers */
    size_t piece;                        /* bytes of the last one of a stream: see exchange_send */
    struct listener *listener;           /* NULL once closed */
    struct handover *handover;           /* NULL: the sockets are not handed on */
    struct observing *observing;         /* who watches; NULL: nobody */
    struct admission admission;          /* requests that are worked on, and that wait */
    struct roll *roll;                   /* asks the other workers; NULL: there are none */
    struct list exchanges;               /* exchange.link: all that live */
    unsigned live;                       /* how many */
    uint64_t served;                     /* exchanges ended so far */
    unsigned passwords;                  /* being checked: password.h */
    uint64_t repairs[REPAIR_COUNT];      /* requests repaired so, see provider/plan.h */
    bool draining;                       /* a first signal came */
    uv_timer_t clock;                    /* looks at deadlines while exchanges live */
    uv_prepare_t turn_over;              /* once a turn */
    uv_signal_t signals[WORKER_SIGNALS]; /* SIGTERM, SIGINT, SIGHUP, SIGUSR1 */
    uv_timer_t drain_limit;
    bool drain_over;
    char date[HTTP_DATE_SIZE];
    time_t date_of;           /* what `date` says */
    struct turn_item drained; /* ends the worker once nothing lives */
};

/* The Date header of replies made now (RFC 9110, 6.6.1); formatted once a second. Valid until the
 * next call in another second. */
struct slice worker_date(struct worker *w);

/* Takes over a snapshot that was read anew: it holds from now on, unless it has errors or would
 * take the protection of a key away; the log says so, and `why` it came. */
void worker_adopt(struct worker *w, struct config *config, const char *why);

/* An exchange began or ended. */
void worker_exchange_began(struct worker *w, struct list *link);
void worker_exchange_ended(struct worker *w, struct list *link);

#endif
