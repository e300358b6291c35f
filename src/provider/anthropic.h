#ifndef PROVIDER_ANTHROPIC_H
#define PROVIDER_ANTHROPIC_H

/* Anthropic's Messages, as InvokeModel takes and gives them: no `model` and no `stream` in the
 * body, `anthropic_version` in it. Source: Anthropic's API reference, AWS's user guide of Claude.
 */

#include "bedrock.h"
#include "provider/plan.h"

#define ANTHROPIC_MAX_TOKENS 4096 /* when the client does not say: Messages wants a figure */

/* Members in an order that keeps the whole body of one turn, but for its end, the beginning of the
 * next one's. Bodies over the limit show as overflow. False: see failure (media that Claude does
 * not take, or that nobody fetched). */
bool anthropic_write_body(const struct plan *p, struct arena *a, struct buf *body,
                          struct failure *f);

void *anthropic_decoder(const struct provider_attempt *t, int status, struct http_headers headers,
                        const struct llm_sink *sink);

#endif
