#ifndef OBSERVE_SHELF_H
#define OBSERVE_SHELF_H

/* What a destination could not be told, in files, until it can. One shelf for each process, one row
 * of it for each sink; what stands in a row are batches of records, the oldest first.
 *
 *   DIRECTORY/<uuid>/                           of one process, which holds a lock on it (flock)
 * while it lives; mode 0700 DIRECTORY/<uuid>/<row>-<ms>-<n>-<k>.batch   k records of a row, put
 * there at that time; mode 0600 DIRECTORY/damaged-…                         what could not be read
 *
 *   file: "lintel records VERSION\n", CRC-32 of what follows (u32, the machine's byte order: the
 * file stays on its machine), then records one behind the other (record_pack.h)
 *
 *   put ─► FILE.new, flushed to the disk, renamed ─► get ─► the destination takes them ─► drop:
 * unlinked │ the disk is full: it stays in                └ it does not: nothing, the file is there
 *             ▼ memory, tried again later
 *
 * A batch is dropped when the destination has answered for it, and before the next one is asked
 * for: told twice is what the answer was lost for, or the process died between the answer and the
 * drop. What a process leaves behind is taken over, at the start and every SHELF_LOOK_MS, by
 * whichever process of the same directory has the lock first; processes never share a file.
 *
 * Bounds: limits.bytes_max and SHELF_FILES_MAX for all rows of a process (the oldest of the row
 * that wants room go, and are counted), limits.age_ms for each batch and for what is damaged.
 *
 * Who blocks: a thread of libuv's pool, at most one for each process; rows wait for each other.
 * Nothing here is called back from that thread. */

#include "base/buf.h"

#include <uv.h>

#define SHELF_FILES_MAX 10000
#define SHELF_FILE_MAX  ((size_t)32 * 1024 * 1024) /* bytes; longer ones are damaged */
#define SHELF_JOIN_MAX  64                         /* files that one get joins */
#define SHELF_LOOK_MS   60000
#define SHELF_REST_MS   5000 /* after the disk refused a batch, it is not asked again for so long */

struct shelf;
struct shelf_row;

struct shelf_limits {
    uint64_t bytes_max;
    int64_t age_ms;
};

struct shelf_stats {         /* of a row */
    uint64_t found;          /* records that other processes left behind */
    uint64_t lost;           /* records that were too old, too many, or damaged */
    uint64_t records, bytes; /* that stand there */
};

/* Makes the directory and the folder in it. NULL: `error` (static or strerror). */
struct shelf *shelf_new(uv_loop_t *loop, const char *directory, const struct shelf_limits *limits,
                        const char **error);
/* What waits to be written is not; run the loop once more after. An empty folder is removed. Rows
 * must have been left. NULL is fine. */
void shelf_free(struct shelf *s);

/* The row of a sink of that name. `ready` is called from the loop when a job of the row has ended,
 * or when something was found for it. */
struct shelf_row *shelf_enter(struct shelf *s, const char *name, void (*ready)(void *user),
                              void *user);
void shelf_leave(struct shelf_row *row); /* NULL is fine */

/* A row has one job at a time. */
bool shelf_busy(const struct shelf_row *row);
bool shelf_takes(const struct shelf_row *row); /* put may be asked: the disk has not just refused */
bool shelf_waiting(const struct shelf_row *row); /* there is something to get */
void shelf_count(const struct shelf_row *row, struct shelf_stats *s);

void shelf_put(struct shelf_row *row, struct slice bytes, unsigned records); /* copies */
bool shelf_was_put(const struct shelf_row *row); /* the last put went well */

/* The oldest, as many files as make `records_max` and `bytes_max`, but at least one. */
void shelf_get(struct shelf_row *row, size_t records_max, size_t bytes_max);
/* What the last get got; empty: nothing that could be read. Valid until the next job. */
struct slice shelf_got(const struct shelf_row *row);
/* What get got is told, or refused: its files go. */
void shelf_drop(struct shelf_row *row);
/* It is not what it should be: its files are set aside. */
void shelf_set_aside(struct shelf_row *row);

#endif
