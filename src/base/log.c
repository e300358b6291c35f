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

/* RFC 3339 in UTC, with milliseconds. */
static void timestamp(char out[32])
{
    struct timeval tv;
    struct tm tm;
    gettimeofday(&tv, NULL);
    gmtime_r(&tv.tv_sec, &tm);
    size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, 32 - n, ".%03dZ", (int)(tv.tv_usec / 1000));
}

static void format_line(struct buf *line, enum log_level level, const char *message)
{
    char when[32];
    struct json_writer w;
    timestamp(when);
    if (!as_json) {
        buf_addf(line, "%s %-7s %s\n", when, level_names[level], message);
        return;
    }
    json_begin(&w, line);
    json_object(&w);
    json_member_string(&w, "timestamp", slice_of(when));
    json_member_string(&w, "level", slice_of(level_names[level]));
    json_member_string(&w, "message", slice_of(message));
    json_object_end(&w);
    buf_add_char(line, '\n');
}

void log_write(enum log_level level, const char *format, ...)
{
    char message[MESSAGE_MAX];
    struct buf line;
    va_list args;
    if (!log_enabled(level))
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    text_clean(message, strlen(message));
    buf_init(&line, (size_t)8 * MESSAGE_MAX);
    format_line(&line, level, message);
    if (write(STDERR_FILENO, line.p, line.n) != (ssize_t)line.n)
        dropped++;
    buf_fini(&line);
}
