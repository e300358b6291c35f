/* The log's descriptor, and the thread that writes to it.
 *
 * Happy path: a line is copied behind those that wait; the thread, if it sleeps, is woken, lets
 * LOG_GATHER_MS pass for others to join, and writes what there is, while lines gather in the other
 * half of the memory. Each half is filled from its beginning, and the second only if need be, so
 * that few pages are ever in use.
 *
 * Failure modes: a reader that takes nothing, or a disk that hangs, stops the thread only: its half
 * fills, further lines are counted and lost. A write that fails loses its lines. A thread that does
 * not end in time is left behind, and so is every line after. */

#include "log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define FILE_MODE 0640
#define NS_PER_MS 1000000
#define NS_PER_S  1000000000

static int target = STDERR_FILENO;
static const char *target_path; /* NULL: standard error */
static _Atomic uint64_t lost;

static struct {
    pthread_t thread;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t wake;
    bool sleeps, urgent, reopen, stop;
    unsigned filling; /* the half where lines wait … */
    size_t count;     /* … and their bytes */
    char bytes[2][LOG_WAITING_MAX];
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static enum { AT_ONCE, IN_BACKGROUND, LEFT_BEHIND } mode; /* of the thread that adds */

uint64_t log_writer_lost(void)
{
    return atomic_load_explicit(&lost, memory_order_relaxed);
}

/* ---- the descriptor ------------------------------------------------------------------------- */

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, FILE_MODE);
}

bool log_writer_open(const char *path)
{
    int fd = open_file(path);
    if (fd < 0)
        return false;
    target = fd;
    target_path = path;
    return true;
}

/* The number stays, so that nobody sees a descriptor that is closed. What cannot be opened leaves
 * the old file in use. */
static void open_again(void)
{
    int fd = target_path ? open_file(target_path) : -1;
    if (fd < 0)
        return;
    dup3(fd, target, O_CLOEXEC);
    close(fd);
}

static void lose(struct slice lines)
{
    uint64_t n = 0;
    for (size_t i = 0; i < lines.n; i++)
        n += lines.p[i] == '\n';
    atomic_fetch_add_explicit(&lost, n, memory_order_relaxed);
}

/* A descriptor that somebody else made non-blocking is asked again after a while, by who may wait.
 */
static bool write_all(struct slice lines, bool patient)
{
    const struct timespec while_full = {.tv_nsec = LOG_GATHER_MS * NS_PER_MS};
    while (lines.n) {
        ssize_t n = write(target, lines.p, lines.n);
        if (n >= 0)
            lines = slice_skip(lines, (size_t)n);
        else if (errno == EAGAIN && patient)
            nanosleep(&while_full, NULL);
        else if (errno != EINTR)
            break;
    }
    lose(lines);
    return !lines.n;
}

/* ---- the thread ----------------------------------------------------------------------------- */

static struct timespec after_ms(long ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * NS_PER_MS;
    if (t.tv_nsec >= NS_PER_S) {
        t.tv_sec++;
        t.tv_nsec -= NS_PER_S;
    }
    return t;
}

static void await_lines(void)
{
    queue.sleeps = true;
    while (!queue.count && !queue.stop && !queue.reopen)
        pthread_cond_wait(&queue.wake, &queue.lock);
    queue.sleeps = false;
    struct timespec until = after_ms(LOG_GATHER_MS);
    while (!queue.urgent && !queue.stop && !queue.reopen &&
           pthread_cond_clockwait(&queue.wake, &queue.lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
        ;
}

/* All that wait; others gather in the half that was written before. */
static struct slice take_lines(void)
{
    struct slice lines = slice_make(queue.bytes[queue.filling], queue.count);
    queue.filling = !queue.filling;
    queue.count = 0;
    queue.urgent = false;
    return lines;
}

static void *write_lines(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&queue.lock);
    for (bool stop = false; !stop;) {
        await_lines();
        struct slice lines = take_lines();
        bool reopen = queue.reopen;
        queue.reopen = false;
        pthread_mutex_unlock(&queue.lock);
        if (reopen)
            open_again();
        write_all(lines, true);
        pthread_mutex_lock(&queue.lock);
        if (!queue.count)
            queue.filling = 0;
        stop = queue.stop && !queue.count;
    }
    pthread_mutex_unlock(&queue.lock);
    return NULL;
}

/* Signals are for the loop. */
static bool start_thread(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&queue.thread, NULL, write_lines, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !error;
}

void log_writer_start(void)
{
    if (mode != AT_ONCE)
        return;
    queue.stop = false;
    mode = IN_BACKGROUND;
    if (!start_thread())
        mode = AT_ONCE;
}

static void tell_thread(bool *what)
{
    pthread_mutex_lock(&queue.lock);
    *what = true;
    pthread_mutex_unlock(&queue.lock);
    pthread_cond_signal(&queue.wake);
}

void log_writer_stop(void)
{
    if (mode != IN_BACKGROUND)
        return;
    tell_thread(&queue.stop);
    struct timespec until = after_ms(LOG_WRITER_END_MS);
    mode =
        pthread_clockjoin_np(queue.thread, NULL, CLOCK_MONOTONIC, &until) ? LEFT_BEHIND : AT_ONCE;
}

void log_writer_reopen(void)
{
    if (mode == IN_BACKGROUND)
        tell_thread(&queue.reopen);
    else
        open_again();
}

/* ---- adding --------------------------------------------------------------------------------- */

/* A core that the loop has for itself leaves the thread nothing, if both are real-time: once many
 * lines wait, it gets its turn. */
static bool add_to_queue(struct slice lines, bool urgent)
{
    pthread_mutex_lock(&queue.lock);
    bool fits = lines.n <= LOG_WAITING_MAX - queue.count;
    bool many = fits && queue.count < LOG_MANY && queue.count + lines.n >= LOG_MANY;
    urgent = urgent || many;
    bool wake = queue.sleeps || (urgent && !queue.urgent);
    if (fits) {
        memcpy(queue.bytes[queue.filling] + queue.count, lines.p, lines.n);
        queue.count += lines.n;
    }
    queue.urgent = queue.urgent || urgent;
    pthread_mutex_unlock(&queue.lock);
    if (wake)
        pthread_cond_signal(&queue.wake);
    if (many)
        sched_yield();
    return fits;
}

bool log_writer_add(struct slice lines, bool urgent)
{
    if (mode == AT_ONCE)
        return write_all(lines, false);
    if (mode == IN_BACKGROUND && add_to_queue(lines, urgent))
        return true;
    lose(lines);
    return false;
}
