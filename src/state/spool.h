#ifndef STATE_SPOOL_H
#define STATE_SPOOL_H

/* Records on their way to the database, in a file that survives the process.
 *
 * A spool is one file, DIRECTORY/<uuid>.spool, of one process, which holds a lock on it (flock) as
 * long as it lives. Records have consecutive numbers, from 1; the database notes the last one that
 * it has taken. A file whose lock nobody holds was left behind, and anybody may take it over.
 *
 *   file:   "lintel spool 1\n", then frames
 *   frame:  bytes of the record (u32), CRC-32 of all that follows (u32), number (u64), record
 *           in the machine's byte order: the file stays on its machine
 *
 * Two threads: spool_add comes from the loop; a thread of the spool's own appends what came to the
 * file every SPEND_SPOOL_MS; the store's thread reads. */

#include "base/arena.h"
#include "base/buf.h"

struct spool;

struct spool_record {
    uint64_t number;
    struct slice text; /* in the arena */
};

/* A file as a reader sees it: one's own, or one that was left behind. */
struct spool_file {
    int fd; /* -1: none */
    char *path;
    char id[40];
    uint64_t place; /* bytes: the next frame to read */
};

#define SPOOL_CHUNK       ((size_t)1024 * 1024) /* bytes that are read at once, or one record */
#define SPOOL_RECORDS_MAX 500                   /* that are read at once */

struct spool_limits {
    size_t pending_max; /* bytes in memory */
    uint64_t file_max;  /* bytes in the file */
    size_t record_max;  /* bytes of one record */
    unsigned delay_ms;  /* a record waits at most so long in memory */
};

struct spool_counts {
    uint64_t taken, dropped; /* records */
    uint64_t waiting;        /* bytes in memory and in the file that are not read to the end */
    char trouble[128];       /* why records are dropped or cannot be appended; "" */
};

/* Makes the directory, the file and the thread. `more` is called from that thread when there is
 * something to read. NULL: `error` (static or strerror). */
struct spool *spool_open(const char *directory, const struct spool_limits *limits,
                         void (*more)(void *user), void *user, const char **error);

/* From the loop. Copies. */
void spool_add(struct spool *s, struct slice record);

/* ---- the reader ------------------------------------------------------------------------------ */

struct spool_file *spool_reader(struct spool *s); /* place: what is not taken yet */
uint64_t spool_end(struct spool *s);              /* bytes that may be read */
/* The database took everything up to `place`, where reading goes on. When that is the end, and the
 * file has grown, it is cut. */
void spool_taken(struct spool *s, uint64_t place);
/* While true, each append is flushed to the disk, and so is what is there now. */
void spool_flush(struct spool *s, bool flush);
void spool_count(struct spool *s, struct spool_counts *counts);

/* Appends what waits and ends the thread; nothing may be added any more. */
void spool_stop(struct spool *s);
/* After spool_stop. A file that was read to its end is removed. */
void spool_free(struct spool *s);
bool spool_is_read(struct spool *s); /* after spool_stop: nothing is left */

/* The next records from the file's place up to `end`, and where the place will be behind them. 0:
 * none; `*broken`: what follows is no frame. */
size_t spool_read(const struct spool_file *f, uint64_t end, struct arena *a,
                  struct spool_record *records, uint64_t *next, bool *broken);

/* A spool in the directory that nobody holds; fd -1: none. Locked until spool_file_close. */
struct spool_file spool_find_left(const char *directory, uint64_t *end);
void spool_file_remove(const struct spool_file *f); /* from the directory, for good */
void spool_file_close(struct spool_file *f);

#endif
