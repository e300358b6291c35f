#ifndef GATEWAY_ROLLCALL_H
#define GATEWAY_ROLLCALL_H

/* What all workers of a gateway say of themselves, for whoever asks one of them (GET
 * /debug/exchanges). The asker numbers its question and rings the others' bells (eventfds); each
 * writes its text into its own part of memory that is mapped before they are forked, and rings
 * back.
 *
 * Not gossip: its messages hold 64 KiB, go to all gateways of a Redis, and may get lost; a thousand
 * requests are 700 KiB. Not kept up to date like metrics: what is asked for once a day would cost
 * each request something. Not pipes: every worker would need one to every other, and new ones
 * whenever one is started again.
 *
 * Bounded: ROLLCALL_TEXT_MAX bytes a worker (address space, touched as it is needed), and
 * ROLLCALL_WAIT_MS, after which whoever hangs, starts or ends is known by not having answered. */

#include "base/arena.h"
#include "base/buf.h"
#include "io/turn.h"

#include <sys/types.h>

#define ROLLCALL_TEXT_MAX ((size_t)4 * 1024 * 1024)
#define ROLLCALL_WAIT_MS  1000

struct rollcall; /* of all workers */

/* Before any worker is forked. NULL: errno says why. */
struct rollcall *rollcall_new(int workers);
void rollcall_free(struct rollcall *c); /* NULL is fine */
int rollcall_workers(const struct rollcall *c);

/* A worker that can be asked, and ask. */
struct roll;

/* From a step: `say` writes what there is to say, ROLLCALL_TEXT_MAX at most; `heard`: somebody has
 * answered. */
struct roll_events {
    void (*say)(void *ctx, struct buf *out);
    void (*heard)(void *ctx);
};

struct roll *roll_join(struct rollcall *c, int index, struct turn *turn,
                       const struct roll_events *events, void *ctx);
void roll_leave(struct roll *r); /* run the loop once more after; NULL is fine */
const struct rollcall *roll_of(const struct roll *r);

/* Asks all of them, this worker too. Returns the question's number, for those below. */
uint64_t roll_ask(struct roll *r);
void roll_end(struct roll *r); /* of one question: its asker wants no answer any more */

bool roll_is_complete(const struct roll *r, uint64_t question);

/* What that worker said; in the arena. False: it has not answered, or had too much to say. */
bool roll_answer(const struct roll *r, uint64_t question, int worker, struct arena *a,
                 struct slice *text);
pid_t roll_pid(const struct roll *r, int worker); /* 0: it was never there */

#endif
