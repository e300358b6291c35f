#ifndef GATEWAY_THINKING_H
#define GATEWAY_THINKING_H

/* The signed thinking of one answer, as bytes that can be kept and put back into a later request.
 * Pure. What cannot be kept whole (too large, without signature, in an order nobody knows) is not
 * kept at all: half a turn's thinking is refused by the model.
 *
 * A record, integers little-endian:
 *     version (1)  bytes that follow (4)  field*        field: tag (1)  bytes (4)  its content
 *     fields: (THINKING_TEXT THINKING_SIGNATURE | THINKING_REDACTED)+ THINKING_TURN */

#include "base/buf.h"
#include "llm/event.h"
#include "llm/request.h"

#define THINKING_VERSION   1
#define THINKING_MAX       (1024 * 1024) /* bytes of a record */
#define THINKING_CALLS_MAX 64            /* of one answer; those beyond are not kept */
#define THINKING_ID_MAX    128           /* bytes; Bedrock's ids have at most 64 */

enum thinking_tag {
    THINKING_NOTHING,
    THINKING_TEXT = 'T',
    THINKING_SIGNATURE = 'S',
    THINKING_REDACTED = 'R', /* base64 */
    THINKING_TURN = 'I'      /* id of the answer's first tool call: names the turn */
};

/* ---- taking it down -------------------------------------------------------------------------- */

struct thinking_call {
    struct thinking_call *next;
    struct slice id;
};

struct thinking_capture {
    bool on;               /* somebody wants it */
    bool broken;           /* it cannot be kept */
    enum thinking_tag tag; /* of the field at the end */
    unsigned block;        /* of the answer, whose field that is */
    size_t field;          /* where it begins */
    struct buf record;     /* allocates nothing before there is thinking */
    struct arena *arena;
    struct thinking_call *calls, *last; /* in order */
    unsigned call_count;
};

/* The arena takes the ids of the answer's tool calls. */
void thinking_capture_init(struct thinking_capture *c, struct arena *a, bool on);
void thinking_capture_fini(struct thinking_capture *c);

void thinking_capture_event(struct thinking_capture *c, const struct llm_event *e);

/* The same, at no cost for what is not thinking: this stands in the path of every token. */
static inline void thinking_capture(struct thinking_capture *c, const struct llm_event *e)
{
    if (c->on && e->kind >= EV_BLOCK_START && e->kind <= EV_REDACTED && e->kind != EV_TEXT)
        thinking_capture_event(c, e);
}

/* The answer is complete. The record, valid as long as the capture; p == NULL: nothing to keep. */
struct slice thinking_capture_end(struct thinking_capture *c);

/* ---- reading it ------------------------------------------------------------------------------ */

struct thinking {
    struct llm_block *blocks; /* LLM_REASONING, `recalled`; in order, at least one */
    struct slice turn;
};

/* Points into the record; blocks in the arena. False: it is not a record (of this version). */
bool thinking_decode(struct slice record, struct arena *a, struct thinking *t);

#endif
