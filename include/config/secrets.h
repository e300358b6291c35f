#ifndef CONFIG_SECRETS_H
#define CONFIG_SECRETS_H

/* What a secret manager (general_settings.key_management_system) says in the place of the
 * environment.
 *
 * A configuration cannot be resolved before its secrets are there, and asking for them is I/O. So
 * there are two steps: loading it without any ends where it has found whom to ask for what, a plan
 * (config.secrets_plan); gateway/secrets_fetch.h asks, and what it was told is a set; loading it
 * with that resolves os.environ/NAME, and whatever else the gateway takes from the environment.
 * What the manager has not is the environment's.
 *
 * Ownership: a plan is part of its snapshot. A set is reference counted (single thread); every
 * snapshot holds the one it was resolved with, so that what a database adds later is read with the
 * same one. Its values are wiped when the last reference goes.
 *
 * Failures are part of the set: one that failed as a whole is an error of the configuration that is
 * loaded with it, and so is a hosted key that is nowhere. Pure. */

#include "aws/identity.h"

#define SECRETS_MAX 200 /* that are asked for one by one */

struct secrets_plan {
    const struct aws_identity *identity; /* who asks */
    const char *region, *endpoint;       /* "https://host[:port]" */
    const char *primary; /* the one secret whose JSON has all; NULL: each is a secret of its own */
    struct slice *names; /* of variables; none: whatever `primary` has */
    size_t count;
    bool hosted; /* hosted_keys names them: they should be there */
};

/* What LiteLLM never looks for in a secret manager: it is what one asks with. */
bool secrets_are_asked_with(struct slice name);

struct secrets;

struct secrets *secrets_new(void);
struct secrets *secrets_ref(struct secrets *s);
void secrets_unref(struct secrets *s); /* NULL is fine */

/* While it is made. A name counts once, what was said of it first; those of asking never do. Texts
 * are copied. */
void secrets_put(struct secrets *s, struct slice name, struct slice value);
void secrets_miss(struct secrets *s, struct slice name, struct slice why); /* one line, no secret */
void secrets_fail(struct secrets *s, struct slice error);                  /* likewise */

/* All of a NULL: nothing. */
const char *secrets_get(const struct secrets *s, const char *name);
const char *secrets_why(const struct secrets *s, const char *name); /* of a miss; NULL: is none */
bool secrets_knows(const struct secrets *s, struct slice name);     /* it was asked for */
const char *secrets_error(const struct secrets *s);                 /* NULL: did not fail */

#endif
