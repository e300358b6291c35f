#ifndef OBSERVE_PARCEL_H
#define OBSERVE_PARCEL_H

/* What an outbox carries: the first member of a record, or of anything else that is one allocation
 * and never changed. Reference counted; the last one frees it. Single thread. */

#include <stddef.h>
#include <stdint.h>

struct parcel {
    unsigned refs;
    size_t size;     /* bytes of the whole allocation: what it costs to keep */
    int64_t made_ms; /* turn time, set by the first outbox that takes it; 0: none has yet */
};

struct parcel *parcel_ref(struct parcel *p);
void parcel_unref(struct parcel *p); /* NULL is fine */

#endif
