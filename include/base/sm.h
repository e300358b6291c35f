#ifndef BASE_SM_H
#define BASE_SM_H

/* A checked state machine: a table of legal edges, one mover, an invariant looked at on each move.
 * An illegal move or a broken invariant is a bug in this program and aborts, in release too. */

#include <stdbool.h>
#include <stdint.h>

struct sm_state {
    const char *name;
    uint32_t next; /* bit i set: a move to state i is legal */
};

struct sm {
    const struct sm_state *table;
    bool (*invariant)(const struct sm *sm); /* NULL: none. Called after each move */
    int state;
};

#define SM_TO(state) (UINT32_C(1) << (state))

void sm_init(struct sm *sm, const struct sm_state *table, bool (*invariant)(const struct sm *),
             int state);
void sm_move(struct sm *sm, int state);
const char *sm_name(const struct sm *sm);

#endif
