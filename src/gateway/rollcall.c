/* See rollcall.h.
 *
 * Happy path: the number of the question goes up, bells ring; a worker that hears its bell and has
 * not answered that number writes its text, then rings those who ask.
 *
 * Failure modes: a worker that does not hear (it hangs, starts, is stopped) has not answered; one
 * that dies while it writes leaves a part that says nothing; a part that somebody else keeps is
 * done without. */

#include "rollcall.h"

#include "base/shm.h"
#include "sockets.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct part {
    struct shm_lock lock;
    _Atomic uint64_t answered; /* the question */
    atomic_uint asking;        /* questions of this worker that wait */
    _Atomic pid_t pid;
    size_t n; /* 0: it had too much to say */
    char text[ROLLCALL_TEXT_MAX];
};

struct rollcall {
    int workers;
    int bells[SOCKETS_MAX];
    _Atomic uint64_t questions;
    struct part parts[];
};

struct roll {
    struct rollcall *call;
    struct part *own;
    int index;
    struct turn *turn;
    struct turn_item item;
    struct roll_events events;
    void *ctx;
    struct buf out;
    uv_poll_t bell; /* its end frees this */
};

/* ---- the memory ------------------------------------------------------------------------------ */

static size_t bytes_of(int workers)
{
    return sizeof(struct rollcall) + (size_t)workers * sizeof(struct part);
}

static bool make_bells(struct rollcall *c)
{
    for (int i = 0; i < c->workers; i++)
        if ((c->bells[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
            return false;
    return true;
}

struct rollcall *rollcall_new(int workers)
{
    struct rollcall *c = shm_new(bytes_of(workers));
    if (!c)
        return NULL;
    c->workers = workers;
    if (!make_bells(c)) {
        shm_free(c, bytes_of(workers));
        return NULL;
    }
    for (int i = 0; i < workers; i++)
        shm_lock_init(&c->parts[i].lock);
    return c;
}

void rollcall_free(struct rollcall *c)
{
    int workers = c ? c->workers : 0;
    for (int i = 0; i < workers; i++)
        close(c->bells[i]);
    shm_free(c, bytes_of(workers));
}

int rollcall_workers(const struct rollcall *c)
{
    return c->workers;
}

/* False: it is not to be had. What a dead worker left says nothing. */
static bool take(struct part *p)
{
    enum shm_taken taken = shm_take(&p->lock);
    if (taken == SHM_ORPHANED)
        p->n = 0;
    return taken != SHM_BUSY;
}

/* ---- answering ------------------------------------------------------------------------------- */

static void ring_askers(struct rollcall *c, int but)
{
    for (int i = 0; i < c->workers; i++)
        if (i != but && atomic_load(&c->parts[i].asking))
            eventfd_write(c->bells[i], 1);
}

static void answer(struct roll *r)
{
    uint64_t question = atomic_load(&r->call->questions);
    if (atomic_load(&r->own->answered) == question)
        return;
    buf_reset(&r->out);
    r->events.say(r->ctx, &r->out);
    if (!take(r->own))
        return; /* it is known by not having answered */
    r->own->n = r->out.overflow ? 0 : r->out.n;
    memcpy(r->own->text, r->out.p, r->own->n);
    atomic_store(&r->own->answered, question);
    shm_release(&r->own->lock);
    buf_fini(&r->out);
    ring_askers(r->call, r->index);
}

static void step(struct turn_item *item)
{
    struct roll *r = LIST_ENTRY(item, struct roll, item);
    answer(r);
    if (atomic_load(&r->own->asking))
        r->events.heard(r->ctx);
}

static void on_bell(uv_poll_t *bell, int status, int events)
{
    struct roll *r = bell->data;
    eventfd_t rings;
    (void)status, (void)events;
    eventfd_read(r->call->bells[r->index], &rings);
    turn_mark(r->turn, &r->item);
}

/* ---- asking ---------------------------------------------------------------------------------- */

uint64_t roll_ask(struct roll *r)
{
    struct rollcall *c = r->call;
    uint64_t question = atomic_fetch_add(&c->questions, 1) + 1;
    atomic_fetch_add(&r->own->asking, 1);
    for (int i = 0; i < c->workers; i++)
        if (i != r->index)
            eventfd_write(c->bells[i], 1);
    answer(r);
    return question;
}

void roll_end(struct roll *r)
{
    atomic_fetch_sub(&r->own->asking, 1);
}

bool roll_is_complete(const struct roll *r, uint64_t question)
{
    for (int i = 0; i < r->call->workers; i++)
        if (atomic_load(&r->call->parts[i].answered) < question)
            return false;
    return true;
}

bool roll_answer(const struct roll *r, uint64_t question, int worker, struct arena *a,
                 struct slice *text)
{
    struct part *p = &r->call->parts[worker];
    bool answered = false;
    if (!take(p))
        return false;
    if (atomic_load(&p->answered) >= question && p->n) {
        *text = arena_dup(a, slice_make(p->text, p->n));
        answered = true;
    }
    shm_release(&p->lock);
    return answered;
}

pid_t roll_pid(const struct roll *r, int worker)
{
    return atomic_load(&r->call->parts[worker].pid);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* The bell keeps no loop alive. Of a question that waits it has rung already. */
struct roll *roll_join(struct rollcall *c, int index, struct turn *turn,
                       const struct roll_events *events, void *ctx)
{
    struct roll *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->call = c;
    r->own = &c->parts[index];
    r->index = index;
    r->turn = turn;
    turn_item_init(&r->item, step);
    r->events = *events;
    r->ctx = ctx;
    buf_init(&r->out, ROLLCALL_TEXT_MAX);
    atomic_store(&r->own->pid, getpid());
    atomic_store(&r->own->asking, 0); /* of one that died */
    uv_poll_init(turn->loop, &r->bell, c->bells[index]);
    r->bell.data = r;
    uv_poll_start(&r->bell, UV_READABLE, on_bell);
    uv_unref((uv_handle_t *)&r->bell);
    return r;
}

static void on_closed(uv_handle_t *bell)
{
    struct roll *r = bell->data;
    buf_fini(&r->out);
    free(r);
}

void roll_leave(struct roll *r)
{
    if (!r)
        return;
    turn_unmark(&r->item);
    uv_close((uv_handle_t *)&r->bell, on_closed);
}

const struct rollcall *roll_of(const struct roll *r)
{
    return r->call;
}
