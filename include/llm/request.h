#ifndef LLM_REQUEST_H
#define LLM_REQUEST_H

/* The neutral request: the union of what matters to agents, in no dialect. A dialect parses it out
 * of a client's body, a provider writes it for its upstream. Everything lies in the arena of the
 * request; slices may point into the parsed body. Lists are singly linked in document order. */

#include "base/json.h"

enum llm_role { LLM_USER, LLM_ASSISTANT };

enum llm_block_kind {
    LLM_TEXT,        /* text; guarded */
    LLM_IMAGE,       /* media_type, data or url */
    LLM_DOCUMENT,    /* media_type, data or url; or plain text in `text`; or texts and images in
                        `content`; name, citations */
    LLM_VIDEO,       /* media_type, data or url ("s3://…" too) */
    LLM_TOOL_USE,    /* id, name, input */
    LLM_TOOL_RESULT, /* id, content, is_error */
    LLM_REASONING,   /* text + signature, or redacted */
    LLM_CACHE_POINT, /* everything before it may be cached; ttl */
    LLM_SEARCH,      /* a search result: source, name (its title), content: texts; citations */
    LLM_FOREIGN      /* json: a block of Anthropic's that has no neutral form */
};

struct llm_block {
    struct llm_block *next;
    enum llm_block_kind kind;
    struct slice text;         /* unescaped UTF-8 */
    struct slice media_type;   /* "image/png": the first name of a row of llm/media.h; empty while
                                  only the URL is known */
    struct slice data;         /* base64, checked */
    struct slice url;          /* http(s): of data that has to be fetched first; s3: of data that
                                  the provider reads itself; else empty */
    struct slice id;           /* of the tool use */
    struct slice name;         /* of the tool; of a document: its file name, may be empty */
    struct slice context;      /* of a document: what the model should know about it */
    struct slice source;       /* of a search result: where it is from, for people */
    struct slice input;        /* the arguments: one valid JSON object, as the client wrote it */
    struct slice signature;    /* of the thinking text, opaque */
    struct slice redacted;     /* base64 of an encrypted thinking block */
    struct slice ttl;          /* of a cache point: "5m", "1h", or empty */
    struct llm_block *content; /* of a tool result: text, images, documents, search results, cache
                                  points */
    yyjson_val *json;          /* of a foreign block: it, with its `type` */
    yyjson_val *cited;         /* of an assistant's text: its citations as Anthropic has them, a
                                  list; or NULL */
    bool plain;                /* of a tool result: its content came as a string, and goes as one
                                  where the upstream has both forms */
    bool is_error;             /* the tool failed */
    bool citations;            /* of a document, a search result: the answer shall cite it */
    bool guarded;              /* of a text: the guardrail looks at it */
    bool recalled;             /* of reasoning: the client dropped it, the gateway remembered */
};

struct llm_message {
    struct llm_message *next;
    enum llm_role role;
    bool plain; /* came as a string, and goes as one where the upstream has both forms */
    struct llm_block *blocks; /* NULL: nothing was said (dropped by the builder) */
};

/* A member nobody interpreted; a provider may pass it on. */
struct llm_extra {
    struct llm_extra *next;
    struct slice name;
    yyjson_val *value;
    bool optional; /* left out where the model does not take it, instead of passed on to it */
};

#define LLM_TEXT_INPUT "input"
#define LLM_SPACE_MARK "__"

struct llm_tool {
    struct llm_tool *next;
    struct slice name;        /* as the client calls it */
    struct slice description; /* may be empty */
    yyjson_val *schema;       /* JSON schema object; NULL: no parameters */
    bool strict;
    bool cache_point; /* one follows this tool … */
    struct slice ttl; /* … with this ttl */
    bool untyped;     /* without {type: custom}, which Anthropic has and can do without */
    bool text_input;  /* the client's tool takes a text: the member LLM_TEXT_INPUT of the input that
                         the model gives */
    struct slice space; /* that the client has it in: `name` is this, LLM_SPACE_MARK and the
                           client's own name for it; or empty */
    yyjson_val *own;    /* a tool that Anthropic defines ("bash_20250124"), in its words; then only
                           the name and the cache point above hold; NULL: it is none */
    struct llm_extra *extra; /* members of a tool that only some models know (defer_loading) */
};

