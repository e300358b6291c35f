#ifndef CONFIG_LIMITS_H
#define CONFIG_LIMITS_H

/* How much may be asked for, and the keys that stand in the configuration with limits of their own
 * (general_settings.api_keys). All memory belongs to the configuration snapshot. */

#include "base/slice.h"

#define LIMIT_NONE INT64_C(-1)

struct limit_set {
    int64_t rpm, tpm; /* within a window, limit_window */
    int64_t parallel; /* at once */
};

#define LIMIT_SET_NONE                                                                             \
    {                                                                                              \
        LIMIT_NONE, LIMIT_NONE, LIMIT_NONE                                                         \
    }

/* Of one model group, by the name that clients ask for. */
struct model_limit {
    struct slice model;
    struct limit_set limits;
};

struct model_limits {
    const struct model_limit *v;
    size_t n;
};

enum limit_tokens { TOKENS_TOTAL, TOKENS_INPUT, TOKENS_OUTPUT }; /* that a tpm is about */

/* Requests of one worker. */
struct admission_limits {
    int64_t in_flight; /* at once; 0: any number */
    int64_t queued;    /* that wait for a place */
    double timeout;    /* seconds that they wait */
};

#define KEY_HASH_SIZE 65 /* SHA-256, hex, and the NUL */

struct fixed_key {
    char hash[KEY_HASH_SIZE];
    struct slice alias, user, team; /* may be empty */
    const struct slice *models;     /* groups that it may ask for, see models_allow() … */
    size_t model_count;             /* … 0: all */
    struct limit_set limits;
    struct model_limits model_limits;
    double spend_limit; /* USD; < 0: none */
};

/* The limits of that model; NULL: none. */
const struct limit_set *model_limits_find(const struct model_limits *limits, struct slice model);

/* Whether a list of models allows that one: by name, by a pattern ("claude-*"), or because it says
 * "*" or "all-proxy-models". An empty list allows all. */
bool models_allow(const struct slice *models, size_t n, struct slice model);

#endif
