#ifndef BASE_LOG_WRITER_H
#define BASE_LOG_WRITER_H

/* Lines on their way to the log's descriptor: written at once, or, once log_writer_start was
 * called, by a thread of their own, so that whoever adds never waits for a disk or a pipe. One
 * thread adds.
 *
 * Bounds: LOG_WAITING_MAX bytes wait, and as many are being written; a line that does not fit is
 * lost and counted. */

#include "base/slice.h"

#define LOG_WAITING_MAX   (1024 * 1024)
#define LOG_MANY          (128 * 1024) /* bytes that wait no longer */
#define LOG_GATHER_MS     10   /* lines wait so long for others, for one write of all of them */
#define LOG_WRITER_END_MS 1000 /* for what waits, at the end */

/* Everything goes to that file from now on, behind what it has; false: see errno. `path` must stay.
 */
bool log_writer_open(const char *path);
void log_writer_reopen(void); /* the file of that name, which may be another one by now */

void log_writer_start(void); /* a process that forks does so before */
void log_writer_stop(void);  /* lines are written at once again; one that does not start is fine */

/* Whole lines. `urgent`: without waiting for others. False: they are lost. */
bool log_writer_add(struct slice lines, bool urgent);

uint64_t log_writer_lost(void); /* lines so far */

#endif
