#ifndef STATE_SPEND_RECORD_H
#define STATE_SPEND_RECORD_H

/* A finished request as one record of the spool: JSON, so that people can read what was refused.
 * Records of an older version of this program stay readable: members may come, none changes. */

#include "base/json.h"
#include "state/spend.h"

#define SPEND_NAME_MAX 255 /* bytes of an id or a name: what every database takes in a key */
#define SPEND_TAGS_MAX 64  /* of one request */

/* Its bytes when it is cut at SPEND_NAME_MAX, between two characters. */
size_t spend_name_length(struct slice s);

/* Appends the record. Its bodies are left out when it would be longer than SPEND_RECORD_MAX. */
void spend_encode(const struct spend *spend, struct buf *out);

/* Slices lie in the arena. False: no record. */
bool spend_decode(struct slice record, struct arena *a, struct spend *spend);

#endif
