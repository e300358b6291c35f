#ifndef GATEWAY_REQUEST_TAGS_H
#define GATEWAY_REQUEST_TAGS_H

/* What a call's spend is counted under besides the tags that it and its key bring: what LiteLLM
 * makes of its head. Budgets and routing do not look at these. Pure. */

#include "config/config.h"
#include "wire/http1.h"

/* Strings of a list that is open in `w`: "User-Agent: curl" and "User-Agent: curl/8.1"
 * (unless disable_add_user_agent_to_request_tags), "x-team: red" of extra_spend_tag_headers. */
void request_tags_write(const struct config *c, struct http_headers headers, struct json_writer *w,
                        struct arena *a);

#endif