enum llm_tool_choice {
    LLM_TOOLS_UNSET, /* the client says nothing: the model decides */
    LLM_TOOLS_AUTO,
    LLM_TOOLS_NONE,
    LLM_TOOLS_REQUIRED,
    LLM_TOOLS_NAMED
};

/* How the client wants the model to think. Both forms in use may be combined: `thinking`
 * (Anthropic) gives kind and budget, `reasoning_effort` (OpenAI) the effort. */
enum llm_thinking_kind {
    LLM_THINKING_UNSET,   /* says nothing, but see `effort` */
    LLM_THINKING_OFF,     /* {type: disabled} */
    LLM_THINKING_BUDGET,  /* {type: enabled, budget_tokens} */
    LLM_THINKING_ADAPTIVE /* {type: adaptive} */
};

struct llm_thinking {
    enum llm_thinking_kind kind;
    int64_t budget;             /* tokens; with LLM_THINKING_BUDGET; 0: not given */
    struct slice effort;        /* none, minimal, low, medium, high, xhigh, max; or empty */
    struct slice display;       /* "summarized", "omitted", or empty */
    struct slice output_effort; /* Anthropic's output_config.effort, which asks for no thinking; or
                                   empty */
};

enum llm_format_kind { LLM_FORMAT_TEXT, LLM_FORMAT_JSON, LLM_FORMAT_SCHEMA };

/* response_format. */
struct llm_format {
    enum llm_format_kind kind;
    struct slice name, description; /* of the schema; may be empty */
    yyjson_val *schema;             /* with LLM_FORMAT_SCHEMA: an object */
    bool strict;
    bool enforced; /* an answer that does not fit the schema is a failure */
};

enum llm_flag { LLM_FLAG_UNSET, LLM_FLAG_FALSE, LLM_FLAG_TRUE };

/* mock_testing_…: the first attempt fails so. */
enum llm_mock_failure {
    LLM_MOCK_NONE,
    LLM_MOCK_FALLBACK,
    LLM_MOCK_CONTEXT,
    LLM_MOCK_POLICY,
    LLM_MOCK_RATE_LIMIT
};

/* What the client says about attempts. */
struct llm_routing {
    yyjson_val *fallbacks;         /* list of groups, or NULL */
    yyjson_val *context_fallbacks; /* object group → group, or NULL */
    yyjson_val *tags;              /* list, or NULL */
    struct slice region;           /* allowed_model_region: only deployments there; or empty */
    int64_t num_retries;           /* -1: not given */
    bool disable_fallbacks;
    bool tell_errors; /* include_fallback_errors: why other groups failed */
    enum llm_mock_failure mock;
};

/* Which of Bedrock's own calls the client makes. */
enum llm_native { LLM_NATIVE_NONE, LLM_NATIVE_CONVERSE, LLM_NATIVE_INVOKE, LLM_NATIVE_COUNT };

