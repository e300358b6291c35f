/* The spool of this process: memory, thread, file.
 *
 * Happy path: spool_add copies a framed record into memory and, when it is the first, wakes the
 * thread; that swaps the memory for an empty one, appends it with one write, and tells the reader.
 * When the reader has read all of a file that has grown, the file is cut to nothing.
 *
 * Failure modes: the file cannot be written (a full disk): it is cut back to its last whole frame,
 * what came stays in memory and is tried again; memory or file full: what comes is dropped,
 * counted, and said. */

#include "spool.h"

#include "spool_frame.h"
#include "wire/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CUT_BYTES 1048576 /* a file of which all was read is cut once it is so long */

struct spool {
    struct spool_limits limits;
    void (*more)(void *user);
    void *user;
    struct spool_file reader; /* the reader's; `place` changes under `lock` */
    pthread_t thread;
    pthread_mutex_t lock; /* of the next lines */
    pthread_cond_t came;
    struct buf pending;
    uint64_t number; /* of the last record */
    struct spool_counts counts;
    bool flush, flush_now, stopping, stopped;
    pthread_mutex_t file; /* held while the file is written or cut */
    uint64_t end;         /* bytes of whole frames in it; under `lock` too when it changes */
    struct buf writing;   /* the thread's */
};

/* ---- adding ---------------------------------------------------------------------------------- */

static void drop(struct spool *s, const char *why)
{
    s->counts.dropped++;
    snprintf(s->counts.trouble, sizeof(s->counts.trouble), "%s", why);
}

void spool_add(struct spool *s, struct slice record)
{
    pthread_mutex_lock(&s->lock);
    size_t bytes = FRAME_HEAD + record.n;
    bool first = !s->pending.n;
    s->counts.taken++;
    if (s->pending.n + bytes > s->limits.pending_max)
        drop(s, "the memory for spend is full");
    else if (s->end + s->pending.n + bytes > s->limits.file_max)
        drop(s, "the spool is full");
    else if (record.n > s->limits.record_max)
        drop(s, "a record is too long");
    else
        frame_add(&s->pending, ++s->number, record);
    if (first && s->pending.n)
        pthread_cond_signal(&s->came);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static bool write_all(int fd, struct slice bytes, uint64_t place)
{
    while (bytes.n) {
        ssize_t n = pwrite(fd, bytes.p, bytes.n, (off_t)place);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = slice_skip(bytes, (size_t)n);
        place += (uint64_t)n;
    }
    return true;
}

/* Appends `writing`; what cannot be appended stays in it. */
static bool append(struct spool *s, bool flush)
{
    pthread_mutex_lock(&s->file);
    bool ok = write_all(s->reader.fd, buf_slice(&s->writing), s->end);
    const char *why = strerror(errno);
    if (!ok && ftruncate(s->reader.fd, (off_t)s->end) != 0)
        why = "the spool is broken"; /* a reader stops at what is no frame */
    if (ok && flush)
        fdatasync(s->reader.fd);
    pthread_mutex_lock(&s->lock);
    s->end += ok ? s->writing.n : 0;
    snprintf(s->counts.trouble, sizeof(s->counts.trouble), "%s", ok ? "" : why);
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->file);
    if (ok)
        buf_reset(&s->writing);
    return ok;
}

static void wait_for_work(struct spool *s)
{
    while (!s->pending.n && !s->flush_now && !s->stopping)
        pthread_cond_wait(&s->came, &s->lock);
}

/* So that the records of a while are one write. */
static void wait_for_company(struct spool *s, int64_t last_ms)
{
    int64_t until = last_ms + s->limits.delay_ms;
    struct timespec t = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    while (!s->stopping && !s->flush_now)
        if (pthread_cond_timedwait(&s->came, &s->lock, &t) == ETIMEDOUT)
            return;
}

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Under the lock, which it lets go meanwhile. False: the file would not have it. */
static bool write_pending(struct spool *s)
{
    bool flush = s->flush;
    s->flush_now = false;
    buf_add(&s->writing, buf_slice(&s->pending));
    buf_reset(&s->pending);
    pthread_mutex_unlock(&s->lock);
    bool ok = append(s, flush);
    if (ok)
        s->more(s->user);
    pthread_mutex_lock(&s->lock);
    if (!ok) { /* to the front again */
        buf_add(&s->writing, buf_slice(&s->pending));
        struct buf swap = s->pending;
        s->pending = s->writing;
        s->writing = swap;
        buf_reset(&s->writing);
    }
    return ok;
}

