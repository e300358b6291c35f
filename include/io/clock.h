#ifndef IO_CLOCK_H
#define IO_CLOCK_H

/* The time outside of turns (turn_now is the loop's): on other threads, and as people count it. */

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline int64_t clock_unix_ms(void) /* since 1970, UTC */
{
    return clock_ms(CLOCK_REALTIME);
}

static inline int64_t clock_steady_ms(void) /* never goes back */
{
    return clock_ms(CLOCK_MONOTONIC);
}

#endif
