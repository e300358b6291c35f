/* Spool files: frames, and files that were left behind.
 *
 * Happy path: a reader takes frame after frame; numbers go up by one.
 *
 * Failure modes: the last frame is cut (the process died while it wrote): reading ends before it.
 * A checksum that does not fit, or numbers that jump: likewise, and the reader is told. A file that
 * vanishes between being found and being locked is passed over. */

#include "spool_frame.h"
#include "wire/crc32.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- frames ---------------------------------------------------------------------------------- */

void frame_add(struct buf *b, uint64_t number, struct slice record)
{
    uint32_t n = (uint32_t)record.n, crc;
    char *p = buf_reserve(b, FRAME_HEAD + record.n);
    assert(p && record.n <= UINT32_MAX);
    memcpy(p + 8, &number, 8);
    if (record.n)
        memcpy(p + FRAME_HEAD, record.p, record.n);
    crc = crc32_of(slice_make(p + 8, 8 + record.n));
    memcpy(p, &n, 4);
    memcpy(p + 4, &crc, 4);
    b->n += FRAME_HEAD + record.n;
}

enum frame_state frame_read(struct slice bytes, uint64_t *number, struct slice *record,
                            size_t *need)
{
    uint32_t n, crc;
    *need = FRAME_HEAD;
    if (bytes.n < FRAME_HEAD)
        return FRAME_CUT;
    memcpy(&n, bytes.p, 4);
    memcpy(&crc, bytes.p + 4, 4);
    memcpy(number, bytes.p + 8, 8);
    *need = FRAME_HEAD + n;
    if (bytes.n < *need)
        return FRAME_CUT;
    *record = slice_make(bytes.p + FRAME_HEAD, n);
    return crc32_of(slice_make(bytes.p + 8, 8 + (size_t)n)) == crc ? FRAME_WHOLE : FRAME_BROKEN;
}

/* ---- reading --------------------------------------------------------------------------------- */

static struct slice read_bytes(const struct spool_file *f, uint64_t place, size_t n,
                               struct arena *a)
{
    char *p = arena_alloc(a, n);
    size_t got = 0;
    while (got < n) {
        ssize_t r = pread(f->fd, p + got, n - got, (off_t)(place + got));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            break;
        got += (size_t)r;
    }
    return slice_make(p, got);
}

static size_t take_frames(struct slice bytes, struct spool_record *records, uint64_t *next,
                          bool *broken, size_t *need)
{
    size_t count = 0;
    while (count < SPOOL_RECORDS_MAX && bytes.n) {
        struct spool_record *r = &records[count];
        enum frame_state state = frame_read(bytes, &r->number, &r->text, need);
        bool in_order = count == 0 || r->number == records[count - 1].number + 1;
        *broken = state == FRAME_BROKEN || (state == FRAME_WHOLE && !in_order);
        if (state != FRAME_WHOLE || *broken)
            break;
        bytes = slice_skip(bytes, *need);
        *next += *need;
        count++;
    }
    return count;
}

size_t spool_read(const struct spool_file *f, uint64_t end, struct arena *a,
                  struct spool_record *records, uint64_t *next, bool *broken)
{
    size_t left = (size_t)(end - f->place), need = 0;
    size_t chunk = left < SPOOL_CHUNK ? left : SPOOL_CHUNK;
    *next = f->place;
    *broken = false;
    size_t count = take_frames(read_bytes(f, f->place, chunk, a), records, next, broken, &need);
    if (!count && !*broken && left) { /* one frame longer than a chunk, or cut */
        *broken = need > left;
        if (need <= left)
            count = take_frames(read_bytes(f, f->place, need, a), records, next, broken, &need);
    }
    return count;
}

/* ---- files that were left -------------------------------------------------------------------- */

void spool_file_close(struct spool_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    *f = (struct spool_file){.fd = -1};
}

void spool_file_remove(const struct spool_file *f)
{
    char directory[4096];
    unlink(f->path);
    snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(f->path, '/') - f->path), f->path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* Another process that took it over may have removed it between our open and our lock. */
static bool lock_file(struct spool_file *f, uint64_t *end)
{
    struct stat st;
    char head[SPOOL_HEAD];
    if (f->fd < 0 || !f->path || flock(f->fd, LOCK_EX | LOCK_NB) != 0 || fstat(f->fd, &st) != 0 ||
        st.st_nlink == 0)
        return false;
    *end = (uint64_t)st.st_size;
    return pread(f->fd, head, SPOOL_HEAD, 0) == (ssize_t)SPOOL_HEAD &&
           memcmp(head, SPOOL_MAGIC, SPOOL_HEAD) == 0;
}

static struct spool_file open_left(const char *directory, const char *name, uint64_t *end)
{
    struct spool_file f = {.fd = -1, .place = SPOOL_HEAD};
    struct slice id = slice_of(name), suffix = SLICE(".spool");
    if (!slice_ends(id, suffix) || id.n - suffix.n >= sizeof(f.id))
        return f;
    memcpy(f.id, id.p, id.n - suffix.n);
    if (asprintf(&f.path, "%s/%s", directory, name) < 0)
        abort();
    f.fd = open(f.path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (!lock_file(&f, end))
        spool_file_close(&f);
    return f;
}

struct spool_file spool_find_left(const char *directory, uint64_t *end)
{
    struct spool_file found = {.fd = -1};
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    while (dir && found.fd < 0 && (entry = readdir(dir)))
        found = open_left(directory, entry->d_name, end);
    if (dir)
        closedir(dir);
    return found;
}
