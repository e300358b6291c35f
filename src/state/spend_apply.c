/* Batches of the spool → transactions.
 *
 * Happy path: read a batch, note its last number, write it, commit.
 *
 * Failure modes: the note is not as expected: read it, and leave out what it says is written. The
 * database is away: the same batch comes again later. The database refuses the batch: each record
 * by itself; one that is refused alone goes without its JSON, so that its money counts; refused
 * even so, it goes to a file that people may look at, and its number is noted; when there is no
 * room for that either it stays in the spool and comes again. */

#include "spend_apply.h"

#include "spend_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct batch {
    struct spool_record records[SPOOL_RECORDS_MAX];
    struct spend spends[SPOOL_RECORDS_MAX];
    size_t count;
};

/* ---- the note -------------------------------------------------------------------------------- */

/* First in the transaction: whoever else is about to write the same batch waits here. */
static void add_note(const struct spend_reader *r, struct store_job *job, uint64_t last)
{
    struct slice id = slice_of(r->file->id);
    struct store_cell cells[] = {{"written", store_integer((int64_t)last), STORE_SET},
                                 {"spool_id", store_text(id), STORE_SET}};
    struct store_where where[] = {
        {"spool_id", STORE_EQ, store_text(id), 0},
        {"written", STORE_EQ, store_integer((int64_t)r->written), 0},
    };
    if (r->noted)
        store_update(job, TABLE_LINTEL_SPOOL, cells, 1, where, 2);
    else
        store_insert(job, TABLE_LINTEL_SPOOL, cells, 2);
    store_expect(job, 1);
}

static bool read_note(struct spend_reader *r, struct db *db)
{
    struct store_job job;
    struct store_where where = {"spool_id", STORE_EQ, store_text(slice_of(r->file->id)), 0};
    store_job_init(&job);
    store_select(&job, &(struct store_query){
                           .table = TABLE_LINTEL_SPOOL, .where = &where, .where_count = 1});
    db_run(db, &job);
    bool ok = job.status == STORE_OK;
    if (ok) {
        const struct store_rows *rows = store_job_rows(&job, 0);
        r->noted = rows->count != 0;
        if (r->noted)
            r->written = (uint64_t)store_rows_number(rows, 0, "written");
    }
    store_job_fini(&job);
    return ok;
}

void spend_forget(struct spend_reader *r, struct db *db)
{
    struct store_job job;
    struct store_where where = {"spool_id", STORE_EQ, store_text(slice_of(r->file->id)), 0};
    store_job_init(&job);
    store_delete(&job, TABLE_LINTEL_SPOOL, &where, 1);
    db_run(db, &job);
    store_job_fini(&job);
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum store_status write_spends(struct spend_reader *r, struct db *db,
                                      const struct spend *spends, size_t n, uint64_t last)
{
    struct store_job job;
    store_job_init(&job);
    add_note(r, &job, last);
    spend_add_statements(&job, spends, n);
    db_run(db, &job);
    enum store_status status = job.status;
    store_job_fini(&job);
    if (status == STORE_OK) {
        r->written = last;
        r->noted = true;
        r->records += n;
    }
    return status;
}

static bool append_line(int fd, struct slice text)
{
    struct buf line;
    off_t before = lseek(fd, 0, SEEK_END);
    buf_init(&line, SIZE_MAX);
    buf_add(&line, text);
    buf_add_char(&line, '\n');
    errno = 0;
    bool ok = write(fd, line.p, line.n) == (ssize_t)line.n && fdatasync(fd) == 0;
    int why = errno ? errno : ENOSPC;
    if (!ok && before >= 0 && ftruncate(fd, before) < 0)
        why = errno;
    buf_fini(&line);
    errno = why;
    return ok;
}

/* False: it cannot be kept; it stays in the spool, with all that follows. */
static bool keep_refused(struct spend_reader *r, const struct spool_record *record)
{
    char path[4096];
    if (r->kept == record->number)
        return true; /* what came after failed: it is there already */
    snprintf(path, sizeof(path), "%s/%s.refused", r->directory, r->file->id);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && append_line(fd, record->text);
    snprintf(r->trouble, sizeof(r->trouble), "%s", ok ? "" : strerror(errno));
    if (fd >= 0)
        close(fd);
    if (ok) {
        r->kept = record->number;
        r->refused++;
    }
    return ok;
}

static struct spend without_json(const struct spend *spend)
{
    struct spend s = *spend;
    s.metadata = s.messages = s.response = s.request = s.tags = slice_make(NULL, 0);
    return s;
}

static bool is_away(enum store_status status)
{
    return status == STORE_UNAVAILABLE || status == STORE_BUSY;
}

/* False: the database is away, or what it refuses cannot be kept. */
static bool write_alone(struct spend_reader *r, struct db *db, const struct spool_record *record,
                        const struct spend *spend)
{
    enum store_status status = write_spends(r, db, spend, 1, record->number);
    if (status != STORE_OK && !is_away(status)) {
        struct spend bare = without_json(spend);
        status = write_spends(r, db, &bare, 1, record->number);
    }
    if (status == STORE_OK || is_away(status))
        return status == STORE_OK;
    return keep_refused(r, record) && write_spends(r, db, NULL, 0, record->number) == STORE_OK;
}

static bool write_one_by_one(struct spend_reader *r, struct db *db, const struct batch *b)
{
    bool ok = true;
    for (size_t i = 0; ok && i < b->count; i++)
        if (b->records[i].number > r->written)
            ok = write_alone(r, db, &b->records[i], &b->spends[i]);
    return ok;
}

/* ---- a batch --------------------------------------------------------------------------------- */

static size_t first_new(const struct spend_reader *r, const struct batch *b)
{
    size_t i = 0;
    while (i < b->count && b->records[i].number <= r->written)
        i++;
    return i;
}

static bool write_batch(struct spend_reader *r, struct db *db, struct batch *b)
{
    uint64_t last = b->records[b->count - 1].number;
    for (int attempt = 0; attempt < 2; attempt++) {
        size_t first = first_new(r, b);
        if (first == b->count)
            return true;
        enum store_status status = write_spends(r, db, &b->spends[first], b->count - first, last);
        if (status == STORE_OK || is_away(status))
            return status == STORE_OK;
        if (status != STORE_CONFLICT || !read_note(r, db))
            break;
    }
    return db->handle && write_one_by_one(r, db, b);
}

/* What is no record is passed over: it cannot come from this program. */
static void decode(struct batch *b, struct arena *a)
{
    for (size_t i = 0; i < b->count; i++)
        if (!spend_decode(b->records[i].text, a, &b->spends[i]))
            b->spends[i] = (struct spend){.no_row = true, .no_count = true};
}

enum spend_result spend_apply(struct spend_reader *r, struct db *db, uint64_t end, uint64_t *place)
{
    enum spend_result result = SPEND_AWAY;
    bool broken = false;
    uint64_t next = 0;
    struct arena a;
    arena_init(&a);
    struct batch *b = ARENA_NEW(&a, struct batch);
    b->count = spool_read(r->file, end, &a, b->records, &next, &broken);
    *place = r->file->place;
    if (!b->count) {
        result = broken ? SPEND_BROKEN : SPEND_DONE;
    } else {
        decode(b, &a);
        if (write_batch(r, db, b)) {
            *place = next;
            result = SPEND_MORE;
        }
    }
    arena_fini(&a);
    return result;
}
