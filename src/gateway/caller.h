#ifndef GATEWAY_CALLER_H
#define GATEWAY_CALLER_H

/* Who calls, and what that is allowed: filled by auth from whatever knows the key (the master key,
 * general_settings.api_keys), read by the limits, the log, and whoever accounts for it. What it
 * points to lives as long as the exchange: in its arena, or in its configuration. */

#include "config/limits.h"

struct caller {
    bool master;                    /* may do everything */
    struct slice key;               /* SHA-256 of the key, hex; empty: there is none */
    struct slice alias, user, team; /* of the key; may be empty */
    struct slice end_user;          /* whom the request itself names; may be empty */
    const struct slice *models;     /* that it may ask for, see models_allow() … */
    size_t model_count;             /* … 0: all */
    double spend_limit;             /* USD; < 0: none */
    struct limit_set of_key, of_user, of_team;
    struct limit_set of_member; /* of the user in the team */
    struct limit_set of_end_user;
    struct model_limits of_key_models, of_team_models;
};

/* Nobody in particular, without limits. */
void caller_init(struct caller *c);

#endif
