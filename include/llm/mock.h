#ifndef LLM_MOCK_H
#define LLM_MOCK_H

/* LiteLLM's mock_response: an answer without a model. The text comes in words, as a stream would
 * bring it; "litellm.RateLimitError" and its siblings make the request fail as that class does. Its
 * tokens are estimated, so that what depends on usage can be tried out. Pure. */

#include "llm/event.h"
#include "llm/request.h"

/* Emits the whole answer; request->mock_response is a string or true. */
void llm_mock(const struct llm_request *r, struct arena *a, const struct llm_sink *sink);

#endif
