#ifndef BASE_LOG_H
#define BASE_LOG_H

/* One line per message, on standard error or in a file, as text or as JSON. Never fails: what
 * cannot be written is counted and lost. One thread. Secrets must not be passed in: keys,
 * credentials, prompts. Pure layers do not log. */

#include "base/slice.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_setup(enum log_level level, bool json);
void log_colour(bool on); /* of levels, in lines of text: for terminals */
bool log_enabled(enum log_level level);

/* Messages over 4 KiB are cut. Control characters are replaced, so one message is one line. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a message that is put together already. */
void log_line(enum log_level level, struct slice message);

/* The same, and further members of the line's object where lines are JSON: `,"name":value` …;
 * left out if they are 4 KiB or more. */
bool log_is_json(void);
void log_fields(enum log_level level, struct slice message, struct slice members);

/* Lines go to that file, behind what it has; `path` must stay. False: see errno. */
bool log_open(const char *path);
/* The file was moved away: the next lines go to a new one of its name. */
void log_reopen(void);

/* True: a thread writes, and whoever logs never waits for the disk or the pipe. A mebibyte of lines
 * may wait. After a fork only. False: what waits is written, within a second, and then each line at
 * once. */
void log_background(bool on);

uint64_t log_dropped(void); /* lines that were lost so far */

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_enabled(LOG_DEBUG))                                                                \
            log_write(LOG_DEBUG, __VA_ARGS__);                                                     \
    } while (0)

#endif
