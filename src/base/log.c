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
#define LEVEL_WIDTH 8 /* the longest name and a space */

static enum log_level threshold = LOG_INFO;
static bool as_json;
static uint64_t dropped;

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

static void write_line(struct slice line)
{
    if (write(STDERR_FILENO, line.p, line.n) != (ssize_t)line.n)
        dropped++;
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
    write_line(buf_slice(&line));
    buf_fini(&line);
}

/* A text line is put together in place: time, level, message, line feed. */
void log_write(enum log_level level, const char *format, ...)
{
    char line[TIMESTAMP_SIZE + LEVEL_WIDTH + MESSAGE_MAX + 1];
    char *message = line + TIMESTAMP_SIZE + LEVEL_WIDTH;
    va_list args;
    if (!log_enabled(level))
        return;
    va_start(args, format);
    vsnprintf(message, MESSAGE_MAX, format, args);
    va_end(args);
    size_t n = strlen(message);
    text_clean(message, n);
    timestamp(line);
    if (as_json) {
        write_json(level, line, slice_make(message, n));
        return;
    }
    memset(line + TIMESTAMP_SIZE - 1, ' ', LEVEL_WIDTH + 1);
    memcpy(line + TIMESTAMP_SIZE, level_names[level], strlen(level_names[level]));
    message[n] = '\n';
    write_line(slice_make(line, (size_t)(message - line) + n + 1));
}
