/* Memory that the workers of a machine have in common.
 *
 * Happy path: the mapping is made before they are forked, so that it has the same address in all of
 * them and pointers into it hold. One robust lock is around the counters and the board; a message
 * is copied to the board and the others' bells (eventfds) ring.
 *
 * Failure modes: the process that holds the lock dies: whoever comes next finds out (EOWNERDEAD),
 * counts anew and leaves the board empty, since what lies there may be half done. It is stopped:
 * others wait MACHINE_WAIT_MS and do without. The memory gets scarce: counting begins anew, too. */

#include "machine.h"

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BOARD_BYTES ((size_t)256 * 1024)
#define ROOM_MIN    ((size_t)12 * 1024 * 1024) /* a call needs less, doubled hashes included */
#define NS_PER_MS   1000000
#define NS_PER_S    1000000000

/* A ring of messages; positions only grow. */
struct board {
    uint64_t first, end; /* of what can be read */
    char bytes[BOARD_BYTES];
};

struct head {
    uint32_t n, from;
};

struct machine {
    pthread_mutex_t lock;
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

static int wait_for_lock(struct machine *m)
{
    struct timespec until;
    int status = pthread_mutex_trylock(&m->lock);
    if (status != EBUSY)
        return status;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)MACHINE_WAIT_MS * NS_PER_MS;
    until.tv_sec += until.tv_nsec / NS_PER_S;
    until.tv_nsec %= NS_PER_S;
    return pthread_mutex_timedlock(&m->lock, &until);
}

static bool take_lock(struct machine *m)
{
    int status = wait_for_lock(m);
    if (status == EOWNERDEAD) {
        pthread_mutex_consistent(&m->lock);
        log_warn("a worker died while it counted: the limits of all workers are counted anew");
        begin(m);
    }
    return status == 0 || status == EOWNERDEAD;
}

void machine_release(struct machine *m)
{
    pthread_mutex_unlock(&m->lock);
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
    pthread_mutexattr_t attributes;
    struct machine *m = mmap(NULL, MACHINE_BYTES, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m == MAP_FAILED)
        return NULL;
    m->workers = workers;
    m->board.end = 1; /* 0 is nobody's position */
    if (!make_bells(m)) {
        munmap(m, MACHINE_BYTES);
        return NULL;
    }
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&m->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    begin(m);
    return m;
}

void machine_free(struct machine *m)
{
    for (int i = 0; m && i < m->workers; i++)
        close(m->bells[i]);
    if (m)
        munmap(m, MACHINE_BYTES);
}

int machine_workers(const struct machine *m)
{
    return m->workers;
}
