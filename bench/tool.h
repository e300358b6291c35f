#ifndef BENCH_TOOL_H
#define BENCH_TOOL_H

/* What the benchmark programs share. They end at the first thing that goes wrong: a figure from a
 * run that was not right is worth nothing. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Every piece of an answer carries this mark and then the time it was written at: CLOCK_MONOTONIC,
 * nanoseconds, STAMP_DIGITS decimal digits (0: not measured). It passes unescaped through JSON, so
 * the load generator finds it in frames and in SSE alike. */
#define STAMP_MARK   '~'
#define STAMP_DIGITS 16

#define die(...)                                                                                   \
    do {                                                                                           \
        fprintf(stderr, __VA_ARGS__);                                                              \
        fputc('\n', stderr);                                                                       \
        exit(1);                                                                                   \
    } while (0)

static inline int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline long number_argument(const char *name, const char *value)
{
    char *end = NULL;
    const long n = value ? strtol(value, &end, 10) : -1;
    if (!end || end == value || *end || n < 0)
        die("%s needs a number", name);
    return n;
}

#endif
