#ifndef STATE_MACHINE_H
#define STATE_MACHINE_H

/* What the workers of a machine have in common: counters behind a lock, and a board of messages.
 * See shared_machine.h. */

#include "base/buf.h"
#include "counters.h"
#include "state/shared_machine.h"

/* The counters, which are nobody else's until machine_release. NULL: somebody keeps them for longer
 * than SHM_WAIT_MS; there is nothing to release. */
struct counters *machine_take(struct machine *m);
void machine_release(struct machine *m);

/* A message for all workers but `from`: their bells ring. False: it is too long, or the board is
 * kept by somebody. */
bool machine_post(struct machine *m, int from, struct slice message);

int machine_bell(const struct machine *m, int index); /* a descriptor, readable when it rings */

/* What was posted since `*at` is appended to `unread`, each message as machine_next takes it. What
 * is too old is lost. `*at` 0: from now on. */
void machine_read(struct machine *m, uint64_t *at, struct buf *unread);

/* False: there is none any more. */
bool machine_next(struct slice *unread, int *from, struct slice *message);

#endif
