#ifndef AWS_IDENTITY_PRIVATE_H
#define AWS_IDENTITY_PRIVATE_H

/* What the two files of the search share. */

#include "aws/identity.h"

#define SOURCE_PROFILES_MAX 8 /* one behind the other */

struct finder {
    const struct aws_search *s;
    struct aws_fault *fault;
    struct slice profile;
    bool named_profile;    /* by anybody; else it is "default" */
    bool explicit_profile; /* litellm_params name it: the environment's keys do not count */
    bool searched;         /* the shared files were asked */
    struct slice tried;    /* "…; …" */
    struct slice visited[SOURCE_PROFILES_MAX];
    unsigned visited_count;
};

/* What the environment says; empty: nothing. */
struct slice finder_env(const struct finder *f, const char *name);

/* Both with a printf-like text. Another source is not set up; or what is set up is wrong: always
 * NULL, and the first fault counts. */
#define finder_tried(f, ...) finder_tried_text((f), arena_printf((f)->s->arena, __VA_ARGS__))
#define finder_fault(f, ...) finder_fault_text((f), arena_printf((f)->s->arena, __VA_ARGS__))
void finder_tried_text(struct finder *f, struct slice text);
struct aws_identity *finder_fault_text(struct finder *f, struct slice text);

struct aws_identity *identity_new(struct finder *f, enum aws_identity_kind kind, const char *name);

/* Two keys of one place; NULL: it has none, or there is a fault. */
struct aws_identity *identity_keys(struct finder *f, struct aws_credentials keys, const char *name);

/* Where STS answers, for an identity of a role. */
void identity_set_sts(struct finder *f, struct aws_identity *id, struct slice profile);

/* The environment's: NULL: not set up. */
struct aws_identity *find_env_keys(struct finder *f);
struct aws_identity *find_container(struct finder *f);
struct aws_identity *find_instance(struct finder *f);

/* identity_profile.c: what a profile (and, unless it was named by litellm_params, the environment's
 * web identity) is set up for. */
struct aws_identity *find_profile_role(struct finder *f, struct slice profile);
struct aws_identity *find_profile_rest(struct finder *f, struct slice profile, bool with_env);

#endif
