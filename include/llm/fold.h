#ifndef LLM_FOLD_H
#define LLM_FOLD_H

/* Folds the events of an answer into one response, for clients that did not ask for a stream.
 * Memory: the arena given at init; the total is capped (LLM_ANSWER_MAX), beyond which the fold
 * turns into a failure. Fed any number of events; errors show in `failure`. */

#include "base/buf.h"
#include "llm/event.h"

#define LLM_ANSWER_MAX (64u * 1024 * 1024) /* bytes of text, reasoning and arguments together */

enum llm_part_kind {
    LLM_PART_TEXT,
    LLM_PART_REASONING,
    LLM_PART_TOOL_CALL,
    LLM_PART_FOREIGN /* of EV_FOREIGN; whole, as the providers of whole answers give it */
};

struct llm_part {
    struct llm_part *next;
    enum llm_part_kind kind;
    unsigned block;      /* the provider's block index */
    struct buf text;     /* text, reasoning, the arguments' JSON, or the foreign block's */
    struct buf redacted; /* base64, reasoning only */
    struct buf signature;
    struct buf citations;  /* of a text: JSON values, separated by commas */
    struct slice id, name; /* tool call */
};

/* EV_NOTE: something beside the answer. */
struct llm_note {
    struct llm_note *next;
    struct slice name;
    struct slice json;
};

struct llm_response {
    struct slice id;        /* as the provider calls the answer, or empty */
    struct llm_part *parts; /* in order of appearance */
    struct llm_note *notes;
    bool stopped; /* `stop` is known */
    enum llm_stop stop;
    struct slice stop_sequence; /* that was met, or empty */
    struct slice stop_word;     /* the provider's, of LLM_STOP_OTHER */
    struct llm_usage usage;
    bool has_usage;
    bool complete;          /* END was seen */
    struct failure failure; /* kind FAILURE_NONE: a good answer */
    struct buf raw;         /* of EV_RAW: the upstream's own bytes, or empty */
};

struct llm_fold {
    struct llm_response response;
    struct arena *arena;
    struct llm_part **tail;
    struct llm_part *latest; /* that something was added to; NULL: none */
    size_t bytes;
};

/* All text of an answer. */
struct slice llm_response_text(const struct llm_response *r, struct arena *a);

void llm_fold_init(struct llm_fold *f, struct arena *a);
void llm_fold_event(struct llm_fold *f, const struct llm_event *e);
void llm_fold_fini(struct llm_fold *f); /* frees the parts' buffers */

#endif
