#ifndef SIM_SERVICE_H
#define SIM_SERVICE_H

/* One call, from its bytes to what is answered: signature, model, body, script, answer. Knows no
 * socket; the times are arguments. */

#include "attempts.h"
#include "auth.h"
#include "plan.h"
#include "quota.h"
#include "told.h"

#include "wire/http1.h"

struct service {
    struct auth auth;
    struct pace pace;
    struct prefix_cache prefixes;
    struct attempts attempts;
    struct quota quota;
    struct told told;
};

enum operation {
    OPERATION_UNKNOWN,
    OPERATION_CONVERSE,
    OPERATION_CONVERSE_STREAM,
    OPERATION_COUNT_TOKENS,
    OPERATION_INVOKE,
    OPERATION_INVOKE_STREAM,
    OPERATION_RERANK, /* of bedrock-agent-runtime */
};

enum reply_kind {
    REPLY_WHOLE,  /* status, type, body */
    REPLY_STREAM, /* plan */
    REPLY_NEVER,  /* the client waits until it has enough */
};

struct service_reply {
    enum reply_kind kind;
    int status;
    const char *error_type; /* for x-amzn-ErrorType; NULL: none */
    const char *content_type;
    struct buf body;
    bool invoked;     /* InvokeModel: the head of the reply tells what Converse's body does */
    const char *tier; /* with invoked: as asked for, or NULL */
    const char *latency;
    struct usage usage;      /* of an answer … */
    struct told_model *told; /* … that counts when it is complete; NULL: none does */
    bool cut;                /* the connection closes in the middle of the body */
    struct plan plan;
    int64_t wait_ms; /* before the head */
};

void service_init(struct service *s);  /* no credentials yet, no waiting */
void service_reset(struct service *s); /* forgets prefixes, attempts, used quotas, told tokens */

enum operation service_operation(const struct http_head *head);

void service_reply_init(struct service_reply *r);
void service_reply_fini(struct service_reply *r);

/* `body`: as it arrived. `now`: Unix seconds; `now_ms`: any steady clock. `a` is needed during the
 * call only. */
void service_answer(struct service *s, const struct http_head *head, struct slice body, int64_t now,
                    int64_t now_ms, struct arena *a, struct service_reply *out);

#endif
