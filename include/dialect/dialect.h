#ifndef DIALECT_DIALECT_H
#define DIALECT_DIALECT_H

/* A dialect translates between the bytes of a client and the neutral request and events. Pure: no
 * clock, no socket, no randomness; ids and times are handed in. One const struct per dialect, one
 * file each. */

#include "base/buf.h"
#include "llm/event.h"
#include "llm/fold.h"
#include "llm/request.h"
#include "wire/http1.h"

/* What an answer says about itself, known before its first byte. Owned by the caller, outlives the
 * encoder. */
struct dialect_answer {
    struct slice id;    /* "chatcmpl-<uuid>" */
    struct slice model; /* the name the client asked for */
    int64_t created;    /* unix seconds */
    struct slice uuid;  /* the one in the id */
};

struct dialect {
    const char *name;
    const char *id_header;   /* of a reply: where clients look for the id of the request */
    bool starts_at_once;     /* EV_START is news to the client: it does not wait for what follows */
    const char *stream_type; /* content type of a streamed answer; NULL: that of SSE */

    /* What the head of a request says to the model; NULL: nothing. */
    void (*read_head)(struct http_headers head, struct arena *a, struct llm_request *out);

    /* Body → request. Everything it keeps lies in the arena or in `body`, which stays. False: see
     * failure. */
    bool (*parse)(yyjson_val *body, struct arena *a, struct llm_request *out, struct failure *f);

    /* In its place where the body is not looked into: what is called shows in the path. `body`
     * stays. */
    void (*take)(struct slice path, struct slice body, struct llm_request *out);

    /* A streamed answer: events → SSE. The encoder lives in the arena. Each event becomes zero or
     * more whole SSE events in `out`; EV_END becomes the closing ones. */
    void *(*encoder)(struct arena *a, const struct llm_request *r,
                     const struct dialect_answer *ans);
    void (*encode)(void *encoder, const struct llm_event *e, struct buf *out);

    /* The answer that was streamed, whole, once EV_END was encoded; empty: the client wants nothing
     * kept. Lives as long as the encoder. NULL: nothing ever is. */
    struct slice (*kept)(const void *encoder);

    /* What clients skip, while the model is silent; NULL: there is no such thing. */
    void (*keep_alive)(struct buf *out);

    /* Whether a whole answer is one that this API can give; false: see failure. NULL: any is. */
    bool (*accept)(const struct llm_response *response, struct arena *a, struct failure *f);

    /* A whole answer. */
    void (*encode_whole)(const struct llm_response *response, const struct llm_request *r,
                         const struct dialect_answer *ans, struct buf *out);

    /* An error, as the body of a reply; its content type is application/json. */
    void (*encode_failure)(const struct failure *f, struct buf *out);
    const char *(*error_name)(const struct failure *f); /* x-amzn-errortype; NULL: none */
};

extern const struct dialect dialect_anthropic_messages;
extern const struct dialect dialect_bedrock_native;
extern const struct dialect dialect_openai_chat;
extern const struct dialect dialect_openai_completions;
extern const struct dialect dialect_openai_compact;
extern const struct dialect dialect_openai_responses;

/* A folded answer as a message of OpenAI's, whatever the client speaks: for logs and traces. */
void openai_write_message(struct json_writer *w, const struct llm_response *r);

/* OpenAI's word for why the model stopped; an unfinished answer is never "stop". */
const char *openai_finish_reason(enum llm_stop stop);

/* Request parameters in OpenAI's words without a conversation, as litellm_params has them. False:
 * see failure. */
bool openai_params_parse(yyjson_val *object, struct arena *a, struct llm_request *out,
                         struct failure *f);

#endif
