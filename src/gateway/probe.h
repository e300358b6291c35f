#ifndef GATEWAY_PROBE_H
#define GATEWAY_PROBE_H

/* One tiny call that only sees whether a deployment answers: a chat of a few tokens, or one
 * embedding, by the model's mode. Built and read by the same code as any other call; no clock, no
 * socket. */

#include "batch.h"
#include "config/config.h"
#include "llm/failure.h"
#include "provider/embed.h"
#include "provider/plan.h"
#include "provider/rerank.h"

#define PROBE_ANSWER_MAX (1024u * 1024) /* bytes of an answer */

struct probe {
    const struct deployment *deployment;
    bool embeds;
    bool reranks;
    struct rerank_request ranking;
    struct arena arena; /* all of it lies here … */
    struct buf body;    /* … but the request's body */
    struct provider_attempt attempt;
    const struct provider *provider; /* of a chat */
    struct llm_request request;
    struct plan plan;
    struct embed_request inputs;
    struct embed_plan embedding;
};

/* What a probe is made of, beside the deployment. */
struct probe_from {
    const struct config *config;
    const struct aws_credentials *credentials; /* to sign with; NULL: the deployment's own */
    int64_t now;                               /* unix seconds */
};

/* False: it cannot be called, see failure (which lies in the probe). */
bool probe_build(struct probe *p, const struct probe_from *from, const struct deployment *d,
                 struct http_call *call, struct failure *f);

/* What the answer means; kind FAILURE_NONE: the deployment is well. */
struct failure probe_read(struct probe *p, const struct batch_answer *answer);

void probe_fini(struct probe *p); /* a zeroed one too */

unsigned probe_timeout_ms(const struct deployment *d); /* model_info.health_check_timeout */

#endif
