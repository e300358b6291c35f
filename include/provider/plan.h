#ifndef PROVIDER_PLAN_H
#define PROVIDER_PLAN_H

/* What is really sent: a neutral request made fit for one model. Clients and models disagree in a
 * hundred small ways (blank texts, lost tool results, names outside the alphabet, a temperature
 * beside thinking …); each disagreement is settled here, once, for all providers, and the repair
 * has a name that the client is told (header x-lintel-repairs). Writers put the plan into their
 * upstream's words and decide nothing.
 *
 * Deterministic: the same request gives the same plan, and a longer conversation gives a plan that
 * begins with the same bytes, so that prompt caches keep matching. The request is not changed; what
 * the plan adds lies in the arena, and much of it points into the request.
 *
 * Fails (400) where nothing can be repaired: a parameter the model has nothing for and that is not
 * to be dropped, a tool_choice that names no tool. */

#include "llm/event.h"
#include "llm/request.h"
#include "provider/models.h"

enum plan_repair {
    REPAIR_BLANK_TEXT,            /* texts of nothing but white space were left out */
    REPAIR_MERGED_TURNS,          /* neighbours of one role became one turn */
    REPAIR_FIRST_USER,            /* a user turn was put before the assistant's */
    REPAIR_EMPTY_CONVERSATION,    /* nothing was left to say: a user turn was made up */
    REPAIR_SYSTEM,                /* the system prompt is said by the user, the model knows none */
    REPAIR_DOCUMENT_TEXT,         /* a text was put beside documents */
    REPAIR_CITATIONS,             /* they were asked for all documents, or for none */
    REPAIR_BLOCK_ORDER,           /* thinking, text, tool calls: blocks of a turn were moved */
    REPAIR_TOOL_RESULT_ORDER,     /* tool results were gathered behind their calls, in call order */
    REPAIR_TOOL_RESULT_MISSING,   /* a call without a result got one that says so */
    REPAIR_TOOL_RESULT_DUPLICATE, /* a second result of one call was left out */
    REPAIR_TOOL_RESULT_ORPHAN,    /* a result without a call became text */
    REPAIR_TOOL_TEXT,             /* calls and results became text: the model, or the request,
                                     has no tools */
    REPAIR_TOOL_INPUT,            /* arguments in the history were no JSON object */
    REPAIR_TOOL_CONFIG,           /* tools were declared from the history, or a second of a name
                                     left out */
    REPAIR_TOOL_NAME,             /* names were mapped into the provider's alphabet */
    REPAIR_TOOL_ID,               /* likewise ids of calls, or they were told apart */
    REPAIR_TOOL_CHOICE,           /* a forced tool became auto, or none cannot be promised */
    REPAIR_SCHEMA,                /* of a tool or an answer: references were resolved, members the
                                     model does not know or cannot be strict about left out */
    REPAIR_STOP,                  /* blank stop sequences were left out */
    REPAIR_PREFILL,               /* a trailing assistant turn was closed, or its end trimmed */
    REPAIR_CACHE_POINTS,          /* cache points were left out */
    REPAIR_CACHE_TTL,             /* a ttl was left out */
    REPAIR_SAMPLING,              /* temperature, top_p or top_k were left out or lowered */
    REPAIR_MAX_TOKENS,        /* raised above the thinking budget, or cut to the model's limit */
    REPAIR_THINKING_BUDGET,   /* budget or effort were put into the model's own form and limits */
    REPAIR_THINKING_RECALLED, /* thinking that the client dropped was put back */
    REPAIR_THINKING_OFF,      /* thinking is off for this turn: its history is incomplete */
    REPAIR_THINKING_DROPPED,  /* thinking blocks without signature, or not wanted, left out */
    REPAIR_BETA,              /* beta flags the model does not know were left out */
    REPAIR_FIELDS,        /* likewise members of the request, or of a tool, in Anthropic's words */
    REPAIR_SERVER_BLOCKS, /* what tools of Anthropic's servers did was left out of the history */
    REPAIR_SERVER_TOOLS,  /* tools that run at OpenAI, or what they did, were left out */
    REPAIR_COUNT
};

#define PLAN_REPAIR(r) (UINT64_C(1) << (r))

/* "blank-text", "tool-result-missing", …: what the header and the counters say. */
const char *plan_repair_name(enum plan_repair r);

/* One tool under two names. */
struct plan_name {
    struct plan_name *next;
    struct slice client, upstream;
};

enum plan_thinking {
    PLAN_THINKING_UNSET,    /* nothing is said */
    PLAN_THINKING_DISABLED, /* {type: disabled} */
    PLAN_THINKING_BUDGET,   /* {type: enabled, budget_tokens} */
    PLAN_THINKING_ADAPTIVE  /* {type: adaptive, display} */
};

/* How a JSON answer is got. */
enum plan_format {
    PLAN_FORMAT_NONE,
    PLAN_FORMAT_NATIVE, /* the model's own structured output */
    PLAN_FORMAT_TOOL    /* a tool whose arguments are the answer: PLAN_JSON_TOOL */
};
#define PLAN_JSON_TOOL "json_tool_call" /* LiteLLM's name for it */

struct plan {
    const struct llm_request *request;
    const struct model *model; /* the attempt's, with what the client vouches for */
    struct arena *arena;       /* where all of it lies */

    struct llm_block *system;         /* texts and cache points, none blank */
    struct llm_message *messages;     /* user first, in turns, every block in its place */
    struct llm_tool *tools;           /* names as the provider takes them */
    enum llm_tool_choice tool_choice; /* never NONE: then `tools` is empty, or it is UNSET */
    struct slice tool_choice_name;
    bool one_tool_call;      /* at most one call is wanted (parallel_tool_calls: false) … */
    bool tell_one_call;      /* … and Converse's model can be told so */
    struct plan_name *names; /* those that differ */

    int64_t max_tokens;                      /* -1: the model's own limit */
    yyjson_val *temperature, *top_p, *top_k; /* NULL: not sent */
    struct slice *stop;
    size_t stop_count;

    enum plan_thinking thinking;
    int64_t budget;       /* tokens, with PLAN_THINKING_BUDGET */
    struct slice effort;  /* output_config.effort, or empty; with or without thinking */
    struct slice display; /* of adaptive thinking, or empty */

    enum plan_format format;
    const struct llm_format *schema; /* with a format */

    struct slice service_tier; /* Bedrock's: default, flex, priority; or empty */
    struct slice *betas;       /* anthropic-beta flags the model knows */
    size_t beta_count;
    struct llm_extra *fields; /* additionalModelRequestFields: what is meant for the model itself;
                                 none of them says again what stands above */
    struct llm_extra *top; /* members of Converse itself: performanceConfig, requestMetadata … */

    uint64_t repairs; /* PLAN_REPAIR bits */
};

struct provider_attempt;

/* False: see failure. */
bool plan_make(const struct provider_attempt *t, struct plan *p, struct failure *f);

/* The way back: a sink that undoes for the client what the plan did to its request (names of tools,
 * JSON out of a tool, one call only) and hands on to `to`; `to` itself when there is nothing to
 * undo. Lives in the arena, which must outlive the answer, as `p` must. What it has to hold back is
 * capped (LLM_ANSWER_MAX); beyond that the answer fails. */
const struct llm_sink *plan_undo(const struct plan *p, const struct llm_sink *to, struct arena *a);
void plan_undo_free(const struct llm_sink *undo, const struct llm_sink *to);

#endif
