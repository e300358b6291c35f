#ifndef IO_WAKE_H
#define IO_WAKE_H

/* How another thread makes the turn look: it leaves what it has where the item's step finds it
 * (under a lock of their own), and wakes. Several wakes may become one step. */

#include "io/turn.h"

struct wake {
    uv_async_t handle;
    struct turn *turn;
    struct turn_item *item;
    void (*closed)(struct wake *);
};

/* Does not keep the loop alive. */
void wake_init(struct wake *w, struct turn *turn, struct turn_item *item);
void wake_send(struct wake *w); /* from any thread; not after wake_close */
/* `closed`, from the loop: nothing refers to `w` any more. */
void wake_close(struct wake *w, void (*closed)(struct wake *));

#endif
