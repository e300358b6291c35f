#ifndef SIM_FRAMES_H
#define SIM_FRAMES_H

/* The frames of one streamed answer, as the grammars (Converse, Claude's own, Titan's) add them:
 * framing, padding, pace, and what the script wants to go wrong. Pure. */

#include "plan.h"

struct frames {
    struct plan *plan;
    const struct script *script;
    struct pace pace;
    bool chunks;        /* InvokeModel: an event is the base64 in a "chunk" */
    int64_t deltas;     /* content deltas so far */
    int64_t wait_ms;    /* before the next frame */
    bool over;          /* nothing more is added */
    bool silent, broke; /* silence and badcrc are used up */
    size_t padding;
    struct buf event, payload;
};

void frames_init(struct frames *f, struct plan *p, const struct script *script,
                 const struct pace *pace, bool chunks);
void frames_fini(struct frames *f);

/* One event: an object is open between the two calls. `name`: the frame's event type (not with
 * chunks). `last`: the content is told; what should have happened "after N chunks" happens now. */
void frames_begin(struct frames *f, struct json_writer *w);
void frames_end(struct frames *f, struct json_writer *w, struct slice name, bool last);

/* To be called before and after the event that carries a content delta. */
void frames_delta_begin(struct frames *f);
void frames_delta_end(struct frames *f);

/* The next piece of a text: whole characters, at least one, as much as the pace says. */
struct slice frames_piece(const struct frames *f, struct slice *rest);

/* "amazon-bedrock-invocationMetrics", with which the last chunk of a stream ends; `cache`: with the
 * counts of the cache. */
void frames_write_metrics(const struct frames *f, struct json_writer *w, const struct usage *u,
                          bool cache);

#endif
