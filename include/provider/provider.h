#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

/* A provider translates between the neutral request and events and the bytes of an upstream. Pure:
 * time is an argument, bytes come in any split. One const struct per provider, one file each. */

#include "llm/event.h"
#include "llm/request.h"
#include "provider/deployment.h"
#include "wire/http1.h"

struct plan;

/* What a provider needs to know about one attempt. Everything outlives the call and the decoder. */
struct provider_attempt {
    const struct deployment *deployment;
    struct slice model_id;     /* id to call: the deployment's, or the wildcard's match */
    const struct model *model; /* facts about it */
    enum bedrock_api api;      /* the provider's */
    const struct llm_request *request;
    const struct aws_credentials *credentials; /* to sign with; NULL: the deployment's own */
    struct plan *plan;                         /* filled by build(); the decoder reads it */
    int64_t now;                               /* unix seconds */
    struct slice traceparent;                  /* W3C Trace Context, sent along; empty: none */
    struct arena *arena;                       /* lives as long as the answer */
    struct arena *prompt; /* for what only the call needs: gone once the answer begins */
    struct buf *body;     /* the request body is written here; owned by the caller */
};

struct provider {
    const char *name;
    enum bedrock_api api; /* the one it calls */
    size_t body_max;      /* bytes of a request the upstream takes: the cap of attempt->body */

    /* Request → a signed call; call->body points into attempt->body. False: see failure. */
    bool (*build)(const struct provider_attempt *t, struct http_call *call, struct failure *f);

    /* The answer: status and headers, then its bytes in any split, then the end. The decoder lives
     * in the attempt's arena; `fini` frees what does not. feed() returns false when nothing more is
     * wanted (the answer is complete or has failed). finish() is called at the clean end of the
     * body; what is then incomplete becomes EV_FAIL. Exactly one EV_END or EV_FAIL is emitted. */
    void *(*decoder)(const struct provider_attempt *t, int status, struct http_headers headers,
                     const struct llm_sink *sink);
    bool (*feed)(void *decoder, struct slice bytes);
    void (*finish)(void *decoder);
    void (*fini)(void *decoder);
};

extern const struct provider provider_bedrock;          /* Converse */
extern const struct provider provider_anthropic_invoke; /* Claude over InvokeModel */
extern const struct provider provider_native;           /* what the client wrote for Bedrock */
extern const struct provider provider_titan;            /* Titan text over InvokeModel */

/* The provider of a chat. `asked`: the API that the model string names. Titan text goes over
 * InvokeModel and everything else over Converse, unless it says otherwise; only Claude and Titan
 * can. */
const struct provider *provider_choose(enum bedrock_api asked, const struct model *m);

#endif
