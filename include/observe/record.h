#ifndef OBSERVE_RECORD_H
#define OBSERVE_RECORD_H

/* What is told of one request: made once, when it is over, and never changed. Reference counted;
 * each sink that still has to tell of it holds one. One allocation, with all texts inside.
 *
 * The gateway fills a draft whose texts point anywhere (the metrics look at that), and record_new
 * copies it for the sinks, if there are any. Single thread. A new member is also one of
 * record_pack.c.
 */

#include "base/slice.h"
#include "llm/event.h"
#include "observe/parcel.h"

#define RECORD_ATTEMPTS_MAX 16
#define RECORD_STAGES_MAX   20
#define RECORD_BODY_MAX     (1024 * 1024) /* bytes of one body; longer ones are left out */

#define RECORD_TRACE_SIZE 32 /* hexadecimal digits of a trace's id … */
#define RECORD_SPAN_SIZE  16 /* … and of a span's; W3C Trace Context */

/* One call of a model. */
struct record_attempt {
    struct slice deployment, model, region, group,
        api_base;                      /* the deployment's id; what was called, where */
    struct slice error_class, message; /* empty: it went well */
    int status;                        /* 200; what the failure means for clients; or 499: the
                                          client left before anything was said */
    int64_t begun_ms, ended_ms;        /* since 1970 */
    char span[RECORD_SPAN_SIZE];       /* that Bedrock was told; all zero: none */
};

/* A state that the request was in, and for how long altogether. */
struct record_stage {
    const char *name; /* static: "CALL" */
    int64_t ms;
};

enum record_payer {
    RECORD_KEY,
    RECORD_USER,
    RECORD_TEAM,
    RECORD_ORGANIZATION,
    RECORD_CUSTOMER,
    RECORD_PAYERS
};

struct record_budget {
    double most, spent; /* USD; most < 0: there is none */
    int64_t reset_ms;   /* unix: it begins anew; 0: never */
};

/* What the caller has left, as far as it is limited; < 0: it is not. */
struct record_limits {
    int64_t requests_left, tokens_left; /* of the tightest limit */
    struct record_budget budgets[RECORD_PAYERS];
};

/* Nothing but slices, which record.c counts on; each may be empty. */
struct record_texts {
    struct slice call_id;     /* x-litellm-call-id */
    struct slice answer_id;   /* of the answer, as the client got it; else the call's */
    struct slice call_type;   /* "acompletion"; from here on, see record_common */
    struct slice route;       /* "/v1/chat/completions" */
    struct slice model;       /* as the client named it */
    struct slice group;       /* that served it */
    struct slice upstream;    /* the model's id at the provider */
    struct slice upstream_as; /* the same as configured: "bedrock/us.anthropic…" */
    struct slice deployment;  /* its id */
    struct slice api_base, region, service_tier;
    struct slice key, key_alias, user, user_email, team, team_alias, organization;
    struct slice organization_alias, end_user;
    struct slice peer, user_agent;
    struct slice error_class;     /* LiteLLM's: "RateLimitError" */
    struct slice finish_reason;   /* OpenAI's */
    struct slice tags;            /* JSON list of strings */
    struct slice parameters;      /* JSON object: the request without its content; the last of
                                     record_common */
    struct slice session;         /* of the header or the metadata */
    struct slice error_message;   /* one line */
    struct slice metadata;        /* JSON object: what the client says; or empty */
    struct slice headers;         /* JSON object: those of the client that steer a sink */
    struct slice parent_span;     /* of the client's traceparent */
    struct slice trace_state;     /* of the client */
    struct slice messages, tools; /* JSON, as the client sent them; only if a sink wants bodies … */
    struct slice output;          /* … and the answer: a message in OpenAI's words */
    struct slice cache_key;       /* of the answer, where answers are kept; or empty */
    struct slice guardrails;      /* JSON list: that were applied; empty: none … */
    struct slice guard_status;    /* … and LiteLLM's word for what came of it; or empty */
    struct slice event; /* it is no request, but this: JSON, told in place of a payload; or empty */
};

struct record {
    struct parcel parcel; /* first: see record_of */
    struct record_texts text;
    struct record_attempt *attempts;
    size_t attempt_count;
    const struct record_stage *stages; /* of a draft, as the next three: the metrics look at them */
    size_t stage_count;
    struct slice user_alias;
    const char *limit;          /* static: the gateway's that refused it ("tokens"); or NULL */
    int64_t begun_ms, ended_ms; /* since 1970 */
    int64_t called_ms;          /* when the last call was made; 0: none was */
    int64_t first_ms;           /* when the answer began to say something; 0: it did not */
    int status;                 /* of the reply */
    bool failed, stream, cache_hit, redacted;
    bool sampled;      /* as the client's traceparent says, or the gateway decided */
    bool cache_looked; /* for a kept answer */
    bool gone;         /* the client left before the end */
    bool priced;       /* the prices of the model are known */
    unsigned retries;  /* in the same group … */
    unsigned fallbacks;
    uint64_t repairs; /* bits of enum plan_repair */
    struct record_limits limits;
    struct llm_usage usage;
    double cost, input_cost, output_cost, cache_read_cost, cache_write_cost; /* USD */
    double saved_cost;             /* what a kept answer would have cost */
    char trace[RECORD_TRACE_SIZE]; /* all zero: not traced */
    char span[RECORD_SPAN_SIZE];   /* of the request itself */
};

/* The texts that most requests have in common with others: who asks for what, and who answers. Of
 * record_new they lie one behind the other, and so do those that an attempt begins with. */
#define RECORD_COMMON                                                                              \
    ((offsetof(struct record_texts, parameters) - offsetof(struct record_texts, call_type)) /      \
         sizeof(struct slice) +                                                                    \
     1)
#define RECORD_ATTEMPT_TEXTS (offsetof(struct record_attempt, status) / sizeof(struct slice))

static inline const struct slice *record_common(const struct record *r)
{
    const struct slice *texts = (const struct slice *)(const void *)&r->text;
    return texts + offsetof(struct record_texts, call_type) / sizeof(*texts);
}

static inline const struct slice *record_attempt_texts(const struct record_attempt *t)
{
    return (const struct slice *)(const void *)t;
}

/* A copy that owns what it points to, with one reference. */
struct record *record_new(const struct record *draft);

/* What a parcel of a sink is. */
static inline const struct record *record_of(const struct parcel *p)
{
    return (const struct record *)(const void *)p;
}

int64_t record_tokens(const struct record *r); /* input and output */
/* Of one that failed, what that means for clients: of an answer that broke off, not its 200. */
int record_error_status(const struct record *r);

#endif
