#ifndef PROVIDER_BEDROCK_DECODER_H
#define PROVIDER_BEDROCK_DECODER_H

/* What the answers of all of Bedrock's APIs have in common: event-stream frames or one JSON
 * document, exceptions in frames, HTTP errors, tool calls and why the model stopped. Each API hands
 * in its form; the decoder calls it with parsed JSON and the form answers with bedrock_emit*.
 *
 * A form that needs memory of its own puts a struct bedrock_decoder first in a struct of its own:
 * feed, finish and fini then work on both. */

#include "bedrock.h"

#include "wire/eventstream.h"

struct bedrock_decoder;

struct bedrock_form {
    const char *not_ours; /* "it is not a Converse answer" */
    /* One event of a stream; for InvokeModel's `chunk` events the JSON inside them. */
    void (*event)(struct bedrock_decoder *d, struct slice type, yyjson_val *payload);
    /* A whole answer, but for the EV_END behind it. False: it is none. */
    bool (*whole)(struct bedrock_decoder *d, yyjson_val *body);
    /* The body of a stream ended cleanly behind EV_STOP and nobody emitted EV_END: what is to be
     * said before it. May be NULL. */
    void (*end)(struct bedrock_decoder *d);
};

struct bedrock_decoder {
    const struct bedrock_form *form;
    const struct llm_sink *sink;
    const struct provider_attempt *attempt;
    struct arena *arena;       /* of the attempt: failures live here */
    struct arena scratch;      /* one frame or the whole document */
    struct eventstream frames; /* streamed answers */
    struct buf body;           /* whole answers and errors */
    int status;
    bool streamed;
    struct slice error_type;   /* x-amzn-errortype */
    struct slice service_tier; /* x-amzn-bedrock-service-tier, of InvokeModel */
    int retry_after_s;         /* of the Retry-After header; 0: none */
    bool passes_on;            /* frames go through as they are: there may be some behind the end */
    bool over;                 /* EV_END or EV_FAIL is out */
    bool stopped;              /* EV_STOP is out */
    uint64_t tools_open;       /* bit per block index: a tool call without arguments so far */
    int64_t thought;           /* tokens of the thinking in clear, estimated */
    int64_t thinking_tokens;   /* as reported; 0: not */
};

/* `d` lies in the attempt's arena, cleared. */
void bedrock_decoder_init(struct bedrock_decoder *d, const struct bedrock_form *form,
                          const struct provider_attempt *t, int status, struct http_headers headers,
                          const struct llm_sink *sink);

/* As in struct provider. */
bool bedrock_feed(void *decoder, struct slice bytes);
void bedrock_finish(void *decoder);
void bedrock_fini(void *decoder);

/* ---- for forms ----------------------------------------------------------------------------- */

void bedrock_emit(struct bedrock_decoder *d, const struct llm_event *e);
void bedrock_emit_kind(struct bedrock_decoder *d, enum llm_event_kind kind, unsigned block);
void bedrock_emit_text(struct bedrock_decoder *d, enum llm_event_kind kind, unsigned block,
                       struct slice text); /* nothing, when it is empty */
void bedrock_emit_tool_start(struct bedrock_decoder *d, unsigned block, struct slice id,
                             struct slice name);
void bedrock_emit_tool_args(struct bedrock_decoder *d, unsigned block, struct slice text);
/* The arguments of a call that came in one piece; no object: none. */
void bedrock_emit_tool_input(struct bedrock_decoder *d, unsigned block, yyjson_val *input);
void bedrock_emit_block_stop(struct bedrock_decoder *d, unsigned block);
/* Bedrock's words and Anthropic's; unknown ones are LLM_STOP_OTHER. `sequence`: the stop sequence
 * that was met, where the API says it. */
void bedrock_emit_stop(struct bedrock_decoder *d, struct slice reason, struct slice sequence);
void bedrock_emit_failure(struct bedrock_decoder *d, const struct failure *f);
void bedrock_fail_unreadable(struct bedrock_decoder *d, const char *why);

/* Tokens of `output` that were thinking: as reported, else as estimated from what was seen. */
int64_t bedrock_reasoning_tokens(const struct bedrock_decoder *d, int64_t output);

/* A count in `v`, or 0: negative numbers and other things are none. */
int64_t bedrock_count(yyjson_val *v, const char *name);

#endif
