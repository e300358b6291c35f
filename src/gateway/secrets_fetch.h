#ifndef GATEWAY_SECRETS_FETCH_H
#define GATEWAY_SECRETS_FETCH_H

/* Asks AWS Secrets Manager for what a plan names (config/secrets.h): one GetSecretValue for each
 * secret, as boto3 makes it, eight at once, signed with the credentials of the plan's identity.
 *
 * It ends with a set, whatever happens, after at most SECRETS_TRIES tries and their pauses (and
 * what the credentials take): what does not answer, throttles or fails (5xx) is asked again, an
 * answer that is no better the next time ends it at once. What is not there is a miss. What may not
 * be read is one, too, where nobody said that it lies there (hosted_keys, primary_secret_name);
 * else it is a failure like all others, told with the secret's name and AWS' words.
 *
 * Values are in the set and nowhere else: what they came in is wiped, nothing is logged. */

#include "credentials.h"

#define SECRETS_TRIES 3

struct secrets_fetch;

struct secrets_job {
    struct turn *turn;
    struct upstream *upstream;
    struct credentials *credentials;
    const struct secrets_plan *plan; /* lives until the end */
    /* Once, from a step, with a reference; the fetch frees itself. */
    void (*over)(void *user, struct secrets *found);
    void *user;
};

struct secrets_fetch *secrets_fetch_start(const struct secrets_job *job);
void secrets_fetch_cancel(struct secrets_fetch *f); /* no `over` any more; NULL is fine */

/* Loads a configuration in a process that runs no loop: waits for its secrets, if it has any. */
struct config *secrets_load_config(const char *path);

#endif
