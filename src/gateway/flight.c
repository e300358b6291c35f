#include "flight.h"

#include <assert.h>
#include <stdlib.h>

#define BUCKETS 1024 /* digests are even: a thousand flights are one a bucket */

struct flight {
    struct list link; /* in a bucket, or in none */
    struct flights *flights;
    uint8_t digest[SHA256_SIZE];
    struct flight_seat *leader; /* NULL: gone */
    struct list followers;      /* flight_seat.link */
    size_t follower_count;
    enum flight_state state;
    bool speaks;
    unsigned round; /* of the bytes */
    struct buf bytes;
    struct failure failure;
    struct arena arena; /* its texts */
};

struct flights {
    struct turn *turn;
    struct list buckets[BUCKETS];
};

struct flights *flights_new(struct turn *turn)
{
    struct flights *f = calloc(1, sizeof(*f));
    if (!f)
        abort();
    f->turn = turn;
    for (size_t i = 0; i < BUCKETS; i++)
        list_init(&f->buckets[i]);
    return f;
}

void flights_free(struct flights *f)
{
    free(f);
}

/* ---- boarding and leaving ------------------------------------------------------------------ */

static struct list *bucket_of(struct flights *f, const uint8_t digest[SHA256_SIZE])
{
    return &f->buckets[(digest[0] | digest[1] << 8) % BUCKETS];
}

static struct flight *find(struct flights *f, const uint8_t digest[SHA256_SIZE])
{
    struct list *bucket = bucket_of(f, digest);
    for (struct list *l = bucket->next; l != bucket; l = l->next) {
        struct flight *flight = LIST_ENTRY(l, struct flight, link);
        if (memcmp(flight->digest, digest, SHA256_SIZE) == 0)
            return flight;
    }
    return NULL;
}

static struct flight *flight_new(struct flights *f)
{
    struct flight *flight = calloc(1, sizeof(*flight));
    if (!flight)
        abort();
    flight->flights = f;
    list_init(&flight->link);
    list_init(&flight->followers);
    buf_init(&flight->bytes, FLIGHT_BYTES_MAX);
    arena_init(&flight->arena);
    return flight;
}

static void take_seat(struct flight *flight, struct flight_seat *seat, struct turn_item *item)
{
    assert(!seat->flight);
    *seat = (struct flight_seat){.flight = flight, .item = item, .leads = !flight->leader};
    list_init(&seat->link);
    if (seat->leads) {
        flight->leader = seat;
    } else {
        list_add(&flight->followers, &seat->link);
        flight->follower_count++;
    }
}

bool flight_board(struct flights *f, const uint8_t digest[SHA256_SIZE], struct flight_seat *seat,
                  struct turn_item *item)
{
    struct flight *flight = find(f, digest);
    if (!flight) {
        flight = flight_new(f);
        memcpy(flight->digest, digest, SHA256_SIZE);
        list_add(bucket_of(f, digest), &flight->link);
    }
    take_seat(flight, seat, item);
    return seat->leads;
}

void flight_board_alone(struct flights *f, struct flight_seat *seat, struct turn_item *item)
{
    take_seat(flight_new(f), seat, item);
}

struct turn_item *flight_leader(struct flights *f, const uint8_t digest[SHA256_SIZE])
{
    struct flight *flight = find(f, digest);
    return flight && flight->leader ? flight->leader->item : NULL;
}

static void flight_free(struct flight *flight)
{
    list_del(&flight->link);
    buf_fini(&flight->bytes);
    arena_fini(&flight->arena);
    free(flight);
}

static void leave_as_leader(struct flight *flight, struct flight_seat *seat)
{
    if (flight->state == FLIGHT_OPEN)
        flight_end(seat, FLIGHT_LEFT, NULL);
    list_del(&flight->link);
    flight->leader = NULL;
}

static void leave_as_follower(struct flight *flight, struct flight_seat *seat)
{
    list_del(&seat->link);
    flight->follower_count--;
    if (flight->leader)
        turn_mark(flight->flights->turn, flight->leader->item);
}

void flight_leave(struct flight_seat *seat)
{
    struct flight *flight = seat->flight;
    if (!flight)
        return;
    if (seat->leads)
        leave_as_leader(flight, seat);
    else
        leave_as_follower(flight, seat);
    *seat = (struct flight_seat){0};
    if (!flight->leader && !flight->follower_count)
        flight_free(flight);
}

/* ---- the leader ---------------------------------------------------------------------------- */

struct buf *flight_bytes(const struct flight_seat *seat)
{
    return &seat->flight->bytes;
}

size_t flight_followers(const struct flight_seat *seat)
{
    return seat->flight->follower_count;
}

static void mark(struct flight *flight)
{
    for (struct list *l = flight->followers.next; l != &flight->followers; l = l->next) {
        struct flight_seat *seat = LIST_ENTRY(l, struct flight_seat, link);
        if (!seat->at_the_end || flight->state != FLIGHT_OPEN)
            turn_mark(flight->flights->turn, seat->item);
    }
}

void flight_tell(struct flight_seat *seat, bool speaks)
{
    struct flight *flight = seat->flight;
    flight->speaks = flight->speaks || speaks;
    if (flight->follower_count)
        mark(flight);
}

void flight_restart(struct flight_seat *seat)
{
    struct flight *flight = seat->flight;
    flight->round++;
    flight->speaks = false;
    buf_reset(&flight->bytes);
    mark(flight);
}

void flight_end(struct flight_seat *seat, enum flight_state state, const struct failure *failure)
{
    struct flight *flight = seat->flight;
    assert(flight->state == FLIGHT_OPEN && state != FLIGHT_OPEN);
    flight->state = state;
    if (failure) {
        flight->failure = *failure;
        flight->failure.message = arena_dup(&flight->arena, failure->message);
        flight->failure.param = arena_dup(&flight->arena, failure->param);
    }
    if (state != FLIGHT_COMPLETE)
        list_del(&flight->link);
    mark(flight);
}

/* ---- those who follow ---------------------------------------------------------------------- */

enum flight_state flight_state(const struct flight_seat *seat)
{
    return seat->flight->state;
}

const struct failure *flight_failure(const struct flight_seat *seat)
{
    return &seat->flight->failure;
}

bool flight_speaks(const struct flight_seat *seat)
{
    return seat->flight->speaks;
}

bool flight_is_lost(const struct flight_seat *seat)
{
    return seat->at && seat->round != seat->flight->round;
}

struct slice flight_unread(struct flight_seat *seat)
{
    const struct flight *flight = seat->flight;
    if (!seat->at)
        seat->round = flight->round;
    if (flight_is_lost(seat))
        return slice_make(NULL, 0);
    return slice_skip(buf_slice(&flight->bytes), seat->at);
}
