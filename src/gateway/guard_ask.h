#ifndef GATEWAY_GUARD_ASK_H
#define GATEWAY_GUARD_ASK_H

/* Guards that are asked over the network, one after the other: each sees what the one before made
 * of the texts. The question belongs to an exchange, whose item is marked when it is worth looking
 * again; all of it happens in steps. */

#include "batch.h"
#include "credentials.h"
#include "guard/texts.h"
#include "llm/failure.h"

struct exchange;

struct guard_ask {
    struct exchange *ex;
    const struct guard *guards[GUARDS_MAX];
    size_t count, at; /* `at`: the one that is asked */
    bool answer;      /* the texts are a model's */
    struct guard_texts *texts;
    struct failure *refusal; /* what comes of it, if it is no */
    size_t flagged;          /* guards that objected, but only monitor */
    size_t passed;           /* guards that could not be asked and let pass */
    struct batch *batch;     /* NULL: no call is under way */
    struct credentials_wait wait;
    struct aws_credentials credentials;
    int64_t wait_until;                   /* ms, turn time; 0: nothing is waited for */
    struct buf body;                      /* of the call */
    int64_t asked_ms;                     /* turn time: when the last one was asked, and … */
    size_t flagged_before, passed_before; /* … what was known then */
};

/* True: all have been asked, or one has refused. */
bool guard_ask_step(struct guard_ask *a);
void guard_ask_cancel(struct guard_ask *a); /* frees, too */

#endif
