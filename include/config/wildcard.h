#ifndef CONFIG_WILDCARD_H
#define CONFIG_WILDCARD_H

/* Names with one '*' in them, of groups and of models. Pure. */

#include "base/arena.h"
#include "provider/deployment.h"

/* What the '*' of a pattern stands for in `name`; p == NULL: no match, or no '*'. */
struct slice wildcard_match(struct slice pattern, struct slice name);

/* A text with something in the place of its '*'; `pattern` itself or in `a`. */
struct slice wildcard_fill(struct slice pattern, struct slice star, struct arena *a);

bool deployment_is_wildcard(const struct deployment *d); /* it calls whatever model is named */

#endif
