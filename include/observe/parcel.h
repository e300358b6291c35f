#ifndef OBSERVE_PARCEL_H
#define OBSERVE_PARCEL_H

/* What an outbox carries: the first member of a record, or of anything else that is one allocation
 * and never changed. Reference counted; the last one frees it. Single thread.
 *
 * Thousands a second come, and go together when a batch is told: some are kept for those that
 * follow, which find them in the processor's cache, and malloc's large chunks are dearer than what
 * is written into them. At most PARCELS_KEPT of each size class are. */

#include <stddef.h>
#include <stdint.h>

#define PARCEL_CLASS   1024 /* bytes: the sizes that are kept are multiples of it … */
#define PARCEL_CLASSES 4    /* … so many */
#define PARCELS_KEPT   128

struct parcel {
    unsigned refs;
    unsigned class;  /* of those that are kept; 0: none */
    size_t size;     /* bytes of the whole allocation: what it costs to keep */
    int64_t made_ms; /* turn time, set by the first outbox that takes it; 0: none has yet */
};

/* At least `size` bytes, a parcel with one reference first, the rest not set. */
struct parcel *parcel_new(size_t size);
struct parcel *parcel_ref(struct parcel *p);
void parcel_unref(struct parcel *p); /* NULL is fine */

#endif
