#ifndef PROVIDER_GUARDRAIL_H
#define PROVIDER_GUARDRAIL_H

/* Bedrock's ApplyGuardrail: texts are held against a guardrail without a model being called.
 * Source: botocore's model of bedrock-runtime. Pure. */

#include "provider/provider.h"

#define GUARDRAIL_BODY_MAX (4u * 1024 * 1024) /* bytes of a question */

struct guardrail_question {
    const char *identifier, *version;
    bool answer; /* the texts are a model's */
    const struct slice *texts;
    size_t count;
};

struct guardrail_verdict {
    bool intervened;
    bool blocked;                /* … and not only by masking */
    const struct slice *outputs; /* the texts as they shall be, or what to say instead */
    size_t count;
};

/* The signed call; of `t` the deployment, its credentials, the time, arena and body count. False:
 * see failure. */
bool guardrail_build(const struct provider_attempt *t, const struct guardrail_question *q,
                     struct http_call *call, struct failure *f);

/* The answer; it lies in the arena. False: it is none; see failure. */
bool guardrail_read(int status, struct slice body, struct arena *a, struct guardrail_verdict *v,
                    struct failure *f);

#endif
