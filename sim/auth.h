#ifndef SIM_AUTH_H
#define SIM_AUTH_H

/* Who is calling: Signature Version 4 as Bedrock checks it, or a Bedrock API key as Bearer token.
 * Pure: the time is an argument. */

#include "fault.h"

#include "wire/http1.h"
#include "wire/sigv4.h"

#define AUTH_CREDENTIALS_MAX 32
#define AUTH_SKEW_SECONDS    300

/* What the simulator accepts when nothing is configured. The same strings stand in
 * docs/simulator.md. */
#define SIM_DEFAULT_ACCESS_KEY_ID     "AKIASIMULATEDBEDROCK"
#define SIM_DEFAULT_SECRET_ACCESS_KEY "simulated-bedrock-secret-key"

struct auth_credential {
    struct aws_credentials keys; /* slices of the command line */
    bool expired;                /* recognised, and answered with ExpiredTokenException */
    struct sigv4_key derived;
};

struct auth {
    struct auth_credential credentials[AUTH_CREDENTIALS_MAX];
    size_t count;
    struct slice api_keys[AUTH_CREDENTIALS_MAX];
    size_t api_key_count;
};

/* "ID:SECRET" or "ID:SECRET:TOKEN"; the text must outlive the auth. False: malformed, or too
 * many. */
bool auth_add(struct auth *auth, struct slice text, bool expired);
bool auth_add_api_key(struct auth *auth, struct slice key);

/* True: the caller may pass. False: `f` says how AWS refuses. */
bool auth_check(struct auth *auth, const struct http_head *head, struct slice body, int64_t now,
                struct arena *a, struct fault *f);

#endif