static void *run(void *arg)
{
    struct spool *s = arg;
    int64_t last = 0;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        wait_for_work(s);
        wait_for_company(s, last);
        bool stopping = s->stopping, ok = write_pending(s);
        last = clock_ms();
        if (stopping && (!s->pending.n || !ok))
            break;
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- the reader ------------------------------------------------------------------------------ */

struct spool_file *spool_reader(struct spool *s)
{
    return &s->reader;
}

uint64_t spool_end(struct spool *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t end = s->end;
    pthread_mutex_unlock(&s->lock);
    return end;
}

void spool_taken(struct spool *s, uint64_t place)
{
    pthread_mutex_lock(&s->file);
    bool cut = place == s->end && s->end >= CUT_BYTES && ftruncate(s->reader.fd, SPOOL_HEAD) == 0;
    pthread_mutex_lock(&s->lock);
    s->reader.place = cut ? SPOOL_HEAD : place;
    s->end = cut ? SPOOL_HEAD : s->end;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->file);
}

void spool_flush(struct spool *s, bool flush)
{
    pthread_mutex_lock(&s->lock);
    s->flush_now = flush && !s->flush;
    s->flush = flush;
    if (s->flush_now)
        pthread_cond_signal(&s->came);
    pthread_mutex_unlock(&s->lock);
}

void spool_count(struct spool *s, struct spool_counts *counts)
{
    pthread_mutex_lock(&s->lock);
    *counts = s->counts;
    counts->waiting = s->pending.n + s->end - s->reader.place;
    pthread_mutex_unlock(&s->lock);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Under another name until it is locked: nobody may take it for one that was left behind. */
static bool make_file(struct spool *s, const char *directory)
{
    char id[UUID_SIZE], path[4096], hidden[4100];
    random_uuid(id);
    snprintf(s->reader.id, sizeof(s->reader.id), "%s", id);
    int n = snprintf(path, sizeof(path), "%s/%s.spool", directory, id);
    snprintf(hidden, sizeof(hidden), "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    s->reader.fd = open(hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s->reader.fd < 0)
        return false;
    s->reader.path = strdup(path);
    s->reader.place = s->end = SPOOL_HEAD;
    return s->reader.path && flock(s->reader.fd, LOCK_EX | LOCK_NB) == 0 &&
           write_all(s->reader.fd, SLICE(SPOOL_MAGIC), 0) && rename(hidden, path) == 0;
}

static bool make_directories(const char *directory)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s", directory);
    for (char *p = path + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            mkdir(path, 0700);
            *p = '/';
        }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static void start(struct spool *s)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->file, NULL);
    pthread_cond_init(&s->came, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&s->thread, NULL, run, s))
        abort();
}

struct spool *spool_open(const char *directory, const struct spool_limits *limits,
                         void (*more)(void *user), void *user, const char **error)
{
    struct spool *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->limits = *limits;
    s->more = more;
    s->user = user;
    buf_init(&s->pending, limits->pending_max * 2);
    buf_init(&s->writing, limits->pending_max * 2);
    if (make_directories(directory) && make_file(s, directory)) {
        start(s);
        return s;
    }
    *error = strerror(errno);
    s->stopped = true;
    spool_file_close(&s->reader);
    free(s);
    return NULL;
}

void spool_stop(struct spool *s)
{
    if (s->stopped)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->came);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    s->stopped = true;
}

bool spool_is_read(struct spool *s)
{
    return s->reader.place == s->end && !s->pending.n;
}

void spool_free(struct spool *s)
{
    if (!s)
        return;
    if (spool_is_read(s))
        spool_file_remove(&s->reader);
    spool_file_close(&s->reader);
    buf_fini(&s->pending);
    buf_fini(&s->writing);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->file);
    pthread_cond_destroy(&s->came);
    free(s);
}
