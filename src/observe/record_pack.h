#ifndef OBSERVE_RECORD_PACK_H
#define OBSERVE_RECORD_PACK_H

/* Records as bytes, and back: what of them is kept in files (shelf.h), in the terms of base/pack.h.
 * Whoever adds a member to struct record that a sink tells of adds it here, and counts
 * RECORD_PACK_VERSION up: files of another version are set aside. The stages are left out, which
 * only the metrics look at. */

#include "observe/record.h"

#define RECORD_PACK_VERSION "5"

/* `bodies`: prompts and answers too. */
void record_pack(struct buf *out, const struct record *r, bool bodies);
/* Cuts the first off `*rest`; a record with one reference. NULL: there stands none. */
struct record *record_unpack(struct slice *rest);

#endif
