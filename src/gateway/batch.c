/* Several upstream calls for one answer.
 *
 * Happy path: the step starts the first BATCH_CONCURRENCY calls; upstream's events deposit status,
 * headers and body into the call's slot and mark the batch; the next step tells the owner of each
 * call that has ended, frees its slot and starts the next one; when none is left, `over`.
 *
 * Failure modes: a call that breaks is told like any other, the owner decides. A body beyond
 * body_max (or all together beyond total_max) is paused at once and given up in the step. A false
 * from the owner cancels what runs and ends the batch. The owner may cancel from inside `done` or
 * `call`: the memory lives until the drain is over, so the step only has to look whether it still
 * counts. */

#include "batch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define DETAIL_SIZE 256

struct batch_slot {
    struct batch *batch;
    bool busy; /* holds a call that was not told yet */
    bool ended;
    size_t i; /* number of the call */
    struct upstream_op *op;
    struct batch_answer answer; /* its parts lie in the members below */
    struct arena headers;
    struct buf body;
    char detail[DETAIL_SIZE];
};

struct batch {
    struct upstream *upstream;
    struct turn *turn;
    struct batch_options options;
    const struct batch_events *events;
    void *user;
    struct turn_item item;
    struct turn_grave grave;
    size_t next;  /* number of the next call to start */
    size_t busy;  /* slots */
    size_t total; /* bytes of all bodies so far */
    bool stopped; /* the owner wants no more */
    bool dead;    /* cancelled or over: no callback any more */
    struct batch_slot slots[BATCH_CONCURRENCY];
};

/* ---- deposits ------------------------------------------------------------------------------ */

static void mark(struct batch_slot *slot)
{
    turn_mark(slot->batch->turn, &slot->batch->item);
}

static void give_up(struct batch_slot *slot)
{
    slot->answer.too_large = true;
    mark(slot);
}

static void expect_body(struct batch_slot *slot, struct slice length)
{
    int64_t n;
    if (!slice_to_i64(length, &n) || n <= 0)
        return;
    if ((uint64_t)n > slot->body.cap)
        give_up(slot);
    else
        buf_reserve(&slot->body, (size_t)n);
}

static void on_head(void *user, int status, struct http_headers headers)
{
    struct batch_slot *slot = user;
    struct http_header *v = arena_alloc(&slot->headers, headers.n * sizeof(*v));
    for (size_t i = 0; i < headers.n; i++) {
        v[i].name = arena_dup(&slot->headers, headers.v[i].name);
        v[i].value = arena_dup(&slot->headers, headers.v[i].value);
    }
    slot->answer.status = status;
    slot->answer.headers = (struct http_headers){v, headers.n};
    expect_body(slot, http_header_get(headers, "content-length"));
}

static bool on_data(void *user, struct slice bytes)
{
    struct batch_slot *slot = user;
    struct batch *b = slot->batch;
    if (!slot->answer.too_large) {
        buf_add(&slot->body, bytes);
        b->total += bytes.n;
    }
    if (b->events->piece)
        mark(slot);
    if (slot->body.overflow || (b->options.total_max && b->total > b->options.total_max))
        give_up(slot);
    return !slot->answer.too_large;
}

static void on_end(void *user, enum upstream_end end, const char *detail)
{
    struct batch_slot *slot = user;
    snprintf(slot->detail, sizeof(slot->detail), "%s", detail);
    slot->op = NULL;
    slot->ended = true;
    slot->answer.end = end;
    mark(slot);
}

static const struct upstream_events upstream_events = {
    .head = on_head,
    .data = on_data,
    .end = on_end,
};

/* ---- slots --------------------------------------------------------------------------------- */

static void slot_start(struct batch *b, struct batch_slot *slot, const struct http_call *call)
{
    *slot = (struct batch_slot){.batch = b, .busy = true, .i = b->next++};
    struct upstream_timeouts timeouts = b->options.timeouts;
    if (b->events->total_ms)
        timeouts.total_ms = b->events->total_ms(b->user, slot->i);
    arena_init(&slot->headers);
    buf_init(&slot->body, b->options.body_max);
    b->busy++;
    slot->op = upstream_start(b->upstream, call, &timeouts, &upstream_events, slot);
}

