#ifndef PROVIDER_TITAN_H
#define PROVIDER_TITAN_H

/* Amazon's Titan text models, over InvokeModel: one prompt text in, one text out.
 * Source: AWS's user guide, "Amazon Titan Text models"; the prompt is LiteLLM's. */

#include "bedrock.h"
#include "provider/plan.h"

/* Bodies over the limit show as overflow. False: see failure (media, which Titan does not take). */
bool titan_write_body(const struct plan *p, struct arena *a, struct buf *body, struct failure *f);

void *titan_decoder(const struct provider_attempt *t, int status, struct http_headers headers,
                    const struct llm_sink *sink);

#endif
