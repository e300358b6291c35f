/* Memory that the workers of a machine have in common.
 *
 * Happy path: the mapping is made before they are forked, so that it has the same address in all of
 * them and pointers into it hold. One robust lock is around the counters and the board; a message
 * is copied to the board and the others' bells (eventfds) ring.
 *
 * Failure modes: the process that holds the lock dies: whoever comes next finds out (EOWNERDEAD),
 * counts anew and leaves the board empty, since what lies there may be half done. It is stopped:
 * others wait SHM_WAIT_MS and do without. The memory gets scarce: counting begins anew, too. */

#include "machine.h"

#include "base/log.h"
#include "base/shm.h"

#include <sys/eventfd.h>
#include <unistd.h>

#define BOARD_BYTES ((size_t)256 * 1024)
#define ROOM_MIN    ((size_t)12 * 1024 * 1024) /* a call needs less, doubled hashes included */

/* A ring of messages; positions only grow. */
struct board {
    uint64_t first, end; /* of what can be read */
    char bytes[BOARD_BYTES];
};

struct head {
    uint32_t n, from;
};

struct machine {
    struct shm_lock lock;
    int workers;
    int bells[MACHINE_WORKERS_MAX];
    struct heap heap;
    struct counters *counters;
    struct board board;
    _Alignas(HEAP_BLOCK_MIN) char memory[];
};

/* ---- the lock -------------------------------------------------------------------------------- */

static void begin(struct machine *m)
{
    heap_init(&m->heap, m->memory, MACHINE_BYTES - sizeof(*m));
    m->counters = counters_new(MACHINE_COUNTERS_MAX, &m->heap);
    m->board.first = m->board.end;
}

static bool take_lock(struct machine *m)
{
    enum shm_taken taken = shm_take(&m->lock);
    if (taken == SHM_ORPHANED) {
        log_warn("a worker died while it counted: the limits of all workers are counted anew");
        begin(m);
    }
    return taken != SHM_BUSY;
}

void machine_release(struct machine *m)
{
    shm_release(&m->lock);
}

struct counters *machine_take(struct machine *m)
{
    if (!take_lock(m))
        return NULL;
    if (heap_left(&m->heap) < ROOM_MIN) {
        log_warn("too many limits are in use: those of all workers are counted anew");
        begin(m);
    }
    return m->counters;
}

/* ---- the board ------------------------------------------------------------------------------- */

static void put(struct board *b, const void *bytes, size_t n)
{
    size_t at = (size_t)(b->end % BOARD_BYTES), whole = BOARD_BYTES - at;
    size_t here = n < whole ? n : whole;
    memcpy(b->bytes + at, bytes, here);
    memcpy(b->bytes, (const char *)bytes + here, n - here);
    b->end += n;
}

static void get(const struct board *b, uint64_t from, void *bytes, size_t n)
{
    size_t at = (size_t)(from % BOARD_BYTES), whole = BOARD_BYTES - at;
    size_t here = n < whole ? n : whole;
    memcpy(bytes, b->bytes + at, here);
    memcpy((char *)bytes + here, b->bytes, n - here);
}

static void make_room(struct board *b, size_t n)
{
    struct head oldest;
    while (b->end - b->first + n > BOARD_BYTES) {
        get(b, b->first, &oldest, sizeof(oldest));
        b->first += sizeof(oldest) + oldest.n;
    }
}

static void ring(const struct machine *m, int but)
{
    for (int i = 0; i < m->workers; i++)
        if (i != but)
            eventfd_write(m->bells[i], 1);
}

bool machine_post(struct machine *m, int from, struct slice message)
{
    struct head head = {(uint32_t)message.n, (uint32_t)from};
    if (message.n > MACHINE_WORD_MAX || !take_lock(m))
        return false;
    make_room(&m->board, sizeof(head) + message.n);
    put(&m->board, &head, sizeof(head));
    put(&m->board, message.p, message.n);
    machine_release(m);
    ring(m, from);
    return true;
}

int machine_bell(const struct machine *m, int index)
{
    return m->bells[index];
}

void machine_read(struct machine *m, uint64_t *at, struct buf *unread)
{
    struct board *b = &m->board;
    if (!take_lock(m))
        return; /* the next message rings again */
    if (*at < b->first)
        *at = *at ? b->first : b->end;
    size_t n = (size_t)(b->end - *at);
    char *room = n ? buf_reserve(unread, n) : NULL;
    if (room) {
        get(b, *at, room, n);
        unread->n += n;
    }
    *at = b->end;
    machine_release(m);
}

bool machine_next(struct slice *unread, int *from, struct slice *message)
{
    struct head head;
    if (unread->n < sizeof(head))
        return false;
    memcpy(&head, unread->p, sizeof(head));
    *from = (int)head.from;
    *message = slice_make(unread->p + sizeof(head), head.n);
    *unread = slice_skip(*unread, sizeof(head) + head.n);
    return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool make_bells(struct machine *m)
{
    for (int i = 0; i < m->workers; i++)
        if ((m->bells[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
            return false;
    return true;
}

struct machine *machine_new(int workers)
{
    struct machine *m = shm_new(MACHINE_BYTES);
    if (!m)
        return NULL;
    m->workers = workers;
    m->board.end = 1; /* 0 is nobody's position */
    if (!make_bells(m)) {
        shm_free(m, MACHINE_BYTES);
        return NULL;
    }
    shm_lock_init(&m->lock);
    begin(m);
    return m;
}

void machine_free(struct machine *m)
{
    for (int i = 0; m && i < m->workers; i++)
        close(m->bells[i]);
    shm_free(m, MACHINE_BYTES);
}

int machine_workers(const struct machine *m)
{
    return m->workers;
}
