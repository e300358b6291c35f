#ifndef LLM_FAILURE_H
#define LLM_FAILURE_H

/* What went wrong, in no client's dialect and no provider's: dialects write it in their own shape.
 */

#include "base/arena.h"

enum failure_kind {
    FAILURE_NONE,
    FAILURE_BAD_REQUEST,    /* the client's request, or Bedrock's ValidationException */
    FAILURE_UNSUPPORTED,    /* a parameter this model does not take */
    FAILURE_CONTEXT_WINDOW, /* the prompt is too long for the model */
    FAILURE_AUTHENTICATION, /* the client's key, or the gateway's AWS credentials */
    FAILURE_PERMISSION,     /* AWS refuses this identity */
    FAILURE_NOT_FOUND,      /* model, route or resource */
    FAILURE_TIMEOUT,        /* one of the four clocks, or ModelTimeoutException */
    FAILURE_RATE_LIMIT,     /* throttled */
    FAILURE_MODEL,          /* ModelErrorException */
    FAILURE_UNAVAILABLE,    /* 500, 503 of the upstream */
    FAILURE_BAD_GATEWAY,    /* unreachable, cut, or not understood */
    FAILURE_INTERNAL,       /* our own fault */
    FAILURE_CONTENT_POLICY  /* the provider's filter objects */
};

struct failure {
    enum failure_kind kind; /* FAILURE_NONE: all is well */
    int status;             /* HTTP status for the client */
    bool upstream;          /* it came from the provider, not from the gateway */
    bool retryable;         /* the same call may succeed elsewhere or later */
    int retry_after_s;      /* seconds; 0 = not known */
    struct slice message;   /* one line for people; in the arena of the request */
    struct slice param;     /* member of the request at fault ("messages[0].role"), or empty */
    const char *code;       /* by which a client's program knows what to do about it, where it has
                               such codes; or NULL */
    const char *limit;      /* static: which of the gateway's limits it ran into: "requests",
                               "tokens", "concurrent_requests", "budget"; or NULL */
    const char *type;       /* error.type where the kind does not say it well; NULL: by kind */
    struct slice call_id;   /* of the request, where clients shall read it in the body; or empty */
    bool param_shown;       /* clients read it as error.param; else that is null: see below */
};

/* Sets everything; the message is formatted into the arena. Always returns false, so that a parser
 * can say: return failure_set(...). The first failure stays. */
bool failure_set(struct failure *f, struct arena *a, enum failure_kind kind, int status,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* FAILURE_BAD_REQUEST 400 with `param`, a path such as "messages[2].content". The message must name
 * the place too: LiteLLM shows error.param for few failures, and clients compare it. */
bool failure_bad_param(struct failure *f, struct arena *a, const char *param, const char *format,
                       ...) __attribute__((format(printf, 4, 5)));

/* 400: the required member `name` is not there. One of the few whose `param` is shown. */
bool failure_missing_param(struct failure *f, struct arena *a, const char *name);

/* LiteLLM's exception class for it ("RateLimitError"), which its clients match on. */
const char *failure_class(const struct failure *f);

#endif
