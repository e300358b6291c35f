#ifndef GATEWAY_CREDENTIALS_H
#define GATEWAY_CREDENTIALS_H

/* The AWS credentials of one worker: one entry for each identity (aws/identity.h), however many
 * deployments use it. An entry is filled once, by one flow at a time, and renewed in the background
 * ahead of its expiry; so no request ever makes a call to STS or a metadata service of its own.
 *
 * While the old credentials are valid, requests go on with them whatever becomes of the renewal;
 * one that comes while there are none waits for the flow that is under way. A failure is remembered
 * for a while (CREDENTIALS_RETRY_…), and told at once to whoever asks meanwhile.
 *
 * Single thread; everything but the renewal happens inside steps. */

#include "aws/identity.h"
#include "config/config.h"
#include "io/upstream.h"

#define CREDENTIALS_WAIT_MS      15000 /* a request waits for them at most so long */
#define CREDENTIALS_RETRY_MS     1000  /* after a failure; doubles with each … */
#define CREDENTIALS_RETRY_MAX_MS 60000 /* … up to this */
#define CREDENTIALS_REFUSED_MS   60000 /* between two renewals because AWS refused them */
#define CREDENTIALS_FLOWS_MAX    16    /* at once, of those that nobody waits for */

struct credentials;

/* One that waits; embedded in whatever `item` belongs to. Zeroed: it does not wait. */
struct credentials_wait {
    struct list link;
    struct turn_item *item; /* marked once there is an answer; NULL: not waiting */
};

enum credentials_state {
    CREDENTIALS_READY,
    CREDENTIALS_COMING, /* `wait` is told */
    CREDENTIALS_NONE    /* see error */
};

struct credentials_answer {
    enum credentials_state state;
    struct aws_credentials credentials; /* until the end of the step */
    int64_t expires;                    /* unix seconds; 0: never */
    const char *error; /* one line for people, no secret; until the end of the step */
    bool transient;    /* it may go better soon */
};

struct credentials *credentials_new(struct turn *t, struct upstream *u);
void credentials_free(struct credentials *c); /* before its upstream; NULL is fine */

/* From here on these are wanted: what is new is fetched, what nobody wants any more is forgotten.
 */
void credentials_adopt(struct credentials *c, const struct config *config);

/* `id` is part of a snapshot. When they are coming, `wait` (whose item is set) waits. */
struct credentials_answer credentials_get(struct credentials *c, const struct aws_identity *id,
                                          struct credentials_wait *wait, struct turn_item *item);
void credentials_leave(struct credentials_wait *wait); /* one that does not wait is fine */

/* AWS says that they have expired or are unknown: they are got anew. False: they just were. */
bool credentials_refuse(struct credentials *c, const struct aws_identity *id,
                        struct slice access_key_id);

/* Unix seconds by the clock of AWS, as far as it is known to be another than ours. */
int64_t credentials_now(const struct credentials *c);
void credentials_set_now(struct credentials *c, int64_t now);

#endif
