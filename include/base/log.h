#ifndef BASE_LOG_H
#define BASE_LOG_H

/* One line per message on standard error, as text or as JSON. Never blocks for longer than one
 * write(2) and never fails: what cannot be written is counted and dropped.
 * Secrets must not be passed in: keys, credentials, prompts. Pure layers do not log. */

#include "base/slice.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_setup(enum log_level level, bool json);
bool log_enabled(enum log_level level);

/* Messages over 4 KiB are cut. Control characters are replaced, so one message is one line. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a message that is put together already. */
void log_line(enum log_level level, struct slice message);

/* From log_defer(true) on, messages below LOG_WARN wait in 32 KiB of memory until log_flush, which
 * a loop calls once a turn: one write(2) for all requests of the turn. Others are written at once,
 * with what waits before them. log_defer(false) flushes. */
void log_defer(bool defer);
void log_flush(void);

uint64_t log_dropped(void); /* writes that failed so far */

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_enabled(LOG_DEBUG))                                                                \
            log_write(LOG_DEBUG, __VA_ARGS__);                                                     \
    } while (0)

#endif
