/* The copy on disk of what the database adds to the configuration, see stored_copy.h.
 *
 * Happy path: the text goes to a thread, is sealed, written to a file of this process's own,
 * flushed, and moved to its place.
 *
 * Failure modes: a disk that takes nothing is one line in the log, and the older copy stays; a copy
 * that was cut, changed, or sealed under another key does not open, and counts as none. */

#include "stored_copy.h"

#include "base/file.h"
#include "base/log.h"
#include "wire/crypto.h"
#include "wire/secretbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME       "stored.sealed"
#define SEALED_MAX ((size_t)STORED_COPY_MAX / 3 * 4 + 1024)
#define SECOND_MS  1000

struct stored_copy {
    uv_work_t work;
    uv_loop_t *loop;
    struct arena arena; /* of the paths */
    const char *directory, *path, *hidden;
    struct buf next;             /* to be written … */
    char *salt_key;              /* … under this key */
    uint8_t digest[SHA256_SIZE]; /* of what was put last */
    struct buf text;             /* the thread's, while it writes */
    char *text_salt_key;         /* likewise */
    int error;                   /* errno; 0: it is written */
    bool put, wants, busy, closing;
};

/* ---- writing: on the thread ------------------------------------------------------------------ */

static bool flush_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool replace(const struct stored_copy *c, struct slice sealed)
{
    int fd = open(c->hidden, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && file_write(fd, sealed) && fsync(fd) == 0;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    return ok && rename(c->hidden, c->path) == 0 && flush_directory(c->directory);
}

static void write_copy(uv_work_t *work)
{
    struct stored_copy *c = work->data;
    struct buf sealed;
    buf_init(&sealed, SEALED_MAX);
    secretbox_seal(slice_of(c->text_salt_key), buf_slice(&c->text), &sealed);
    errno = 0;
    c->error = replace(c, buf_slice(&sealed)) ? 0 : errno;
    buf_fini(&sealed);
}

/* ---- the loop's side ------------------------------------------------------------------------- */

static void forget(struct buf *text, char **salt_key)
{
    if (text->p)
        explicit_bzero(text->p, text->n);
    buf_fini(text);
    if (*salt_key)
        explicit_bzero(*salt_key, strlen(*salt_key));
    free(*salt_key);
    *salt_key = NULL;
}

static void release(struct stored_copy *c)
{
    forget(&c->next, &c->salt_key);
    arena_fini(&c->arena);
    free(c);
}

static void begin(struct stored_copy *c);

static void on_written(uv_work_t *work, int status)
{
    struct stored_copy *c = work->data;
    (void)status;
    c->busy = false;
    forget(&c->text, &c->text_salt_key);
    if (c->error) {
        log_error(
            "the copy of what the database adds to the configuration is not written to %s: %s",
            c->path, strerror(c->error));
        c->put = c->wants; /* the same text is another attempt */
    }
    if (c->wants)
        begin(c);
    else if (c->closing)
        release(c);
}

static void begin(struct stored_copy *c)
{
    c->wants = false;
    c->busy = true;
    c->text = c->next;
    c->text_salt_key = c->salt_key;
    buf_init(&c->next, STORED_COPY_MAX);
    c->salt_key = NULL;
    c->work.data = c;
    if (uv_queue_work(c->loop, &c->work, write_copy, on_written) != 0)
        abort();
}

void stored_copy_put(struct stored_copy *c, struct slice text, struct slice salt_key)
{
    uint8_t digest[SHA256_SIZE];
    sha256(text, digest);
    if (!salt_key.n || (c->put && memcmp(digest, c->digest, SHA256_SIZE) == 0))
        return;
    if (text.n > STORED_COPY_MAX) {
        log_error("what the database adds to the configuration is too long for a copy on disk");
        return;
    }
    memcpy(c->digest, digest, SHA256_SIZE);
    c->put = c->wants = true;
    forget(&c->next, &c->salt_key);
    buf_add(&c->next, text);
    c->salt_key = strndup(salt_key.p, salt_key.n);
    if (!c->salt_key)
        abort();
    if (!c->busy)
        begin(c);
}

/* ---- reading --------------------------------------------------------------------------------- */

static const char *read_file(const char *path, struct arena *a, struct slice *text,
                             int64_t *unix_ms)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? "there is no copy of it on disk" : strerror(errno);
    bool usable = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= (off_t)SEALED_MAX;
    size_t size = usable ? (size_t)st.st_size : 0, n = 0;
    char *p = arena_alloc(a, size + 1);
    for (ssize_t got; n < size && (got = read(fd, p + n, size - n)) > 0;)
        n += (size_t)got;
    close(fd);
    *text = slice_make(p, n);
    *unix_ms = usable ? (int64_t)st.st_mtime * SECOND_MS : 0;
    return usable ? NULL : "its copy on disk is not a file, or too large";
}

bool stored_copy_get(const struct stored_copy *c, struct slice salt_key, struct arena *a,
                     struct slice *text, int64_t *unix_ms, const char **why)
{
    struct slice sealed = SLICE("");
    *why = salt_key.n ? read_file(c->path, a, &sealed, unix_ms) : "there is no salt key";
    if (!*why && !secretbox_open(salt_key, sealed, a, text))
        *why = "its copy on disk is damaged, or was sealed under another salt key";
    return !*why;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct stored_copy *stored_copy_new(uv_loop_t *loop, const char *directory)
{
    struct stored_copy *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->loop = loop;
    arena_init(&c->arena);
    buf_init(&c->next, STORED_COPY_MAX);
    buf_init(&c->text, STORED_COPY_MAX);
    c->directory = arena_strdup(&c->arena, slice_of(directory));
    c->path = arena_printf(&c->arena, "%s/" NAME, directory).p;
    c->hidden = arena_printf(&c->arena, "%s/." NAME ".%d", directory, (int)getpid()).p;
    return c;
}

void stored_copy_free(struct stored_copy *c)
{
    if (!c)
        return;
    c->closing = true;
    if (!c->busy)
        release(c);
}
