#ifndef DIALECT_OPENAI_RESPONSES_H
#define DIALECT_OPENAI_RESPONSES_H

/* Shared by the files of OpenAI's Responses dialect (POST /v1/responses).
 * Source: OpenAI's API reference and the types of its SDKs; LiteLLM for what it adds. */

#include "dialect/responses.h"
#include "llm/fold.h"
#include "parse.h"

/* ---- requests -------------------------------------------------------------------------------- */

bool responses_parse_input(struct parse *p, yyjson_val *v);
bool responses_parse_tools(struct parse *p, yyjson_val *v);
bool responses_parse_tool_choice(struct parse *p, yyjson_val *v);

/* A tool's name among all: with its namespace, if it has one. */
struct slice responses_tool_name(struct arena *a, struct slice space, struct slice name);

/* ---- the input of a custom tool (openai_responses_custom.c) ---------------------------------- */

/* The text in {"input": "…"}, out of a call's arguments that come in pieces. Nothing is kept but an
 * escape that is not complete yet. Zeroed is fresh. */
struct responses_custom {
    unsigned at;    /* of `{"input":"`: so many characters came */
    bool other;     /* it is something else */
    bool ended;     /* the text has ended */
    char held[12];  /* an escape that is not complete, or half a pair of surrogates */
    unsigned count; /* of it */
};

/* Adds what `piece` has of the text, as the inside of a JSON string. */
void responses_custom_feed(struct responses_custom *c, struct slice piece, struct buf *out);

/* After the last piece: what is missing of the text. Arguments of another form are a text by
 * themselves. */
void responses_custom_end(struct responses_custom *c, struct slice arguments, struct buf *out);

/* ---- answers (openai_responses_items.c) ------------------------------------------------------ */

enum responses_kind { RESPONSES_MESSAGE, RESPONSES_REASONING, RESPONSES_CALL, RESPONSES_CUSTOM };

/* Bytes that grow in an arena. */
struct responses_text {
    char *p;
    size_t n, size;
};

/* One item of the output. Texts are the insides of JSON strings. */
struct responses_item {
    struct responses_item *next;
    enum responses_kind kind;
    unsigned index; /* output_index */
    unsigned block; /* the provider's, of thinking and calls */
    bool opened;    /* reasoning: its summary has begun */
    bool incomplete;
    struct slice id, call_id, name, space;
    struct responses_text text; /* of the message, the summary, the arguments or the input */
    struct responses_text signature, redacted;
    struct responses_text annotations; /* JSON values with commas between them */
    unsigned annotation_count;
    size_t counted, characters; /* so many bytes of the text are so many characters */
    struct responses_custom custom;
    struct responses_text arguments; /* of a custom tool, as the model gave them */
};

/* A tool whose call is not plainly a function's. */
struct responses_tool {
    struct responses_tool *next;
    struct slice full, name, space;
    bool text_input;
};

struct responses_answer {
    struct arena *arena;
    const struct dialect_answer *head;
    struct slice id;
    struct slice echo; /* members of the request that the answer repeats */
    struct responses_tool *tools;
    struct responses_item *items, **tail, *open;
    unsigned count;
    size_t bytes; /* of all texts; the answer is too large beyond LLM_ANSWER_MAX */
    bool stopped;
    enum llm_stop stop;
    bool has_usage;
    struct llm_usage usage;
};

void responses_answer_init(struct responses_answer *r, struct arena *a,
                           const struct llm_request *request, const struct dialect_answer *head);

/* The next item, open now. */
struct responses_item *responses_open(struct responses_answer *r, enum responses_kind kind,
                                      unsigned block);
struct responses_item *responses_open_call(struct responses_answer *r, const struct llm_event *e);

/* Appends to one of the open item's texts. */
void responses_append(struct responses_answer *r, struct responses_text *t, struct slice bytes);

/* A citation of the message so far → its annotation, which is appended and returned as JSON. */
struct slice responses_annotate(struct responses_answer *r, yyjson_val *citation);

/* The model stopped before it had said all. */
bool responses_is_cut(const struct responses_answer *r);

struct slice responses_text_slice(const struct responses_text *t);

/* The item as it is by now. `status`: completed, incomplete or in_progress. */
void responses_write_item(struct json_writer *w, const struct responses_item *item,
                          struct slice status);

/* One part of its content, or of its summary. */
void responses_write_part(struct json_writer *w, const struct responses_item *item);

/* The response. `failure`: why it failed, or NULL. `ended`: nothing more comes. */
void responses_write(struct json_writer *w, const struct responses_answer *r, bool ended,
                     const struct failure *failure);

/* The object of a usage. */
void responses_write_usage(struct json_writer *w, const struct llm_usage *u);

/* OpenAI's code of a failure, as far as clients do something about it. */
struct slice responses_error_code(const struct failure *f);

void *responses_encoder(struct arena *a, const struct llm_request *r,
                        const struct dialect_answer *ans);
void *responses_encoder_of_whole(struct arena *a, const struct llm_request *r,
                                 const struct dialect_answer *ans); /* keeps in any case */
void responses_encode(void *encoder, const struct llm_event *e, struct buf *out);
struct slice responses_kept(const void *encoder);
void responses_encode_whole(const struct llm_response *response, const struct llm_request *r,
                            const struct dialect_answer *ans, struct buf *out);

#endif
