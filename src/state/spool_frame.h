#ifndef STATE_SPOOL_FRAME_H
#define STATE_SPOOL_FRAME_H

/* Frames of a spool file; see spool.h. */

#include "spool.h"

#define SPOOL_MAGIC "lintel spool 1\n"
#define SPOOL_HEAD  (sizeof(SPOOL_MAGIC) - 1)
#define FRAME_HEAD  ((size_t)16)

void frame_add(struct buf *b, uint64_t number, struct slice record);

enum frame_state { FRAME_WHOLE, FRAME_CUT, FRAME_BROKEN };

/* The first frame of `bytes`. Cut: it needs `*need` bytes. */
enum frame_state frame_read(struct slice bytes, uint64_t *number, struct slice *record,
                            size_t *need);

#endif