static void slot_free(struct batch_slot *slot)
{
    if (!slot->busy)
        return;
    if (slot->op)
        upstream_cancel(slot->op);
    arena_fini(&slot->headers);
    buf_fini(&slot->body);
    slot->op = NULL;
    slot->busy = false;
    slot->batch->busy--;
}

static void slot_give_up(struct batch_slot *slot)
{
    upstream_cancel(slot->op);
    slot->op = NULL;
    slot->ended = true;
    slot->answer.end = UPSTREAM_BROKEN;
    snprintf(slot->detail, sizeof(slot->detail), "the answer is larger than allowed");
}

/* ---- the step ------------------------------------------------------------------------------ */

static void release(struct turn_grave *grave)
{
    free(LIST_ENTRY(grave, struct batch, grave));
}

static void stop(struct batch *b)
{
    b->stopped = true;
    for (size_t i = 0; i < BATCH_CONCURRENCY; i++)
        slot_free(&b->slots[i]);
}

static void die(struct batch *b)
{
    b->dead = true;
    stop(b);
    turn_unmark(&b->item);
    turn_bury(b->turn, &b->grave, release);
}

static bool has_piece(const struct batch *b, const struct batch_slot *slot)
{
    return b->events->piece && slot->answer.status == 200 && slot->body.n;
}

static void tell_piece(struct batch *b, struct batch_slot *slot)
{
    slot->answer.body = buf_slice(&slot->body);
    bool go_on = b->events->piece(b->user, slot->i, &slot->answer);
    if (b->dead)
        return;
    buf_reset(&slot->body);
    if (!go_on)
        stop(b);
}

static void tell(struct batch *b, struct batch_slot *slot)
{
    if (slot->answer.too_large && slot->op)
        slot_give_up(slot);
    if (!slot->ended && has_piece(b, slot))
        tell_piece(b, slot);
    if (b->dead || !slot->busy || !slot->ended)
        return;
    slot->answer.detail = slot->detail;
    slot->answer.body = buf_slice(&slot->body);
    bool go_on = b->events->done(b->user, slot->i, &slot->answer);
    if (b->dead)
        return;
    slot_free(slot);
    if (!go_on)
        stop(b);
}

static void start_next(struct batch *b, struct batch_slot *slot)
{
    struct http_call call = {0};
    bool go_on = b->events->call(b->user, b->next, &call);
    if (b->dead)
        return;
    if (!go_on)
        stop(b);
    else if (call.url)
        slot_start(b, slot, &call);
    else
        b->next++;
}

static size_t at_once(const struct batch *b)
{
    size_t n = b->options.at_once;
    return n && n < BATCH_CONCURRENCY ? n : BATCH_CONCURRENCY;
}

static void batch_step(struct turn_item *item)
{
    struct batch *b = LIST_ENTRY(item, struct batch, item);
    for (size_t i = 0; i < BATCH_CONCURRENCY && !b->dead; i++)
        if (b->slots[i].busy)
            tell(b, &b->slots[i]);
    for (size_t i = 0; i < at_once(b) && !b->dead; i++)
        while (!b->dead && !b->slots[i].busy && !b->stopped && b->next < b->options.count)
            start_next(b, &b->slots[i]);
    if (b->dead || b->busy)
        return;
    die(b);
    b->events->over(b->user);
}

struct batch *batch_start(struct upstream *up, struct turn *turn, const struct batch_options *o,
                          const struct batch_events *events, void *user)
{
    assert(o->count > 0);
    struct batch *b = calloc(1, sizeof(*b));
    if (!b)
        abort();
    b->upstream = up;
    b->turn = turn;
    b->options = *o;
    b->events = events;
    b->user = user;
    turn_item_init(&b->item, batch_step);
    turn_mark(turn, &b->item);
    return b;
}

void batch_cancel(struct batch *b)
{
    die(b);
}