struct llm_request {
    struct slice model;        /* as the client named it */
    enum llm_native native;    /* not LLM_NATIVE_NONE: the body goes through as it came … */
    struct slice native_body;  /* … this one; what is below is what the head says, if anything */
    bool stream;               /* answer in events */
    bool include_usage;        /* with a usage chunk at the end of the stream */
    bool anthropic;            /* in Anthropic's own words: Claude is best called in them too */
    struct llm_block *system;  /* texts and cache points */
    struct slice system_first; /* litellm_system_prompt, to be put before `system`; or empty */
    size_t system_count;       /* messages of the client that became `system` */
    struct llm_message *messages;
    struct llm_tool *tools;
    enum llm_tool_choice tool_choice;
    struct slice tool_choice_name; /* with LLM_TOOLS_NAMED */
    int64_t max_tokens;            /* -1: not given */
    yyjson_val *temperature;       /* a number as the client wrote it, or NULL */
    yyjson_val *top_p;             /* likewise */
    yyjson_val *top_k;             /* likewise */
    struct slice *stop;            /* stop sequences */
    size_t stop_count;
    struct llm_routing routing;
    yyjson_val *cache;     /* what the client says of the response cache: an object, or NULL */
    enum llm_flag caching; /* likewise, in one word */
    enum llm_flag checks_schema; /* enable_json_schema_validation */
    struct llm_thinking thinking;
    struct llm_format format;
    enum llm_flag parallel_tool_calls;
    struct slice service_tier; /* OpenAI's: auto, default, flex, priority; or empty */
    yyjson_val *guardrail;     /* guardrailConfig, or NULL */
    yyjson_val *guardrails;    /* of the gateway that shall look at it: a list, or NULL */
    yyjson_val *cache_points;  /* cache_control_injection_points: a list, or NULL */
    yyjson_val *headers;       /* extra_headers: object of strings, or NULL */
    struct slice betas;        /* anthropic-beta flags of the request's head, with commas between
                                  them; or empty */
    yyjson_val *mock_response; /* answer with this text, call nobody; NULL: not mocked */
    double mock_delay;         /* seconds until that answer */
    double mock_timeout;       /* seconds; fail as if the model were silent for so long; 0: no */
    double timeout;            /* seconds the client gives a whole answer; 0: it does not say */
    double stream_timeout;     /* likewise the beginning of a stream */
    double connect_timeout, first_byte_timeout, stream_idle_timeout; /* likewise */
    double keepalive;     /* seconds of silence of a stream until a comment; 0: not said */
    struct slice user;    /* end user, for accounting; not sent upstream */
    yyjson_val *metadata; /* for logs and traces; not sent upstream; NULL: none */
    struct llm_extra *extra;
    bool drop_params;       /* the client: drop what the model does not take */
    yyjson_val *drop_list;  /* the client: drop these in any case (list of names), or NULL */
    bool left_out;          /* members that the model is known not to take were left out */
    bool server_tools;      /* tools that run at OpenAI, or what they did, were left out */
    bool unsigned_thinking; /* thinking without a signature came and was left out */
    bool tool_input_mended; /* arguments of a call of the history were no JSON object */
    bool merge_reasoning;   /* show thinking as <think> text */
    bool legacy_functions;  /* functions instead of tools: the answer has a function_call */
    bool separate;     /* each message is a conversation of its own, with answers of its own … */
    size_t choices;    /* … so many; else without meaning */
    struct slice echo; /* text put in front of the answer's (completions); or empty */
    yyjson_val *said;  /* the client's body, where the answer repeats it; or NULL */
    yyjson_val
        *allowed_params; /* the client: pass these on all the same (list of names), or NULL */
};

void llm_request_init(struct llm_request *r);

/* Takes from `preset` what `r` does not say itself. Messages are never taken. New list items lie in
 * the arena; `preset` is not changed and must outlive `r`. */
void llm_request_preset(struct llm_request *r, const struct llm_request *preset, struct arena *a);

/* system_first, if there is one, becomes the first block of `system`. */
void llm_request_begin_system(struct llm_request *r, struct arena *a);

/* Forgets a parameter by its OpenAI name, or an extra member of that name. */
void llm_request_drop(struct llm_request *r, struct slice name, struct arena *a);

/* A system message behind the beginning has no place of its own: it becomes a text of the user's
 * that says who speaks. */
struct slice llm_operator_note(struct arena *a, struct slice text);

/* Appending keeps a tail pointer out of the structs: `tail` is the address of the last `next`. */
struct llm_block *llm_block_add(struct llm_block ***tail, struct arena *a,
                                enum llm_block_kind kind);

#endif
