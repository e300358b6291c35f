#ifndef SIM_PLAN_H
#define SIM_PLAN_H

/* A streamed answer worked out beforehand: its event-stream frames, how long to wait before each,
 * and how it ends. The server only plays it. Pure. */

#include "answer.h"

#define PLAN_BYTES_MAX (128 * 1024 * 1024)

struct pace {
    int64_t first_ms; /* before the head of the reply */
    int64_t gap_ms;   /* before each content delta but the first */
    size_t chunk_bytes;
};

struct plan_frame {
    size_t n;        /* bytes, behind those of the frames before */
    int64_t wait_ms; /* after the frame before (the first: after the head) */
};

enum plan_end {
    PLAN_COMPLETE, /* the body ends properly */
    PLAN_CUT,      /* the connection is closed: the last frame is half a frame */
};

struct plan {
    struct buf bytes; /* all frames */
    struct plan_frame *frames;
    size_t count, size;
    enum plan_end end;
    bool failed;        /* the stream does not tell the whole answer */
    int64_t head_ms;    /* before the head */
    int64_t latency_ms; /* all waiting together */
};

void plan_init(struct plan *p);
void plan_fini(struct plan *p); /* frees; as after plan_init */

void plan_stream(struct plan *p, const struct answer *answer, const struct script *script,
                 const struct pace *pace);

/* Time until a whole (not streamed) answer of the same length. */
int64_t plan_whole_ms(const struct answer *answer, const struct script *script,
                      const struct pace *pace);

#endif
