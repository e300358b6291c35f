#include "base/log.h"

#include "base/json.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAX 4096
#define WAITING_MAX (32 * 1024) /* bytes of deferred lines; more than the longest line */
#define LEVEL_WIDTH 8           /* the longest name and a space */

static enum log_level threshold = LOG_INFO;
static bool as_json;
static uint64_t dropped;
static bool deferred;
static char waiting_text[WAITING_MAX];
static size_t waiting; /* bytes in it */

static const char *const level_names[] = {"ERROR", "WARNING", "INFO", "DEBUG"};

void log_setup(enum log_level level, bool json)
{
    threshold = level;
    as_json = json;
}

bool log_enabled(enum log_level level)
{
    return level <= threshold;
}

uint64_t log_dropped(void)
{
    return dropped;
}

#define TIMESTAMP_SIZE 25 /* "2026-11-20T23:47:00.123Z" and the NUL */

/* RFC 3339 in UTC, with milliseconds; the calendar is asked once a second. */
static void timestamp(char out[TIMESTAMP_SIZE])
{
    static char second[TIMESTAMP_SIZE];
    static time_t second_of;
    struct timeval tv;
    struct tm tm;
    gettimeofday(&tv, NULL);
    if (tv.tv_sec != second_of && gmtime_r(&tv.tv_sec, &tm)) {
        strftime(second, sizeof(second), "%Y-%m-%dT%H:%M:%S.", &tm);
        second_of = tv.tv_sec;
    }
    unsigned ms = (unsigned)(tv.tv_usec / 1000);
    memcpy(out, second, sizeof(second));
    out[20] = (char)('0' + ms / 100 % 10);
    out[21] = (char)('0' + ms / 10 % 10);
    out[22] = (char)('0' + ms % 10);
    memcpy(out + 23, "Z", 2);
}

void log_flush(void)
{
    if (waiting && write(STDERR_FILENO, waiting_text, waiting) != (ssize_t)waiting)
        dropped++;
    waiting = 0;
}

void log_defer(bool defer)
{
    deferred = defer;
    log_flush();
}

static void write_line(enum log_level level, struct slice line)
{
    if (line.n > sizeof(waiting_text) - waiting)
        log_flush();
    if (line.n > sizeof(waiting_text))
        return;
    memcpy(waiting_text + waiting, line.p, line.n);
    waiting += line.n;
    if (!deferred || level <= LOG_WARN)
        log_flush();
}

static void write_json(enum log_level level, const char *when, struct slice message)
{
    struct buf line;
    struct json_writer w;
    buf_init(&line, (size_t)8 * MESSAGE_MAX);
    json_begin(&w, &line);
    json_object(&w);
    json_member_string(&w, "timestamp", slice_of(when));
    json_member_string(&w, "level", slice_of(level_names[level]));
    json_member_string(&w, "message", message);
    json_object_end(&w);
    buf_add_char(&line, '\n');
    write_line(level, buf_slice(&line));
    buf_fini(&line);
}

/* Time, level, message, line feed; the message is cleaned where it lies. */
static void write_text(enum log_level level, const char *when, struct slice message)
{
    char line[TIMESTAMP_SIZE + LEVEL_WIDTH + MESSAGE_MAX + 1];
    char *p = line + TIMESTAMP_SIZE + LEVEL_WIDTH;
    memcpy(line, when, TIMESTAMP_SIZE);
    memset(line + TIMESTAMP_SIZE - 1, ' ', LEVEL_WIDTH + 1);
    memcpy(line + TIMESTAMP_SIZE, level_names[level], strlen(level_names[level]));
    memcpy(p, message.p, message.n);
    p[message.n] = '\n';
    write_line(level, slice_make(line, (size_t)(p - line) + message.n + 1));
}

void log_line(enum log_level level, struct slice message)
{
    char clean[MESSAGE_MAX], when[TIMESTAMP_SIZE];
    if (!log_enabled(level))
        return;
    size_t n = message.n < sizeof(clean) ? message.n : sizeof(clean) - 1;
    if (n)
        memcpy(clean, message.p, n);
    text_clean(clean, n);
    timestamp(when);
    (as_json ? write_json : write_text)(level, when, slice_make(clean, n));
}

void log_write(enum log_level level, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    if (!log_enabled(level))
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    log_line(level, slice_of(message));
}
