#ifndef GATEWAY_REQUEST_HEADERS_H
#define GATEWAY_REQUEST_HEADERS_H

/* forward_client_headers_to_llm_api, model_group_settings and add_user_information_to_llm_headers:
 * which of a client's headers go to Bedrock with its calls, and what they say of the caller. They
 * are not signed. Pure. */

#include "caller.h"
#include "llm/request.h"
#include "wire/http1.h"

#define REQUEST_HEADERS_MAX   32         /* that are handed on */
#define REQUEST_HEADERS_BYTES (8 * 1024) /* of their names and values */

/* Whether those of calls of that model are handed on, by the name that the client gives it, or by
 * the group it stands for. */
bool request_headers_wanted(const struct config *c, struct slice asked, struct slice group);

/* A header that may hold a key of somebody's, or a cookie; litellm_key_header_name is one. */
bool request_headers_carries_key(const struct config *c, struct slice name);

/* r->headers become: facts about the caller, where the configuration wants them; the request's own
 * extra_headers; of `headers` those that begin with x- and anthropic-beta, without what carries
 * keys, frames the call, or is AWS's (x-amz…). What comes first wins. */
void request_headers_add(struct llm_request *r, const struct config *c, struct http_headers headers,
                         const struct caller *caller, struct slice path, struct arena *a);

/* One more, unless the request has it, or the value is empty. */
void request_headers_put(struct llm_request *r, struct slice name, struct slice value,
                         struct arena *a);

#endif
