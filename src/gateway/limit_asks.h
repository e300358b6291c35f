#ifndef GATEWAY_LIMIT_ASKS_H
#define GATEWAY_LIMIT_ASKS_H

/* Which limits a request is held to, as asks of the shared state (state/shared.h), and what they
 * take: one request, one place, and its tokens, which are estimated beforehand and settled with
 * what they really were.
 *
 * Keys: "limit:<unit>:<window>:<scope>:<name>", such as "limit:rpm:60:api_key:<hash>". A name that
 * is too long is named by its SHA-256.
 *
 * Pure. */

#include "caller.h"
#include "config/config.h"
#include "state/shared.h"

#define LIMIT_LEASE_MS 30000 /* a place whose holder died is free after that … */
#define LIMIT_RENEW_MS 10000 /* … and those who live say so that often */

enum limit_unit {
    LIMIT_REQUESTS,
    LIMIT_TOKENS,
    LIMIT_PARALLEL,
    LIMIT_INPUT, /* tokens of the prompt */
    LIMIT_OUTPUT,
    LIMIT_SPEND /* LIMIT_PER_USD of them are one USD */
};

#define LIMIT_PER_USD 1e9

/* LiteLLM's name of a unit: "requests", "tokens", "max_parallel_requests". */
const char *limit_unit_name(enum limit_unit u);

/* Whose limit an ask is about. */
struct limit_ask {
    const char *scope; /* LiteLLM's: "api_key", "user", "team", "model_per_key", …; static */
    struct slice name; /* of whom */
    enum limit_unit unit;
};

/* Asks and what they are about, side by side. */
struct limits {
    struct shared_ask *asks; /* SHARED_ASKS_MAX of them */
    struct limit_ask *of;
    size_t n;
    bool tokens; /* one of them is about tokens … */
    bool spend;  /* … about what was spent */
};

/* What the caller is held to for that model: its own limits, those of user, team, member, end user
 * and of the model for key and team, and those of all requests together. Tokens are still 0. */
void limits_of_caller(struct limits *l, const struct config *c, const struct caller *caller,
                      struct slice model, struct arena *a);

/* What a call of the deployment is held to: its own rpm and tpm where they hold, its places where
 * processes share them (`shared`), its budget and that of all of Bedrock, and the limits of its
 * group. A budget lets through what comes before it is used up, whatever that will cost. */
#define LIMIT_SCOPE_DEPLOYMENT "deployment"
#define LIMIT_SCOPE_PROVIDER   "provider"
#define LIMIT_SCOPE_SESSION    "session"
void limits_of_deployment(struct limits *l, const struct config *c, const struct deployment *d,
                          bool shared, struct arena *a);

/* Tokens to reserve: the prompt, and max_tokens; where the client gives none (< 0), 1024 or a
 * quarter of the limit, whichever is less, as LiteLLM. Never more than the limit: a request whose
 * max_tokens is larger waits for an empty window, and is not refused for ever. */
void limits_set_tokens(struct limits *l, enum limit_tokens kind, int64_t prompt,
                       int64_t max_tokens);

/* How the budget of all of Bedrock stands, without taking anything. No asks: there is none. */
void limits_of_provider(struct limits *l, const struct config *c, struct arena *a);

/* What a request did use. */
struct limit_used {
    int64_t tokens, input, output;
    int64_t spend; /* LIMIT_PER_USD */
};

/* The asks become what settle wants: tokens corrected to what they were. `served` false: no call
 * was made, and everything is given back. */
void limits_set_used(struct limits *l, const struct limit_used *used, bool served);

#endif
