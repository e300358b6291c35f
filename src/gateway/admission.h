#ifndef GATEWAY_ADMISSION_H
#define GATEWAY_ADMISSION_H

/* How many requests a worker works on at once, and who waits for a place: counts and a line, first
 * come, first served. Pure: whose tickets they are, and when one has waited long enough, others
 * know. */

#include "base/list.h"
#include "config/limits.h"

enum admission_state { ADMISSION_OUT, ADMISSION_WAITS, ADMISSION_IN };

struct admission_ticket { /* zero: ADMISSION_OUT */
    struct list link;
    enum admission_state state;
};

struct admission {
    struct list waiting; /* admission_ticket.link */
    uint64_t full, late; /* refused: the line was full, it was waited too long */
    unsigned in, queued; /* how many */
};

void admission_init(struct admission *a);

/* IN: there is a place; WAITS: it stands in the line; OUT: that is full, and it is counted. */
enum admission_state admission_ask(struct admission *a, struct admission_ticket *t,
                                   const struct admission_limits *l);

/* It gives up its place, or its place in the line. */
void admission_leave(struct admission *a, struct admission_ticket *t);

/* The next of the line, for whom there is a place: it is IN now. NULL: none. */
struct admission_ticket *admission_next(struct admission *a, const struct admission_limits *l);

#endif
