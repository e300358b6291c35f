#include "base/log.h"

#include "base/json.h"
#include "base/text.h"
#include "log_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define MESSAGE_MAX 4096
#define LEVEL_MAX   24                /* bytes of a level with its colour */
#define JSON_MAX    (4 * MESSAGE_MAX) /* bytes of a line, whatever is escaped in it */

static enum log_level threshold = LOG_INFO;
static bool as_json, coloured;
static uint64_t lost_told; /* lines that the log says are lost */

static const char *const level_names[] = {"ERROR", "WARNING", "INFO", "DEBUG"};
static const char *const level_columns[2][4] = {
    {" ERROR   ", " WARNING ", " INFO    ", " DEBUG   "},
    {" \x1b[31mERROR\x1b[0m   ", " \x1b[33mWARNING\x1b[0m ", " \x1b[32mINFO\x1b[0m    ",
     " \x1b[2mDEBUG\x1b[0m   "}};

void log_setup(enum log_level level, bool json)
{
    threshold = level;
    as_json = json;
}

void log_colour(bool on)
{
    coloured = on;
}

bool log_enabled(enum log_level level)
{
    return level <= threshold;
}

bool log_is_json(void)
{
    return as_json;
}

bool log_open(const char *path)
{
    return log_writer_open(path);
}

void log_reopen(void)
{
    log_writer_reopen();
}

void log_background(bool on)
{
    (on ? log_writer_start : log_writer_stop)();
}

uint64_t log_dropped(void)
{
    return log_writer_lost();
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

static bool write_line(enum log_level level, struct slice line)
{
    return log_writer_add(line, level <= LOG_WARN);
}

/* `members`: of the object, with a comma in front. */
static bool write_json(enum log_level level, const char *when, struct slice message,
                       struct slice members)
{
    char room[JSON_MAX];
    struct buf line = {.p = room, .size = sizeof(room), .cap = sizeof(room)};
    struct json_writer w;
    json_begin(&w, &line);
    json_object(&w);
    json_member_string(&w, "timestamp", slice_of(when));
    json_member_string(&w, "level", slice_of(level_names[level]));
    json_member_string(&w, "message", message);
    buf_add(&line, members);
    json_object_end(&w);
    buf_add_char(&line, '\n');
    return write_line(level, buf_slice(&line));
}

static bool write_text(enum log_level level, const char *when, struct slice message)
{
    char room[TIMESTAMP_SIZE + LEVEL_MAX + MESSAGE_MAX + 1];
    struct buf line = {.p = room, .size = sizeof(room), .cap = sizeof(room)};
    buf_add(&line, slice_of(when));
    buf_add(&line, slice_of(level_columns[coloured][level]));
    buf_add(&line, message);
    buf_add_char(&line, '\n');
    return write_line(level, buf_slice(&line));
}

/* A copy that is one line of UTF-8. */
static struct slice clean(struct slice text, char room[MESSAGE_MAX])
{
    size_t n = text.n < MESSAGE_MAX ? text.n : MESSAGE_MAX - 1;
    if (n)
        memcpy(room, text.p, n);
    text_clean(room, n);
    return slice_make(room, n);
}

static bool put_line(enum log_level level, struct slice message, struct slice members)
{
    char room[MESSAGE_MAX], more[MESSAGE_MAX], when[TIMESTAMP_SIZE];
    timestamp(when);
    if (!as_json)
        return write_text(level, when, clean(message, room));
    if (members.n >= MESSAGE_MAX)
        members.n = 0;
    return write_json(level, when, clean(message, room), clean(members, more));
}

/* There is room again. */
static void tell_lost(void)
{
    char room[MESSAGE_MAX];
    uint64_t lost = log_writer_lost();
    if (lost == lost_told)
        return;
    int n = snprintf(room, sizeof(room), "%llu lines of the log were lost before this one",
                     (unsigned long long)(lost - lost_told));
    lost_told = lost;
    put_line(LOG_WARN, slice_make(room, (size_t)n), slice_make(NULL, 0));
}

void log_fields(enum log_level level, struct slice message, struct slice members)
{
    if (log_enabled(level) && put_line(level, message, members))
        tell_lost();
}

void log_line(enum log_level level, struct slice message)
{
    log_fields(level, message, slice_make(NULL, 0));
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
