#ifndef GATEWAY_EXCHANGE_LIMITS_H
#define GATEWAY_EXCHANGE_LIMITS_H

/* An exchange and the limits it is held to: what the caller may (state LIMIT, one question before
 * routing), and what the chosen deployment may (state PLACE, one question for each that is chosen;
 * one that refuses is passed over for another).
 *
 * What was granted is settled once, with what was really used: the caller's in SETTLE, the
 * deployment's when its call has ended. Until then its leases are renewed. An exchange that ends
 * while a question is open waits in SETTLE for the answer (the shared state's patience), so that
 * nothing stays taken. */

#include "limit_asks.h"

struct exchange;
struct failure;

/* One question and what was granted. User of the shared state: the hold itself. */
struct limit_hold {
    struct exchange *ex;
    struct limits limits;
    struct shared_state *states; /* as answered; of limits.asks */
    struct shared_grant grant;
    struct slice reset_at; /* of a refusal, for people; else empty */
    int refused;           /* the ask that was; < 0: none */
    bool asked;            /* states are there */
    bool waiting;          /* for the answer … */
    bool asking;           /* … and the question is being asked at this moment */
    bool held;             /* granted, and not settled yet */
    bool away;             /* nobody could be asked, and that is a refusal */
    int64_t renew_at;      /* ms, turn time; 0: no leases */
};

/* LIMIT. True: go on, unless ex->failure says what was refused; false: the exchange will be marked.
 */
bool exchange_limit(struct exchange *ex);

/* PLACE. `granted` if true: the deployment may be called; else it is passed over from now on in
 * this round. False: the exchange will be marked. */
bool exchange_place(struct exchange *ex, bool *granted);

/* Another round of routing begins: all deployments may be asked again. */
void exchange_place_begin(struct exchange *ex);

/* The call at the deployment has ended. */
void exchange_place_end(struct exchange *ex);

/* ms until one of those that refused may grant again; 0: nobody knows. */
int64_t exchange_place_wait(const struct exchange *ex);

/* What is left of the limit that has least left, of those asked about that unit. False: none. */
struct limit_left {
    int64_t limit, left; /* >= 0 */
    int64_t reset_ms;    /* until all of it is free again */
};
bool exchange_limit_left(const struct exchange *ex, enum limit_unit unit, struct limit_left *left);

/* SETTLE: what the caller was granted. False: an answer is still to come. */
bool exchange_limits_settle(struct exchange *ex);

/* From the clock: leases live on. */
void exchange_limits_renew(struct exchange *ex, int64_t now);

#endif
