#ifndef LLM_EVENT_H
#define LLM_EVENT_H

/* The neutral answer: a stream of events whose grammar follows ConverseStream
 *
 *     START (BLOCK_START? (TEXT | REASONING | SIGNATURE | REDACTED | TOOL_ARGS | CITATION)*
 *       BLOCK_STOP | FOREIGN (FOREIGN)* BLOCK_STOP)* STOP NOTE* USAGE? END
 *                                                 or, at any point:  FAIL
 *
 * Text and reasoning blocks have no BLOCK_START (their first delta opens them); tool-use blocks
 * have one. Providers emit events for whole answers too, so that everything behind them has one
 * shape. Slices are valid during the call. */

#include "base/json.h"
#include "llm/failure.h"

enum llm_event_kind {
    EV_START,       /* the answer begins; id: the provider's name for it, or empty; usage: what is
                       known of it by now, or NULL */
    EV_BLOCK_START, /* a tool call: id, name */
    EV_TEXT,        /* text */
    EV_REASONING,   /* text: thinking in clear */
    EV_SIGNATURE,   /* text: signature over the block's thinking */
    EV_REDACTED,    /* text: base64 of encrypted thinking */
    EV_TOOL_ARGS,   /* text: next piece of the arguments' JSON */
    EV_CITATION,    /* json: one citation of the text around it, in the provider's form */
    EV_FOREIGN,     /* json: a block of a kind that has no neutral form (a server tool's), in
                       Anthropic's words: its beginning, then its deltas. Dialects of other words
                       leave it out */
    EV_BLOCK_STOP,
    EV_STOP,  /* stop; text: the stop sequence that was met, where known; name: the provider's word
                 for LLM_STOP_OTHER */
    EV_NOTE,  /* name, json: something the provider tells beside ("trace", "service_tier") */
    EV_USAGE, /* usage: comes after STOP */
    EV_END,   /* the answer is complete */
    EV_FAIL,  /* failure; nothing follows */
    EV_RAW    /* text: the next bytes of the upstream's answer as they came, for clients that speak
                 its language (llm_request.native). Comes anywhere before END */
};

enum llm_stop {
    LLM_STOP_END_TURN,
    LLM_STOP_SEQUENCE,
    LLM_STOP_TOOL_USE,
    LLM_STOP_MAX_TOKENS,
    LLM_STOP_CONTENT_FILTER,
    LLM_STOP_CONTEXT_WINDOW,     /* the window was full before the answer was complete */
    LLM_STOP_MALFORMED_TOOL_USE, /* the model broke off in a tool call */
    LLM_STOP_MALFORMED_OUTPUT,
    LLM_STOP_OTHER /* a reason added later, or one that only its provider's clients know */
};

/* Token counts; the four parts of the input do not overlap. */
struct llm_usage {
    int64_t input; /* uncached */
    int64_t output;
    int64_t cache_read;
    int64_t cache_write;    /* all of it */
    int64_t cache_write_1h; /* the part with the one-hour TTL */
    int64_t reasoning;      /* part of output */
    bool tells_cache;       /* the provider said something of the cache, if only 0 … */
    bool tells_ttl;         /* … and which TTL was written for */
    bool tells_thinking;    /* `reasoning` is the provider's figure, not an estimate */
    bool estimated;         /* the provider did not say: counted by llm/estimate.h */
    bool has_cost;          /* `cost` is known */
    double cost;            /* USD */
};

int64_t llm_usage_prompt(const struct llm_usage *u); /* all input */
/* What was written to the prompt cache, by how long it holds: an object with Anthropic's names. */
void llm_usage_write_lifetimes(struct json_writer *w, const struct llm_usage *u);

struct llm_event {
    enum llm_event_kind kind;
    unsigned block; /* the provider's block index */
    struct slice text;
    struct slice id;
    struct slice name;
    yyjson_val *json;
    enum llm_stop stop;
    const struct llm_usage *usage;
    const struct failure *failure;
};

/* Where events go. */
struct llm_sink {
    void (*event)(void *user, const struct llm_event *event);
    void *user;
};

#endif
