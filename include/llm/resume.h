#ifndef LLM_RESUME_H
#define LLM_RESUME_H

/* A streamed answer that breaks off and goes on from another model: what the client has seen is
 * collected, so that it can be given to the next model as the beginning of its answer; the events
 * of the continuation are made to follow on those that were sent: one START, blocks counted on, no
 * character twice and none lost.
 *
 * A given beginning may not end in white space: the text is handed out without, and the white space
 * that the continuation begins with is dropped as far as it is what was sent already.
 *
 * A sink in front of the one that encodes. Pure. Bounded: beyond `cap` bytes of text the answer
 * cannot go on. Pieces of text hold whole characters, as everywhere. */

#include "base/buf.h"
#include "llm/event.h"

enum llm_resume_way {
    LLM_RESUME_NEVER, /* a tool call, a citation, or thinking without text was sent, or too much */
    LLM_RESUME_ANEW,  /* nothing was sent that counts: any model may begin again */
    LLM_RESUME_PREFILL,  /* by a model that accepts the beginning of its answer */
    LLM_RESUME_COMPLETE, /* the model had stopped: nothing is missing but the counts */
};

struct llm_resume {
    struct llm_sink sink; /* events go in here … */
    struct llm_sink to;   /* … and on to there */
    struct buf text;      /* that was sent */
    bool only_anew;       /* see llm_resume_only_anew() */
    bool lost;            /* something was sent that no continuation can follow */
    bool reasoned;        /* thinking was sent */
    bool stopped;         /* STOP was sent */
    bool began;           /* a block was sent: `last` is the highest index … */
    unsigned last;
    bool open;   /* … and its block is a text that has not ended */
    bool again;  /* what comes is a continuation … */
    bool joined; /* … whose first block came: its indexes are shifted by … */
    unsigned shift;
    size_t skip; /* bytes at the end of `text` that the continuation may say again */
};

void llm_resume_init(struct llm_resume *r, struct llm_sink to, size_t cap);
void llm_resume_fini(struct llm_resume *r);

enum llm_resume_way llm_resume_way(const struct llm_resume *r);

/* The beginning to give to the next model; empty for LLM_RESUME_ANEW. Valid until the next event.
 */
struct slice llm_resume_prefill(const struct llm_resume *r);

/* No text will be asked for: collects nothing any more. An answer of which something was sent that
 * counts cannot go on. */
void llm_resume_only_anew(struct llm_resume *r);

/* The answer broke off; what comes from here on continues it. */
void llm_resume_again(struct llm_resume *r);

#endif
