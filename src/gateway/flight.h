#ifndef GATEWAY_FLIGHT_H
#define GATEWAY_FLIGHT_H

/* Single flight: equal requests at the same time make one call.
 *
 * The first to board a flight leads it: it makes the call and writes what comes of it into the
 * flight's bytes. The others follow: each reads at its own pace, so that none slows the leader or
 * another. When the leader says how it ended, those who follow read what is left and go their way;
 * when it goes away without a word (FLIGHT_LEFT) one of them may board anew and lead.
 *
 * What lies in the bytes is the passengers' matter. They are bounded by FLIGHT_BYTES_MAX and live
 * until the last passenger has left. Marks passengers' items, calls nothing else. Single thread. */

#include "base/buf.h"
#include "io/turn.h"
#include "llm/failure.h"
#include "wire/crypto.h"

#define FLIGHT_BYTES_MAX (64u * 1024 * 1024) /* what a whole answer may have, see llm/fold.h */

enum flight_state {
    FLIGHT_OPEN,
    FLIGHT_COMPLETE,
    FLIGHT_FAILED, /* see flight_failure */
    FLIGHT_LEFT    /* the leader went away */
};

struct flight;
struct flights;

/* A place on a flight; zeroed: none. Part of the passenger, which must leave before it dies. */
struct flight_seat {
    struct list link;
    struct flight *flight; /* NULL: none */
    struct turn_item *item;
    bool leads;
    bool at_the_end; /* wants no marks before it is over */
    unsigned round;  /* of the bytes that were read */
    size_t at;       /* bytes read */
};

struct flights *flights_new(struct turn *turn);
void flights_free(struct flights *f); /* nobody is on board any more */

/* Takes the seat, which is free. True: it leads. */
bool flight_board(struct flights *f, const uint8_t digest[SHA256_SIZE], struct flight_seat *seat,
                  struct turn_item *item);

/* On a flight of its own, which nobody else finds. */
void flight_board_alone(struct flights *f, struct flight_seat *seat, struct turn_item *item);

/* At any time, also without a seat. */
void flight_leave(struct flight_seat *seat);

/* Who leads the flight that others can board; NULL: there is none. */
struct turn_item *flight_leader(struct flights *f, const uint8_t digest[SHA256_SIZE]);

/* ---- the leader ------------------------------------------------------------------------------ */

struct buf *flight_bytes(const struct flight_seat *seat);
size_t flight_followers(const struct flight_seat *seat);

/* More bytes are there; `speaks`: the answer says something, from here on. */
void flight_tell(struct flight_seat *seat, bool speaks);

/* The bytes were worth nothing; others follow. Who has read of them is lost. */
void flight_restart(struct flight_seat *seat);

/* It is over; once. `failure` (may be NULL) is copied. */
void flight_end(struct flight_seat *seat, enum flight_state state, const struct failure *failure);

/* ---- those who follow, and a leader that reads what it was given ----------------------------- */

enum flight_state flight_state(const struct flight_seat *seat);
const struct failure *flight_failure(const struct flight_seat *seat); /* as long as the seat */
bool flight_speaks(const struct flight_seat *seat);

/* Some of what it read is not part of the answer any more. */
bool flight_is_lost(const struct flight_seat *seat);

/* What it has not read yet, valid until the turn goes on to another; seat->at is its to move. */
struct slice flight_unread(struct flight_seat *seat);

#endif
