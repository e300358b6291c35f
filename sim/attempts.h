#ifndef SIM_ATTEMPTS_H
#define SIM_ATTEMPTS_H

/* How often a text was asked before, for "fail the first n calls". Remembers ATTEMPTS_MAX texts;
 * the oldest is forgotten first. */

#include "base/slice.h"

#define ATTEMPTS_MAX 1024

struct attempts {
    struct {
        uint8_t digest[16];
        int64_t count;
    } v[ATTEMPTS_MAX];
    size_t n, next;
};

/* Counts this attempt; returns how many came before it. */
int64_t attempts_count(struct attempts *a, struct slice text);

#endif
