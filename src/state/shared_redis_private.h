#ifndef STATE_SHARED_REDIS_PRIVATE_H
#define STATE_SHARED_REDIS_PRIVATE_H

/* What the files of the shared state on a Redis have in common:
 *
 *   shared_redis.c   the ops, replies, patience
 *   redis_alone.c    answers of this process in Redis' place, and how Redis hears of them later
 *   redis_away.c     whether Redis serves: away and back, the probe, how many gateways there are */

#include "io/redis.h"
#include "redis_question.h"
#include "state/shared_redis.h"

#define REDIS_PREFIX_MAX 128
#define REDIS_TOKEN_MAX  64

struct shared_redis {
    struct shared shared;
    struct turn *turn;
    struct redis *redis;
    struct shared *local;
    int64_t siblings;    /* processes that have it in common */
    struct shared *seen; /* what Redis said last of limits: redis_alone.c */
    unsigned patience_ms;
    bool fail_closed;
    char prefix[REDIS_PREFIX_MAX], token[REDIS_TOKEN_MAX], channel[REDIS_PREFIX_MAX];
    struct list open;     /* question.link: in the order of their deadlines */
    struct list clearing; /* clear.link */
    uv_timer_t timer;     /* the first deadline of the open ones */
    int64_t looked_at;    /* ms: some were late then, and what has come is being read; 0: none */
    uv_timer_t probe_timer;
    struct question *probe; /* under way, or NULL */
    bool probe_late;
    unsigned slow_in_a_row; /* probes that were answered late */
    int64_t slow_told_at;   /* ms; 0: never */
    bool away, told;        /* the log knows */
    int64_t away_since, probed_at;
    unsigned late_in_a_row;
    int64_t late_since;    /* ms: the deadline of the first of them */
    int64_t present_until; /* ms: it counts this one among … */
    int64_t processes;     /* … those that ask it, as it said last */
    unsigned handles;      /* not yet closed */
    bool closed;
    uint64_t id;               /* of this process, as a lease */
    uint64_t last_id;          /* of grants */
    struct shared_stats stats; /* what the local back end does not count */
};

static inline struct slice redis_prefix(const struct shared_redis *r)
{
    return slice_of(r->prefix);
}

static inline int64_t redis_now(const struct shared_redis *r)
{
    return turn_now(r->turn);
}

/* ---- shared_redis.c ------------------------------------------------------------------------- */

/* Of the open ones from now on: late by its deadline, which may be no sooner than those of the
 * others. Late is what is not there although the process had time to look (on_timer). */
void redis_await(struct shared_redis *r, struct question *q);

/* To whatever is open, which was not sent before there was any connection. */
void redis_send_waiting(struct shared_redis *r);

/* ---- redis_alone.c -------------------------------------------------------------------------- */

/* Nobody waits for it any more. */
static inline bool redis_is_answered(const struct question *q)
{
    return !q->answer.got;
}

/* Answers it and takes it out of the open ones; one that was sent is kept until its reply comes. */
void redis_answer_alone(struct shared_redis *r, struct question *q);

/* All open ones. What was never sent is freed; the probe is late. */
void redis_answer_open(struct shared_redis *r);
void redis_give_up(struct shared_redis *r, struct question *q); /* one of them */

/* What Redis says of limits is remembered for when it has to be done without. */
void redis_note(struct shared_redis *r, const struct question *q, const struct shared_state *states,
                bool refused);

/* The reply to a question whose user has another answer, or is gone: what passed is counted in
 * Redis, what did not is given back. */
void redis_set_right(struct shared_redis *r, struct question *q, bool granted);

/* ---- redis_away.c --------------------------------------------------------------------------- */

void redis_go_away(struct shared_redis *r, const char *why);
void redis_go_away_for(struct shared_redis *r, struct slice error);

/* An error that is about its command alone: of its key's type, of a script. */
bool redis_is_of_command(struct slice error);

void redis_on_changed(void *ctx, bool ready, const char *why);
void redis_on_probe_time(uv_timer_t *timer);

#endif
