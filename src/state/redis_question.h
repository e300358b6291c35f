#ifndef STATE_REDIS_QUESTION_H
#define STATE_REDIS_QUESTION_H

/* A question to a Redis, kept until its reply is there: what was asked, for whom, and how it is
 * said in Redis' words. Its keys are copies and carry the prefix. */

#include "base/list.h"
#include "io/redis.h"
#include "state/shared.h"

enum question_kind { ASK_GET, ASK_CLAIM, ASK_HOLD, ASK_DEL, ASK_RESERVE, ASK_SETTLE, ASK_RENEW };

struct question {
    struct list link; /* in the open ones, until it is answered */
    void *owner;      /* the back end */
    enum question_kind kind;
    void *user;
    union {
        shared_got *got;
        shared_done *done;
        shared_reserved *reserved;
    } answer; /* NULL: nobody waits */
    int64_t deadline;
    int64_t ms;                /* of get: renew; of claim, hold: ttl */
    struct shared_grant grant; /* of limits */
    bool unsent;               /* it waits for the first connection */
    bool whole_script;         /* the server does not know its hash */
    bool forgotten;            /* by its user, before there was an answer */
    bool passed;               /* of reserve: this process granted it alone */
    uint64_t sent_at;          /* ns; 0: nobody times it */
    size_t n;
    struct slice *keys;      /* n of them, as Redis knows them */
    struct shared_ask *asks; /* of limits: n of them, their keys as the caller knows them */
};

/* Of values: `keys` as the caller knows them. */
struct question *question_of_keys(enum question_kind kind, struct slice prefix,
                                  const struct slice *keys, size_t n);
struct question *question_of_asks(enum question_kind kind, struct slice prefix,
                                  const struct shared_ask *asks, size_t n,
                                  const struct shared_grant *grant);
void question_free(struct question *q);

/* A key as the caller knows it. */
struct slice question_key(const struct question *q, struct slice prefix, size_t i);

/* False: it was not sent. `token` marks claims of this process. */
bool question_send(struct question *q, struct redis *redis, struct slice token, redis_done *done);

/* So that no first use comes late, behind what was sent after it. */
void question_load_scripts(struct redis *redis);

/* The states of a reserve's reply, at most SHARED_ASKS_MAX; q->grant gets the time. False: that is
 * not what was asked for. */
bool question_states(struct question *q, const struct redisReply *reply,
                     struct shared_state *states, int *refused);

#define QUESTION_CLAIM "lintel-claim:" /* what the tokens of all processes begin with */

#endif
