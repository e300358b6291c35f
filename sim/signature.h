#ifndef SIM_SIGNATURE_H
#define SIM_SIGNATURE_H

/* Signatures of thinking blocks: an HMAC over the text, so that what comes back in a history can be
 * held against what this simulator issued, in any process and after any restart. */

#include "base/arena.h"

struct slice signature_of(struct slice thinking, struct arena *a); /* base64 */
bool signature_good(struct slice thinking, struct slice signature, struct arena *a);

/* Redacted thinking carries its proof in itself. Both base64. */
struct slice redacted_of(struct slice thinking, struct arena *a);
bool redacted_good(struct slice data, struct arena *a);

#endif
