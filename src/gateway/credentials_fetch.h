#ifndef GATEWAY_CREDENTIALS_FETCH_H
#define GATEWAY_CREDENTIALS_FETCH_H

/* Drives one flow (aws/flow.h): reads its files, makes its calls, runs its commands. */

#include "aws/flow.h"
#include "credentials.h"

struct credentials_fetch;

struct credentials_fetch_job {
    struct credentials *credentials; /* for those of a source, and for the time */
    struct turn *turn;
    struct upstream *upstream;
    const struct aws_identity *identity; /* lives as long as the fetch */
    /* Once, from a step, with a flow that has ended; the fetch frees itself. */
    void (*over)(void *user, const struct aws_flow *flow);
    void *user;
};

struct credentials_fetch *credentials_fetch_start(const struct credentials_fetch_job *job);
void credentials_fetch_cancel(struct credentials_fetch *f); /* no `over` any more */

#endif
