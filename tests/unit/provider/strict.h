#ifndef TESTS_STRICT_H
#define TESTS_STRICT_H

/* The rules of the strict simulator, held against a body of Converse. The simulator's headers and
 * the provider's name things alike, so this is a translation unit of its own. */

#include "base/arena.h"

/* Why the model refuses the body; NULL: it does not. Lies in the arena. */
const char *strict_refusal(struct slice model_id, struct slice body, struct arena *a);

#endif
