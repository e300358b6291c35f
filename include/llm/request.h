#ifndef LLM_REQUEST_H
#define LLM_REQUEST_H

/* The neutral request: the union of what matters to agents, in no dialect. A dialect parses it out
 * of a client's body, a provider writes it for its upstream. Everything lies in the arena of the
 * request; slices may point into the parsed body. Lists are singly linked in document order. */

#include "base/json.h"

enum llm_role { LLM_USER, LLM_ASSISTANT };

enum llm_block_kind {
    LLM_TEXT,        /* text */
    LLM_IMAGE,       /* media_type, data */
    LLM_TOOL_USE,    /* id, name, input */
    LLM_TOOL_RESULT, /* id, content, is_error */
    LLM_REASONING,   /* text + signature, or redacted */
    LLM_CACHE_POINT  /* everything before it may be cached */
};

struct llm_block {
    struct llm_block *next;
    enum llm_block_kind kind;
    struct slice text;         /* unescaped UTF-8 */
    struct slice media_type;   /* "image/png" */
    struct slice data;         /* base64, checked */
    struct slice id;           /* of the tool use */
    struct slice name;         /* of the tool */
    struct slice input;        /* the arguments: one valid JSON object, as the client wrote it */
    struct slice signature;    /* of the thinking text, opaque */
    struct slice redacted;     /* base64 of an encrypted thinking block */
    struct llm_block *content; /* of a tool result: text and images */
    bool is_error;             /* the tool failed */
};

struct llm_message {
    struct llm_message *next;
    enum llm_role role;
    struct llm_block *blocks; /* NULL: nothing was said (dropped by the builder) */
};

struct llm_tool {
    struct llm_tool *next;
    struct slice name;        /* as the client calls it */
    struct slice description; /* may be empty */
    yyjson_val *schema;       /* JSON schema object; NULL: no parameters */
    bool strict;
    bool cache_point; /* one follows this tool */
};

enum llm_tool_choice {
    LLM_TOOLS_UNSET, /* the client says nothing: the model decides */
    LLM_TOOLS_AUTO,
    LLM_TOOLS_NONE,
    LLM_TOOLS_REQUIRED,
    LLM_TOOLS_NAMED
};

/* A member nobody interpreted; a provider may pass it on. */
struct llm_extra {
    struct llm_extra *next;
    struct slice name;
    yyjson_val *value;
};

struct llm_request {
    struct slice model;       /* as the client named it */
    bool stream;              /* answer in events */
    bool include_usage;       /* with a usage chunk at the end of the stream */
    struct llm_block *system; /* texts and cache points */
    struct llm_message *messages;
    struct llm_tool *tools;
    enum llm_tool_choice tool_choice;
    struct slice tool_choice_name; /* with LLM_TOOLS_NAMED */
    int64_t max_tokens;            /* -1: not given */
    yyjson_val *temperature;       /* a number as the client wrote it, or NULL */
    yyjson_val *top_p;             /* likewise */
    struct slice *stop;            /* stop sequences */
    size_t stop_count;
    struct slice user;    /* end user, for accounting; not sent upstream */
    yyjson_val *metadata; /* for logs and traces; not sent upstream; NULL: none */
    struct llm_extra *extra;
    bool drop_params; /* the client: drop what the model does not take */
    yyjson_val
        *allowed_params; /* the client: pass these on all the same (list of names), or NULL */
};

void llm_request_init(struct llm_request *r);

/* Appending keeps a tail pointer out of the structs: `tail` is the address of the last `next`. */
struct llm_block *llm_block_add(struct llm_block ***tail, struct arena *a,
                                enum llm_block_kind kind);

#endif
