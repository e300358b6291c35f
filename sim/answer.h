#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

/* What the simulated model says: a list of blocks and a reason to stop, from a request that was
 * found valid. Pure and deterministic: the same body gives the same answer. */

#include "script.h"
#include "usage.h"

#define ANSWER_BLOCKS_MAX 16

/* In which words it is told. */
enum grammar {
    GRAMMAR_CONVERSE,
    GRAMMAR_CLAUDE, /* Anthropic's own */
    GRAMMAR_TITAN,  /* Titan text's own */
};

struct answer_block {
    enum block_kind kind;   /* BLOCK_TEXT, BLOCK_REASONING or BLOCK_TOOL_USE */
    struct slice text;      /* text, thinking, or the tool's input as JSON */
    struct slice signature; /* reasoning */
    struct slice id, name;  /* tool use */
    struct slice cited;     /* text: what it cites; p == NULL: nothing */
    struct slice title;     /* of the document cited */
    size_t hidden;          /* bytes of thinking that are not shown, but counted */
    bool redacted;          /* reasoning: the text is opaque data, base64 */
    bool partial;           /* the input was cut by the token limit: no valid JSON */
};

struct answer {
    enum grammar grammar;
    struct slice id, model; /* Claude's own: of the message, and who says it */
    bool cache_first;       /* Claude's own: message_start has the cache counts, not message_stop */
    struct answer_block blocks[ANSWER_BLOCKS_MAX];
    size_t n;
    struct slice stop;              /* "end_turn", … */
    struct slice stop_sequence;     /* the one that ended it; p == NULL: none did */
    bool wants_stop_sequence;       /* additionalModelResponseFieldPaths asks for /stop_sequence */
    bool wants_thinking_tokens;     /* … for /usage/output_tokens_details */
    yyjson_val *performance, *tier; /* of the request, told back; NULL: none */
    struct usage usage;
};

struct question {
    enum grammar grammar;
    yyjson_val *body;      /* of Converse, also where the request was another */
    struct slice text;     /* the body as it arrived */
    struct slice model_id; /* as it stands in the path, decoded */
    const struct model *model;
    const struct script *script;
    struct arena *arena;
};

/* `usage` holds the input counts; the output is counted here. */
void answer_make(const struct question *q, const struct usage *usage, struct answer *out);

#endif
