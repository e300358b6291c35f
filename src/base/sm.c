#include "base/sm.h"

#include <stdio.h>
#include <stdlib.h>

void sm_init(struct sm *sm, const struct sm_state *table, bool (*invariant)(const struct sm *),
             int state)
{
    *sm = (struct sm){.table = table, .invariant = invariant, .state = state};
}

void sm_move(struct sm *sm, int state)
{
    const struct sm_state *from = &sm->table[sm->state], *to = &sm->table[state];
    if (!(from->next & SM_TO(state))) {
        fprintf(stderr, "bug: illegal move %s -> %s\n", from->name, to->name);
        abort();
    }
    sm->state = state;
    if (sm->invariant && !sm->invariant(sm)) {
        fprintf(stderr, "bug: invariant broken after %s -> %s\n", from->name, to->name);
        abort();
    }
}

const char *sm_name(const struct sm *sm)
{
    return sm->table[sm->state].name;
}
