#ifndef SIM_QUOTA_H
#define SIM_QUOTA_H

/* Bedrock's request quota (--rate): each model has a bucket that fills with so many calls a second
 * and holds a quarter of a second's, at least one. What is refused takes nothing. Pure: the time is
 * an argument. Remembers QUOTA_MODELS ids; a further one takes the place of the oldest, and begins
 * with a full bucket. */

#include "base/slice.h"

#define QUOTA_MODELS 64

struct quota {
    int64_t rate; /* calls a second; 0: no limit */
    uint64_t admitted, refused;
    struct {
        uint64_t id; /* hash of the model id; 0: unused */
        double calls;
        int64_t at; /* ms, when it held them */
    } v[QUOTA_MODELS];
    size_t n, next;
};

/* Forgets everything but the rate. */
void quota_reset(struct quota *q);

/* Whether the model takes one more call now (ms). */
bool quota_admit(struct quota *q, struct slice model, int64_t now);

#endif
