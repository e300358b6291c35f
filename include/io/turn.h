#ifndef IO_TURN_H
#define IO_TURN_H

/* How events become progress. Callbacks of libuv and curl only deposit (set bits, append bytes) and
 * mark an item ready; the turn runs the ready items' steps, before and after each poll of the loop
 * (uv_prepare and uv_check), so no step is ever re-entered and no library is called from inside its
 * own callback. Dying objects are buried and freed at the end of the drain.
 * One turn per loop, single thread. A drain runs at most TURN_STEPS_MAX steps; what is left keeps
 * the loop awake. */

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define TURN_STEPS_MAX 4096

struct turn_item {
    struct list link;                     /* in turn->ready while marked */
    void (*step)(struct turn_item *item); /* never called recursively */
};

struct turn_grave {
    struct list link; /* in turn->graves while buried */
    void (*release)(struct turn_grave *grave);
};

struct turn {
    uv_loop_t *loop;
    uv_prepare_t before_poll;
    uv_check_t after_poll;
    uv_idle_t awake; /* active only while ready items remain */
    struct list ready;
    struct list later; /* ready once this drain has ended */
    struct list graves;
    bool draining;
};

/* Its handles do not keep the loop alive, marked items and graves do. */
void turn_init(struct turn *t, uv_loop_t *loop);
/* Releases what is buried and closes its handles: run the loop once more after. The last to go:
 * nothing may be marked or buried from here on. */
void turn_fini(struct turn *t);

void turn_item_init(struct turn_item *item, void (*step)(struct turn_item *));
void turn_mark(struct turn *t, struct turn_item *item); /* marking twice is one step */
/* … but not before the loop has polled: whoever has much to do does it in pieces. A mark that comes
 * meanwhile changes nothing. */
void turn_mark_later(struct turn *t, struct turn_item *item);
void turn_unmark(struct turn_item *item);

/* Frees the object around the grave when the current drain (or the next one) has ended. */
void turn_bury(struct turn *t, struct turn_grave *grave, void (*release)(struct turn_grave *));

int64_t turn_now(const struct turn *t); /* ms, monotonic, the time of this turn */

#endif
