/* Blocking work of a shelf.
 *
 * Happy path: a batch is written beside its name, flushed, renamed; read and checked; unlinked.
 *
 * Failure modes: a write that fails leaves nothing; a file that is cut, too long, of another
 * version or with another checksum is damaged; a folder that somebody else locks, or that vanishes
 * meanwhile, is passed over; a file that cannot be moved stays where it is, for the next look. */

#include "shelf_file.h"

#include "base/file.h"
#include "record_pack.h"
#include "shelf.h"
#include "wire/crc32.h"
#include "wire/crypto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC_SIZE (sizeof(SHELF_MAGIC) - 1)
#define HEAD_SIZE  (MAGIC_SIZE + sizeof(uint32_t))

/* ---- names ----------------------------------------------------------------------------------- */

void shelf_entry_name(struct shelf_entry *e, uint64_t number)
{
    snprintf(e->name, sizeof(e->name), "%s-%" PRId64 "-%016" PRIx64 "-%u.batch", e->row, e->made_ms,
             number, e->records);
}

static bool read_name(const char *name, struct shelf_entry *e)
{
    struct slice rest = slice_of(name), row = slice_split(&rest, '-'),
                 made = slice_split(&rest, '-');
    int64_t records;
    slice_split(&rest, '-');
    if (row.n != SHELF_ROW_SIZE - 1 || !slice_to_i64(made, &e->made_ms) ||
        !slice_to_i64(slice_split(&rest, '.'), &records) || !slice_eq(rest, SLICE("batch")) ||
        records < 0 || records > INT32_MAX || strlen(name) >= sizeof(e->name))
        return false;
    memcpy(e->row, row.p, row.n);
    memcpy(e->name, name, strlen(name));
    e->records = (unsigned)records;
    return true;
}

/* ---- folders --------------------------------------------------------------------------------- */

static bool make_directories(const char *directory)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s", directory);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *p = path + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            mkdir(path, 0700);
            *p = '/';
        }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static int open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Under another name until it is locked: nobody may take it for one that was left behind. */
bool shelf_folder_make(const char *directory, int *parent, int *own, char id[64])
{
    char hidden[80];
    random_uuid(id);
    snprintf(hidden, sizeof(hidden), "%s.new", id);
    *parent = *own = -1;
    if (!make_directories(directory))
        return false;
    *parent = open_folder(AT_FDCWD, directory);
    if (*parent < 0 || mkdirat(*parent, hidden, 0700) != 0)
        return false;
    *own = open_folder(*parent, hidden);
    return *own >= 0 && flock(*own, LOCK_EX | LOCK_NB) == 0 &&
           renameat(*parent, hidden, *parent, id) == 0;
}

void shelf_folder_close(int parent, int own)
{
    if (own >= 0)
        close(own);
    if (parent >= 0)
        close(parent);
}

/* NULL: it cannot be listed. The descriptor is not taken. */
static DIR *list_folder(int fd)
{
    int copy = open_folder(fd, ".");
    DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    if (!d && copy >= 0)
        close(copy);
    return d;
}

static void adopt_file(int from, int own, const char *name, struct list *entries)
{
    struct shelf_entry found = {.bytes = 0};
    struct stat st;
    if (!read_name(name, &found)) {
        unlinkat(from, name, 0); /* what was being written */
        return;
    }
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || renameat(from, name, own, name) != 0)
        return;
    struct shelf_entry *e = malloc(sizeof(*e));
    if (!e)
        abort();
    *e = found;
    e->bytes = (uint64_t)st.st_size;
    list_add(entries, &e->link);
}

static void adopt_folder(int parent, const char *name, int own, struct list *entries)
{
    int from = open_folder(parent, name);
    DIR *d = from >= 0 && flock(from, LOCK_EX | LOCK_NB) == 0 ? list_folder(from) : NULL;
    for (struct dirent *f; d && (f = readdir(d));)
        if (f->d_name[0] != '.')
            adopt_file(from, own, f->d_name, entries);
    if (d) {
        closedir(d);
        unlinkat(parent, name, AT_REMOVEDIR); /* not while something is in it */
    }
    if (from >= 0)
        close(from);
}

static void forget_damaged(int parent, const char *name, int64_t before)
{
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (int64_t)st.st_mtime < before)
        unlinkat(parent, name, 0);
}

void shelf_folder_adopt(int parent, int own, const char *id, int64_t damaged_before,
                        struct list *entries)
{
    DIR *d = list_folder(parent);
    for (struct dirent *f; d && (f = readdir(d));) {
        struct slice name = slice_of(f->d_name);
        if (slice_starts(name, SLICE("damaged-")))
            forget_damaged(parent, f->d_name, damaged_before);
        else if (name.n == UUID_SIZE - 1 && strcmp(f->d_name, id) != 0)
            adopt_folder(parent, f->d_name, own, entries);
    }
    if (d)
        closedir(d);
}

/* ---- files ----------------------------------------------------------------------------------- */

const char *shelf_file_write(int own, const char *name, struct slice body)
{
    char hidden[SHELF_NAME_SIZE + 8], head[HEAD_SIZE];
    uint32_t crc = crc32_of(body);
    memcpy(head, SHELF_MAGIC, MAGIC_SIZE);
    memcpy(head + MAGIC_SIZE, &crc, sizeof(crc));
    snprintf(hidden, sizeof(hidden), "%s.new", name);
    int fd = openat(own, hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return strerror(errno);
    bool ok = file_write(fd, slice_make(head, sizeof(head))) && file_write(fd, body) &&
              fdatasync(fd) == 0 && renameat(own, hidden, own, name) == 0;
    const char *error = ok ? NULL : strerror(errno);
    close(fd);
    if (!ok)
        unlinkat(own, hidden, 0);
    return error;
}

static bool read_all(int fd, size_t n, char *to)
{
    while (n) {
        ssize_t r = read(fd, to, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
        to += r;
        n -= (size_t)r;
    }
    return true;
}

static bool read_open(int fd, struct buf *body)
{
    char head[HEAD_SIZE], *room;
    struct stat st;
    uint32_t crc;
    if (fstat(fd, &st) != 0 || st.st_size < (off_t)HEAD_SIZE || st.st_size > (off_t)SHELF_FILE_MAX)
        return false;
    size_t n = (size_t)st.st_size - HEAD_SIZE;
    if (!read_all(fd, HEAD_SIZE, head) || memcmp(head, SHELF_MAGIC, MAGIC_SIZE) != 0 ||
        !(room = buf_reserve(body, n)) || !read_all(fd, n, room))
        return false;
    memcpy(&crc, head + MAGIC_SIZE, sizeof(crc));
    if (crc32_of(slice_make(room, n)) != crc)
        return false;
    body->n += n;
    return true;
}

bool shelf_file_read(int own, const char *name, struct buf *body)
{
    int fd = openat(own, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool ok = fd >= 0 && read_open(fd, body);
    if (fd >= 0)
        close(fd);
    return ok;
}

void shelf_file_remove(int own, const char *name)
{
    unlinkat(own, name, 0);
}

void shelf_file_set_aside(int own, int parent, const char *name)
{
    char aside[SHELF_NAME_SIZE + 16];
    snprintf(aside, sizeof(aside), "damaged-%s", name);
    if (renameat(own, name, parent, aside) != 0)
        unlinkat(own, name, 0);
}
